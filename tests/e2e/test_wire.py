"""What leaves and enters the socket: the acceptance list of the OpenLineage notes, by number."""

import gzip
import itertools
import json
import statistics
import time
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from tests.contract.events import (
    NAMESPACE,
    RUN,
    dataset,
    dataset_event,
    documentation,
    encoded,
    facet,
    job_event,
    run_event,
    schema,
)
from tests.e2e.serving import Server, serving
from tests.e2e.wire import Answer, Connection

LINEAGE = "/api/v1/lineage"
BATCH = "/api/v1/lineage/batch"
MIB = 1 << 20
Members = dict[str, Any]

_runs = itertools.count(0x1000)


def new_run() -> str:
    return f"01935b2a-0000-7000-8000-{next(_runs):012x}"


def _server(factory: pytest.TempPathFactory, name: str, **settings: object) -> Iterator[Server]:
    with serving(factory.mktemp(name), **settings) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with no setting changed; each test has names of its own on it."""
    yield from _server(tmp_path_factory, "shared")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _server(tmp_path_factory, "strict", strict=True)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with low limits."""
    yield from _server(
        tmp_path_factory,
        "narrow",
        body_bytes=100_000,
        unzipped_bytes=200_000,
        batch_events=3,
        nesting=20,
        name_length=64,
    )


def refused(answer: Answer | httpx.Response, status: int, code: str, *pointers: str) -> None:
    """The error object: the same members for every error, and nothing internal."""
    said = answer.json()
    given = answer.status if isinstance(answer, Answer) else answer.status_code
    assert given == status
    assert list(said) == ["status", "code", "error", "message", "errors", "request_id"]
    assert (said["status"], said["code"]) == (status, code), said
    assert said["error"]
    assert said["message"]
    assert [each["pointer"] for each in said["errors"]] == list(pointers), said
    assert all(each["reason"] for each in said["errors"])
    assert said["request_id"] == answer.headers["x-request-id"]
    assert "retry-after" not in answer.headers
    assert "Traceback" not in json.dumps(said)


def flags(server: Server, identity: str) -> list[str]:
    """The pointers of what was flagged on an event that was kept."""
    return [flag["pointer"] for flag in server.ask(f"/api/v2/events/{identity}")["flags"]]


def without(event: Members, *path: str) -> Members:
    """The event without one of its members."""
    inner: Members = {**event}
    whole = inner
    for step in path[:-1]:
        inner[step] = {**inner[step]}
        inner = inner[step]
    del inner[path[-1]]
    return whole


# 1 to 8: what an event is


def test_01_a_minimal_run_event(hw: Server) -> None:
    answer = hw.post(
        {
            "eventTime": "2026-11-01T08:00:00Z",
            "producer": "https://example.com",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "eventType": "COMPLETE",
            "run": {"runId": RUN},
            "job": {"namespace": "shop", "name": "load"},
        }
    )
    identity = answer.json()["id"]
    assert answer.status_code == 200
    assert answer.content == b'{"status":200,"id":"%b"}' % identity.encode()
    assert answer.headers["content-type"] == "application/json"
    assert hw.stats() == {"events": 1, "runs": 1, "jobs": 1, "datasets": 0, "namespaces": 1}
    assert hw.ask("/api/v2/jobs/shop/load")["id"] == "job:shop:load"
    assert hw.ask(f"/api/v2/runs/{RUN}")["state"] == "COMPLETE"
    assert hw.ask(f"/api/v2/events/{identity}")["flags"] == []


def test_02_job_and_dataset_events_make_no_run(hw: Server) -> None:
    hw.taken(job_event(0, outputs=("orders",), job_facets=documentation("loads")))
    hw.taken(dataset_event(1, "orders", schema("id") | documentation("the orders")))
    assert hw.stats() == {"events": 2, "runs": 0, "jobs": 1, "datasets": 1, "namespaces": 1}
    assert hw.ask("/api/v2/jobs/shop/load")["description"] == "loads"
    orders = hw.ask("/api/v2/datasets/shop/orders")
    assert orders["facets"]["documentation"]["description"] == "the orders"
    assert [field["name"] for field in orders["fields"]] == ["id"]
    assert [each["name"] for each in orders["producers"]] == ["load"]


