"""Lineage events through boto3: the acceptance list of the DataZone wire, by its numbers."""

import json
import re
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.aws import DOMAIN, RUN, boto, event
from tests.e2e.datazone import Dz, dz, open_server
from tests.e2e.serving import Server, command, serving

__all__ = ["dz", "open_server"]  # fixtures
EV = event()
START = datetime(2026, 11, 20, 8, tzinfo=UTC)


def padded(size: int) -> bytes:
    body = EV[:-1] + b', "x": "'
    return body + b"y" * (size - len(body) - 2) + b'"}'


def raw_post(dz: Dz, *headers: str) -> tuple[int, bytes]:
    """A post over a plain socket, with these headers and no others but those of HTTP."""
    lines = [f"POST /v2/domains/{dz.domain}/lineage/events HTTP/1.1", "Host: x", *headers]
    head = "\r\n".join([*lines, f"Content-Length: {len(EV)}", "Connection: close", "", ""])
    with socket.create_connection(("127.0.0.1", dz.server.port)) as wire:
        wire.sendall(head.encode() + EV)
        answer = b""
        while piece := wire.recv(65_536):
            answer += piece
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


def test_1_post(dz: Dz) -> None:
    said = dz.client.post_lineage_event(domainIdentifier=dz.domain, event=EV)
    assert re.fullmatch(r"[a-z0-9]{14}", said["id"])
    assert said["domainId"] == dz.domain
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert said["ResponseMetadata"]["RequestId"]


@pytest.mark.parametrize(
    "header", ["Accept: */*", "Content-Type: application/octet-stream",
               "Content-Type: application/json"]
)  # fmt: skip
def test_2_any_content_type_and_none(dz: Dz, header: str) -> None:
    status, body = raw_post(dz, header)
    assert status == 200
    assert json.loads(body)["domainId"] == dz.domain


def test_3_each_call_is_an_event(dz: Dz) -> None:
    assert dz.post(EV) != dz.post(EV)
    assert len(dz.events()) == 2
    raw_post(dz)  # a client without a token
    raw_post(dz)
    assert len({item["id"] for item in dz.events()}) == 4


def test_4_to_6_tokens(dz: Dz) -> None:
    first = dz.post(EV, clientToken="t1")
    assert dz.post(EV, clientToken="t1") == first
    assert [item["id"] for item in dz.events()] == [first]
    with pytest.raises(dz.client.exceptions.ConflictException) as raised:
        dz.post(event(kind="FAIL"), clientToken="t1")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert dz.post(EV, clientToken="T1") != first
    assert len(dz.events()) == 2


@pytest.mark.parametrize("token", ["x" * 129, "a b"])
def test_7_tokens_that_are_none(dz: Dz, token: str) -> None:
    with pytest.raises(dz.client.exceptions.ValidationException, match="clientToken"):
        dz.post(EV, clientToken=token)


def test_8_the_largest_event(dz: Dz) -> None:
    identity = dz.post(padded(300_000))
    stored = dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=identity)
    assert stored["event"].read() == padded(300_000)
    with pytest.raises(dz.client.exceptions.ValidationException, match="300000"):
        dz.post(padded(300_001))
    assert len(dz.events()) == 1


def test_8_the_limit_can_be_raised(tmp_path: Path) -> None:
    with serving(tmp_path, datazone_event_bytes=400_000) as server:
        said = boto(server.url).post_lineage_event(domainIdentifier=DOMAIN, event=padded(400_000))
    assert said["id"]


