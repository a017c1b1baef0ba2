"""What is written straight from a graph is what its shapes say, to the byte."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.dialects.native import graphs, written
from headwater.event import Transformation
from headwater.fold import Origin
from headwater.ids import FieldId, NodeId, NodeKind
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.store import Direction, Moment
from headwater.walks import Evidence

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["", '"', "\\", "\n\x00", "a:b/c%2F", "<script>", "ä漢🙂"]
)
TIMES = st.integers(-(10**12), 10**15)
NODES = st.builds(NodeId, st.sampled_from(NodeKind), TEXTS, TEXTS)
DATASETS = st.builds(NodeId, st.just(NodeKind.DATASET), TEXTS, TEXTS)
REFS = NODES | st.builds(FieldId, DATASETS, TEXTS)
COUNTS = st.integers(0, 10**6)
EVIDENCE = st.builds(
    Evidence, st.integers(0, 31).map(Origin), TIMES, TIMES, COUNTS, st.none() | TEXTS
)
HOW = st.builds(Transformation, TEXTS, TEXTS, TEXTS, st.booleans())


@st.composite
def found(draw: st.DrawFn) -> Graph:
    refs = draw(st.lists(REFS, min_size=1, max_size=5))
    nodes = [
        GraphNode(
            ref,
            draw(COUNTS),
            draw(COUNTS),
            tuple(draw(st.lists(NODES, max_size=2))),
            draw(st.booleans()),
        )
        for ref in refs
    ]
    ends = st.sampled_from(refs)
    edges = draw(
        st.lists(
            st.builds(
                GraphEdge,
                source=ends,
                target=ends,
                evidence=EVIDENCE,
                job=st.none() | NODES,
                transformations=st.lists(HOW, max_size=2).map(tuple),
                whole=st.booleans(),
            ),
            max_size=5,
        )
    )
    moment = draw(st.none() | st.builds(Moment, COUNTS, st.none() | COUNTS))
    rest = (draw(st.sampled_from(Direction)), draw(COUNTS), moment)
    return Graph(refs[0], *rest, tuple(nodes), tuple(edges), draw(st.booleans()), draw(COUNTS))


@settings(deadline=None)
@given(found())
def test_the_same_bytes(graph: Graph) -> None:
    assert written.graph(graph) == msgspec.json.encode(graphs.graph(graph))