def test_03_no_event_type_changes_no_state(shared: Server) -> None:
    run = new_run()
    for kind, state in (("START", "RUNNING"), (None, "RUNNING"), ("FAIL", "FAIL"), (None, "FAIL")):
        shared.taken(run_event(kind, next(_runs) % 60, job="t03", run=run))
        assert shared.ask(f"/api/v2/runs/{run}")["state"] == state


def test_04_event_types_of_another_case_or_none(shared: Server, strict: Server) -> None:
    run = new_run()
    lower = run_event("start", 0, job="t04", run=run)
    assert flags(shared, shared.taken(lower)) == ["/eventType"]
    assert shared.ask(f"/api/v2/runs/{run}")["state"] == "RUNNING"
    refused(strict.post(lower), 422, "invalid_event", "/eventType")
    for server in (shared, strict):
        refused(server.post(run_event("DONE", 0)), 422, "invalid_event", "/eventType")


def test_05_job_and_dataset_without_run(shared: Server, strict: Server) -> None:
    event = dataset_event(0, "t05", schema("id")) | {"job": {"namespace": NAMESPACE, "name": "t05"}}
    identity = shared.taken(event)
    shown = shared.ask(f"/api/v2/events/{identity}")
    assert (shown["kind"], shown["node"]) == ("dataset", f"dataset:{NAMESPACE}:t05")
    assert flags(shared, identity) == ["/job"]
    refused(strict.post(event), 422, "invalid_event", "/job")


def test_06_what_run_job_and_dataset_make(shared: Server) -> None:
    event = run_event("START", 0, job="t06") | {"dataset": dataset("t06")}
    assert shared.ask(f"/api/v2/events/{shared.taken(event)}")["kind"] == "run"
    only = without(event, "job")
    assert shared.ask(f"/api/v2/events/{shared.taken(only)}")["kind"] == "dataset"


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        (("job", "name"), "/job/name"),
        (("job", "namespace"), "/job/namespace"),
        (("run", "runId"), "/run/runId"),
        (("eventTime",), "/eventTime"),
        (("job",), "/job"),
    ],
)
def test_07_what_is_missing_is_named(
    shared: Server, strict: Server, path: tuple[str, ...], pointer: str
) -> None:
    event = without(run_event("START", 0, job="t07"), *path)
    for server in (shared, strict):
        before = server.stats()
        refused(server.post(event), 422, "invalid_event", pointer)
        assert server.stats() == before


def test_07_all_that_is_wrong_is_named_at_once(shared: Server) -> None:
    event = run_event("START", 0, inputs=(dataset("a"), without(dataset("b"), "name")))
    event["job"]["name"] = 7
    event["eventTime"] = "yesterday"
    answer = shared.post(event)
    pointers = {each["pointer"] for each in answer.json()["errors"]}
    assert answer.status_code == 422
    assert {"/inputs/1/name", "/job/name"} <= pointers


def test_08_producer_and_schema_may_be_missing(shared: Server, strict: Server) -> None:
    bare = {"documentation": {"description": "no _producer, no _schemaURL"}}
    whole = run_event("START", 0, job="t08", job_facets=bare)
    event = without(without(whole, "producer"), "schemaURL")
    places = ["/producer", "/schemaURL", "/job/facets/documentation"]
    assert flags(shared, shared.taken(event)) == places
    job = shared.ask(f"/api/v2/jobs/{NAMESPACE}/t08")
    assert job["description"] == "no _producer, no _schemaURL"
    refused(strict.post(event), 422, "invalid_event", *places)


# 9 to 18: bodies


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'"x"', b"7", b'{"eventTime": "2026', b"", b" ", b"{} {}"]
)
def test_09_bodies_that_are_no_event(shared: Server, strict: Server, body: bytes) -> None:
    for server in (shared, strict):
        before = server.stats()
        refused(server.post(body), 400, "malformed_body")
        assert server.stats() == before