def without(*path: str) -> bytes:
    said = json.loads(EV)
    part = said
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return json.dumps(said).encode()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "event"),
        (b"{", "JSON"),
        (b"[]", "object"),
        (without("run", "runId"), "runId"),
        (without("job", "name"), "/job/name"),
        (without("eventTime"), "/eventTime"),
        (b'"text"', "object"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_9_what_is_no_event(dz: Dz, body: bytes, named: str) -> None:
    with pytest.raises(dz.client.exceptions.ValidationException, match=named):
        dz.post(body)
    assert dz.events() == []


def test_10_only_run_events(dz: Dz) -> None:
    node = {"namespace": "ns", "name": "n"}
    head = {"eventTime": "2026-11-20T08:00:00Z", "producer": "https://x", "schemaURL": "https://x"}
    for kind in ("dataset", "job"):
        with pytest.raises(dz.client.exceptions.ValidationException, match=f"{kind} event"):
            dz.post(json.dumps(head | {kind: node}).encode())


def test_11_domains_that_are_none(dz: Dz) -> None:
    with pytest.raises(dz.client.exceptions.ValidationException, match="domainIdentifier"):
        dz.post(EV, domainIdentifier="bad!!")
    with pytest.raises(ClientError) as raised:
        dz.post(EV, domainIdentifier="")
    assert 400 <= raised.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.post(EV, domainIdentifier="dzd_unknown")
    with pytest.raises(dz.client.exceptions.AccessDeniedException):  # lists model no 404
        dz.events(domainIdentifier="dzd_unknown")


def test_12_and_13_get(dz: Dz) -> None:
    said = dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=dz.post(EV))
    assert said["event"].read() == EV
    assert said["domainId"] == dz.domain
    assert said["createdBy"]
    assert said["processingStatus"] == "SUCCESS"
    assert said["eventTime"] == START
    assert datetime.now(UTC) - said["createdAt"] < timedelta(minutes=5)


def test_14_events_that_are_none(dz: Dz) -> None:
    for identifier in ("zzzzzzzzzzzzzz", "00000000000000"):
        with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
            dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=identifier)
    for identifier in ("short", "UPPERCASEIDENT"):
        with pytest.raises(dz.client.exceptions.ValidationException, match="identifier"):
            dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=identifier)


def test_15_list(dz: Dz) -> None:
    identity = dz.post(EV)
    (item,) = dz.events()
    assert item["id"] == identity
    assert item["domainId"] == dz.domain
    assert item["eventTime"] == START.replace(microsecond=123_456)
    assert item["eventSummary"]["openLineageRunEventSummary"] == {
        "eventType": "COMPLETE",
        "runId": RUN,
        "job": {"namespace": "ns", "name": "job"},
        "inputs": [{"namespace": "ns", "name": "in"}],
        "outputs": [{"namespace": "ns", "name": "out"}],
    }


def test_16_and_17_pages_in_both_orders(dz: Dz) -> None:
    for number in range(120):
        dz.post(event(time=f"2026-11-20T08:{number % 60:02d}:00Z"))
    pages = list(
        dz.client.get_paginator("list_lineage_events").paginate(
            domainIdentifier=dz.domain, PaginationConfig={"PageSize": 50}
        )
    )
    assert [len(page["items"]) for page in pages] == [50, 50, 20]
    assert len({item["id"] for page in pages for item in page["items"]}) == 120
    up = dz.events(sortOrder="ASCENDING")
    times = [item["eventTime"] for item in up]
    assert times == sorted(times)
    assert dz.events(sortOrder="DESCENDING") == up[::-1]
    assert dz.events() == up[::-1]


@pytest.mark.parametrize("form", [lambda t: t, lambda t: int(t.timestamp()), datetime.isoformat])
def test_18_a_window_of_time(dz: Dz, form: Any) -> None:
    for minute in range(5):
        dz.post(event(time=f"2026-11-20T08:0{minute}:00Z"))
    after, before = START + timedelta(minutes=1), START + timedelta(minutes=4)
    found = dz.events(timestampAfter=form(after), timestampBefore=form(before))
    assert [item["eventTime"].minute for item in found] == [3, 2]  # neither end is in it


