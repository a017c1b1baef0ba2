"""Differences: of one question at two times, and of what two runs or two job versions state."""

from collections.abc import Iterable, Mapping

from headwater import fold
from headwater.errors import NotFound
from headwater.event import Flow, Source
from headwater.ids import FieldId, Key, NodeId, fold_run_id, is_job
from headwater.lineage.columns import column_lineage
from headwater.lineage.graph import ContentDifference, Graph, GraphDifference, GraphEdge
from headwater.lineage.tables import lineage
from headwater.records import Content, KeySource
from headwater.store import Direction, Moment, NodeRow, Page, Reader, RunFilter

DEFAULT_FLOWS = 10_000
PAGE = 100

Sources = dict[tuple[Key, str | None], frozenset[KeySource]]
"""What flows into each target column; the field None is the target as a whole."""


async def difference(
    reader: Reader,
    domain: str,
    start: NodeId | FieldId,
    direction: Direction,
    depth: int,
    before: Moment,
    after: Moment | None,
    limit: int,
) -> GraphDifference:
    """What the lineage of a start gained and lost from one moment to another, or to now.

    A start that is hidden at one of them has no lineage there.

    Raises:
        NotFound: the start is unknown, or hidden at both.
    """
    old = await _graph(reader, domain, start, direction, depth, before, limit)
    new = await _graph(reader, domain, start, direction, depth, after, limit)
    if old is None and new is None:
        raise NotFound(f"nothing is known of {start}")
    graphs = [graph for graph in (old, new) if graph is not None]
    nodes_a, nodes_b = ({n.ref: n for n in graph.nodes} if graph else {} for graph in (old, new))
    edges_a, edges_b = ({_name(e): e for e in graph.edges} if graph else {} for graph in (old, new))
    return GraphDifference(
        start=start,
        direction=direction,
        depth=depth,
        before=before,
        after=after,
        added_nodes=tuple(n for ref, n in nodes_b.items() if ref not in nodes_a),
        removed_nodes=tuple(n for ref, n in nodes_a.items() if ref not in nodes_b),
        added_edges=tuple(e for name, e in edges_b.items() if name not in edges_a),
        removed_edges=tuple(e for name, e in edges_a.items() if name not in edges_b),
        truncated=any(graph.truncated for graph in graphs),
        limit=limit,
    )


async def _graph(
    reader: Reader,
    domain: str,
    start: NodeId | FieldId,
    direction: Direction,
    depth: int,
    moment: Moment | None,
    limit: int,
) -> Graph | None:
    try:
        if isinstance(start, FieldId):
            return await column_lineage(reader, domain, start, direction, depth, moment, limit)
        return await lineage(reader, domain, start, direction, depth, moment, limit)
    except NotFound:
        return None


def _name(edge: GraphEdge) -> tuple[NodeId | FieldId, NodeId | FieldId, NodeId | None]:
    return edge.source, edge.target, edge.job


async def run_difference(
    reader: Reader,
    domain: str,
    run_a: str,
    run_b: str,
    job: NodeId | None = None,
    limit: int = DEFAULT_FLOWS,
) -> ContentDifference:
    """What run b states that run a does not (added), and the other way round (removed).

    Args:
        job: whose runs they are, where several jobs have runs of the same id.

    Raises:
        NotFound: a run is unknown, or only named by others.
    """
    owner_a, a = await _run_content(reader, domain, run_a, job)
    owner_b, b = await _run_content(reader, domain, run_b, job)
    return await _difference(reader, (owner_a, a), (owner_b, b), limit)


async def version_difference(
    reader: Reader,
    domain: str,
    job: NodeId,
    version_a: bytes,
    version_b: bytes,
    limit: int = DEFAULT_FLOWS,
) -> ContentDifference:
    """As `run_difference`, between two versions of a job, named by their digests.

    Raises:
        NotFound: no run of the job has such a version.
    """
    owner = job.key(domain)
    a = await _version_content(reader, domain, job, version_a)
    b = await _version_content(reader, domain, job, version_b)
    return await _difference(reader, (owner, a), (owner, b), limit)


