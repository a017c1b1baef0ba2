import random
import time
from typing import Any

import msgspec
import pytest

from headwater.dialects.openlineage import columns
from headwater.event import Flow, Source, Transformation
from headwater.ids import NodeId, dataset, job

TARGET = dataset("db", "mart.orders")
OWNER = job("etl", "load")
A, B = dataset("db", "a"), dataset("db", "b")
FILTER = {"type": "INDIRECT", "subtype": "FILTER"}
IDENTITY = {"type": "DIRECT", "subtype": "IDENTITY"}


def shuffled(value: Any, seed: int) -> Any:
    """The same facet with its members and items in another order."""
    rng = random.Random(seed)
    if isinstance(value, dict):
        members = [(key, shuffled(item, seed)) for key, item in value.items()]
        rng.shuffle(members)
        return dict(members)
    if isinstance(value, list):
        items = [shuffled(item, seed) for item in value]
        rng.shuffle(items)
        return items
    return value


def of(name: str, field: str | None = None, *transformations: Any) -> dict[str, Any]:
    wire: dict[str, Any] = {"namespace": "db", "name": name}
    if field is not None:
        wire["field"] = field
    if transformations:
        wire["transformations"] = list(transformations)
    return wire


def all_is_read(pointer: str, reason: str) -> None:
    raise AssertionError((pointer, reason))


def column_flows(facet: dict[str, Any]) -> tuple[Flow, ...] | None:
    read = msgspec.convert(facet, columns.ColumnLineage)
    return columns.column_flows(read, TARGET, "", all_is_read)


def job_flows(*entries: dict[str, Any]) -> tuple[tuple[Flow, ...] | None, list[str]]:
    facet = msgspec.convert({"entries": list(entries)}, columns.JobLineage)
    pointers: list[str] = []
    return columns.job_flows(facet, OWNER, "", lambda at, _: pointers.append(at)), pointers


def test_version_1_0_has_one_transformation_for_the_column() -> None:
    facet = {
        "fields": {
            "x": {
                "inputFields": [of("a", "x")],
                "transformationType": "MASKED",
                "transformationDescription": "hash",
            },
            "y": {"inputFields": [of("a", "y")], "transformationType": "IDENTITY"},
            "z": {"inputFields": [of("a", "z")], "transformationDescription": "as it is"},
            "w": {"inputFields": [of("a", "w", IDENTITY)], "transformationType": "INDIRECT"},
        }
    }
    assert column_flows(facet) == (
        Flow(TARGET, ("w",), (Source(A, "w", (Transformation("DIRECT", "IDENTITY"),)),)),
        Flow(
            TARGET, ("x",), (Source(A, "x", (Transformation("DIRECT", "MASKED", "hash", True),)),)
        ),
        Flow(TARGET, ("y",), (Source(A, "y", (Transformation("DIRECT", "IDENTITY"),)),)),
        Flow(TARGET, ("z",), (Source(A, "z", (Transformation("", "", "as it is"),)),)),
    )


def test_version_1_1_keeps_every_transformation() -> None:
    facet = {
        "fields": {
            "x": {"inputFields": [of("a", "x", FILTER, {**IDENTITY, "masking": True})]},
            "_0": {"inputFields": [of("a", "x")]},
            "none": {"inputFields": []},
        }
    }
    both = (Transformation("DIRECT", "IDENTITY", "", True), Transformation("INDIRECT", "FILTER"))
    assert column_flows(facet) == (
        Flow(TARGET, ("_0",), (Source(A, "x"),)),
        Flow(TARGET, ("x",), (Source(A, "x", both),)),
    )


def test_version_1_2_has_sources_of_the_whole_dataset() -> None:
    facet = {"fields": {"x": {"inputFields": [of("a", "x")]}}, "dataset": [of("b", "day", FILTER)]}
    assert column_flows(facet) == (
        Flow(TARGET, (), (Source(B, "day", (Transformation("INDIRECT", "FILTER"),)),)),
        Flow(TARGET, ("x",), (Source(A, "x"),)),
    )


@pytest.mark.parametrize(
    ("facet", "flows"), [({}, None), ({"fields": {}}, ()), ({"dataset": []}, ())]
)
def test_nothing_stated_is_not_the_same_as_nothing(
    facet: dict[str, Any], flows: tuple[Flow, ...] | None
) -> None:
    assert column_flows(facet) == flows


def test_sources_of_the_same_columns_share_a_flow() -> None:
    facet = {
        "fields": {
            "x": {"inputFields": [of("a", "x"), of("b", "k", FILTER), of("a", "k", FILTER)]},
            "y": {
                "inputFields": [of("a", "k", FILTER), of("b", "k", FILTER), of("b", "k", FILTER)]
            },
        },
    }
    kept = (Transformation("INDIRECT", "FILTER"),)
    flows = (
        Flow(TARGET, ("x",), (Source(A, "x"),)),
        Flow(TARGET, ("x", "y"), (Source(A, "k", kept), Source(B, "k", kept))),
    )
    for seed in range(20):
        assert column_flows(shuffled(facet, seed)) == flows


