"""Which events are taken, refused or flagged; numbers are those of the acceptance table."""

import json
import time
from typing import Any

import pytest

from headwater.dialects.openlineage.decode import Decoder
from headwater.errors import InvalidEvent, MalformedBody
from headwater.event import Event, EventKind, EventType, JobFacts
from headwater.ids import dataset, job

RUN_ID = "019a9e00-0000-7000-8000-000000000001"
FROM = {"_producer": "https://p.example", "_schemaURL": "https://p.example/X.json"}
HEAD: dict[str, Any] = {
    "eventTime": "1970-01-01T00:00:01Z",
    "producer": "https://p.example",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}
JOB = {"namespace": "etl", "name": "load"}
TABLE = {"namespace": "db", "name": "t"}
RUN_EVENT = HEAD | {"eventType": "START", "run": {"runId": RUN_ID}, "job": JOB}
JOB_EVENT = HEAD | {"job": JOB}
DATASET_EVENT = HEAD | {"dataset": TABLE}

lenient = Decoder()
strict = Decoder(strict=True)


def decode(event: Any, decoder: Decoder = lenient) -> Event:
    return decoder.decode(json.dumps(event).encode())


def refused(event: Any, decoder: Decoder = lenient) -> dict[str, str]:
    with pytest.raises(InvalidEvent) as caught:
        decode(event, decoder)
    return {problem.pointer: problem.reason for problem in caught.value.problems}


def flagged(event: Any) -> dict[str, str]:
    return {problem.pointer: problem.reason for problem in decode(event).flags}


def test_1_a_run_event() -> None:
    event = decode(RUN_EVENT | {"inputs": [TABLE], "outputs": [TABLE, TABLE | {"name": "u"}]})
    assert event.kind is EventKind.RUN
    assert event.type is EventType.START
    assert event.time == 1_000_000
    assert event.producer == HEAD["producer"]
    assert event.schema_url == HEAD["schemaURL"]
    assert event.job is not None
    assert event.job.node == job("etl", "load")
    assert event.job.facts == JobFacts()
    assert event.run_id == RUN_ID
    assert [use.statement.node for use in event.inputs] == [dataset("db", "t")]
    assert [use.statement.node.name for use in event.outputs] == ["t", "u"]
    assert event.dataset is None
    assert event.flags == ()


def test_2_a_job_event_and_a_dataset_event() -> None:
    event = decode(JOB_EVENT | {"outputs": [TABLE], "eventType": "COMPLETE"})
    assert event.kind is EventKind.JOB
    assert event.job is not None
    assert (event.run_id, event.type, len(event.outputs)) == (None, None, 1)
    event = decode(DATASET_EVENT)
    assert event.kind is EventKind.DATASET
    assert event.dataset is not None
    assert event.dataset.node == dataset("db", "t")
    assert (event.job, event.run_id) == (None, None)


@pytest.mark.parametrize(
    ("said", "declares"),
    [
        ({}, False),
        ({"inputs": [], "outputs": []}, False),
        ({"inputs": None}, False),
        ({"inputs": [TABLE]}, True),
        ({"outputs": [TABLE]}, True),
        ({"job": JOB | {"facets": {"lineage": FROM | {"entries": []}}}}, True),
        ({"job": JOB | {"facets": {"lineage": 5}}}, False),
    ],
)
def test_a_job_event_declares_when_it_names_something(said: dict[str, Any], declares: bool) -> None:
    assert decode(JOB_EVENT | said).declares is declares


def test_3_no_event_type() -> None:
    event = decode({key: value for key, value in RUN_EVENT.items() if key != "eventType"})
    assert (event.type, event.flags) == (None, ())


def test_4_event_types() -> None:
    for kind in EventType:
        assert decode(RUN_EVENT | {"eventType": kind.value}).type is kind
    event = decode(RUN_EVENT | {"eventType": "start"})
    assert event.type is EventType.START
    assert [flag.pointer for flag in event.flags] == ["/eventType"]
    assert "/eventType" in refused(RUN_EVENT | {"eventType": "start"}, strict)
    for odd in ("DONE", "", "START COMPLETE", 5, ["START"]):
        assert list(refused(RUN_EVENT | {"eventType": odd})) == ["/eventType"]


def test_5_job_and_dataset_without_run() -> None:
    event = decode(JOB_EVENT | DATASET_EVENT)
    assert event.kind is EventKind.DATASET
    assert [flag.pointer for flag in event.flags] == ["/job"]
    assert list(refused(JOB_EVENT | DATASET_EVENT, strict)) == ["/job"]


