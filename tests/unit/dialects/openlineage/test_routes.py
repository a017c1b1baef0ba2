import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from headwater.app import App
from headwater.dialects.openlineage.routes import BREATH, SHARE
from headwater.event import Received
from headwater.records import Projected
from headwater.store import Receipt
from headwater.stores.sqlite import SqliteStore
from tests.unit.dialects.serving import dataset, encoded, run_event, serving

SINGLE = (
    "/api/v1/lineage",
    "/api/v1/lineage/",
    "/openapi/openlineage/api/v1/lineage",
    "/api/v1/openlineage/lineage",
    "/api/v1/lineage?api_key=unused&x=%20",
)
BATCH = (
    "/api/v1/lineage/batch",
    "/openapi/openlineage/api/v1/lineage/batch",
    "/api/v1/openlineage/lineage/batch",
)


class Halting(SqliteStore):
    """The real store, on a disk that hangs until it may go on."""

    go_on: asyncio.Event

    async def commit(
        self,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None = None,
    ) -> list[Receipt]:
        await self.go_on.wait()
        return await super().commit(batch, positions)


def posted(
    folder: Path, path: str, body: bytes, headers: dict[str, str] | None = None, **settings: object
) -> tuple[httpx.Response, dict[str, int]]:
    """The answer, and what the server counts behind it."""

    async def story() -> tuple[httpx.Response, dict[str, int]]:
        async with serving(folder, **settings) as (_, client):
            response = await client.post(path, content=body, headers=headers)
            stats = await client.get("/api/v2/stats")
            return response, stats.json()["counts"]

    return asyncio.run(story())


@pytest.mark.parametrize("path", SINGLE)
def test_an_event_is_taken_at_every_spelling_of_the_path(tmp_path: Path, path: str) -> None:
    response, counts = posted(tmp_path, path, encoded(run_event()))
    assert response.status_code == 200
    assert response.content.startswith(b'{"status":200,"id":"')
    assert counts["events"] == 1


def test_the_id_of_the_answer_finds_the_event_byte_for_byte(tmp_path: Path) -> None:
    body = b' {"eventTime":"2026-11-13T08:30:00Z","job":{"namespace":"a","name":"b"} }\n'

    async def story() -> bytes:
        async with serving(tmp_path) as (_, client):
            first = await client.post("/api/v1/lineage", content=body)
            again = await client.post("/api/v1/lineage", content=body)
            assert first.json() == again.json()
            raw = await client.get(f"/api/v2/events/{first.json()['id']}/raw")
            return raw.content

    assert asyncio.run(story()) == body


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'"x"', b'{"job": ', b"", b"\xff"])
def test_what_is_no_event_is_refused_and_not_stored(tmp_path: Path, body: bytes) -> None:
    response, counts = posted(tmp_path, "/api/v1/lineage", body)
    assert response.status_code in (400, 422)
    assert response.json()["request_id"] == response.headers["x-request-id"]
    assert counts["events"] == 0


def test_a_missing_member_is_named_by_its_pointer(tmp_path: Path) -> None:
    event = run_event()
    del event["job"]["name"]
    response, _ = posted(tmp_path, "/api/v1/lineage", encoded(event))
    assert response.status_code == 422
    said = response.json()
    assert (said["status"], said["code"]) == (422, "invalid_event")
    assert said["errors"][0]["pointer"] == "/job/name"
    assert said["errors"][0]["reason"]