@pytest.mark.parametrize(
    "kind", ["text/plain", None, "application/json; charset=UTF-8", "application/json"]
)
def test_10_content_types(shared: Server, strict: Server, kind: str | None) -> None:
    body = encoded(run_event("START", 0, job="t10", run=new_run()))
    headers = [] if kind is None else [f"Content-Type: {kind}"]
    with Connection(shared.port) as lenient, Connection(strict.port) as exact:
        assert lenient.post(LINEAGE, body, *headers).status == 200
        answer = exact.post(LINEAGE, body, *headers)
    if kind is not None and kind.startswith("application/json"):
        assert answer.status == 200
    else:
        refused(answer, 415, "unsupported_media")


def test_11_gzip_with_length_and_chunked(shared: Server) -> None:
    body = encoded(run_event("START", 0, job="t11", run=new_run()))
    zipped = gzip.compress(body)
    pieces = [zipped[at : at + 7] for at in range(0, len(zipped), 7)]
    with Connection(shared.port) as wire:
        python = wire.post(LINEAGE, zipped, "Content-Encoding: gzip")
        java = wire.request("POST", LINEAGE, None, "Content-Encoding: gzip", chunks=pieces)
        plain = wire.request("POST", LINEAGE, None, chunks=[body[:100], body[100:]])
        twice = wire.post(LINEAGE, gzip.compress(body[:50]) + gzip.compress(body[50:]),
                          "Content-Encoding: GZIP")  # fmt: skip
    answers = {(each.status, each.body) for each in (python, java, plain, twice)}
    assert len(answers) == 1
    assert python.status == 200
    assert shared.stored(python.json()["id"]) == body


def test_12_broken_gzip_and_other_encodings(shared: Server) -> None:
    zipped = gzip.compress(encoded(run_event("START", 0, job="t12")))
    before = shared.stats()
    for body in (b"not gzip", zipped[:-9], zipped[:-1] + b"x", b""):
        refused(shared.post(body, content_encoding="gzip"), 400, "malformed_body")
    for encoding in ("br", "deflate", "zstd", "gzip, gzip"):
        answer = shared.post(zipped, content_encoding=encoding)
        refused(answer, 415, "unsupported_media")
    assert shared.stats() == before


def _peak(server: Server) -> int:
    """The most memory that the server ever held, in MiB."""
    return server.status("VmHWM") // MIB


def test_13_a_gzip_bomb_is_cut_off_early(shared: Server) -> None:
    zeros = zlib.compressobj(9, wbits=31)
    member = zeros.compress(bytes(16 * MIB)) + zeros.flush()
    bomb = member * 64
    assert len(bomb) < 2 * MIB  # of a GiB
    shared.taken(run_event("START", 0, job="t13"))
    before = _peak(shared)
    with shared.within(5):
        refused(shared.post(bomb, content_encoding="gzip"), 413, "body_too_large")
    assert _peak(shared) - before < 256


def test_14_a_body_over_the_limit(shared: Server, narrow: Server) -> None:
    """Refused by its announced length, before it is sent; or as soon as it goes over."""
    with Connection(shared.port) as wire:
        wire.send(
            f"POST {LINEAGE} HTTP/1.1\r\nHost: hw\r\nContent-Length: {33 * MIB}\r\n\r\n".encode()
        )
        refused(wire.answer(), 413, "body_too_large")
        assert wire.ended()
    large = encoded(run_event("START", 0, job_facets=documentation("x" * 100_000)))
    with Connection(narrow.port) as wire:
        refused(wire.post(LINEAGE, large), 413, "body_too_large")
    with Connection(narrow.port) as wire:
        pieces = [large[at : at + 10_000] for at in range(0, len(large), 10_000)]
        refused(wire.request("POST", LINEAGE, chunks=pieces), 413, "body_too_large")
    zipped = gzip.compress(large * 2)
    with Connection(narrow.port) as wire:
        answer = wire.post(LINEAGE, zipped, "Content-Encoding: gzip")
        refused(answer, 413, "body_too_large")
    assert narrow.stats()["events"] == 0


