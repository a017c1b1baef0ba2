"""Impact: everything that a node or a column reaches, as a flat ranked list."""

from headwater.ids import FieldId, NodeId, order
from headwater.lineage.columns import column_lineage
from headwater.lineage.graph import Graph, Impact, ImpactItem
from headwater.lineage.net import ANYWHERE, Net, State
from headwater.lineage.tables import lineage
from headwater.store import Direction, Moment, Reader

NODES = 10_000
"""So many nodes are searched at most; a greater limit raises it."""


async def impact(
    reader: Reader,
    domain: str,
    start: NodeId | FieldId,
    direction: Direction,
    depth: int,
    moment: Moment | None,
    limit: int,
) -> Impact:
    """What the start reaches within `depth` edges; the nearest `limit` of it are listed.

    A node that is found both ways is listed with the shorter one.

    Raises:
        NotFound: the start is unknown, or hidden now.
    """
    ways = (Direction.UP, Direction.DOWN) if direction is Direction.BOTH else (direction,)
    nodes = max(limit + 1, NODES)
    found: dict[NodeId | FieldId, ImpactItem] = {}
    cut = False
    for way in ways:
        if isinstance(start, FieldId):
            graph = await column_lineage(reader, domain, start, way, depth, moment, nodes)
        else:
            graph = await lineage(reader, domain, start, way, depth, moment, nodes)
        cut = cut or graph.truncated
        for item in _items(graph, await Net.read(reader, domain, graph, way)):
            known = found.get(item.ref)
            if known is None or item.hops < known.hops:
                found[item.ref] = item
    ranked = sorted(found.values(), key=lambda i: (i.hops, -i.dependents, order(i.ref)))
    return Impact(
        start=start,
        direction=direction,
        depth=depth,
        moment=moment,
        items=tuple(ranked[:limit]),
        total=len(ranked),
        at_least=cut,
        truncated=cut or len(ranked) > limit,
        limit=limit,
    )


def _items(graph: Graph, net: Net) -> list[ImpactItem]:
    before = _before(net)
    # Where two owners state one edge, the net follows the flows and the answer follows both.
    for near in reversed(range(len(net.out))):
        for _, far in net.out[near]:
            if graph.nodes[near].hops < graph.nodes[far].hops:
                before.setdefault(far, near)
    return [
        ImpactItem(
            ref=node.ref,
            hops=node.hops,
            via=net.refs[before[n]] if n in before else None,
            dependents=len({step.far for step in net.out[n]}) + node.missing,
        )
        for n, node in enumerate(graph.nodes)
        if node.hops > 0
    ]


def _before(net: Net) -> dict[int, int]:
    """For each node, the one before it on a shortest path; among equals, the first by name."""
    before: dict[int, int] = {}
    frontier: list[State] = [(start, ANYWHERE) for start in net.starts]
    met = set(frontier)
    while frontier:
        following: list[State] = []
        for state in sorted(frontier):
            for step in net.steps(state):
                before.setdefault(step.far, state[0])
                entered = net.enter(state[0], step.far)
                if entered not in met:
                    met.add(entered)
                    following.append(entered)
        frontier = following
    return before
