"""Roll-up by namespace, by name prefix, and by parent job."""

from pathlib import Path

import pytest

from headwater.fold import Origin
from headwater.ids import NodeId
from headwater.ids import dataset as make_dataset
from headwater.lineage.graph import Graph, Group, Rollup
from headwater.lineage.rollup import By, job_parents, prefix, rollup
from headwater.lineage.tables import lineage
from headwater.store import Direction
from tests.building import DOMAIN, Lake, dataset, job, run_event


@pytest.fixture
def graph(tmp_path: Path) -> tuple[Graph, dict[NodeId, NodeId]]:
    sink = make_dataset("s3://lake", "/mart/orders")
    with Lake(tmp_path) as lake:
        lake.add(
            run_event(
                "dag.t1", "r1", 100, ["db.raw.a", "db.raw.b"], ["db.tmp.c"], parent=("dag", "p")
            ),
            run_event("dag.t2", "r2", 200, ["db.tmp.c"], [sink], parent=("dag", "p")),
        )
        found = lake.ask(lambda r: lineage(r, DOMAIN, sink, Direction.UP))
        jobs = [job("dag.t1"), job("dag.t2"), job("dag")]
        return found, lake.ask(lambda r: job_parents(r, DOMAIN, jobs))


def edges(answer: Rollup) -> list[tuple[str, str, int]]:
    return [(e.source.name, e.target.name, e.edges) for e in answer.edges]


def test_by_namespace(graph: tuple[Graph, dict[NodeId, NodeId]]) -> None:
    answer = rollup(graph[0], "namespace")
    groups = {n.group.namespace: n for n in answer.nodes}
    assert [n.group.namespace for n in answer.nodes] == ["s3://lake", "jobs", "ns"]
    assert (groups["ns"].datasets, groups["ns"].jobs, groups["ns"].hops) == (3, 0, 2)
    assert (groups["jobs"].datasets, groups["jobs"].jobs, groups["jobs"].hops) == (0, 2, 1)
    found = [(e.source.namespace, e.target.namespace, e.edges) for e in answer.edges]
    assert found == [("jobs", "ns", 1), ("jobs", "s3://lake", 1), ("ns", "jobs", 3)]
    assert answer.edges[2].first_seen == 100
    assert answer.edges[2].last_seen == 200
    assert answer.edges[2].origin is Origin.INFERRED


def test_by_prefix(graph: tuple[Graph, dict[NodeId, NodeId]]) -> None:
    answer = rollup(graph[0], 2)
    assert edges(answer) == [
        ("dag.t1", "db.tmp", 1),
        ("dag.t2", "/mart/orders", 1),
        ("db.raw", "dag.t1", 2),
        ("db.tmp", "dag.t2", 1),
    ]
    everything = rollup(graph[0], 1)
    assert edges(everything) == [("dag", "db", 1), ("dag", "/mart", 1), ("db", "dag", 3)]


def test_by_parent(graph: tuple[Graph, dict[NodeId, NodeId]]) -> None:
    found, parents = graph
    assert parents == {job("dag.t1"): job("dag"), job("dag.t2"): job("dag")}
    answer = rollup(found, "parent", parents)
    assert Group("job", "jobs", "dag") in {n.group for n in answer.nodes}
    assert ("dag", "/mart/orders", 1) in edges(answer)
    assert len(answer.nodes) == 5
    assert rollup(found, "parent").nodes[1].group == Group("job", "jobs", "dag.t2")
    assert str(dataset("db.raw.a")) == "dataset:ns:db.raw.a"


@pytest.mark.parametrize(("by", "inner"), [("namespace", 4), (9, 0)])
def test_edges_inside_a_group_are_counted_there(tmp_path: Path, by: By, inner: int) -> None:
    task = NodeId(job("x").kind, "ns", "task")
    with Lake(tmp_path) as lake:
        lake.add(run_event(task, "r", 1, ["a", "b", "c"], ["d"]))
        found = lake.ask(lambda r: lineage(r, DOMAIN, task, Direction.BOTH))
    assert sum(node.inner for node in rollup(found, by).nodes) == inner


@pytest.mark.parametrize(
    ("name", "parts", "expected"),
    [
        ("a.b.c", 1, "a"),
        ("a.b.c", 2, "a.b"),
        ("a.b.c", 7, "a.b.c"),
        ("/lake/raw/x.parquet", 1, "/lake"),
        ("lake/raw.d/x", 2, "lake/raw.d"),
        ("", 1, ""),
    ],
)
def test_prefix(name: str, parts: int, expected: str) -> None:
    assert prefix(name, parts) == expected
