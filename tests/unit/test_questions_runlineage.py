"""Run lineage: which run made what a run read, and which runs consumed what it wrote."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.errors import NotFound
from headwater.ids import NodeId
from headwater.lineage.graph import RunGraph
from headwater.lineage.runs import run_lineage
from headwater.store import Direction
from tests.building import DOMAIN, Lake, dataset, flow, hide, job, run_event, use


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake(tmp_path) as lake:
        yield lake


def ask(
    lake: Lake,
    run_id: str,
    way: Direction,
    depth: int = 20,
    limit: int = 100,
    job: NodeId | None = None,
) -> RunGraph:
    return lake.ask(lambda reader: run_lineage(reader, DOMAIN, run_id, way, depth, limit, job))


def up(lake: Lake, run_id: str, depth: int = 20) -> set[str]:
    return _edges(ask(lake, run_id, Direction.UP, depth))


def down(lake: Lake, run_id: str, depth: int = 20) -> set[str]:
    return _edges(ask(lake, run_id, Direction.DOWN, depth))


def _edges(graph: RunGraph) -> set[str]:
    return {
        f"{e.produced_by.run_id if e.produced_by else '?'}-{e.dataset.name}-{e.consumed_by.run_id}"
        for e in graph.edges
    }


def fill(lake: Lake) -> None:
    """W writes d at 100, 200 and 300; R reads it in between; S reads what R wrote."""
    for n in (1, 2, 3):
        lake.add(run_event("W", f"w{n}", 100 * n, ["raw"], ["d"]))
        lake.add(run_event("R", f"r{n}", 100 * n + 50, ["d"], ["e"]))
        lake.add(run_event("S", f"s{n}", 100 * n + 70, ["e"], []))


def test_up_and_down_agree(lake: Lake) -> None:
    fill(lake)
    assert up(lake, "s2") == {"r2-e-s2", "w2-d-r2", "?-raw-w2"}
    assert down(lake, "w2") == {"w2-d-r2", "r2-e-s2"}
    assert down(lake, "w3") == {"w3-d-r3", "r3-e-s3"}
    assert up(lake, "s2", depth=1) == {"r2-e-s2"}


def test_nodes_have_hops_and_states(lake: Lake) -> None:
    lake.add(
        run_event("W", "w", 100, [], ["d"], type="START"),
        run_event("W", "w", 120, type="FAIL"),
        run_event("R", "r", 150, ["d"], [], type="START"),
    )
    graph = ask(lake, "r", Direction.UP)
    found = [(n.run.job.name, n.state, n.started_at, n.ended_at, n.hops) for n in graph.nodes]
    assert found == [("R", "RUNNING", 150, None, 0), ("W", "FAIL", 100, 120, 1)]
    assert not graph.truncated


def test_the_newest_writer_of_any_job_counts(lake: Lake) -> None:
    lake.add(
        run_event("W", "w", 100, [], ["d"]),
        run_event("V", "v", 120, [], ["d"]),
        run_event("V", "other", 130, [], ["x"]),
        run_event("R", "r", 150, ["d"], []),
        run_event("W", "late", 160, [], ["d"]),
    )
    assert up(lake, "r") == {"v-d-r"}
    assert down(lake, "w") == set()
    assert down(lake, "v") == {"v-d-r"}


def test_a_run_that_reads_what_it_writes(lake: Lake) -> None:
    for n in (1, 2, 3):
        lake.add(run_event("M", f"m{n}", 100 * n, ["d"], ["d"]))
    assert up(lake, "m3") == {"m2-d-m3", "m1-d-m2", "?-d-m1"}
    assert down(lake, "m1") == {"m1-d-m2", "m2-d-m3"}


def test_aliases_and_datasets_that_a_job_no_longer_writes(lake: Lake) -> None:
    lake.add(
        run_event("W", "w1", 100, [], [use("path/d", symlinks=["d"])]),
        run_event("R", "r", 150, ["d"], []),
        run_event("W", "w2", 200, [], ["other"]),
    )
    assert up(lake, "r") == {"w1-d-r"}
    assert down(lake, "w1") == {"w1-d-r"}


def test_through_a_run_only_where_its_flows_lead(lake: Lake) -> None:
    lake.add(
        run_event("A", "a", 100, [], ["p"]),
        run_event("B", "b", 100, [], ["q"]),
        run_event("J", "j", 200, ["p", "q"], ["x", "y"], flows=[flow("x", "p"), flow("y", "q")]),
        run_event("X", "x", 300, ["x"], []),
        run_event("Y", "y", 300, ["y"], []),
    )
    assert up(lake, "x") == {"j-x-x", "a-p-j"}
    assert down(lake, "b") == {"b-q-j", "j-y-y"}
    assert up(lake, "j") == {"a-p-j", "b-q-j"}


def test_one_id_in_two_jobs(lake: Lake) -> None:
    lake.add(
        run_event("A", "same", 100, [], ["a"]),
        run_event("B", "same", 100, [], ["b"]),
        run_event("R", "r", 200, ["a", "b"], []),
    )
    assert len(ask(lake, "same", Direction.DOWN).edges) == 2
    assert len(ask(lake, "same", Direction.DOWN, job=job("A")).edges) == 1


def test_limits_are_told(lake: Lake) -> None:
    lake.add(run_event("W", "w", 100, [], ["d"]))
    lake.add(*(run_event("R", f"r{n}", 200 + n, ["d"], []) for n in range(30)))
    whole = ask(lake, "w", Direction.DOWN, limit=31)
    assert (len(whole.nodes), whole.truncated) == (31, False)
    part = ask(lake, "w", Direction.DOWN, limit=10)
    assert (len(part.nodes), part.truncated) == (10, True)
    assert len(part.edges) == 9


def test_the_next_write_among_very_many(lake: Lake) -> None:
    """Runs are listed newest first; the write to find is the oldest of 2,000."""
    lake.add(run_event("W", "w", 0, [], ["d"]))
    lake.add(run_event("R", "r1", 40, ["d"], []), run_event("R", "r2", 60, ["d"], []))
    lake.add(*(run_event("W", f"n{n}", 50 + n * 10**6, [], ["d"]) for n in range(2_000)))
    graph = ask(lake, "w", Direction.DOWN)
    assert _edges(graph) == {"w-d-r1"}
    assert not graph.truncated


def test_hidden_and_unknown(lake: Lake) -> None:
    fill(lake)
    lake.add(hide(dataset("e"), 900), hide(job("W"), 900))
    assert up(lake, "s2") == set()
    assert up(lake, "r2") == {"?-d-r2"}
    lake.add(run_event("K", "k", 950, [], [], parent=("P", "only named")))
    for name in ("w2", "nothing", "only named"):
        with pytest.raises(NotFound):
            ask(lake, name, Direction.UP)


@pytest.mark.parametrize("seed", range(20))
def test_down_is_up_turned_round(lake: Lake, seed: int) -> None:
    """Each edge that one run sees going up, the other sees going down."""
    rng = random.Random(seed)
    runs = []
    for n in range(25):
        ins, outs = (rng.sample("abcd", rng.randint(0, 2)) for _ in range(2))
        runs.append((f"J{rng.randint(0, 5)}", f"r{n:02}", rng.randint(1, 20), ins, outs))
    lake.add(*(run_event(*run) for run in runs))
    seen_up = {e for run in runs for e in up(lake, run[1], depth=1)}
    seen_down = {e for run in runs for e in down(lake, run[1], depth=1)}
    assert {e for e in seen_up if not e.startswith("?")} == seen_down
    order = {name: (at, name, job(owner).key(DOMAIN)) for owner, name, at, _, _ in runs}
    for _, reader, at, ins, outs in runs:
        for used in ins:
            writers = [
                order[name]
                for _, name, when, _, written in runs
                if used in written
                and name != reader
                and (when <= at if used not in outs else order[name] < order[reader])
            ]
            best = max(writers)[1] if writers else "?"
            assert f"{best}-{used}-{reader}" in seen_up