def test_6_run_with_dataset() -> None:
    event = decode(RUN_EVENT | {"dataset": TABLE})
    assert event.kind is EventKind.RUN
    assert decode(RUN_EVENT | {"dataset": 5}).kind is EventKind.RUN
    event = decode(DATASET_EVENT | {"run": {"runId": RUN_ID}})
    assert (event.kind, event.run_id) == (EventKind.DATASET, None)
    assert decode(RUN_EVENT | {"dataset": TABLE}, strict).kind is EventKind.RUN


@pytest.mark.parametrize(
    ("event", "problems"),
    [
        (HEAD, {"/job": "missing, and there is no dataset"}),
        (HEAD | {"run": {"runId": RUN_ID}}, {"/job": "missing, and there is no dataset"}),
        (RUN_EVENT | {"job": None}, {"/job": "missing, and there is no dataset"}),
        (RUN_EVENT | {"job": {"namespace": "n"}}, {"/job/name": "missing"}),
        (RUN_EVENT | {"job": JOB | {"name": 5}}, {"/job/name": "expected a string, got a number"}),
        (RUN_EVENT | {"job": "load"}, {"/job": "expected an object, got a string"}),
        (RUN_EVENT | {"run": {}}, {"/run/runId": "missing"}),
        (RUN_EVENT | {"run": {"runId": None}}, {"/run/runId": "expected a string, got null"}),
        (RUN_EVENT | {"run": {"runId": ""}}, {"/run/runId": "empty"}),
        (RUN_EVENT | {"inputs": {}}, {"/inputs": "expected an array, got an object"}),
        (
            RUN_EVENT | {"inputs": [TABLE, {"name": True}, None]},
            {
                "/inputs/1/namespace": "missing",
                "/inputs/1/name": "expected a string, got a boolean",
                "/inputs/2": "expected an object, got null",
            },
        ),
        (
            {"run": {}, "job": {"name": 1}},
            {
                "/eventTime": "missing",
                "/run/runId": "missing",
                "/job/namespace": "missing",
                "/job/name": "expected a string, got a number",
            },
        ),
        (DATASET_EVENT | {"dataset": {"name": []}}, {
            "/dataset/namespace": "missing",
            "/dataset/name": "expected a string, got an array",
        }),
        (DATASET_EVENT | {"dataset": []}, {"/dataset": "expected an object, got an array"}),
        (RUN_EVENT | {"eventTime": 5}, {"/eventTime": "expected a string, got a number"}),
        (RUN_EVENT | {"eventTime": "2026-11-20"}, {
            "/eventTime": "not a date and time of the years 1 to 9999"
        }),
        (
            RUN_EVENT | {"eventTime": "now", "eventType": "GO", "run": {"runId": ""}},
            {
                "/eventTime": "not a date and time of the years 1 to 9999",
                "/eventType": "not one of START, RUNNING, COMPLETE, FAIL, ABORT, OTHER",
                "/run/runId": "empty",
            },
        ),
    ],
)  # fmt: skip
def test_7_what_cannot_be_identified(event: Any, problems: dict[str, str]) -> None:
    assert refused(event) == problems


def test_8_no_producer_and_no_schema_url() -> None:
    event = {key: RUN_EVENT[key] for key in ("eventTime", "run", "job")}
    assert flagged(event) == {"/producer": "missing", "/schemaURL": "missing"}
    assert refused(event, strict) == {"/producer": "missing", "/schemaURL": "missing"}
    event = RUN_EVENT | {
        "job": JOB | {"facets": {"x": {}}},
        "run": {"runId": RUN_ID, "facets": {"y": {"_producer": "p:p"}}},
        "inputs": [TABLE | {"inputFacets": {"z": {"_schemaURL": "p:s"}}}],
    }
    problems = {
        "/job/facets/x": "no _producer and no _schemaURL",
        "/run/facets/y": "no _schemaURL",
        "/inputs/0/inputFacets/z": "no _producer",
    }
    assert flagged(event) == problems
    assert refused(event, strict) == problems
    assert set(flagged(RUN_EVENT | {"producer": 5, "schemaURL": None})) == {
        "/producer",
        "/schemaURL",
    }


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b'{"a"', b"nul", b"<xml/>", b'"x', b"\xff\xfe", b'{"a": "\xe9"}', b"[1,"],
)
def test_9_what_is_not_json(body: bytes) -> None:
    for decoder in (lenient, strict):
        with pytest.raises(MalformedBody):
            decoder.decode(body)


