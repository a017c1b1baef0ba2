"""Bodies made to break or to stall the server: bounded in time and memory, never a 500."""

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.contract.events import (
    column_lineage,
    dataset,
    dataset_event,
    documentation,
    encoded,
    entry,
    facet,
    lineage,
    parent,
    run_event,
    schema,
    symlinks,
    written,
)
from tests.e2e.serving import Server
from tests.e2e.wire import Connection
from tests.hostile.process import MIB, Taken

LINEAGE = "/api/v1/lineage"
LISTS = ("events", "runs", "jobs", "datasets")
PATIENCE = 5.0
"""Seconds of processor time for one event, whatever is in it; most of these take a tenth."""
QUICK = 3.0
HEAD = b'{"eventTime":"2026-11-01T08:00:00Z","job":{"namespace":"shop","name":"%b","facets":'

_runs = itertools.count(0x2000)


def new_run() -> str:
    return f"01935b2a-0000-7000-8000-{next(_runs):012x}"


def posted(server: Server, body: object, seconds: float = PATIENCE) -> httpx.Response:
    raw = body if isinstance(body, bytes) else encoded(body)
    with server.within(seconds):
        answer = server.post(raw)
    assert answer.status_code < 500, answer.text
    return answer


def taken(server: Server, body: object, seconds: float = PATIENCE) -> str:
    answer = posted(server, body, seconds)
    assert answer.status_code == 200, answer.text[:500]
    identity: str = answer.json()["id"]
    return identity


def flagged(server: Server, identity: str) -> set[str]:
    return {flag["pointer"] for flag in server.ask(f"/api/v2/events/{identity}")["flags"]}


def lists_are_quick(server: Server) -> None:
    for name in LISTS:
        with server.within(QUICK):
            server.ask(f"/api/v2/{name}")


@pytest.fixture(autouse=True)
def _still_quick(server: Server) -> Iterator[None]:
    yield
    lists_are_quick(server)


# Too large


def chunked(body: bytes) -> Iterator[bytes]:
    return (body[at : at + MIB] for at in range(0, len(body), MIB))


def test_a_declared_length_over_the_limit_is_refused_unread(server: Server) -> None:
    taken = Taken(server)
    taken.reset_peak()
    before = taken.memory
    with Connection(server.port) as connection:
        connection.send(
            b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nContent-Length: 9999999999\r\n\r\n"
        )
        assert connection.answer().status == 413
    assert taken.peak - before < 8 * MIB