def test_19_status_and_limits(dz: Dz) -> None:
    dz.post(EV)
    assert dz.events(processingStatus="FAILED") == []
    assert dz.events(processingStatus="PROCESSING") == []
    assert len(dz.events(processingStatus="SUCCESS")) == 1
    wrong = {"processingStatus": "NOPE", "maxResults": 51, "sortOrder": "UP"}
    for named, value in wrong.items():
        given = {named: value}
        with pytest.raises(dz.client.exceptions.ValidationException, match=named):
            dz.client.list_lineage_events(domainIdentifier=dz.domain, **given)


@pytest.mark.parametrize("token", ["garbage", "gqdub3RoaW5n", "x" * 8_193, "=", "ä"])
def test_20_tokens_of_no_page(dz: Dz, token: str) -> None:
    with pytest.raises(dz.client.exceptions.ValidationException, match="nextToken"):
        dz.client.list_lineage_events(domainIdentifier=dz.domain, nextToken=token)


def test_20_the_token_of_another_list(dz: Dz) -> None:
    dz.post(EV)
    dz.post(event(kind="START"))
    token = dz.client.list_lineage_events(domainIdentifier=dz.domain, maxResults=1)["nextToken"]
    with pytest.raises(dz.client.exceptions.ValidationException, match="nextToken"):
        dz.client.list_lineage_events(
            domainIdentifier=dz.domain, nextToken=token, sortOrder="ASCENDING"
        )
    with pytest.raises(dz.client.exceptions.ValidationException, match="nextToken"):
        dz.client.list_lineage_node_history(
            domainIdentifier=dz.domain, identifier="ns/out", nextToken=token
        )


def test_36_delete(dz: Dz) -> None:
    kept, gone = dz.post(event(kind="START")), dz.post(EV)
    said = dz.client.delete_lineage_event(domainIdentifier=dz.domain, identifier=gone)
    assert (said["id"], said["domainId"]) == (gone, dz.domain)
    assert said["processingStatus"] == "SUCCESS"
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=gone)
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.client.delete_lineage_event(domainIdentifier=dz.domain, identifier=gone)
    assert [item["id"] for item in dz.events()] == [kept]
    # The log keeps it, nothing of the deletion shows elsewhere, and the graph stays.
    ask = {"x-headwater-domain": dz.name}
    log = dz.server.client.get("/api/v2/events", headers=ask, params={"kind": "run"}).json()
    assert len(log["items"]) == 2
    datasets = dz.server.client.get("/api/v2/datasets", headers=ask).json()["items"]
    assert {each["name"] for each in datasets} == {"in", "out"}
    assert dz.ids("upstream", "ns/out")


def test_a_deletion_fills_the_page(dz: Dz) -> None:
    ids = [dz.post(event(time=f"2026-11-20T08:{minute:02d}:00Z")) for minute in range(12)]
    for identity in ids[:8]:
        dz.client.delete_lineage_event(domainIdentifier=dz.domain, identifier=identity)
    found = dz.events(sortOrder="ASCENDING", PaginationConfig={"PageSize": 3})
    assert [item["id"] for item in found] == ids[8:]