def test_15_a_large_event_under_the_limit(hw: Server) -> None:
    step = {"class": "org.apache.spark.sql.catalyst.plans.logical.Project", "num-children": 1}
    plan = facet(plan=[{**step, "at": at} for at in range(280_000)])
    event = run_event("COMPLETE", 0, run_facets={"spark.logicalPlan": plan}, outputs=("orders",))
    body = encoded(event)
    assert 25_000_000 < len(body) < 32 * MIB
    with hw.within(5):
        hw.taken(body)
    for path in ("/api/v2/events", "/api/v2/runs", "/api/v2/jobs", "/api/v2/datasets"):
        with hw.within(1):
            assert len(hw.ask(path)["items"]) == 1
    assert hw.ask(f"/api/v2/runs/{RUN}")["facets"]["spark.logicalPlan"] == plan


def test_16_numbers_that_json_has_no_word_for(shared: Server) -> None:
    run = new_run()
    event = run_event("START", 0, job="t16", run=run, run_facets={"n": facet(v=["@", "@", "@"])})
    body = encoded(event)
    for word in (b"NaN", b"Infinity", b"-Infinity"):
        body = body.replace(b'"@"', word, 1)
    identity = shared.taken(body)
    assert shared.stored(identity) == body
    answer = shared.client.get(f"/api/v2/runs/{run}").content
    assert msgspec.json.decode(answer)["facets"]["n"]["v"] == [None, None, None]
    assert flags(shared, identity) == [""]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"a\u0000b", "a\0b"),
        (r"half \ud83d pair", "half \ufffd pair"),
        (r"\ud83d\ude00 😀", "😀 😀"),
        ("עברית \u202eabc", "עברית \u202eabc"),
        (r"line\nbreak\ttab\u001b[31m", "line\nbreak\ttab\x1b[31m"),
        ("é e\u0301", "é e\u0301"),
    ],
)
def test_17_odd_characters_in_names(shared: Server, written: str, read: str) -> None:
    body = json.dumps(run_event("COMPLETE", 0, job="@", run=new_run(), outputs=("@",)))
    raw = body.replace("@", "t17 " + written).encode()
    identity = shared.taken(raw)
    assert shared.stored(identity) == raw
    shown = shared.ask(f"/api/v2/events/{identity}")
    for kind, node in (("jobs", shown["job"]), ("datasets", shown["outputs"][0])):
        assert shared.ask("/api/v2/node", node=node)["name"] == "t17 " + read
        listed = shared.ask(f"/api/v2/{kind}", limit=1000)["items"]
        assert "t17 " + read in [each["name"] for each in listed]
    assert shared.edges(shown["job"]) == {("t17 " + read, "t17 " + read, "inferred")}


def test_17_bytes_that_are_not_utf8(shared: Server) -> None:
    body = encoded(run_event("START", 0, job="@")).replace(b"@", b"\xff\xfe")
    refused(shared.post(body), 400, "malformed_body")


def test_18_repeated_keys_have_a_defined_result(shared: Server) -> None:
    """The last one counts, as with nearly every JSON reader."""
    body = encoded(run_event("START", 0, job="t18"))
    body = body.replace(b'"name":"t18"', b'"name":"t18 first","name":"t18 last"')
    identity = shared.taken(body)
    assert shared.stored(identity) == body
    assert shared.ask(f"/api/v2/events/{identity}")["job"] == f"job:{NAMESPACE}:t18%20last"


def test_18_depth(shared: Server, narrow: Server) -> None:
    def nested(depth: int) -> bytes:
        event = run_event("START", 0, job="t18", run_facets={"deep": facet(v="@")})
        return encoded(event).replace(b'"@"', b"[" * depth + b"]" * depth)

    for depth in (1_000, 100_000):
        answer = shared.post(nested(depth))
        refused(answer, 422, "invalid_event", "")
    assert shared.post(nested(90)).status_code == 200
    assert narrow.post(nested(10)).status_code == 200
    refused(narrow.post(nested(30)), 422, "invalid_event", "")


def test_18_numbers_of_any_size(shared: Server) -> None:
    run = new_run()
    event = run_event("START", 0, job="t18", run=run, run_facets={"n": facet(v="@")})
    for number in (b"1" + b"0" * 400, b"1e999", b"9007199254740993", b"-0.0", b"1E+2"):
        body = encoded(event).replace(b'"@"', number)
        assert shared.stored(shared.taken(body)) == body
        assert shared.client.get(f"/api/v2/runs/{run}").status_code == 200


