"""In which order an answer shows nodes and edges."""

from headwater.fold import Origin
from headwater.ids import dataset, job
from headwater.lineage import placing
from headwater.walks import Evidence

NAMED = {
    7: job("a", "x"),
    3: dataset("b", "a"),
    5: dataset("a", "x"),
    1: dataset("a", "w"),
}
ORDERED = [1, 5, 7, 3]


def seen(first: int) -> Evidence:
    return Evidence(Origin.INFERRED, first, first, 1, None)


def test_nodes_go_by_namespace_then_by_name_then_datasets_before_jobs() -> None:
    assert placing.nodes(NAMED) == ORDERED


def test_edges_go_by_source_then_by_target_and_keep_what_is_known_of_them() -> None:
    steps = [(3, 1), (5, 3), (1, 7), (5, 1)]
    found = placing.edges(ORDERED, NAMED, steps, [seen(n) for n in range(4)])
    assert [(edge.source, edge.target, edge.first_seen) for edge in found] == [
        (NAMED[1], NAMED[7], 2),
        (NAMED[5], NAMED[1], 3),
        (NAMED[5], NAMED[3], 1),
        (NAMED[3], NAMED[1], 0),
    ]


def test_a_start_alone_has_no_edges() -> None:
    assert placing.edges([1], NAMED, [], []) == ()
