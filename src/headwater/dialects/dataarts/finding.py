"""Finds what a guid stands for, and what the log says of it."""

from headwater import fold, history
from headwater.dialects.dataarts import names
from headwater.dialects.openlineage.log import Log
from headwater.dialects.openlineage.stored import DIALECTS, StoredEvents
from headwater.errors import NotFound
from headwater.event import SchemaField
from headwater.history import FacetStatement
from headwater.ids import FieldId, Key, NodeId, NodeKind
from headwater.store import Direction, NodeRow, Reader

_HALF = 8
_ALIKE = 16
"""Nodes whose keys begin alike: with 64 bits in common, a second one is chance already."""


def unknown(guid: str) -> NotFound:
    return NotFound(f"the asset {guid[:200]!r} is not in the catalog")


async def resolve(reader: Reader, domain: str, guid: str) -> NodeId | FieldId:
    """The job, dataset or column of a guid. Raises NotFound."""
    key = names.key_of(guid)
    if key is None:
        raise unknown(guid)
    row = (await reader.nodes([key])).get(key)
    if row is not None and row.hidden_at is None and _is_of(row, domain):
        return row.node
    low, high = (key[:_HALF].ljust(len(key), filler) for filler in (b"\0", b"\xff"))
    for near in await reader.nodes_between(low, high, _ALIKE):
        if near.node.kind is NodeKind.DATASET and near.hidden_at is None and _is_of(near, domain):
            for column in await columns(reader, domain, near.node):
                if names.column_guid(near.key, column) == guid.lower():
                    return FieldId(near.node, column)
    raise unknown(guid)


def _is_of(row: NodeRow, domain: str) -> bool:
    """Keys are derived from the domain too, so no other domain's node can be named by accident."""
    return row.node.key(domain) == row.key


async def columns(reader: Reader, domain: str, dataset: NodeId) -> list[str]:
    """Every column of a dataset that a schema or a flow names, by any of its names."""
    key = dataset.key(domain)
    found = {field.name for field in await _schema(reader, key, dataset)}
    return sorted(found | await _named(reader, key))


async def _named(reader: Reader, key: Key) -> set[str]:
    """The columns of a dataset that the flows which hold now name."""
    row = (await reader.nodes([key])).get(key)
    members = {key}
    if row is not None and row.alias_of is not None:
        rows = (await reader.members([row.alias_of])).get(row.alias_of, [])
        members |= {member.key for member in rows}
    edges = await reader.edges(members, Direction.BOTH, None)
    stated = await reader.stated({edge.owner for edge in edges}, None)
    flows = [
        flow
        for parts in stated.values()
        for part in parts
        for _, flow in fold.column_flows(part.content)
    ]
    # What many flows share is looked through once.
    sources = {id(flow.sources): flow.sources for flow in flows}.values()
    found = {field for flow in flows if flow.target in members for field in flow.fields}
    return found | {
        source.field
        for shared in sources
        for source in shared
        if source.node in members and source.field is not None
    }


async def _schema(reader: Reader, key: Key, dataset: NodeId) -> tuple[SchemaField, ...]:
    facts = history.schema_of(await facets(reader, key, dataset))
    return facts.schema if facts is not None and facts.schema is not None else ()


async def schema(reader: Reader, domain: str, dataset: NodeId) -> dict[str, SchemaField]:
    return {field.name: field for field in await _schema(reader, dataset.key(domain), dataset)}


_log = Log(dict.fromkeys(DIALECTS, StoredEvents().decode))


async def facets(reader: Reader, key: Key, node: NodeId) -> dict[str, FacetStatement]:
    """The facets of a node that hold now, deleted ones too."""
    found, _ = await _log.facets(reader, key, node)
    return found