# 19, 32, 38 to 40, 56: what becomes of it


def test_19_the_same_event_six_times(hw: Server) -> None:
    event = run_event("COMPLETE", 0, inputs=("orders",), outputs=("mart",))
    answers = [hw.post(event) for _ in range(6)]
    assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
    assert hw.stats() == {"events": 1, "runs": 1, "jobs": 1, "datasets": 2, "namespaces": 1}
    (mart,) = hw.ask("/api/v2/datasets/shop/mart")["producers"]
    assert mart["runs"] == 1


@pytest.mark.parametrize(
    ("written", "utc", "standard"),
    [
        ("2026-11-01T08:00:00Z", "2026-11-01T08:00:00.000000Z", True),
        ("2026-11-01T08:00:00.5+10:00", "2026-10-31T22:00:00.500000Z", True),
        ("2026-11-01T08:00:00.123456789Z", "2026-11-01T08:00:00.123456Z", True),
        ("2026-11-01T08:00:00", "2026-11-01T08:00:00.000000Z", False),
        ("2026-11-01T08:00Z[Europe/London]", "2026-11-01T08:00:00.000000Z", False),
        ("2026-11-01T08:00:00+01:00[Europe/Paris]", "2026-11-01T07:00:00.000000Z", False),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z", True),
        ("2100-01-01T00:00:00Z", "2100-01-01T00:00:00.000000Z", True),
    ],
)
def test_32_event_times(
    shared: Server, strict: Server, written: str, utc: str, standard: bool
) -> None:
    event = run_event("START", 0, job="t32", run=new_run()) | {"eventTime": written}
    identity = shared.taken(event)
    assert shared.ask(f"/api/v2/events/{identity}")["time"] == utc
    assert flags(shared, identity) == ([] if standard else ["/eventTime"])
    answer = strict.post(event)
    if standard:
        assert answer.status_code == 200
    else:
        refused(answer, 422, "invalid_event", "/eventTime")


@pytest.mark.parametrize("written", ["", "now", "2026-13-01T00:00:00Z", "2026-11-01", "1793520000"])
def test_32_times_that_are_none(shared: Server, written: str) -> None:
    event = run_event("START", 0) | {"eventTime": written}
    refused(shared.post(event), 422, "invalid_event", "/eventTime")


def test_38_facets_nobody_knows_come_back_verbatim(shared: Server) -> None:
    run = new_run()
    body = (
        b'{ "b" : 1.0, "a":[1E5,12345678901234567890, null,{}], "_producer":"p:x",'
        b'"_schemaURL":"https://openlineage.io/spec/facets/99-0-0/SchemaDatasetFacet.json" }'
    )
    event = run_event(
        "COMPLETE", 0, job="t38", run=run, run_facets={"my_facet": "@"},
        job_facets={"my_job": "@"}, outputs=(dataset("t38", {"schema": "@", "my_set": "@"}),),
    )  # fmt: skip
    event["outputs"][0]["outputFacets"] = {"my_use": "@"}
    identity = shared.taken(encoded(event).replace(b'"@"', body))
    assert flags(shared, identity) == ["/outputs/0/facets/schema"]
    shown = shared.client.get(f"/api/v2/runs/{run}").content
    assert shown.count(body) == 5
    assert shared.client.get(f"/api/v2/datasets/{NAMESPACE}/t38").content.count(body) == 2
    assert shared.client.get(f"/api/v2/jobs/{NAMESPACE}/t38").content.count(body) == 1


@pytest.mark.parametrize(
    ("name", "wrong", "pointer"),
    [
        ("schema", {"fields": "id, name"}, "/fields"),
        ("schema", {"fields": [{"name": 7}]}, "/fields/0/name"),
        ("columnLineage", {"fields": []}, "/fields"),
        ("symlinks", {"identifiers": [{"namespace": "x"}]}, "/identifiers/0/name"),
        ("ownership", {"owners": "ann"}, "/owners"),
        ("dataSource", {"uri": 7}, "/uri"),
    ],
)
def test_39_known_facets_of_a_wrong_shape(
    shared: Server, strict: Server, name: str, wrong: Members, pointer: str
) -> None:
    run = new_run()
    known = {name: facet(**wrong)}
    event = run_event("COMPLETE", 0, job="t39", run=run, outputs=(dataset("t39", known),))
    place = f"/outputs/0/facets/{name}{pointer}"
    assert flags(shared, shared.taken(event)) == [place]
    (output,) = shared.ask(f"/api/v2/runs/{run}")["outputs"]
    assert output["facets"][name] == known[name]
    refused(strict.post(event), 422, "invalid_event", place)