@pytest.mark.parametrize("body", [b"{}", b" {\n} ", b"[]", b"null", b'"x"', b"5", b"true", b"NaN"])
def test_9_what_is_not_an_object_with_members(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        lenient.decode(body)


def test_16_numbers_that_json_has_not() -> None:
    facets = {"x": FROM | {"a": float("nan"), "b": [float("inf"), float("-inf")]}}
    event = decode(RUN_EVENT | {"job": JOB | {"facets": facets}})
    assert event.job is not None
    assert json.loads(event.job.facets[0].body) == FROM | {"a": None, "b": [None, None]}
    assert [flag.pointer for flag in event.flags] == [""]
    with pytest.raises(MalformedBody):
        decode(RUN_EVENT | {"x": float("nan")}, strict)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a\x00b", "a\x00b"),
        ("\ud800x", "\ufffdx"),
        ("\U0001f600", "\U0001f600"),
        ("\u0645\u0631\u062d\u0628\u0627 \u202e", "\u0645\u0631\u062d\u0628\u0627 \u202e"),
        ("a/b:c%20#?&\\\"'", "a/b:c%20#?&\\\"'"),
        ("n" * 4000, "n" * 4000),
    ],
)
def test_17_names(name: str, read: str) -> None:
    event = decode(RUN_EVENT | {"job": JOB | {"name": name}})
    assert event.job is not None
    assert event.job.node.name == read


def test_17_a_byte_order_mark_and_bytes_that_are_not_utf8() -> None:
    body = json.dumps(RUN_EVENT).encode()
    assert lenient.decode(b"\xef\xbb\xbf" + body).run_id == RUN_ID
    with pytest.raises(MalformedBody):  # in a facet, where nothing decodes the string
        lenient.decode(body[:-1] + b', "x": "\xed\xa0\x80"}')


def test_18_duplicate_keys_and_big_numbers() -> None:
    body = json.dumps(RUN_EVENT).encode()[:-1]
    more = b', "job": {"namespace": "etl", "name": "first", "name": "last"}, "n": 1%s}' % (
        b"0" * 400
    )
    event = lenient.decode(body + more)
    assert event.job is not None
    assert event.job.node.name == "last"


@pytest.mark.parametrize("depth", [400, 1_000, 100_000])
@pytest.mark.parametrize("place", ["facet", "top"])
def test_18_depth(depth: int, place: str) -> None:
    deep = b"[" * depth + b"]" * depth
    if place == "top":
        body = json.dumps(RUN_EVENT).encode()[:-1] + b', "x": %s}' % deep
    else:
        facet = b'{"schema": {"fields": %s}}' % deep
        body = json.dumps(JOB_EVENT).encode().replace(b'"load"', b'"load", "facets": %s' % facet)
    if depth < 500:
        lenient.decode(body)
    else:
        with pytest.raises(InvalidEvent, match="nested deeper than 500"):
            lenient.decode(body)
    with pytest.raises((InvalidEvent, MalformedBody)):
        lenient.decode(deep)


def test_30_run_ids() -> None:
    assert decode(RUN_EVENT | {"run": {"runId": RUN_ID.upper()}}).run_id == RUN_ID
    odd = RUN_EVENT | {"run": {"runId": "run_id"}}
    assert decode(odd).run_id == "run_id"
    assert flagged(odd) == {"/run/runId": "not a UUID"}
    assert refused(odd, strict) == {"/run/runId": "not a UUID"}


def test_32_times() -> None:
    assert decode(RUN_EVENT | {"eventTime": "1970-01-01T10:00:01+10:00"}).time == 1_000_000
    naive = RUN_EVENT | {"eventTime": "1970-01-01T00:00:01.5"}
    assert decode(naive).time == 1_500_000
    assert list(flagged(naive)) == ["/eventTime"]
    assert list(refused(naive, strict)) == ["/eventTime"]


def test_38_custom_facets_of_any_shape() -> None:
    facets = {"a": FROM | {"x": [{}]}, "b": "text", "c": [1, None]}
    event = decode(RUN_EVENT | {"run": {"runId": RUN_ID, "facets": facets}})
    assert {facet.name: json.loads(facet.body) for facet in event.run_facets} == facets
    assert [flag.pointer for flag in event.flags] == ["/run/facets/b", "/run/facets/c"]


