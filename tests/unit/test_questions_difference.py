"""Differences between two times, two runs, and two versions of a job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.errors import NotFound
from headwater.event import Flow
from headwater.ids import FieldId, NodeId
from headwater.lineage.difference import difference, run_difference, version_difference
from headwater.lineage.graph import ContentDifference, GraphDifference
from headwater.store import Direction, Moment
from tests.building import DOMAIN, Lake, dataset, flow, hide, job, run_event, use


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake(tmp_path) as lake:
        yield lake


def between(
    lake: Lake,
    start: NodeId | FieldId,
    before: int,
    after: int | None = None,
    limit: int = 100,
) -> GraphDifference:
    then = None if after is None else Moment(after)
    return lake.ask(
        lambda reader: difference(
            reader, DOMAIN, start, Direction.UP, 20, Moment(before), then, limit
        )
    )


def runs(lake: Lake, a: str, b: str, job: NodeId | None = None) -> ContentDifference:
    return lake.ask(lambda reader: run_difference(reader, DOMAIN, a, b, job))


def test_what_a_lineage_gained_and_lost(lake: Lake) -> None:
    lake.add(
        run_event("J", "r1", 100, ["a", "b"], ["c"]),
        run_event("J", "r2", 200, ["b", "d"], ["c"]),
        run_event("K", "r3", 50, ["z"], ["d"]),
    )
    for after in (None, 250):
        found = between(lake, dataset("c"), 150, after)
        assert {node.ref for node in found.added_nodes} == {dataset("d"), job("K"), dataset("z")}
        assert {node.ref for node in found.removed_nodes} == {dataset("a")}
        assert {(e.source, e.target) for e in found.added_edges} == {
            (dataset("d"), job("J")),
            (job("K"), dataset("d")),
            (dataset("z"), job("K")),
        }
        assert [(e.source, e.target) for e in found.removed_edges] == [(dataset("a"), job("J"))]
        assert not found.truncated
    assert between(lake, dataset("c"), 200, 250).added_nodes == ()
    assert between(lake, dataset("c"), 150, limit=2).truncated


def test_a_start_that_is_hidden_later_loses_everything(lake: Lake) -> None:
    lake.add(run_event("J", "r1", 100, ["a"], ["c"]))
    lake.add(hide(dataset("c"), 200))
    found = between(lake, dataset("c"), 150)
    assert {n.ref for n in found.removed_nodes} == {dataset("a"), job("J"), dataset("c")}
    with pytest.raises(NotFound):
        between(lake, dataset("c"), 250)


def test_columns_between_two_times(lake: Lake) -> None:
    lake.add(
        run_event("J", "r1", 100, ["a"], [use("c", columns=[flow("c.x", "a.x")])]),
        run_event("J", "r2", 200, ["a"], [use("c", columns=[flow("c.x", "a.y")])]),
    )
    found = between(lake, FieldId(dataset("c"), "x"), 150)
    assert [str(n.ref) for n in found.added_nodes] == ["field:ns:a:y"]
    assert [str(n.ref) for n in found.removed_nodes] == ["field:ns:a:x"]


def test_two_runs(lake: Lake) -> None:
    lake.add(
        run_event("J", "r1", 100, ["a", "b"], [use("c", columns=[flow("c.x", "a.x", "a.y")])]),
        run_event("J", "r2", 200, ["b", "d"], [use("c", columns=[flow("c.x", "a.x", "d.z")]), "e"]),
    )
    found = runs(lake, "r1", "r2")
    assert found.added_inputs == (dataset("d"),)
    assert found.removed_inputs == ()  # the flow from a says that a is still read
    assert found.added_outputs == (dataset("e"),)
    assert found.removed_outputs == ()
    assert found.added_flows == (flow("c.x", "d.z"),)
    assert found.removed_flows == (flow("c.x", "a.y"),)
    back = runs(lake, "r2", "r1")
    assert (back.added_inputs, back.removed_inputs) == (found.removed_inputs, found.added_inputs)
    assert (back.added_flows, back.removed_flows) == (found.removed_flows, found.added_flows)


def test_a_group_and_its_single_flows_say_the_same(lake: Lake) -> None:
    group = Flow(dataset("c"), ("x", "y"), flow("c", "a.p", "a.q").sources)
    single = [flow("c.x", "a.p", "a.q"), flow("c.y", "a.q", "a.p")]
    lake.add(
        run_event("J", "r1", 100, ["a"], [use("c", columns=[group])]),
        run_event("J", "r2", 200, ["a"], [use("c", columns=single)]),
    )
    found = runs(lake, "r1", "r2")
    assert found.added_flows == found.removed_flows == ()


def test_aliases_are_no_difference(lake: Lake) -> None:
    lake.add(
        run_event("J", "r1", 100, [], [use("path/b", symlinks=["b"])]),
        run_event("J", "r2", 200, [], ["b"]),
    )
    found = runs(lake, "r1", "r2")
    assert found.added_outputs == found.removed_outputs == ()


def test_two_versions_and_what_is_unknown(lake: Lake) -> None:
    lake.add(
        run_event("J", "r1", 100, ["a"], ["c"]),
        run_event("J", "r2", 200, ["b"], ["c"]),
        run_event("J", "r3", 200, ["a"], ["c"]),
        run_event("K", "r1", 300, ["k"], ["c"], parent=("P", "only named")),
    )
    versions = {v[1]: v[0] for v in lake.ask(lambda r: r.versions(job("J").key(DOMAIN)))}
    found = lake.ask(lambda r: version_difference(r, DOMAIN, job("J"), versions[1], versions[2]))
    assert found.added_inputs == (dataset("a"),)
    assert found.removed_inputs == (dataset("b"),)
    assert runs(lake, "r2", "r1", job("J")).added_inputs == (dataset("a"),)
    with pytest.raises(NotFound):
        runs(lake, "r1", "only named")
    with pytest.raises(NotFound):
        runs(lake, "r1", "r9")
    with pytest.raises(NotFound):
        lake.ask(lambda r: version_difference(r, DOMAIN, job("J"), versions[1], b"no"))