def test_40_null_is_as_empty(shared: Server, strict: Server) -> None:
    run = new_run()
    event = run_event("START", 0, job="t40", run=run) | {"inputs": None, "outputs": None}
    event["run"]["facets"] = None
    event["job"]["facets"] = {"sql": None}
    places = {"/inputs", "/outputs", "/run/facets", "/job/facets/sql"}
    identity = shared.taken(event)
    assert set(flags(shared, identity)) == places
    shown = shared.ask(f"/api/v2/runs/{run}")
    assert (shown["inputs"], shown["outputs"], shown["facets"]) == ([], [], {})
    answer = strict.post(event)
    assert answer.status_code == 422
    assert {each["pointer"] for each in answer.json()["errors"]} == places


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("s3://bucket", "a/b//c d/%2F?x=1&y=#z"),
        ("arn:aws:glue:eu-west-1:123456789012", "table/shop/orders"),
        ("postgres://db:5432", "shop.public.orders"),
        ("file", "/"),
        ("dots", "../../etc/passwd"),
        ("100%", "%25 + +"),
        ("s pace", "n" * 4_000),
        ("bigquery", "proj.set.`t$20261101`;DROP TABLE node--"),
    ],
)
def test_56_names_that_urls_and_texts_must_carry(shared: Server, namespace: str, name: str) -> None:
    event = run_event("COMPLETE", 0, run=new_run())
    event["job"] = {"namespace": namespace, "name": name}
    event["outputs"] = [{"namespace": namespace, "name": name}]
    shared.taken(event)
    path = f"{quote(namespace, safe='')}/{quote(name, safe='')}"
    for kind in ("job", "dataset"):
        node = f"{kind}:{path.replace('/', ':')}"
        shown = shared.ask(f"/api/v2/{kind}s/{path}")
        assert (shown["id"], shown["namespace"], shown["name"]) == (node, namespace, name)
        assert shared.ask("/api/v2/node", node=node)["id"] == node
        assert shared.edges(node) == {(name, name, "inferred")}
        assert shared.ask("/api/v2/events", node=node)["items"][0]["node"].startswith("job:")
        (listed,) = shared.ask(f"/api/v2/{kind}s", namespace=namespace)["items"]
        assert listed["id"] == node


def test_56_names_over_the_limit(shared: Server, narrow: Server) -> None:
    refused(shared.post(run_event("START", 0, job="n" * 5_000)), 422, "invalid_event", "/job/name")
    refused(narrow.post(run_event("START", 0, job="n" * 65)), 422, "invalid_event", "/job/name")


# 59 to 62: batches


def _summary(received: int, failed: int, repeated: int = 0) -> Members:
    return {
        "received": received,
        "successful": received - failed,
        "failed": failed,
        "retriable": 0,
        "non_retriable": failed,
        "repeated": repeated,
    }


def test_59_a_batch_of_valid_events(hw: Server) -> None:
    sent = [run_event("START", 0), job_event(1), dataset_event(2, "orders", schema("id"))]
    for repeated in (0, 3):
        answer = hw.post(sent, BATCH)
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "success",
            "summary": _summary(3, 0, repeated),
            "failed_events": [],
        }
    assert hw.stats()["events"] == 3


def test_60_a_batch_with_one_invalid_event(hw: Server) -> None:
    sent = [run_event("START", 0), {"eventType": "START"}, run_event("COMPLETE", 1), 7, None]
    answer = hw.post(sent, BATCH)
    said = answer.json()
    assert answer.status_code == 200
    assert said["status"] == "partial_success"
    assert said["summary"] == _summary(5, 3)
    assert [(each["index"], each["retriable"]) for each in said["failed_events"]] == [
        (1, False),
        (3, False),
        (4, False),
    ]
    assert "/eventTime" in said["failed_events"][0]["reason"]
    assert hw.stats()["events"] == 2