def test_40_nulls() -> None:
    event = RUN_EVENT | {
        "inputs": None,
        "outputs": [TABLE | {"facets": None, "outputFacets": None}],
        "job": JOB | {"facets": {"x": None}},
        "run": {"runId": RUN_ID, "facets": None},
        "dataset": None,
        "eventType": None,
    }
    pointers = [
        "/dataset",
        "/eventType",
        "/inputs",
        "/job/facets/x",
        "/outputs/0/facets",
        "/outputs/0/outputFacets",
        "/run/facets",
    ]
    assert sorted(flagged(event)) == pointers
    assert sorted(refused(event, strict)) == pointers
    read = decode(event)
    assert read.job is not None
    assert (read.inputs, read.run_facets, read.job.facets, read.type) == ((), (), (), None)


@pytest.mark.parametrize("facets", [5, "x", []])
def test_facets_that_are_no_object_are_flagged(facets: Any) -> None:
    event = decode(RUN_EVENT | {"job": JOB | {"facets": facets}})
    assert [flag.pointer for flag in event.flags] == ["/job/facets"]


def test_empty_names_are_flagged_and_long_ones_refused() -> None:
    event = RUN_EVENT | {"job": {"namespace": "", "name": ""}, "inputs": [TABLE | {"name": ""}]}
    assert flagged(event) == {
        "/job/namespace": "empty",
        "/job/name": "empty",
        "/inputs/0/name": "empty",
    }
    assert decode(event, strict).job is not None
    long = {"namespace": "n" * 11, "name": "n"}
    event = RUN_EVENT | {"job": long, "outputs": [TABLE, long]}
    assert list(refused(event, Decoder(name_limit=10))) == [
        "/job/namespace",
        "/outputs/1/namespace",
    ]
    event = RUN_EVENT | {"run": {"runId": "r" * 11}}
    assert list(refused(event, Decoder(name_limit=10))) == ["/run/runId"]


def test_a_strict_decoder_takes_what_follows_the_specification() -> None:
    facet = FROM | {"fields": [{"name": "a"}]}
    event = RUN_EVENT | {"outputs": [TABLE | {"facets": {"schema": facet}}]}
    assert decode(event, strict).flags == ()
    odd = FROM | {"fields": "a"}
    event = RUN_EVENT | {"outputs": [TABLE, TABLE | {"facets": {"schema": odd}}]}
    assert list(refused(event, strict)) == ["/outputs/1/facets/schema/fields"]


def test_a_remembered_statement_is_flagged_at_each_place() -> None:
    decoder = Decoder()
    odd = TABLE | {"facets": {"schema": FROM | {"fields": 5}}}
    event = RUN_EVENT | {"inputs": [odd, TABLE, odd], "outputs": [odd]}
    pointers = [
        "/inputs/0/facets/schema/fields",
        "/inputs/2/facets/schema/fields",
        "/outputs/0/facets/schema/fields",
    ]
    assert [flag.pointer for flag in decode(event, decoder).flags] == pointers
    read = decode(event, decoder)
    assert [flag.pointer for flag in read.flags] == pointers
    assert read.inputs[0].statement is read.outputs[0].statement
    assert read.inputs[0].statement.flags[0].pointer == "/facets/schema/fields"


def test_no_event_has_more_flags_than_anyone_reads() -> None:
    facets = {f"x{at}": 5 for at in range(1000)}
    assert len(decode(RUN_EVENT | {"run": {"runId": RUN_ID, "facets": facets}}).flags) == 100
    with pytest.raises(InvalidEvent) as caught:
        decode(RUN_EVENT | {"inputs": [5] * 1000})
    assert len(caught.value.problems) == 100


def test_47_column_lineage_of_500_x_500() -> None:
    sources = [TABLE | {"field": f"c{at}"} for at in range(500)]
    fields = {f"o{at}": {"inputFields": sources} for at in range(500)}
    facets = {"columnLineage": FROM | {"fields": fields}}
    body = json.dumps(RUN_EVENT | {"outputs": [TABLE | {"facets": facets}]}).encode()
    began = time.process_time()
    lenient.decode(body)
    assert time.process_time() - began < 5


def test_split() -> None:
    body = json.dumps(RUN_EVENT).encode()
    assert lenient.split(body) is None
    assert lenient.split(b"[%s, %s]" % (body, body)) == [body, body]
    assert lenient.split(b'{"events": [%s]}' % body) is None
    assert lenient.split(b'{"events": [%s]}' % body, envelope=True) == [body]
    with pytest.raises(MalformedBody):
        lenient.split(b"[%s" % body)
    with pytest.raises(InvalidEvent):
        lenient.split(b"[" * 100_000)
