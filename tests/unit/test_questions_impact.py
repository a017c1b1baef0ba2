"""Impact: flat, ranked, each item with the node before it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.errors import NotFound
from headwater.ids import FieldId, NodeId
from headwater.lineage.graph import Impact
from headwater.lineage.impact import impact
from headwater.store import Direction, Moment
from tests.building import DOMAIN, Lake, dataset, flow, hide, job, run_event, use


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake(tmp_path) as lake:
        yield lake


def ask(
    lake: Lake,
    start: NodeId | FieldId,
    way: Direction = Direction.DOWN,
    depth: int = 20,
    moment: Moment | None = None,
    limit: int = 100,
) -> Impact:
    return lake.ask(lambda reader: impact(reader, DOMAIN, start, way, depth, moment, limit))


def shown(answer: Impact) -> list[tuple[int, str, str, int]]:
    return [(i.hops, _short(i.ref), _short(i.via), i.dependents) for i in answer.items]


def _short(ref: NodeId | FieldId | None) -> str:
    if ref is None:
        return ""
    return f"{ref.dataset.name}.{ref.name}" if isinstance(ref, FieldId) else ref.name


def fill(lake: Lake) -> None:
    lake.add(
        run_event("A", "r", 100, ["a"], ["b1"]),
        run_event("Z", "r", 100, ["a"], ["b2", "b3"]),
        run_event("K", "r", 100, ["b2", "b1"], ["c"]),
        run_event("up", "r", 100, ["before"], ["a"]),
    )


def test_ranked_by_hops_then_dependents_then_name(lake: Lake) -> None:
    fill(lake)
    answer = ask(lake, dataset("a"))
    assert shown(answer) == [
        (1, "Z", "a", 2),
        (1, "A", "a", 1),
        (2, "b1", "A", 1),
        (2, "b2", "Z", 1),
        (2, "b3", "Z", 0),
        (3, "K", "b1", 1),
        (4, "c", "K", 0),
    ]
    assert (answer.total, answer.at_least, answer.truncated) == (7, False, False)


def test_the_limit_cuts_the_list_and_not_the_count(lake: Lake) -> None:
    fill(lake)
    answer = ask(lake, dataset("a"), limit=3)
    assert [item[1] for item in shown(answer)] == ["Z", "A", "b1"]
    assert (answer.total, answer.at_least, answer.truncated) == (7, False, True)


def test_depth_leaves_dependents_counted(lake: Lake) -> None:
    fill(lake)
    answer = ask(lake, dataset("a"), depth=1)
    assert shown(answer) == [(1, "Z", "a", 2), (1, "A", "a", 1)]
    assert not answer.truncated


def test_up_and_both(lake: Lake) -> None:
    fill(lake)
    up = ask(lake, dataset("c"), Direction.UP)
    assert [item[1] for item in shown(up)] == ["K", "b1", "b2", "A", "Z", "a", "up", "before"]
    both = ask(lake, dataset("b1"), Direction.BOTH)
    assert [item[:3] for item in shown(both)] == [
        (1, "A", "b1"),
        (1, "K", "b1"),
        (2, "a", "A"),
        (2, "c", "K"),
        (3, "up", "a"),
        (4, "before", "up"),
    ]


def test_via_is_on_a_way_that_the_flows_allow(lake: Lake) -> None:
    """J is met at hop 1 from a, but d is reached only by way of b."""
    lake.add(
        run_event("J", "r", 1, ["a", "b"], ["c", "d"], flows=[flow("c", "a"), flow("d", "b")]),
        run_event("K", "r", 1, ["a"], ["b"]),
        run_event("W", "r", 1, ["x"], ["d"]),
    )
    found = {item[1]: item for item in shown(ask(lake, dataset("a")))}
    assert found["c"][0] == 2
    assert found["d"][:3] == (4, "d", "J")
    assert "W" not in found


def test_columns(lake: Lake) -> None:
    lake.add(
        run_event("J", "r", 1, ["a"], [use("b", columns=[flow("b.y", "a.x"), flow("b.z", "a.x")])]),
        run_event("K", "r", 1, ["b"], [use("c", columns=[flow("c.w", "b.z")])]),
    )
    answer = ask(lake, FieldId(dataset("a"), "x"))
    assert shown(answer) == [(1, "b.z", "a.x", 1), (1, "b.y", "a.x", 0), (2, "c.w", "b.z", 0)]


def test_as_of_a_moment_and_without_the_hidden(lake: Lake) -> None:
    fill(lake)
    lake.add(hide(job("Z"), 500))
    assert "Z" not in {item[1] for item in shown(ask(lake, dataset("a")))}
    assert "Z" in {item[1] for item in shown(ask(lake, dataset("a"), moment=Moment(400)))}
    assert ask(lake, dataset("a"), moment=Moment(50)).total == 0
    with pytest.raises(NotFound):
        ask(lake, dataset("nothing"))