def test_20_parallel_calls_are_one_event(dz: Dz) -> None:
    found: list[str] = []

    def call() -> None:
        found.append(dz.post(EV, clientToken="once"))

    threads = [threading.Thread(target=call) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert len(set(found)) == 1
    assert len(dz.events()) == 1


def test_tokens_and_ids_survive_restart_rebuild_and_export(tmp_path: Path) -> None:
    """A token holds as long as its event does; what was deleted stays deleted."""
    with serving(tmp_path) as server:
        client = boto(server.url)
        given = {"domainIdentifier": DOMAIN, "event": EV}
        first = client.post_lineage_event(clientToken="kept", **given)["id"]
        second = client.post_lineage_event(**given)["id"]
        gone = client.post_lineage_event(**given)["id"]
        client.delete_lineage_event(domainIdentifier=DOMAIN, identifier=gone)
        run = client.get_lineage_node(domainIdentifier=DOMAIN, identifier=f"ns.job/{RUN}")["id"]
    database = str(tmp_path / "hw.db")
    verified = command(tmp_path, "verify", "--database", database)
    assert verified.code == 0, verified
    assert command(tmp_path, "rebuild", "--database", database).code == 0
    exported = tmp_path / "events.ndjson"
    done = command(tmp_path, "export", "--database", database, "--output", str(exported))
    assert done.code == 0, done
    other = tmp_path / "other"
    other.mkdir()
    done = command(other, "load", str(exported), "--database", str(other / "hw.db"))
    assert done.code == 0, done
    for folder in (tmp_path, other):
        with serving(folder) as server:
            client = boto(server.url)
            listed = client.list_lineage_events(domainIdentifier=DOMAIN)["items"]
            assert {item["id"] for item in listed} == {first, second}
            again = client.post_lineage_event(clientToken="kept", **given)["id"]
            assert again == first
            with pytest.raises(client.exceptions.ConflictException):
                client.post_lineage_event(
                    domainIdentifier=DOMAIN, event=event(kind="FAIL"), clientToken="kept"
                )
            node = client.get_lineage_node(domainIdentifier=DOMAIN, identifier=run)
            assert node["sourceIdentifier"] == f"ns.job/{RUN}"


def test_41_killed_after_the_commit_before_the_reply(tmp_path: Path) -> None:
    """The client retries with the same token and bytes: there is exactly one event."""
    server = Server(tmp_path)
    port = server.port
    client = boto(server.url, retries={"mode": "standard", "total_max_attempts": 1})
    proxy = _Deaf(port)
    deaf = boto(proxy.url, retries={"mode": "standard", "total_max_attempts": 1})
    with pytest.raises(Exception):  # noqa: B017, PT011 # whatever a lost connection is
        deaf.post_lineage_event(domainIdentifier=DOMAIN, event=EV, clientToken="lost")
    assert proxy.answered.wait(30)  # the server has answered, so it has committed
    server.kill()
    proxy.close()
    with serving(tmp_path) as again:
        client = boto(again.url)
        identity = client.post_lineage_event(domainIdentifier=DOMAIN, event=EV, clientToken="lost")[
            "id"
        ]
        items = client.list_lineage_events(domainIdentifier=DOMAIN)["items"]
        assert [item["id"] for item in items] == [identity]


class _Deaf:
    """Passes a request on, waits for its answer, and hangs up instead of giving it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.answered = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        near, _ = self._listener.accept()
        with near, socket.create_connection(("127.0.0.1", self._port)) as far:
            near.settimeout(30)
            sent = b""
            while EV not in sent:
                piece = near.recv(65_536)
                sent += piece
                far.sendall(piece)
            assert far.recv(65_536)
            self.answered.set()

    def close(self) -> None:
        self._thread.join(30)
        self._listener.close()


def test_41_a_lost_answer_and_a_retry_of_boto3_itself(dz: Dz) -> None:
    """The first connection is cut after the commit; boto3 sends the same again by itself."""
    proxy = _Lossy(dz.server.port)
    client = boto(proxy.url)
    said = client.post_lineage_event(domainIdentifier=dz.domain, event=EV)
    assert said["ResponseMetadata"]["RetryAttempts"] == 1
    assert [item["id"] for item in dz.events()] == [said["id"]]
    proxy.close()


class _Lossy(_Deaf):
    """Loses the first answer, and passes everything on then."""

    def _serve(self) -> None:
        super()._serve()
        near, _ = self._listener.accept()
        with near, socket.create_connection(("127.0.0.1", self._port)) as far:
            sent = b""
            while EV not in sent:
                piece = near.recv(65_536)
                sent += piece
                far.sendall(piece)
            near.sendall(far.recv(65_536))


def test_an_event_of_any_dialect_is_listed_and_read(dz: Dz) -> None:
    answer = dz.server.client.post(
        "/api/v1/lineage", content=EV, headers={"x-headwater-domain": dz.name}
    )
    assert answer.status_code == 200
    (item,) = dz.events()
    assert item["createdBy"] == "openlineage"
    said = dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=item["id"])
    assert said["event"].read() == EV