def test_61_what_is_no_batch(shared: Server, narrow: Server) -> None:
    refused(shared.post(run_event("START", 0), BATCH), 400, "malformed_body")
    refused(shared.post(b"[{}", BATCH), 400, "malformed_body")
    refused(shared.post({"events": []}, BATCH), 400, "malformed_body")
    empty = shared.post([], BATCH)
    assert (empty.status_code, empty.json()) == (
        200,
        {"status": "success", "summary": _summary(0, 0), "failed_events": []},
    )
    before = narrow.stats()
    answer = narrow.post([run_event("START", at, job="t61") for at in range(4)], BATCH)
    refused(answer, 413, "body_too_large")
    assert narrow.stats() == before


def test_61_a_batch_in_the_wrong_order(shared: Server) -> None:
    run = new_run()
    sent = [run_event("COMPLETE", 9, job="t61", run=run), run_event("START", 0, job="t61", run=run)]
    assert shared.post(sent, BATCH).json()["status"] == "success"
    shown = shared.ask(f"/api/v2/runs/{run}")
    assert (shown["state"], shown["duration"]) == ("COMPLETE", 540.0)


def test_62_an_array_on_the_single_path_is_a_batch(shared: Server) -> None:
    sent = [run_event("START", 0, job="t62", run=new_run()), {}]
    answer = shared.post(b" \n" + encoded(sent))
    assert answer.status_code == 200
    assert answer.json()["summary"] == _summary(2, 1)
    zipped = shared.post_zipped(sent[:1])
    assert zipped.json()["summary"] == _summary(1, 0, repeated=1)


def test_a_batch_keeps_the_bytes_of_each_event(shared: Server) -> None:
    one = encoded(run_event("START", 0, job="t59", run=new_run()))
    two = json.dumps(run_event("START", 1, job="t59", run=new_run()), indent=2).encode()
    shared.post(b"[\n " + one + b" ,\n" + two + b" ]", BATCH)
    listed = shared.ask("/api/v2/events", node=f"job:{NAMESPACE}:t59", order="asc")["items"]
    assert [shared.stored(each["id"]) for each in listed] == [one, two]


# 64 and 67: the transport