def test_500_x_500_columns_are_one_flow() -> None:
    sources = [of(f"t{at % 5}", f"c{at}", FILTER) for at in range(500)]
    facet = {"fields": {f"o{at}": {"inputFields": sources} for at in range(500)}}
    raw = msgspec.json.encode(facet)
    began = time.process_time()
    read = msgspec.json.decode(raw, type=columns.ColumnLineage)
    flows = columns.column_flows(read, TARGET, "", all_is_read)
    assert time.process_time() - began < 2  # a guard against squares; it takes 0.2 s
    assert flows is not None
    assert [(len(flow.fields), len(flow.sources)) for flow in flows] == [(500, 500)]


def test_explicit_lineage_of_a_job() -> None:
    entries: list[dict[str, Any]] = [
        {
            "type": "DATASET",
            **of("mart"),
            "inputs": [{"type": "DATASET", **of("a")}, {"type": "DATASET", **of("b", "k", FILTER)}],
            "fields": {
                "x": {"inputs": [{"type": "DATASET", **of("a", "x")}]},
                "y": {"inputs": [{"type": "DATASET", **of("a")}, {"type": "JOB"}]},
                "z": {"inputs": []},
            },
        },
        {"type": "DATASET", **of("calendar"), "inputs": []},
        {"type": "JOB", "inputs": [{"type": "JOB", "namespace": "flink", "name": "normalize"}]},
    ]
    mart = dataset("db", "mart")
    flows = (
        Flow(dataset("db", "calendar"), (), ()),
        Flow(mart, (), (Source(A, None), Source(B, "k", (Transformation("INDIRECT", "FILTER"),)))),
        Flow(mart, ("x",), (Source(A, "x"),)),
        Flow(mart, ("y",), (Source(A, None), Source(OWNER, None))),
        Flow(mart, ("z",), ()),
        Flow(OWNER, (), (Source(job("flink", "normalize"), None),)),
    )
    for seed in range(20):
        assert job_flows(*shuffled(entries, seed)) == (flows, [])


def test_entries_of_one_target_are_united() -> None:
    one = {"type": "DATASET", **of("mart"), "inputs": [of("a")]}
    two = {"type": "dataset", **of("mart"), "inputs": [of("b")], "fields": {}}
    none = {"type": "DATASET", **of("mart"), "inputs": []}
    flow = Flow(dataset("db", "mart"), (), (Source(A, None), Source(B, None)))
    assert job_flows(one, two, none, one) == ((flow,), [])


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        ({"type": "DATASET", "name": "a"}, "/entries/0"),
        ({"type": "JOB", "name": "a"}, "/entries/0"),
        ({"type": "TOPIC", "namespace": "k", "name": "a"}, "/entries/0/type"),
        ({**of("mart"), "inputs": [{"type": "DATASET"}]}, "/entries/0/inputs/0"),
        (
            {**of("mart"), "fields": {"x/y": {"inputs": [{"type": "JOB", "name": "j"}]}}},
            "/entries/0/fields/x~1y/inputs",
        ),
    ],
)
def test_what_cannot_be_identified_states_nothing(entry: dict[str, Any], pointer: str) -> None:
    assert job_flows(entry) == (None, [pointer])


@pytest.mark.parametrize(
    ("facet", "flows", "pointers"),
    [
        ({"inputs": [of("a"), of("b")]}, [(A, B)], []),
        ({"inputs": []}, [()], []),
        ({}, None, []),
        ({"fields": {}}, None, []),
        ({"inputs": [{"type": "JOB"}]}, None, ["/inputs/0"]),
        ({"inputs": [{"type": "JOB", "namespace": "etl", "name": "load"}]}, [(OWNER,)], []),
        ({"fields": {"x": {"inputs": [of("a", "x")]}}}, [(A,)], []),
    ],
)
def test_explicit_lineage_of_a_dataset(
    facet: dict[str, Any], flows: list[tuple[NodeId, ...]] | None, pointers: list[str]
) -> None:
    wire = msgspec.convert(facet, columns.DatasetLineage)
    found: list[str] = []
    read = columns.dataset_flows(wire, TARGET, "", lambda at, _: found.append(at))
    assert found == pointers
    if flows is None:
        assert read is None
    else:
        assert read is not None
        assert {flow.target for flow in read} == {TARGET}
        assert [tuple(source.node for source in flow.sources) for flow in read] == flows