def test_an_undeclared_length_over_the_limit_is_cut_off(server: Server) -> None:
    """The connection closes behind the answer; a client that only sends may see it break."""
    taken = Taken(server)
    taken.reset_peak()
    before = taken.memory
    with Connection(server.port) as connection:
        connection.send(
            b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(40):
            connection.send(b"100000\r\n", b" " * MIB, b"\r\n")
        assert connection.answer().status == 413
        assert connection.ended()
    assert taken.peak - before < 80 * MIB


def bomb(size: int) -> bytes:
    """Zeros in one gzip member; a part that leans on nothing before it is simply repeated."""
    zipped = zlib.compressobj(9, wbits=-15)
    part = zipped.compress(bytes(8 * MIB)) + zipped.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"", mtime=0)[:10] + part * (size // (8 * MIB)) + zipped.flush()


@pytest.mark.parametrize("twice", [False, True])
def test_a_gzip_bomb_takes_no_memory_and_no_time(server: Server, twice: bool) -> None:
    """1 MB for 1 GB; and one inside of another, of which only the outer one is unzipped."""
    body = bomb(1 << 30)
    assert len(body) < 2 * MIB
    if twice:
        body = gzip.compress(body)
    taken = Taken(server)
    taken.reset_peak()
    before = taken.memory
    with server.within(PATIENCE):
        answer = server.post(body, content_encoding="gzip")
    assert answer.status_code == (400 if twice else 413)
    assert taken.peak - before < 150 * MIB


def test_many_bombs_at_once_share_one_bound(server: Server) -> None:
    body = bomb(128 * MIB)
    head = b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nContent-Encoding: gzip\r\n"
    taken = Taken(server)
    taken.reset_peak()
    before = taken.memory
    connections = [Connection(server.port) for _ in range(16)]
    try:
        for connection in connections:
            connection.send(head, b"Content-Length: %d\r\n\r\n" % len(body), body)
        assert {connection.answer().status for connection in connections} <= {413, 503}
    finally:
        for connection in connections:
            connection.__exit__(None, None, None)
    assert taken.peak - before < 700 * MIB  # HEADWATER_HELD_BYTES is 512 MiB


# Odd JSON


@pytest.mark.parametrize("depth", [10_000, 100_000, 5 * MIB])
@pytest.mark.parametrize("step", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("closed", [True, False])
def test_depth(server: Server, depth: int, step: tuple[bytes, bytes], closed: bool) -> None:
    inner = step[0] * depth + b"1" + step[1] * depth * closed
    for body in (inner, HEAD % b"deep" + b'{"x":' + inner + b"}}}"):
        assert posted(server, body).status_code in {400, 422}


@pytest.mark.parametrize(
    "part",
    [b"NaN,", b'"\\ud800",', b'"\x01",', b'"\\"[",', b'"",', b"1e400,", b"[],", b'{"a":0},'],
)
def test_millions_of_small_parts(server: Server, part: bytes) -> None:
    taken = Taken(server)
    taken.reset_peak()
    before = taken.memory
    body = HEAD % b"parts" + b'{"x":{"a":[' + part * (8 * MIB // len(part)) + b"1]}}}}"
    assert posted(server, body).status_code in {200, 400, 422}
    assert taken.peak - before < 200 * MIB


@pytest.mark.parametrize(
    "value",
    [
        b"1" + b"0" * 400,
        b"-1" + b"0" * 400,
        b"1e400",
        b"-1e-400",
        b"1" * 10_000,
        b"0." + b"1" * 10_000,
        b"Infinity",
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\u0000"',
        b'"a\x00b"',
        b'"\xef\xbf\xbf"',
        b'"\xf0\x9f\x92\xa9"',
        b"{}",
        b"[]",
        b"null",
        b"true",
    ],
)
def test_a_value_at_every_place_of_an_event(server: Server, value: bytes) -> None:
    """It is kept or refused; what is kept is given back as JSON, and shows in every list."""
    event = encoded(
        run_event(
            "COMPLETE",
            1,
            job="@",
            run=new_run(),
            inputs=(dataset("@", schema("@") | symlinks("@")),),
            outputs=(dataset("@", column_lineage(at=[("@", "@")])),),
            run_facets=parent("@", "@") | {"errorMessage": facet(message="@")},
            job_facets=lineage(entry("@", ["@"])) | documentation("@"),
        )
    )
    place = b'"@"'
    for at in range(event.count(place)):
        start = -1
        for _ in range(at + 1):
            start = event.index(place, start + 1)
        body = event[:start] + value + event[start + len(place) :]
        answer = posted(server, body.replace(place, b'"v%d"' % at))
        assert answer.status_code in {200, 400, 422}
        if answer.status_code == 200:
            server.ask(f"/api/v2/events/{answer.json()['id']}")
    for name in LISTS:
        server.ask(f"/api/v2/{name}", limit=1_000)


def test_nul_and_surrogates_in_every_name(server: Server) -> None:
    for odd in ("a\x00b", "\x00", "\ud800", "x\udfff\ud800y"):
        name = f"nul {odd}"
        event = run_event(
            "COMPLETE",
            1,
            job=name,
            run=f"{new_run()}{odd}",
            inputs=(dataset(name, schema(name) | symlinks(f"{name}2")),),
            outputs=(dataset(name, column_lineage(**{name: [(name, name)]})),),
            run_facets=parent(name, name),
            job_facets=lineage(entry(name, [name])) | documentation(name),
        )
        identity = taken(server, event)
        assert server.stored(identity) == encoded(event)
        shown = server.ask(f"/api/v2/events/{identity}")
        for node in (shown["job"], *shown["inputs"], f"run:{shown['run_id']}"):
            server.ask("/api/v2/lineage", node=node)


def test_duplicate_keys_have_one_meaning_and_stay_as_they_came(server: Server) -> None:
    body = (
        b'{"eventTime":"2026-11-01T08:00:00Z","eventTime":"2026-11-01T09:00:00Z","job":{"namespace":'
        b'"shop","namespace":"twice","name":"one","name":"two","facets":{"sql":{"query":"a","query":'
        b'"b"},"sql":{"query":"c"}}}}'
    )
    identity = taken(server, body)
    shown = server.ask(f"/api/v2/events/{identity}")
    assert shown["job"] == "job:twice:two"
    assert shown["time"].startswith("2026-11-01T09:00")
    assert server.stored(identity) == body
    assert server.ask("/api/v2/node", node=shown["job"])["facets"]["sql"]["query"] == "c"


KNOWN: dict[str, tuple[str, ...]] = {
    "run": ("parent", "parentRun", "nominalTime", "errorMessage"),
    "job": (
        *("documentation", "ownership", "tags", "jobType", "sql", "sourceCodeLocation"),
        *("lineage", "headwater_hidden"),
    ),
    "dataset": (
        *("documentation", "ownership", "tags", "schema", "columnLineage", "symlinks"),
        *("lifecycleStateChange", "dataSource", "datasetType", "lineage", "headwater_hidden"),
    ),
}
WRONG: tuple[object, ...] = (
    *(None, True, 7, -1.5, "text", [], [[]], [None], {}, {"a": {"b": [1]}}, 10**400),
    facet(fields=7, owners="x", tags={}, entries=None, identifiers=[7, None, {}], inputs={}),
    facet(fields=[{"name": 7}, {"name": "a", "fields": {}}], owners=[[]], tags=[{"key": None}]),
    facet(fields={"a": None, "b": 7, "c": {"inputFields": [7, {"namespace": "x"}]}}, dataset=9),
    facet(run=7, job=[], root={"run": {}}, message={}, query=[], url=7, uri=[], name={}),
    facet(processingType=7, emissionPattern=[], datasetType={}, lifecycleStateChange=["RENAME"]),
    facet(entries=[{"type": "X"}, {"type": "DATASET", "inputs": 7}, 7], _deleted="yes"),
)


@pytest.mark.parametrize("where", KNOWN)
def test_wrong_types_in_known_facets_are_kept_and_flagged(server: Server, where: str) -> None:
    for at, (name, wrong) in enumerate(itertools.product(KNOWN[where], WRONG)):
        said: dict[str, Any] = {name: wrong}
        event = run_event("OTHER", 1, job=f"wrong {where}{at}", run=new_run())
        if where == "dataset":
            event["outputs"] = [dataset(f"wrong {at}", said)]
        else:
            event[where]["facets"] = said
        identity = taken(server, event)
        found = flagged(server, identity)
        assert any(f"/facets/{name}" in pointer for pointer in found) or isinstance(wrong, dict)
        for held in (event, dataset_event(1, f"subject {at}", said)):
            posted(server, held)
    server.ask("/api/v2/runs", limit=1_000)


# Large, and under the limit


def large_plan(run: str) -> dict[str, Any]:
    """25 MB of a spark.logicalPlan."""
    node = {"class": "org.apache.spark.sql.catalyst.plans.logical.Project", "num-children": 1}
    plan = [{**node, "projectList": [[{"class": "x", "name": f"c{n}"}]]} for n in range(210_000)]
    event = run_event("START", 1, job="plan", run=run, outputs=("plan_out",))
    event["run"]["facets"] = {"spark.logicalPlan": facet(plan=plan)}
    assert 25 * MIB < len(encoded(event)) < 32 * MIB
    return event


def test_a_large_plan(server: Server) -> None:
    event = large_plan(new_run())
    identity = taken(server, event)
    for minute in range(3):
        taken(server, {**event, "eventTime": written(minute + 2)})
        lists_are_quick(server)
    assert server.stored(identity) == encoded(event)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/events/{event}",
        "/api/v2/runs/{run}",
        "/api/v1/jobs/runs/{run}",
        "/api/v1/jobs/runs/{run}/facets?type=run",
        "/api/v1/events?start=1793520000&end=1793606400&job_name=plan&limit=1",
    ],
)
def test_lists_are_answered_while_a_large_event_is_being_served(server: Server, path: str) -> None:
    """Its secrets are looked for beside the event loop: lists come before it. One may by chance."""
    run = new_run()
    target = path.format(event=taken(server, large_plan(run)), run=run)
    lists = 0
    with Connection(server.port) as large:
        large.send(f"GET {target} HTTP/1.1\r\nHost: hw\r\n\r\n".encode())
        while not large.readable():
            server.ask("/api/v2/jobs")
            lists += 1
        answer = large.answer()
    assert answer.status == 200
    assert len(answer.body) > 25 * MIB
    assert lists > 2


def test_large_events_make_short_pages(server: Server) -> None:
    """No answer of the extract API grows without bound, and none is left out."""
    for minute in range(5):
        taken(
            server,
            run_event(
                "OTHER",
                500 + minute,
                run=new_run(),
                job_facets=documentation(f"{minute}" * 10 * MIB),
            ),
        )
    span = {"start": "1793520000", "end": "1793606400", "job_name": "load"}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(5):
        answer = server.client.get("/api/v1/events", params=span | cursor)
        assert answer.status_code == 200
        assert len(answer.content) < 40 * MIB
        seen += [each["id"] for each in answer.json()]
        if "x-next-cursor" not in answer.headers:
            break
        cursor = {"cursor": answer.headers["x-next-cursor"]}
    assert len(seen) == len(set(seen)) == 5
    refused = server.client.get("/api/v1/events", params=span | {"page": "1"})
    assert refused.status_code == 400
    assert "cursor" in refused.json()["message"]


def wide(transformation: Callable[[int, int], dict[str, Any]]) -> dict[str, Any]:
    def source(at: int, of: int) -> dict[str, Any]:
        how = [transformation(at, of)]
        return {"namespace": "shop", "name": "src", "field": f"s{of}", "transformations": how}

    fields = {f"c{at}": {"inputFields": [source(at, of) for of in range(500)]} for at in range(500)}
    return {"columnLineage": facet(fields=fields)}


def test_500_x_500_columns(server: Server) -> None:
    """As Spark writes it: each INDIRECT input in every field."""
    plain = {"type": "INDIRECT", "subtype": "JOIN", "description": "", "masking": False}
    columns = tuple(f"c{at}" for at in range(500))
    output = dataset("wide", schema(*columns) | wide(lambda *_: plain))
    body = encoded(
        run_event("COMPLETE", 1, job="widen", run=new_run(), inputs=("src",), outputs=(output,))
    )
    taken(server, body.replace(b',"description":"","masking":false', b""))
    with server.within(1):
        found = server.ask("/api/v2/lineage", node="field:shop:wide:c7", direction="up")
    assert len(found["nodes"]) == 501
    assert found["truncated"] is False
    found = server.ask("/api/v2/lineage", node="dataset:shop:wide", columns="true", limit=100)
    assert found["truncated"] is True
    assert len(found["nodes"]) == 100


def test_10_000_datasets(server: Server) -> None:
    names = [f"many{at}" for at in range(10_000)]
    run = new_run()
    event = run_event(
        "COMPLETE",
        1,
        job="many",
        run=run,
        inputs=tuple(names[:5_000]),
        outputs=tuple(names[5_000:]),
    )
    taken(server, event)
    found = server.ask("/api/v2/lineage", node="job:shop:many", depth=1)
    job = next(node for node in found["nodes"] if node["hops"] == 0)
    assert found["truncated"] is True
    assert len(found["nodes"]) - 1 + job["missing"] == 10_000
    found = server.ask("/api/v2/lineage", node="dataset:shop:many0", direction="down", limit=50)
    assert found["truncated"] is True
    assert len(found["nodes"]) - 1 + sum(node["missing"] for node in found["nodes"]) >= 5_000
    detail = server.ask(f"/api/v2/runs/{run}")
    assert (len(detail["inputs"]), len(detail["outputs"])) == (5_000, 5_000)


def test_more_datasets_than_anyone_has(server: Server) -> None:
    uses = [{"namespace": "a", "name": f"{at}"} for at in range(400_000)]
    answer = posted(server, {**run_event("COMPLETE", 1, run=new_run()), "inputs": uses})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/inputs"


@pytest.mark.parametrize("where", ["job", "run", "dataset"])
def test_two_million_facets(server: Server, where: str) -> None:
    facets = b"{" + b",".join(b'"f%d":{}' % at for at in range(2_000_000)) + b"}"
    if where == "job":
        body = HEAD % b"facets" + facets + b"}}"
    elif where == "run":
        body = HEAD % b"facets" + b'{}},"run":{"runId":"r","facets":' + facets + b"}}"
    else:
        body = encoded(dataset_event(1, "facets", {})).replace(b"{}", facets)
    answer = posted(server, body)
    assert answer.status_code == 422
    assert "10000 facets" in answer.text


LONG = "x" * (10 * MIB)
MANY = 300_000
HEAVY: dict[str, Callable[[str], dict[str, Any]]] = {
    "description": lambda it: run_event("OTHER", 1, job=it, job_facets=documentation(LONG)),
    "sql": lambda it: run_event("OTHER", 1, job=it, job_facets={"sql": facet(query=LONG)}),
    "location": lambda it: run_event(
        "OTHER", 1, job=it, job_facets={"sourceCodeLocation": facet(url=LONG)}
    ),
    "job type": lambda it: run_event(
        "OTHER", 1, job=it, job_facets={"jobType": facet(processingType=LONG, integration=LONG)}
    ),
    "owners": lambda it: dataset_event(
        1, it, {"ownership": facet(owners=[{"name": f"o{n}"} for n in range(MANY)])}
    ),
    "tags": lambda it: dataset_event(
        1, it, {"tags": facet(tags=[{"key": f"o{n}", "value": "v"} for n in range(MANY)])}
    ),
    "source": lambda it: dataset_event(
        1, it, {"dataSource": facet(name=LONG, uri=LONG), "datasetType": facet(datasetType=LONG)}
    ),
    "lifecycle": lambda it: dataset_event(
        1, it, {"lifecycleStateChange": facet(lifecycleStateChange=LONG)}
    ),
    "error": lambda it: run_event(
        "FAIL", 1, job=it, run_facets={"errorMessage": facet(message=LONG)}
    ),
    "producer": lambda it: {**run_event("OTHER", 1, job=it), "producer": f"x:{LONG}"},
}  # fmt: skip
CUT: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "facet": (
        "/job/facets",
        lambda it: run_event("OTHER", 1, job=it, job_facets={LONG: facet()}),
    ),
    "parent": (
        "/run/facets/parent",
        lambda it: run_event("OTHER", 1, job=it, run_facets=parent(LONG, LONG)),
    ),
    "alias": (
        "/dataset/facets/symlinks/identifiers",
        lambda it: dataset_event(1, it, symlinks(LONG)),
    ),
    "aliases": (
        "/dataset/facets/symlinks/identifiers",
        lambda it: dataset_event(1, it, symlinks(*(f"alias{n}" for n in range(MANY)))),
    ),
    "column": ("/dataset/facets/schema/fields", lambda it: dataset_event(1, it, schema(LONG, "b"))),
    "columns": (
        "/dataset/facets/schema/fields",
        lambda it: dataset_event(1, it, schema(*(f"c{n}" for n in range(MANY)))),
    ),
    "source column": (
        "/outputs/0/facets/columnLineage/fields",
        lambda it: run_event(
            "OTHER", 1, job=it, outputs=(dataset(it, column_lineage(a=[(LONG, LONG)])),)
        ),
    ),
    "sources": (
        "/outputs/0/facets/columnLineage/fields",
        lambda it: run_event(
            "OTHER", 1, job=it,
            outputs=(dataset(it, column_lineage(a=[(f"s{n}", "f") for n in range(MANY)])),),
        ),
    ),
    "entry": (
        "/job/facets/lineage/entries/0",
        lambda it: run_event("OTHER", 1, job=it, job_facets=lineage(entry(LONG, [LONG]))),
    ),
    "entries": (
        "/job/facets/lineage/entries",
        lambda it: run_event(
            "OTHER", 1, job=it, job_facets=lineage(*(entry(f"t{n}", []) for n in range(MANY)))
        ),
    ),
    "former name": (
        "/dataset/facets/lifecycleStateChange",
        lambda it: dataset_event(
            1,
            it,
            {
                "lifecycleStateChange": facet(
                    lifecycleStateChange="RENAME",
                    previousIdentifier={"namespace": "shop", "name": LONG},
                )
            },
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HEAVY)
def test_long_texts_and_lists_keep_lists_quick(server: Server, what: str) -> None:
    event = HEAVY[what](f"heavy {what}")
    identity = taken(server, event)
    assert server.stored(identity) == encoded(event)


@pytest.mark.parametrize("what", CUT)
def test_what_is_too_long_inside_a_facet_is_kept_and_flagged(server: Server, what: str) -> None:
    """It is not read, so that no list shows it; the facet is given back whole."""
    pointer, make = CUT[what]
    event = make(f"cut {what}")
    identity = taken(server, event, 2 * PATIENCE)
    assert pointer in flagged(server, identity)
    assert server.stored(identity) == encoded(event)
