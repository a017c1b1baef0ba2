"""The facets that hold of many nodes, read from the log in one go."""

from collections.abc import Iterable, Mapping

from headwater import history
from headwater.dialects.openlineage.log import Log, Stamped
from headwater.event import Event
from headwater.history import FacetStatement
from headwater.ids import Key, NodeId
from headwater.records import Stamp
from headwater.slices import Browser

CHUNK = 500
"""How many events are read at once."""

Said = dict[str, FacetStatement]


async def facets(browser: Browser, log: Log, nodes: Mapping[Key, NodeId]) -> dict[NodeId, Said]:
    """The newest statement of each facet of each node, deleted ones left out."""
    places = await browser.facet_places(nodes)
    wanted = sorted({position for each in places.values() for position in each})
    events: Stamped = []
    for at in range(0, len(wanted), CHUNK):
        events += await _all(browser, log, wanted[at : at + CHUNK])
    by_node = _sorted_out(events, nodes.values())
    return {
        node: history.unite([history.fold_node(by_node.get(node, ()), node)])
        for node in nodes.values()
    }


async def _all(browser: Browser, log: Log, positions: list[int]) -> Stamped:
    """The events at these places, also where they are too large to be read at once."""
    events, whole = await log.events(browser, positions)
    if whole:
        return events
    return [event for position in positions for event in (await log.events(browser, [position]))[0]]


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
