"""The facets that hold of many nodes, read from the log in one go."""

from collections.abc import Iterable, Mapping

from headwater import history
from headwater.dialects.openlineage.log import Log
from headwater.event import Event
from headwater.history import FacetStatement
from headwater.ids import Key, NodeId
from headwater.records import Stamp
from headwater.slices import Browser

Said = dict[str, FacetStatement]


async def facets(browser: Browser, log: Log, nodes: Mapping[Key, NodeId]) -> dict[NodeId, Said]:
    """The newest statement of each facet of each node, deleted ones left out."""
    places: dict[NodeId, list[int]] = {}
    for key, node in nodes.items():
        states = await browser.facets(key)
        for stamp in {state.stamp for state in states.values()}:
            found = await browser.node_events(key, _behind(stamp), 1)
            places.setdefault(node, []).extend(position for _, position in found)
    wanted = sorted({position for each in places.values() for position in each})
    events, _ = await log.events(browser, wanted)
    by_node = _sorted_out(events, places.keys())
    return {
        node: history.unite([history.fold_node(by_node.get(node, ()), node)])
        for node in nodes.values()
    }


def _sorted_out(
    events: Iterable[tuple[Stamp, Event]], wanted: Iterable[NodeId]
) -> dict[NodeId, list[tuple[Stamp, Event]]]:
    """The events by the nodes that they state."""
    nodes = set(wanted)
    found: dict[NodeId, list[tuple[Stamp, Event]]] = {}
    for stamped in events:
        _, event = stamped
        owners = (owner.node for owner in (event.job, event.dataset) if owner is not None)
        uses = (use.statement.node for use in (*event.inputs, *event.outputs))
        for node in {*owners, *uses} & nodes:
            found.setdefault(node, []).append(stamped)
    return found


def _behind(stamp: Stamp) -> Stamp:
    """The next greater stamp."""
    return (int.from_bytes(stamp, "big") + 1).to_bytes(17, "big")[1:]
