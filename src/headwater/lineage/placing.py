"""In which order an answer shows what a walk has found.

Thousands are sorted by plain numbers and texts, looked up and not worked out for each.
"""

from collections.abc import Iterable, Mapping
from operator import add, attrgetter

from headwater.ids import NodeId, NodeKind
from headwater.lineage.graph import GraphEdge
from headwater.walks import Evidence, Number


def nodes(named: Mapping[Number, NodeId]) -> list[Number]:
    """By namespace, then by name, datasets before jobs."""
    ordered = [n for kind in NodeKind for n, node in named.items() if node.kind is kind]
    for part in (attrgetter("name"), attrgetter("namespace")):
        ordered.sort(key=dict(zip(named, map(part, named.values()), strict=True)).__getitem__)
    return ordered


def edges(
    ordered: list[Number],
    named: Mapping[Number, NodeId],
    steps: Iterable[tuple[Number, Number]],
    told: list[Evidence],
) -> tuple[GraphEdge, ...]:
    """By source, then by target, in the order of the nodes.

    Args:
        steps: source and target of each edge.
        told: what is known of each.
    """
    if not told:
        return ()
    count = len(ordered)
    row = dict(zip(ordered, range(0, count * count, count), strict=True))
    column = dict(zip(ordered, range(count), strict=True))
    sources, targets = zip(*steps, strict=True)
    places = list(map(add, map(row.__getitem__, sources), map(column.__getitem__, targets)))
    order = sorted(range(len(places)), key=places.__getitem__)
    return tuple(
        map(
            GraphEdge,
            [named[sources[n]] for n in order],
            [named[targets[n]] for n in order],
            [told[n] for n in order],
        )
    )