@pytest.mark.parametrize(
    "path",
    [
        LINEAGE,
        LINEAGE + "/",
        LINEAGE + "?api_key=x&app_name=y",
        "/openapi/openlineage/api/v1/lineage",
        "/api/v1/openlineage/lineage",
        "/api/v1/openlineage/lineage/",
        "//api/v1/lineage"[1:],
    ],
)
def test_64_paths_that_take_events(shared: Server, path: str) -> None:
    run = new_run()
    body = encoded(run_event("START", 0, job="t64", run=run))
    with Connection(shared.port) as wire:
        assert wire.post(path, body).status == 200
        single, _, query = path.partition("?")
        batch = single.rstrip("/") + "/batch" + ("/" if single.endswith("/") else "")
        answer = wire.post(f"{batch}?{query}", b"[" + body + b"]")
    assert answer.json()["summary"] == _summary(1, 0, repeated=1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_64_other_methods_on_the_batch_path(shared: Server, method: str) -> None:
    not_allowed(shared, method, BATCH, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", [LINEAGE, LINEAGE + "/"])
def test_64_other_methods_on_ingest(shared: Server, method: str, path: str) -> None:
    """To GET the same path is Marquez' lineage question."""
    not_allowed(shared, method, path, "GET, HEAD, POST")
    with Connection(shared.port) as wire:
        assert wire.request("GET", path).status == 400  # it names no node
        assert wire.request("HEAD", path).status == 400


def not_allowed(server: Server, method: str, path: str, allowed: str) -> None:
    with Connection(server.port) as wire:
        answer = wire.request(method, path)
        assert answer.status == 405
        assert answer.headers["allow"] == allowed
        if method != "HEAD":
            refused(answer, 405, "method_not_allowed")
        assert wire.request("GET", "/healthz").status == 200


def test_64_nothing_is_redirected(shared: Server) -> None:
    """Every route, in every spelling, with every method: no answer is a 3xx, none a 500."""
    described = shared.ask("/openapi.json")["paths"]
    assert LINEAGE in described
    paths = {"/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/nope", *described}
    filled = {path.replace("{id}", "x").replace("{", "").replace("}", "") for path in paths}
    spelled = [
        spelling
        for path in sorted(filled)
        for spelling in (path, path + "/", "/" + path, path + "//", path.upper(), path + "/../x")
    ]
    with Connection(shared.port) as wire:
        for path, method in itertools.product(spelled, ("GET", "HEAD", "POST", "PUT", "DELETE")):
            answer = wire.request(method, path, b"" if method in ("POST", "PUT") else None)
            assert answer.status < 300 or 400 <= answer.status < 500, (method, path, answer)
            assert "location" not in answer.headers


def test_head_is_get_without_the_body(shared: Server) -> None:
    with Connection(shared.port) as wire:
        for path in ("/healthz", "/api/v2/stats", "/openapi.json", "/nope", "/api/v2/lineage"):
            full, head = wire.request("GET", path), wire.request("HEAD", path)
            assert head.status == full.status
            assert head.body == b""
            for name in ("content-length", "content-type"):
                assert head.headers[name] == full.headers[name]


def test_no_compression_unasked_and_none_asked(shared: Server) -> None:
    with Connection(shared.port) as wire:
        for wish in ((), ("Accept-Encoding: gzip, br",)):
            answer = wire.request("GET", "/openapi.json", None, *wish)
            assert "content-encoding" not in answer.headers
            assert "transfer-encoding" not in answer.headers
            assert int(answer.headers["content-length"]) == len(answer.body)


def test_67_one_segment_for_each_answer(shared: Server) -> None:
    body = encoded(run_event("START", 0, job="t67"))
    with Connection(shared.port) as wire:
        answers: list[Answer] = [
            wire.post(LINEAGE, body),
            wire.post(BATCH, b"[" + body + b"]"),
            wire.post(LINEAGE, b"{}"),
            wire.request("GET", LINEAGE),
            wire.request("HEAD", "/healthz"),
            wire.request("GET", "/api/v2/stats"),
            wire.request("GET", "/nope"),
        ]
    assert [each.segments for each in answers] == [1] * len(answers)


def test_67_many_posts_one_after_the_other(shared: Server) -> None:
    """The best fifty of them count: what must not be is a fixed price for each."""
    bodies = [encoded(run_event("START", 0, job="t67", run=new_run())) for _ in range(600)]
    took: list[float] = []
    with Connection(shared.port) as wire:
        for body in bodies:
            began = time.perf_counter()
            assert wire.post(LINEAGE, body).status == 200
            took.append(time.perf_counter() - began)
    means = [statistics.fmean(took[at : at + 50]) for at in range(0, 600, 50)]
    assert min(means) <= 0.005, means


def test_requests_on_one_connection_are_answered_in_order(shared: Server) -> None:
    """Pipelined: all are sent before the first answer is read."""
    runs = [new_run() for _ in range(20)]
    with Connection(shared.port) as wire:
        for run in runs:
            body = encoded(run_event("START", 0, job="pipelined", run=run))
            head = f"POST {LINEAGE} HTTP/1.1\r\nHost: hw\r\nContent-Length: {len(body)}\r\n\r\n"
            wire.send(head.encode(), body)
        identities = [wire.answer().json()["id"] for _ in runs]
    for run, identity in zip(runs, identities, strict=True):
        assert shared.ask(f"/api/v2/events/{identity}")["run_id"] == run


def test_request_ids_are_given_back_and_logged(shared: Server) -> None:
    with Connection(shared.port) as wire:
        answer = wire.post(LINEAGE, b"nonsense", "X-Request-Id: my-own.id:7")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "my-own.id:7"
    with Connection(shared.port) as wire:
        made = wire.post(LINEAGE, b"nonsense", "X-Request-Id: <script>")
    assert made.headers["x-request-id"] not in ("", "<script>")
