"""Whatever is sent, an event or one of two errors comes out; and always the same."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.dialects.openlineage.decode import Decoder
from headwater.errors import InvalidEvent, MalformedBody
from headwater.event import Event

FROM = {"_producer": "https://p.example", "_schemaURL": "https://o/facets/1-0-0/X.json"}
JOB = {"namespace": "etl", "name": "load"}
RUN = {"runId": "019a9e00-0000-7000-8000-000000000001"}
INPUT = {
    "namespace": "db",
    "name": "a",
    "field": "x",
    "transformations": [
        {"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": True}
    ],
}
LINEAGE = {
    "type": "DATASET",
    "namespace": "db",
    "name": "t",
    "inputs": [{"type": "DATASET"} | INPUT, {"type": "JOB"}],
    "fields": {"x": {"inputs": [{"type": "DATASET"} | INPUT]}},
}
SHARED = {
    "documentation": FROM | {"description": "text"},
    "ownership": FROM | {"owners": [{"name": "ann", "type": "OWNER"}]},
    "tags": FROM | {"tags": [{"key": "k", "value": "v", "field": "x"}]},
}
TABLE = {
    "namespace": "db",
    "name": "t",
    "facets": SHARED
    | {
        "schema": FROM | {"fields": [{"name": "a", "fields": [{"name": "b", "type": "int"}]}]},
        "columnLineage": FROM
        | {
            "fields": {"x": {"inputFields": [INPUT], "transformationType": "MASKED"}},
            "dataset": [INPUT],
        },
        "lineage": FROM | LINEAGE,
        "symlinks": FROM | {"identifiers": [{"namespace": "s3", "name": "t", "type": "TABLE"}]},
        "lifecycleStateChange": FROM
        | {
            "lifecycleStateChange": "RENAME",
            "previousIdentifier": {"namespace": "db", "name": "old"},
        },
        "dataSource": FROM | {"name": "wh", "uri": "postgres://wh"},
        "datasetType": FROM | {"datasetType": "VIEW"},
    },
    "inputFacets": {"custom": FROM | {"x": 1}},
    "outputFacets": {"custom": FROM | {"x": [None, 1.5]}},
}
HEAD = {
    "eventTime": "2026-11-20T08:00:00Z",
    "eventType": "COMPLETE",
    "producer": "https://p.example",
    "schemaURL": "https://p.example",
}
OWNER = JOB | {
    "facets": SHARED
    | {
        "jobType": FROM
        | {
            "processingType": "BATCH",
            "emissionPattern": {"eventContentMode": "COMPLETE_SNAPSHOT"},
        },
        "sql": FROM | {"query": "select"},
        "sourceCodeLocation": FROM | {"url": "https://g.example"},
        "lineage": FROM | {"entries": [LINEAGE, {"type": "JOB", "inputs": []}]},
    }
}
PARENT = FROM | {"run": RUN, "job": JOB, "root": {"run": RUN, "job": JOB}}
ERROR = FROM | {"message": "no"}
TIMES = FROM | {"nominalStartTime": "2026-11-20T08:00:00Z"}
EVENTS: list[dict[str, Any]] = [
    HEAD
    | {
        "run": RUN | {"facets": {"parent": PARENT, "nominalTime": TIMES, "errorMessage": ERROR}},
        "job": OWNER,
        "inputs": [TABLE],
        "outputs": [TABLE],
    },
    HEAD | {"job": OWNER, "inputs": [TABLE], "outputs": [TABLE]},
    HEAD | {"dataset": TABLE},
]

Path = tuple[str | int, ...]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    members = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else ()
    for key, inner in (*members, *items):
        yield from paths(inner, (*path, key))


PLACES = [(at, path) for at, event in enumerate(EVENTS) for path in paths(event)]
KEYS = st.sampled_from(["namespace", "name", "facets", "fields", "run", "job", "dataset", "inputs"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text()
    | st.sampled_from(["", "\ud800", "a\x00b", "2026-11-20", "JOB", "DATASET"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
REMOVED = object()


def with_value(event: dict[str, Any], path: Path, value: Any) -> Any:
    if not path:
        return None if value is REMOVED else value
    event = copy.deepcopy(event)
    inner: Any = event
    for key in path[:-1]:
        inner = inner[key]
    if value is REMOVED:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return event


def tree(event: Event) -> Any:
    """The content of an event, to be compared."""
    return msgspec.to_builtins(event)


def outcome(decoder: Decoder, body: bytes) -> Any:
    try:
        return tree(decoder.decode(body))
    except InvalidEvent as error:
        return error.problems
    except MalformedBody as error:
        return error.message


warm = Decoder()
strict = Decoder(strict=True)


def check(body: bytes) -> None:
    first = outcome(Decoder(memo_bytes=0), body)
    assert outcome(warm, body) == first
    assert outcome(warm, body) == first
    outcome(strict, body)
    try:
        parts = warm.split(body, envelope=True)
    except (InvalidEvent, MalformedBody):
        return
    assert parts is None or all(part in body for part in parts)


@given(st.sampled_from(PLACES), VALUES | st.just(REMOVED))
def test_any_value_at_any_place(place: tuple[int, Path], value: Any) -> None:
    at, path = place
    check(json.dumps(with_value(EVENTS[at], path, value)).encode())


@pytest.mark.parametrize("value", [None, True, 5, "text", [], {}, [5], {"x": 5}, REMOVED])
def test_each_kind_of_value_at_every_place(value: Any) -> None:
    for at, path in PLACES:
        check(json.dumps(with_value(EVENTS[at], path, value)).encode())


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    check(body)


@given(st.sampled_from(EVENTS), st.data())
def test_any_bytes_inside_an_event(event: dict[str, Any], data: st.DataObject) -> None:
    body = json.dumps(event).encode()
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 20)))
    odd = st.sampled_from([b"NaN", b"\\ud800", b"\x00", b'"', b"{", b"]", b"\xff", b"[" * 600])
    check(body[:start] + data.draw(st.binary(max_size=5) | odd) + body[end:])


@given(st.sampled_from(EVENTS), st.randoms(use_true_random=False))
def test_the_order_of_members_says_nothing(event: dict[str, Any], dice: random.Random) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            keys = dice.sample(sorted(value), len(value))
            return {key: turned(value[key]) for key in keys}
        return [turned(item) for item in value] if isinstance(value, list) else value

    def facts(body: Any) -> Any:
        event = warm.decode(json.dumps(body).encode())
        uses = (*event.inputs, *event.outputs)
        said = [use.statement for use in uses] + [event.job, event.dataset]
        return [statement and msgspec.to_builtins(statement.facts) for statement in said]

    assert facts(turned(event)) == facts(event)


def test_events_read_as_they_should() -> None:
    for event in EVENTS:
        body = json.dumps(event).encode()
        flags = {flag.pointer.rpartition("/facets")[1:] for flag in warm.decode(body).flags}
        assert flags <= {("/facets", "/lineage"), ("/facets", "/lineage/inputs/1")}