def test_reading_the_way_in_is_405(tmp_path: Path) -> None:
    async def story() -> httpx.Response:
        async with serving(tmp_path) as (_, client):
            return await client.get("/api/v1/lineage/batch")

    response = asyncio.run(story())
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({}, 415),
        ({"content-type": "application/json; charset=UTF-8"}, 200),
        ({"content-type": "application/vnd.openlineage+json"}, 200),
    ],
)
def test_strict_wants_a_content_type(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    body = encoded(run_event())
    assert posted(tmp_path, "/api/v1/lineage", body, headers, strict=True)[0].status_code == status


def test_lenient_takes_any_content_type(tmp_path: Path) -> None:
    headers = {"content-type": "text/plain"}
    assert posted(tmp_path, "/api/v1/lineage", encoded(run_event()), headers)[0].is_success


def batch_of(*events: object) -> bytes:
    return b"[" + b",".join(encoded(event) for event in events) + b"]"


@pytest.mark.parametrize("path", [*BATCH, "/api/v1/lineage"])
def test_a_batch_of_valid_events(tmp_path: Path, path: str) -> None:
    events = [run_event(run=f"r{number}") for number in range(3)]
    response, counts = posted(tmp_path, path, batch_of(*events))
    assert response.status_code == 200
    assert response.json() == {
        "status": "success",
        "summary": {
            "received": 3,
            "successful": 3,
            "failed": 0,
            "retriable": 0,
            "non_retriable": 0,
            "repeated": 0,
        },
        "failed_events": [],
    }
    assert counts["events"] == 3


def test_one_bad_event_of_a_batch_harms_no_other(tmp_path: Path) -> None:
    body = batch_of(run_event(run="a"), {"eventTime": 1}, run_event(run="b"))
    response, counts = posted(tmp_path, BATCH[0], body)
    said = response.json()
    assert said["status"] == "partial_success"
    assert said["summary"]["successful"] == 2
    assert said["summary"]["non_retriable"] == 1
    assert [(one["index"], one["retriable"]) for one in said["failed_events"]] == [(1, False)]
    assert said["failed_events"][0]["reason"]
    assert counts["events"] == 2


def test_a_batch_of_bad_events_only_says_so(tmp_path: Path) -> None:
    response, counts = posted(tmp_path, BATCH[0], b"[{},1]")
    assert response.status_code == 200
    assert response.json()["status"] == "partial_success"
    assert response.json()["summary"]["successful"] == 0
    assert counts["events"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{}", 400), (b"null", 400), (b"[{}", 400), (b"", 400), (b"[]", 200)],
)
def test_what_is_no_batch(tmp_path: Path, body: bytes, status: int) -> None:
    response, _ = posted(tmp_path, BATCH[0], body)
    assert response.status_code == status
    if status == 200:
        assert response.json()["summary"]["received"] == 0


def test_a_batch_over_the_limit_is_413(tmp_path: Path) -> None:
    body = batch_of(*(run_event(run=f"r{number}") for number in range(4)))
    response, counts = posted(tmp_path, BATCH[0], body, batch_events=3)
    assert response.status_code == 413
    assert "retry-after" not in response.headers
    assert counts["events"] == 0


def test_a_batch_in_any_order_and_its_verbatim_elements(tmp_path: Path) -> None:
    complete = encoded(run_event(kind="COMPLETE", time="2026-11-13T09:00:00Z"))
    early = encoded(run_event(kind="START", time="2026-11-13T08:00:00Z"))
    start = early.replace(b"{", b"{ 	 ", 1)

    async def story() -> tuple[dict[str, Any], set[bytes]]:
        async with serving(tmp_path) as (_, client):
            await client.post(BATCH[0], content=b"[" + complete + b" ,\n" + start + b"]")
            runs = (await client.get("/api/v2/runs")).json()["items"]
            listed = (await client.get("/api/v2/events")).json()["items"]
            raws = [await client.get(f"/api/v2/events/{event['id']}/raw") for event in listed]
            return runs[0], {raw.content for raw in raws}

    run, raws = asyncio.run(story())
    assert raws == {complete, start}
    assert run["state"] == "COMPLETE"
    assert run["duration"] == 3600.0


def test_a_full_queue_tells_which_events_to_send_again(tmp_path: Path) -> None:
    body = batch_of(*(run_event(run=f"r{number}") for number in range(5)))
    response, counts = posted(tmp_path, BATCH[0], body, queue_events=3, queue_wait=0)
    said = response.json()
    assert response.status_code == 200
    assert said["summary"]["retriable"] == 2
    assert [one["index"] for one in said["failed_events"]] == [3, 4]
    assert all(one["retriable"] for one in said["failed_events"])
    assert counts["events"] == 3


def test_a_batch_takes_its_share_of_the_queue(tmp_path: Path) -> None:
    """Whatever else comes meanwhile is not behind all of it."""
    body = batch_of(*(run_event(run=f"r{number}") for number in range(5 * SHARE)))

    async def story() -> tuple[int, httpx.Response]:
        async with serving(tmp_path) as (app, client):
            store = cast(Halting, app.store)
            store.__class__, store.go_on = Halting, asyncio.Event()
            posting = asyncio.create_task(client.post(BATCH[0], content=body))
            async with asyncio.timeout(60):
                while app.ingest.depth < SHARE:  # noqa: ASYNC110 # the queue tells nobody
                    await asyncio.sleep(0.001)
            deepest = 0
            for _ in range(1_000):
                await asyncio.sleep(0)
                deepest = max(deepest, app.ingest.depth)
            store.go_on.set()
            return deepest, await posting

    deepest, response = asyncio.run(story())
    assert SHARE <= deepest <= SHARE + BREATH
    assert response.json()["summary"]["successful"] == 5 * SHARE


def test_a_server_that_takes_nothing_answers_503(tmp_path: Path) -> None:
    async def story() -> list[httpx.Response]:
        async with serving(tmp_path) as (app, client):
            await app.ingest.close()
            return [
                await client.post("/api/v1/lineage", content=encoded(run_event())),
                await client.post(BATCH[0], content=batch_of(run_event())),
            ]

    for response in asyncio.run(story()):
        assert response.status_code == 503
        assert 1 <= int(response.headers["retry-after"]) <= 4
        assert response.json()["code"] == "unavailable"


def counted(app: App) -> dict[tuple[str, str], int]:
    """(kind, outcome) of the events that the metrics tell of."""
    found: dict[tuple[str, str], int] = {}
    for line in app.telemetry.render().decode().splitlines():
        if line.startswith("headwater_events_total{"):
            labels = dict(part.split("=") for part in line[23 : line.index("}")].split(","))
            name = (labels["kind"].strip('"'), labels["outcome"].strip('"'))
            found[name] = int(float(line.rsplit(" ", 1)[1]))
    return found


def test_events_are_counted_by_kind_and_outcome(tmp_path: Path) -> None:
    async def story() -> dict[tuple[str, str], int]:
        async with serving(tmp_path) as (app, client):
            event = encoded(run_event(outputs=(dataset("orders"),)))
            for body in (event, event, b"{}"):
                await client.post("/api/v1/lineage", content=body)
            return counted(app)

    found = asyncio.run(story())
    assert found["run", "accepted"] == 1
    assert found["run", "repeated"] == 1
    assert found["unknown", "refused"] == 1


def test_a_body_that_json_cannot_say_is_kept_and_shown_as_null(tmp_path: Path) -> None:
    body = encoded(run_event(run_facets={"odd": {"sum": float("nan"), "max": float("inf")}}))

    async def story() -> tuple[Any, bytes]:
        async with serving(tmp_path) as (_, client):
            identity = (await client.post("/api/v1/lineage", content=body)).json()["id"]
            shown = await client.get(f"/api/v2/events/{identity}")
            raw = await client.get(f"/api/v2/events/{identity}/raw")
            return json.loads(shown.content), raw.content

    shown, raw = asyncio.run(story())
    assert shown["event"]["run"]["facets"]["odd"] == {"sum": None, "max": None}
    assert raw == body