async def _run_content(
    reader: Reader, domain: str, run_id: str, job: NodeId | None
) -> tuple[Key, Content]:
    run_id = fold_run_id(run_id)
    for row in await reader.runs(domain, run_id):
        if job is None or row.job == job:
            said = await reader.run_stated(row.record.job, run_id)
            if said is not None:
                return row.record.job, said
    raise NotFound(f"nothing is known of run {run_id!r}")


async def _version_content(reader: Reader, domain: str, job: NodeId, version: bytes) -> Content:
    """A version is read by a run that has it: one that started when its last did."""
    key = job.key(domain)
    for digest, _, _, last in await reader.versions(key):
        if digest == version:
            where = RunFilter(job=key, since=last, until=last + 1)
            for row in await reader.list_runs(domain, where, Page(PAGE)):
                said = await reader.run_stated(key, row.record.run_id)
                if row.version == version and said is not None:
                    return said
    raise NotFound(f"{job} has no version {version.hex()}")


async def _difference(
    reader: Reader, a: tuple[Key, Content], b: tuple[Key, Content], limit: int
) -> ContentDifference:
    rows = await _rows(reader, (a, b))
    (in_a, out_a, flows_a), (in_b, out_b, flows_b) = (
        _stated(owner, part, rows) for owner, part in (a, b)
    )
    added, more_added = _flows(flows_b, flows_a, rows, limit)
    removed, more_removed = _flows(flows_a, flows_b, rows, limit)
    return ContentDifference(
        added_inputs=_named(in_b - in_a, rows),
        removed_inputs=_named(in_a - in_b, rows),
        added_outputs=_named(out_b - out_a, rows),
        removed_outputs=_named(out_a - out_b, rows),
        added_flows=added,
        removed_flows=removed,
        truncated=more_added or more_removed,
        limit=limit,
    )


async def _rows(reader: Reader, said: Iterable[tuple[Key, Content]]) -> dict[Key, NodeRow]:
    """Every node that the contents name, and the canonical members of those."""
    keys: set[Key] = set()
    for owner, part in said:
        keys |= {owner, *part.inputs, *part.outputs}
        for flow in (*part.columns, *(part.explicit or ())):
            keys |= {flow.target, *(source.node for source in flow.sources)}
    rows = await reader.nodes(keys)
    canonical = {row.alias_of for row in rows.values() if row.alias_of is not None}
    return rows | await reader.nodes(canonical - rows.keys())


def _stated(
    owner: Key, part: Content, rows: Mapping[Key, NodeRow]
) -> tuple[set[Key], set[Key], Sources]:
    """Inputs, outputs and flows under canonical keys; what is hidden now is left out."""
    pairs = fold.edges(owner, part)

    def canonical(keys: Iterable[Key]) -> set[Key]:
        return {rows[key].alias_of or key for key in keys if rows[key].hidden_at is None}

    inputs = canonical(s for s, t in pairs if t == owner and not is_job(s))
    outputs = canonical(t for s, t in pairs if s == owner and not is_job(t))
    flows: Sources = {}
    for _, flow in fold.column_flows(part):
        for target in canonical((flow.target,)):
            sources = frozenset(
                source._replace(node=key)
                for source in flow.sources
                for key in canonical((source.node,))
            )
            for field in flow.fields or (None,):
                known = flows.get((target, field))
                flows[target, field] = sources if known is None else known | sources
    return inputs, outputs, flows


def _flows(
    these: Sources, those: Sources, rows: Mapping[Key, NodeRow], limit: int
) -> tuple[tuple[Flow, ...], bool]:
    """The flows of one side that the other has not, and whether the limit left some out."""
    found: list[Flow] = []
    for (target, field), sources in these.items():
        fresh = sources - those.get((target, field), frozenset())
        if fresh:
            named = (Source(rows[s.node].node, s.field, s.transformations) for s in fresh)
            ordered = tuple(
                sorted(named, key=lambda s: (str(s.node), s.field or "", s.transformations))
            )
            found.append(Flow(rows[target].node, () if field is None else (field,), ordered))
    found.sort(key=lambda flow: (str(flow.target), flow.fields))
    return tuple(found[:limit]), len(found) > limit


def _named(keys: set[Key], rows: Mapping[Key, NodeRow]) -> tuple[NodeId, ...]:
    return tuple(sorted((rows[key].node for key in keys), key=str))
