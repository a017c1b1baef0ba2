"""A lineage answer in every format."""

import itertools

import pytest

from headwater.cli import pictures
from headwater.cli.answers import Edge, Graph, Node, Transformation, label
from headwater.ids import FieldId, RunRef, dataset, job

RAW, CLEAN, MART = (str(dataset("s3://lake", name)) for name in ("raw", "clean", "mart"))
WASH, SUM = (str(job("etl", name)) for name in ("wash", "sum"))
OUTSIDE = str(dataset("elsewhere", "x"))


def diamond(**changes: object) -> Graph:
    """raw -> wash -> clean -> sum -> mart, and raw -> sum."""
    pairs = [(RAW, WASH), (RAW, SUM), (WASH, CLEAN), (CLEAN, SUM), (SUM, MART)]
    edges = [Edge(*pair, ("inferred",), runs=3, last_seen="2026-11-13T08:00:00Z") for pair in pairs]
    nodes = [Node(MART), Node(SUM, 1), Node(CLEAN, 2), Node(RAW, 2, missing=2), Node(WASH, 3)]
    values: dict[str, object] = {
        "start": MART,
        "direction": "up",
        "nodes": tuple(nodes),
        "edges": tuple(edges),
        "depth": 3,
        "limit": 100,
        **changes,
    }
    return Graph(**values)  # type: ignore[arg-type] # a test's own bag of options


def draw(graph: Graph, **options: bool) -> list[str]:
    lines = pictures.Tree(graph, **options).lines()
    return ["".join(text for text, _ in line) for line in lines]


def test_a_tree_unfolds_each_node_once() -> None:
    assert draw(diamond()) == [
        "dataset:s3://lake:mart",
        "└── job:etl:sum",
        "    ├── dataset:s3://lake:raw  (+2 upstream, not shown)",
        "    └── dataset:s3://lake:clean",
        "        └── job:etl:wash",
        "            └── dataset:s3://lake:raw  (see above)",
    ]


def test_for_people_names_come_first() -> None:
    assert draw(diamond(), rich=True)[:3] == [
        "■ mart  s3://lake",
        "└── ▶ sum  etl",
        "    ├── ■ raw  s3://lake  (+2 upstream, not shown)",
    ]


def test_both_ways_are_two_branches() -> None:
    nodes = (Node(CLEAN), Node(WASH, 1), Node(SUM, 1), Node(RAW, 2), Node(MART, 2))
    assert draw(diamond(start=CLEAN, direction="both", nodes=nodes)) == [
        "dataset:s3://lake:clean",
        "upstream",
        "└── job:etl:wash",
        "    └── dataset:s3://lake:raw",
        "downstream",
        "└── job:etl:sum",
        "    └── dataset:s3://lake:mart",
    ]


def test_a_cycle_ends() -> None:
    edges = (Edge(MART, SUM), Edge(SUM, MART))
    nodes = (Node(MART), Node(SUM, 1))
    assert draw(diamond(nodes=nodes, edges=edges)) == [
        "dataset:s3://lake:mart",
        "└── job:etl:sum",
        "    └── dataset:s3://lake:mart  (see above)",
    ]


def test_a_chain_may_be_longer_than_the_stack_of_python() -> None:
    names = [str(dataset("n", f"{at}")) for at in range(5_000)]
    edges = tuple(Edge(b, a) for a, b in itertools.pairwise(names))
    nodes = tuple(Node(name, at) for at, name in enumerate(names))
    assert len(draw(diamond(start=names[0], nodes=nodes, edges=edges))) == 5_000


def test_a_run_as_start_stands_above_the_nearest_nodes() -> None:
    run = str(RunRef("r-1"))
    graph = diamond(start=run, nodes=(Node(SUM, 1), Node(RAW, 2)), edges=(Edge(RAW, SUM),))
    assert draw(graph) == ["run:r-1", "job:etl:sum", "└── dataset:s3://lake:raw"]


def test_evidence_and_aliases_and_sources() -> None:
    edge = Edge(
        RAW,
        MART,
        ("explicit", "column"),
        runs=1,
        last_seen="2026-11-13T08:00:00Z",
        last_run="r\x1b1",
        job=SUM,
        transformations=(Transformation("DIRECT", "IDENTITY", True),),
        whole=True,
    )
    nodes = (Node(MART), Node(RAW, 1, aliases=(OUTSIDE,), source=True))
    _, line = draw(diamond(nodes=nodes, edges=(edge,)), evidence=True)
    assert line == (
        "└── dataset:s3://lake:raw  [explicit, column; DIRECT/IDENTITY masking; affects the whole "
        r"dataset; by job:etl:sum; 1 run; last seen 2026-11-13T08:00:00Z; run r\x1b1]"
        "  (also dataset:elsewhere:x)  (source: has no upstream)"
    )


def test_what_is_left_out_is_said() -> None:
    assert pictures.summary(diamond()) == ["1 node has more behind depth 3: --depth shows them."]
    assert pictures.summary(diamond(truncated=True)) == [
        "Cut at 100 nodes: ask with a higher --limit, or from a node further on."
    ]
    assert pictures.summary(diamond(nodes=(Node(MART),))) == []


HOSTILE = 'a"b\\c\n<script>`#`&\x1b]'


@pytest.mark.parametrize("ref", [dataset(HOSTILE, HOSTILE), job(HOSTILE, HOSTILE)])
def test_hostile_names_break_no_picture(ref: object) -> None:
    graph = diamond(nodes=(Node(str(ref)),), edges=(), start=str(ref))
    tree = "\n".join(draw(graph))
    assert "\x1b" not in tree
    assert tree.count("\n") == 0
    [node_line] = [line for line in pictures.dot(graph) if "label" in line]
    assert r"a\"b\\c\\x0a<script>`#`&\\x1b]\na\"b" in node_line
    _, line, _ = pictures.mermaid(graph)
    label_text = line[line.index('"') + 1 : line.rindex('"')]
    assert label_text.split("<br/>")[0] == (
        "a#34;b#92;c#92;x0a#60;script#62;#96;#35;#96;#38;#92;x1b]"
    )


def test_dot() -> None:
    lines = list(pictures.dot(diamond()))
    assert lines[0] == "digraph headwater {"
    assert r'  n0 [label="mart\ns3://lake", shape=box, penwidth=2];' in lines
    assert r'  n1 [label="sum\netl", shape=cds];' in lines
    assert '  n1 -> n0 [tooltip="inferred"];' in lines
    assert lines[-1] == "}"


def test_mermaid() -> None:
    lines = list(pictures.mermaid(diamond()))
    assert lines[0] == "flowchart LR"
    assert '  n0["mart<br/>s3://lake"]' in lines
    assert '  n1(["sum<br/>etl"])' in lines
    assert "  n1 --> n0" in lines


def test_an_edge_to_a_node_that_is_not_there_is_left_out() -> None:
    graph = diamond(nodes=(Node(MART),))
    assert not any("->" in line for line in pictures.dot(graph))
    assert not any("-->" in line for line in pictures.mermaid(graph))
    assert draw(graph) == ["dataset:s3://lake:mart"]


def test_rows() -> None:
    assert list(pictures.node_rows(diamond()))[3] == (2, "dataset", "s3://lake", "raw", 2)
    first = next(iter(pictures.edge_rows(diamond())))
    assert first[:4] == ("dataset:s3://lake:raw", "job:etl:wash", ("inferred",), 3)


def test_a_node_is_written_as_a_command_takes_it() -> None:
    assert label(str(FieldId(dataset("a%b", "c:d"), "e f"))).written == "field:a%25b:c:d:e f"
    assert label("no node").name == "no node"
