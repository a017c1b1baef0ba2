"""Finds what a guid stands for, and what the log says of it."""

from headwater import history, lineage
from headwater.dialects.dataarts import names
from headwater.dialects.openlineage.stored import DIALECTS, StoredEvents
from headwater.errors import HeadwaterError, NotFound
from headwater.event import Event, SchemaField
from headwater.history import FacetStatement
from headwater.ids import FieldId, Key, NodeId, NodeKind, digest_of
from headwater.records import LAST_STAMP, stamp_of
from headwater.store import Direction, LoggedEvent, NodeRow, Reader

_HALF = 8
COLUMNS = 10_000
"""So many columns of a table are listed."""


class Unknown(NotFound):
    """The asset is not in the catalog."""

    def __init__(self, guid: str) -> None:
        super().__init__(f"the asset {guid[:200]!r} is not in the catalog")


async def resolve(reader: Reader, domain: str, guid: str) -> NodeId | FieldId:
    """The job, dataset or column of a guid. Raises Unknown."""
    key = names.key_of(guid)
    if key is None:
        raise Unknown(guid)
    row = (await reader.nodes([key])).get(key)
    if row is not None and row.hidden_at is None and _is_of(row, domain):
        return row.node
    for near in await reader.nodes_like(key[:_HALF]):
        if near.node.kind is NodeKind.DATASET and near.hidden_at is None and _is_of(near, domain):
            for column in await columns(reader, domain, near.node):
                if names.column_guid(near.key, column) == guid.lower():
                    return FieldId(near.node, column)
    raise Unknown(guid)


def _is_of(row: NodeRow, domain: str) -> bool:
    """Keys are derived from the domain too, so no other domain's node can be named by accident."""
    return row.node.key(domain) == row.key


async def columns(reader: Reader, domain: str, dataset: NodeId) -> list[str]:
    """Every column of a dataset that a schema or a flow names, by any of its names."""
    key = dataset.key(domain)
    found = dict.fromkeys(field.name for field in await _schema(reader, key, dataset))
    graph = await lineage.column_lineage(reader, domain, dataset, Direction.BOTH, 0, None, COLUMNS)
    found |= dict.fromkeys(node.ref.name for node in graph.nodes if isinstance(node.ref, FieldId))
    return sorted(found)


async def _schema(reader: Reader, key: Key, dataset: NodeId) -> tuple[SchemaField, ...]:
    facts = history.schema_of(await facets(reader, key, dataset))
    return facts.schema if facts is not None and facts.schema is not None else ()


async def schema(reader: Reader, domain: str, dataset: NodeId) -> dict[str, SchemaField]:
    return {field.name: field for field in await _schema(reader, dataset.key(domain), dataset)}


_events = StoredEvents()


async def facets(reader: Reader, key: Key, node: NodeId) -> dict[str, FacetStatement]:
    """The facets of a node that hold now, deleted ones too."""
    states = await reader.facets(key)
    found: dict[str, FacetStatement] = {}
    for stamp in {state.stamp for state in states.values()}:
        ceiling = min(int.from_bytes(stamp, "big") + 1, int.from_bytes(LAST_STAMP, "big"))
        rows = await reader.node_events(key, ceiling.to_bytes(16, "big"), 1)
        for logged in (await reader.bodies([position for _, position in rows])).values():
            event = decoded(logged)
            if event is not None:
                digest = digest_of(logged.body, logged.token)
                stated = [(stamp_of(event, digest, logged.received_at), event)]
                found = history.fold_node(stated, node, found)
    return found


def decoded(logged: LoggedEvent) -> Event | None:
    """None for an event that was kept although it cannot be decoded."""
    if logged.dialect not in DIALECTS:
        return None
    try:
        return _events.decode(logged.body)
    except HeadwaterError:
        return None
