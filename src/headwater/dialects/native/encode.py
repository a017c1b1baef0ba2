"""From what the graph and the store know to the answers of the native API."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from headwater import ids, mask
from headwater.dialects.native import graphs, params, views
from headwater.dialects.native.params import format_time, iso
from headwater.history import Facets, FacetStatement, RunDetail, UseDetail
from headwater.http.message import Response, json_response
from headwater.ids import FieldId, NodeId, NodeKind, Ref, RunRef, format_event_id
from headwater.lineage.graph import Graph, GraphEdge
from headwater.records import stamp_time
from headwater.store import EventRow, Hit, NodeDetail, RunRow

Item = TypeVar("Item")


def answer(value: object, status: int = 200) -> Response:
    return json_response(value, status)


def written(value: object) -> bytes:
    """The body of an answer: made where the question runs, a large one holds up nobody else."""
    return msgspec.json.encode(value)


def page(items: Sequence[Item], limit: int, cursors: Sequence[params.Cursor]) -> views.Page[Item]:
    """A page of the rows asked for, of which one more than the limit was read.

    Args:
        cursors: of each row, what leads to the rows behind it.
    """
    more = len(items) > limit
    cursor = params.encode_cursor(cursors[limit - 1]) if more else None
    return views.Page(tuple(items[:limit]), cursor)


def event(row: EventRow) -> views.EventItem:
    return views.EventItem(
        id=format_event_id(row.id),
        position=row.position,
        dialect=row.dialect,
        kind=row.kind.value,
        type=None if row.type is None else row.type.value,
        time=format_time(row.time),
        received_at=format_time(row.received_at),
        size=row.size,
        node=None if row.node is None else str(row.node),
        run_id=row.run_id,
        failure=row.failure,
        flag_count=row.flags,
    )


def run(row: RunRow) -> views.RunItem:
    record = row.record
    links = record.links[1] if record.links else None
    nominal = record.nominal or (b"", None, None)
    started, ended = record.started, record.ended
    return views.RunItem(
        id=str(RunRef(record.run_id)),
        run_id=record.run_id,
        job=str(row.job),
        namespace=row.job.namespace,
        name=row.job.name,
        state=record.state,
        started_at=iso(started),
        ended_at=iso(ended),
        duration=None if started is None or ended is None else (ended - started) / 1e6,
        nominal_start=iso(nominal[1]),
        nominal_end=iso(nominal[2]),
        first_seen=iso(record.first),
        last_seen=None if record.newest is None else format_time(stamp_time(record.newest)),
        parent=None if links is None else _name(links.parent_run, row.parent_job),
        root=None
        if links is None or links.root_run is None
        else _name(links.root_run, row.root_job),
        version=None if row.version is None else row.version.hex(),
        streaming=record.mode is not None and record.mode[1].streaming,
        placeholder=record.newest is None,
    )


def _name(run_id: str, job: NodeId | None) -> views.RunName:
    return views.RunName(run_id, None if job is None else str(job))


def facets(bodies: Facets) -> views.RawFacets:
    return {name: msgspec.Raw(mask.masked(body)) for name, body in bodies.items()}


def statements(
    said: Mapping[str, FacetStatement],
) -> tuple[views.RawFacets, dict[str, views.Stated]]:
    """The facets of a node, and when and of which of its names each was stated."""
    return (
        facets({name: state.facet.body for name, state in said.items()}),
        {
            name: views.Stated(format_time(stamp_time(state.stamp)), str(state.statement.node))
            for name, state in said.items()
        },
    )


def use(detail: UseDetail) -> views.UseItem:
    return views.UseItem(
        id=str(detail.node),
        namespace=detail.node.namespace,
        name=detail.node.name,
        facets=facets(detail.facets),
        use_facets=facets(detail.use_facets),
    )


def run_detail(
    row: RunRow, detail: RunDetail, events: int, truncated: bool, others: Iterable[RunRow]
) -> views.RunAnswer:
    item = run(row)
    return views.RunAnswer(
        **msgspec.structs.asdict(item),
        facets=facets(detail.run_facets),
        job_facets=facets(detail.job_facets),
        inputs=tuple(map(use, detail.inputs)),
        outputs=tuple(map(use, detail.outputs)),
        producers=detail.producers,
        events=events,
        truncated=truncated,
        children=f"/api/v2/runs?parent={ids.encode(item.run_id)}",
        others=tuple(map(run, others)),
    )


def entity(detail: NodeDetail) -> views.EntityItem:
    row, gist = detail.row, detail.gist
    return views.EntityItem(
        id=str(row.node),
        kind=row.node.kind.value,
        namespace=row.node.namespace,
        name=row.node.name,
        description=_shown(gist.description),
        owners=tuple(views.OwnerItem(owner.name, owner.type) for owner in gist.owners),
        tags=tuple(views.TagItem(tag.key, tag.value, tag.field) for tag in gist.tags),
        type=gist.type,
        columns=gist.columns,
        lifecycle=gist.lifecycle,
        source_name=_shown(gist.source_name),
        source_uri=_shown(gist.source_uri),
        processing=gist.processing,
        integration=gist.integration,
        location=_shown(gist.location),
        first_seen=iso(detail.first),
        last_seen=iso(detail.last),
        hidden_at=iso(row.hidden_at),
        placeholder=detail.first is None,
    )


def hit(found: Hit) -> views.HitItem:
    node = found.node
    ref = str(FieldId(node, found.field)) if found.field is not None else str(node)
    dataset = node.kind is NodeKind.DATASET
    return views.HitItem(
        id=ref if dataset else str(node),
        kind="field" if dataset and found.field is not None else node.kind.value,
        namespace=node.namespace,
        name=node.name,
        matched=found.matched,
        field=found.field,
        text=_shown(found.text),
    )


def neighbours(found: Graph, start: Ref, up: bool) -> tuple[views.NeighbourItem, ...]:
    """The nodes that one edge leads from (up) or to, by name."""
    ends = [(edge.source, edge.target, edge) for edge in found.edges]
    wanted = [
        (far, edge)
        for source, target, edge in ends
        for near, far in [(target, source) if up else (source, target)]
        if near == start and isinstance(far, NodeId)
    ]
    return tuple(
        _neighbour(far, edge) for far, edge in sorted(wanted, key=lambda item: item[0].name)
    )


def _neighbour(node: NodeId, edge: GraphEdge) -> views.NeighbourItem:
    return views.NeighbourItem(
        id=str(node),
        namespace=node.namespace,
        name=node.name,
        origins=graphs.origins(edge.origin),
        first_seen=iso(edge.first_seen),
        last_seen=iso(edge.last_seen),
        runs=edge.runs,
        last_run=edge.last_run,
    )


def _shown(text: str | None) -> str | None:
    return None if text is None else mask.text(text)
