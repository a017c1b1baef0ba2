"""Paths: exact with respect to stated flows, shortest first, bounded."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path as FilePath

import pytest

from headwater.errors import InvalidParameter, NotFound
from headwater.event import Event
from headwater.ids import FieldId, NodeId, NodeKind
from headwater.lineage.graph import Paths
from headwater.lineage.paths import paths
from headwater.store import Moment
from tests.building import DOMAIN, Lake, dataset, flow, hide, job, run_event, use


@pytest.fixture
def lake(tmp_path: FilePath) -> Iterator[Lake]:
    with Lake(tmp_path) as lake:
        yield lake


def ask(
    lake: Lake,
    source: NodeId | FieldId | str,
    target: NodeId | FieldId | str,
    depth: int = 20,
    moment: Moment | None = None,
    limit: int = 100,
) -> Paths:
    ends = [dataset(end) if isinstance(end, str) else end for end in (source, target)]
    return lake.ask(lambda reader: paths(reader, DOMAIN, ends[0], ends[1], depth, moment, limit))


def shown(answer: Paths) -> list[str]:
    return [">".join(_short(ref) for ref in path.nodes) for path in answer.paths]


def _short(ref: NodeId | FieldId) -> str:
    return f"{ref.dataset.name}.{ref.name}" if isinstance(ref, FieldId) else ref.name


def test_every_path_shortest_first_with_evidence(lake: Lake) -> None:
    lake.add(
        run_event("J1", "r1", 100, ["a"], ["b"]),
        run_event("J2", "r2", 200, ["b"], ["c"]),
        run_event("J3", "r3", 300, ["a"], ["c"]),
        run_event("J4", "r4", 400, ["c"], ["elsewhere"]),
    )
    answer = ask(lake, "a", "c")
    assert shown(answer) == ["a>J3>c", "a>J1>b>J2>c"]
    assert [edge.last_run for edge in answer.paths[0].edges] == ["r3", "r3"]
    assert not answer.truncated
    assert shown(ask(lake, "a", "c", depth=2)) == ["a>J3>c"]
    assert shown(ask(lake, job("J1"), "c")) == ["J1>b>J2>c"]
    assert shown(ask(lake, "a", job("J2"))) == ["a>J1>b>J2"]


def test_not_against_the_stream_and_not_from_a_node_to_itself(lake: Lake) -> None:
    lake.add(run_event("J", "r", 100, ["a"], ["b"]), run_event("K", "r", 100, ["b"], ["a"]))
    assert shown(ask(lake, "b", "a")) == ["b>K>a"]
    assert shown(ask(lake, "a", "a")) == []
    assert shown(ask(lake, job("J"), job("K"))) == ["J>b>K"]


def test_through_a_job_only_where_its_flows_lead(lake: Lake) -> None:
    lake.add(
        run_event("X", "r0", 50, ["x"], ["a", "b"]),
        run_event(
            "J",
            "r1",
            100,
            ["a", "b", "unused"],
            [use("c", columns=[flow("c.x", "a.x")]), use("d", columns=[flow("d.x", "b.x")])],
        ),
    )
    assert shown(ask(lake, "x", "c")) == ["x>X>a>J>c"]
    assert shown(ask(lake, "x", "d")) == ["x>X>b>J>d"]
    assert shown(ask(lake, "unused", "c")) == []
    assert shown(ask(lake, "unused", job("J"))) == ["unused>J"]


def test_explicit_flows_and_outputs_without_a_source(lake: Lake) -> None:
    lake.add(run_event("J", "r", 100, ["a", "b"], ["c", "d"], flows=[flow("c", "a"), flow("d")]))
    assert shown(ask(lake, "a", "c")) == ["a>J>c"]
    assert [shown(ask(lake, *ends)) for ends in (("b", "c"), ("a", "d"), ("b", "d"))] == [[]] * 3


def test_aliases_are_one_node(lake: Lake) -> None:
    lake.add(
        run_event("J1", "r1", 100, ["a"], [use("path/b", symlinks=["b"])]),
        run_event("J2", "r2", 200, ["b"], [use("c", columns=[flow("c.x", "b.x")])]),
    )
    assert shown(ask(lake, "a", "c")) == ["a>J1>b>J2>c"]
    assert shown(ask(lake, "path/b", "c")) == ["b>J2>c"]
    assert shown(ask(lake, "a", "path/b")) == ["a>J1>b"]


def test_as_of_a_moment(lake: Lake) -> None:
    lake.add(
        run_event("J", "r1", 100, ["a"], ["c"]),
        run_event("J", "r2", 200, ["b"], ["c"]),
    )
    assert shown(ask(lake, "a", "c")) == []
    assert shown(ask(lake, "a", "c", moment=Moment(150))) == ["a>J>c"]
    assert shown(ask(lake, "b", "c", moment=Moment(150))) == []
    both = Moment(until=250, since=50)
    assert shown(ask(lake, "a", "c", moment=both)) == ["a>J>c"]
    assert shown(ask(lake, "b", "c", moment=both)) == ["b>J>c"]


def test_hidden_and_unknown_ends(lake: Lake) -> None:
    lake.add(run_event("J", "r1", 100, ["a"], ["b"]), run_event("K", "r1", 100, ["b"], ["c"]))
    lake.add(hide(dataset("b"), 200))
    assert shown(ask(lake, "a", "c")) == []
    for ends in (("a", "b"), ("b", "c"), ("a", "nothing"), ("nothing", "a")):
        with pytest.raises(NotFound):
            ask(lake, *ends)


def test_columns(lake: Lake) -> None:
    lake.add(
        run_event("J", "r1", 100, ["a"], [use("b", columns=[flow("b.y", "a.x"), flow("b.z")])]),
        run_event("K", "r2", 200, ["b"], [use("c", columns=[flow("c.w", "b.y", "b.z")])]),
        run_event("L", "r3", 300, ["a"], [use("c2", columns=[flow("c2.w", "a")])]),
    )
    ax, cw = FieldId(dataset("a"), "x"), FieldId(dataset("c"), "w")
    answer = ask(lake, ax, cw)
    assert shown(answer) == ["a.x>b.y>c.w"]
    assert [edge.job for edge in answer.paths[0].edges] == [job("J"), job("K")]
    assert shown(ask(lake, "a", cw)) == ["a.x>b.y>c.w"]
    assert shown(ask(lake, ax, FieldId(dataset("c2"), "w"))) == ["a>c2.w"]
    assert shown(ask(lake, FieldId(dataset("a"), "other"), cw)) == []
    with pytest.raises(InvalidParameter):
        ask(lake, job("J"), cw)


def test_two_jobs_between_the_same_columns_are_two_paths(lake: Lake) -> None:
    for name in ("J", "K"):
        lake.add(run_event(name, "r", 100, ["a"], [use("b", columns=[flow("b.y", "a.x")])]))
    answer = ask(lake, FieldId(dataset("a"), "x"), FieldId(dataset("b"), "y"))
    assert [path.edges[0].job for path in answer.paths] == [job("J"), job("K")]


def test_a_dense_graph_is_cut_honestly(lake: Lake) -> None:
    width, height = 12, 8
    events = [
        run_event(
            f"J{level}.{n}",
            "r",
            100,
            [f"d{level}.{i}" for i in range(width)],
            [f"d{level + 1}.{n}"],
        )
        for level in range(height)
        for n in range(width)
    ]
    lake.add(*events)
    answer = ask(lake, "d0.0", f"d{height}.0", limit=50)
    assert len(answer.paths) == 50
    assert answer.truncated
    assert len(set(shown(answer))) == 50


def test_a_tangle_ends(lake: Lake) -> None:
    """Every dataset reaches every other, so that walks are many more than paths."""
    names = [f"d{n}" for n in range(12)]
    lake.add(*(run_event(f"J-{a}-{b}", "r", 1, [a], [b]) for a in names for b in names if a != b))
    lake.add(run_event("out", "r", 1, ["d1"], ["end"]), run_event("back", "r", 1, ["end"], ["d0"]))
    answer = ask(lake, "d0", "end", depth=40, limit=5_000)
    assert answer.truncated
    lengths = [len(path.edges) for path in answer.paths]
    assert lengths == sorted(lengths)
    assert lengths[0] == 4


@pytest.mark.parametrize("seed", range(40))
def test_as_many_as_by_brute_force(lake: Lake, seed: int) -> None:
    rng = random.Random(seed)
    said = [_random_job(rng, n) for n in range(7)]
    lake.add(*(event for event, _ in said))
    reach = {f"J{n}": pairs for n, (_, pairs) in enumerate(said)}
    for a in "abcde":
        for b in "abcde":
            for moment in (None, Moment(1_000)):
                try:
                    found = shown(ask(lake, a, b, depth=8, moment=moment))
                except NotFound:
                    continue
                expected = _brute(reach, a, b, 8) if a != b else []
                assert sorted(found) == sorted(expected)
                assert [len(p) for p in found] == sorted(len(p) for p in found)


def _random_job(rng: random.Random, n: int) -> tuple[Event, set[tuple[str, str]]]:
    """A job with or without flows, and the pairs of datasets that it joins."""
    inputs = rng.sample("abcde", rng.randint(1, 3))
    outputs = rng.sample([d for d in "abcde" if d not in inputs], rng.randint(1, 2))
    kind = rng.choice(["bare", "column", "explicit"])
    if kind == "bare":
        event = run_event(f"J{n}", "r", 100, inputs, outputs)
        return event, {(a, b) for a in inputs for b in outputs}
    stated = {b: rng.sample(inputs, rng.randint(0, len(inputs))) for b in outputs}
    pairs = {(a, b) for b, sources in stated.items() for a in sources}
    if kind == "explicit":
        flows = [flow(b, *sources) for b, sources in stated.items()]
        return run_event(f"J{n}", "r", 100, inputs, outputs, flows=flows), pairs
    uses = [
        use(b, columns=[flow(f"{b}.x", *(f"{a}.x" for a in sources))] if sources else None)
        for b, sources in stated.items()
    ]
    open_pairs = {(a, b) for b, sources in stated.items() if not sources for a in inputs}
    return run_event(f"J{n}", "r", 100, inputs, uses), pairs | open_pairs


def _brute(reach: dict[str, set[tuple[str, str]]], a: str, b: str, depth: int) -> list[str]:
    found = []

    def go(path: list[str]) -> None:
        if path[-1] == b:
            found.append(">".join(path))
            return
        if len(path) - 1 >= depth:
            return
        for name, pairs in reach.items():
            for source, target in pairs:
                if source == path[-1] and name not in path and target not in path:
                    go([*path, name, target])

    go([a])
    return found


def test_edges_of_a_path_join_up(lake: Lake) -> None:
    lake.add(run_event("J", "r", 1, ["a"], ["b"]), run_event("K", "r", 1, ["b"], ["c"]))
    (path,) = ask(lake, "a", "c").paths
    assert all(a.target == b.source for a, b in pairwise(path.edges))
    kinds = [ref.kind for ref in path.nodes if isinstance(ref, NodeId)]
    assert kinds == [NodeKind.DATASET, NodeKind.JOB] * 2 + [NodeKind.DATASET]
