"""One job or one dataset, with all that is known of it."""

import msgspec

from headwater import history, lineage
from headwater.dialects.native import encode, params, views
from headwater.dialects.openlineage.log import Log
from headwater.errors import NotFound
from headwater.history import FacetStatement
from headwater.ids import FieldId, Key, NodeId
from headwater.lineage.graph import Graph
from headwater.records import stamp_time
from headwater.store import Direction, Moment, NodeDetail, Page, Reader, RunFilter

LATEST_RUNS = 10


async def known(reader: Reader, domain: str, node: NodeId) -> NodeDetail:
    """Raises NotFound."""
    key = node.key(domain)
    detail = (await reader.details([key])).get(key)
    if detail is None:
        raise NotFound(
            f"no {node.kind.value} {node.name!r} is known in namespace {node.namespace!r}"
        )
    return detail


async def _around(
    reader: Reader, domain: str, node: NodeId, until: int | None, limit: int
) -> Graph:
    moment = None if until is None else Moment(until)
    return await lineage.lineage(reader, domain, node, Direction.BOTH, 1, moment, limit)


async def job(
    reader: Reader, log: Log, domain: str, node: NodeId, until: int | None, limit: int
) -> views.JobAnswer:
    """A job now, or at a time. Raises NotFound."""
    detail = await known(reader, domain, node)
    key = detail.row.key
    said, complete = await log.facets(reader, key, node, until)
    facets, stated = encode.statements(history.unite([said]))
    around = await _around(reader, domain, node, until, limit)
    end = None if until is None else until + 1
    runs = await reader.list_runs(domain, RunFilter(job=key, until=end), Page(LATEST_RUNS))
    return views.JobAnswer(
        **msgspec.structs.asdict(encode.entity(detail)),
        as_of=params.iso(until),
        facets=facets,
        stated=stated,
        inputs=encode.neighbours(around, node, up=True),
        outputs=encode.neighbours(around, node, up=False),
        versions=tuple(
            views.VersionItem(digest.hex(), count, params.iso(first), params.iso(last))
            for digest, count, first, last in await reader.versions(key)
        ),
        runs=tuple(map(encode.run, runs)),
        truncated=around.truncated or not complete,
    )


async def dataset(
    reader: Reader, log: Log, domain: str, node: NodeId, until: int | None, limit: int
) -> views.DatasetAnswer:
    """A dataset by all its names, now or at a time. Raises NotFound."""
    detail = await known(reader, domain, node)
    canonical, members = await _members(reader, detail)
    parts: list[dict[str, FacetStatement]] = []
    schemas: dict[bytes, bytes] = {}
    complete = True
    for key, member in members.items():
        part, whole = await log.facets(reader, key, member, until)
        complete &= whole
        parts.append(part)
        for digest, first in await reader.schemas(key):
            schemas[digest] = min(first, schemas.get(digest, first))
    said = history.unite(parts)
    facets, stated = encode.statements(said)
    around = await _around(reader, domain, node, until, limit)
    start = next(near.ref for near in around.nodes if near.hops == 0)  # its canonical name
    return views.DatasetAnswer(
        **msgspec.structs.asdict(encode.entity(detail)),
        as_of=params.iso(until),
        canonical=str(canonical),
        aliases=tuple(sorted(str(member) for member in members.values() if member != node)),
        facets=facets,
        stated=stated,
        fields=_fields(node, said),
        schemas=tuple(
            views.SchemaItem(digest.hex(), params.format_time(stamp_time(first)))
            for digest, first in sorted(schemas.items(), key=lambda item: item[1])
        ),
        producers=encode.neighbours(around, start, up=True),
        consumers=encode.neighbours(around, start, up=False),
        truncated=around.truncated or not complete,
    )


async def _members(reader: Reader, detail: NodeDetail) -> tuple[NodeId, dict[Key, NodeId]]:
    """The canonical name of a dataset, and all its names."""
    row = detail.row
    if row.alias_of is None:
        return row.node, {row.key: row.node}
    rows = (await reader.members([row.alias_of]))[row.alias_of]
    members = {row.key: row.node} | {member.key: member.node for member in rows}
    return members.get(row.alias_of, row.node), members


def _fields(node: NodeId, said: dict[str, FacetStatement]) -> tuple[views.FieldItem, ...]:
    facts = history.schema_of(said)
    return tuple(
        views.FieldItem(str(FieldId(node, field.name)), field.name, field.type, field.description)
        for field in (facts.schema if facts is not None and facts.schema is not None else ())
    )
