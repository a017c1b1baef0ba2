"""The dialect over a database, without a socket: failed events, changed requests, equal graphs."""

import asyncio
import json
import random
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from headwater.app import App
from headwater.auth.apikeys import create_key
from headwater.auth.principal import Scope
from headwater.auth.sigv4 import Message
from headwater.dialects.datazone.names import domain_name
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Received
from headwater.ids import digest_of
from tests.unit.auth.test_sigv4 import mutated, signed_by
from tests.unit.dialects.serving import encoded, run_event, serving

FIXTURES = Path(__file__).parents[3] / "fixtures/events"
DOMAIN = domain_name("default")
EVENTS = f"/v2/domains/{DOMAIN}/lineage/events"
REASON = "projection failed: ValueError"


def test_a_failed_event_says_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (app, client):
            body = encoded(run_event())
            token = "datazone:t"  # no secret
            received = Received(
                "default",
                "datazone",
                body,
                digest_of(body, token),
                Decoder().decode(body),
                app.context.clock(),
                token=token,
                failure=REASON,
            )
            await app.ingest.enqueue(received)
            await client.post(EVENTS, content=body, headers={"client-token": "other"})
            listed = (await client.get(EVENTS, params={"processingStatus": "FAILED"})).json()
            (item,) = listed["items"]
            assert item["processingStatus"] == "FAILED"
            assert item["eventSummary"]["openLineageRunEventSummary"]["job"]["name"] == "load"
            shown = await client.get(f"{EVENTS}/{item['id']}")
            assert shown.content == body
            assert shown.headers["processing-status"] == "FAILED"
            assert shown.headers["x-headwater-failure-reason"] == REASON
            good = (await client.get(EVENTS, params={"processingStatus": "SUCCESS"})).json()
            assert len(good["items"]) == 1
            own = (await client.get("/api/v2/events", params={"failed": "true"})).json()["items"]
            assert [each["failure"] for each in own] == [REASON]
            one = (await client.get(f"/api/v2/events/{own[0]['id']}")).json()
            assert one["failure"] == REASON
            again = await client.post(EVENTS, content=body, headers={"client-token": "t"})
            assert again.json()["id"] == item["id"]

    asyncio.run(story())


async def _send(app: App, message: Message) -> int:
    """The status of a request that goes in just as it is."""
    given: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": message.body, "more_body": False}
    ]
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return given.pop()

    async def send(part: MutableMapping[str, Any]) -> None:
        said.append(part)

    scope = {
        "type": "http",
        "method": message.method,
        "path": message.raw_path.decode("latin-1"),
        "raw_path": message.raw_path,
        "query_string": message.query,
        "headers": list(message.headers.items()),
    }
    await app.asgi(scope, receive, send)
    return int(said[0]["status"])


def test_a_thousand_changed_requests_store_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (app, _):
            context = app.context
            key, secret = create_key("default", [Scope.ADMIN], "", 0, context.vault)
            await app.store.add_key(key)
            chance = random.Random(7)
            body = encoded(run_event())
            paths = (EVENTS, f"/pre/fix{EVENTS}")
            originals = [
                signed_by(key.id, secret, "POST", path, "", body, client_token=f"t{number}")
                for number, path in enumerate(paths)
            ]
            for message, _ in originals:
                assert await _send(app, message) == 200
            for number in range(1_000):
                message, _ = originals[number % len(originals)]
                assert await _send(app, mutated(message, chance)) >= 400
            assert (await app.store.facts())["events"] == len(originals)

    asyncio.run(story())


def _run_events(path: Path) -> list[bytes]:
    """Those that this protocol takes: run events up to 300,000 bytes."""
    found = []
    for line in path.read_bytes().splitlines():
        try:
            said = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(said, dict) and isinstance(said.get("run"), dict) and said.get("job"):
            found.append(line)
    return found


async def _graph(client: httpx.AsyncClient) -> dict[str, Any]:
    """Everything that the own API says of jobs, datasets and their lineage."""
    said: dict[str, Any] = {}
    for kind in ("jobs", "datasets"):
        items = (await client.get(f"/api/v2/{kind}", params={"limit": 1000})).json()["items"]
        said[kind] = items
        for item in items:
            params = {"node": item["id"], "depth": 1}
            said[item["id"]] = (await client.get("/api/v2/lineage", params=params)).json()
    said["runs"] = (await client.get("/api/v2/runs", params={"limit": 1000})).json()["items"]
    return said


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.ndjson")), ids=lambda path: path.stem)
def test_the_same_events_through_both_protocols_are_the_same_graph(
    path: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        graphs = []
        for name, way in (("a", "/api/v1/lineage"), ("b", EVENTS)):
            folder = tmp_path / name
            folder.mkdir()
            async with serving(folder) as (_, client):
                taken = []
                for number, body in enumerate(_run_events(path)):
                    headers = {"client-token": f"t{number}"} if way == EVENTS else {}
                    answer = await client.post(way, content=body, headers=headers)
                    taken.append(answer.status_code == 200)
                graphs.append((taken, await _graph(client)))
        assert graphs[0] == graphs[1]
        assert any(graphs[0][0])

    asyncio.run(story())


def test_errors_are_objects_with_a_message(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (_, client):
            for method, path, status, name in (
                ("GET", "/v2/domains/x/lineage/events", 400, "ValidationException"),
                ("GET", "/v2/domains//lineage/events", 400, "ValidationException"),
                ("GET", f"/v2/domains/{DOMAIN}/nowhere", 501, "UnknownOperationException"),
                ("GET", "/tags/arn", 501, "UnknownOperationException"),
                ("PUT", f"/v2/domains/{DOMAIN}", 501, "UnknownOperationException"),
                ("GET", f"{EVENTS}/zzzzzzzzzzzzzz", 404, "ResourceNotFoundException"),
            ):
                answer = await client.request(method, path)
                assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (status, name)
                assert answer.headers["x-amzn-requestid"]
                assert json.loads(answer.content)["message"]

    asyncio.run(story())
