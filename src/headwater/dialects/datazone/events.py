"""Lineage events: posted, listed, read back byte for byte, deleted from this protocol's view."""

import uuid
from collections.abc import Sequence
from email.utils import formatdate
from enum import Enum

import msgspec

from headwater import mask
from headwater.auth.principal import Scope
from headwater.dialects.datazone import names, params, shapes
from headwater.dialects.datazone.domains import Domains, Known
from headwater.dialects.datazone.marks import DIALECT, Marks
from headwater.dialects.datazone.shapes import Named
from headwater.dialects.openlineage.decode import Decoder
from headwater.dialects.openlineage.log import Log
from headwater.errors import (
    BodyTooLarge,
    InvalidParameter,
    InvalidRequest,
    NotFound,
)
from headwater.event import Event, EventKind, Received
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route
from headwater.ids import digest_of
from headwater.store import EventFilter, EventRow, LoggedEvent, Page, Reader

EVENTS = "/v2/domains/{domainIdentifier}/lineage/events"
_EVENT = EVENTS + "/{identifier}"
_TOKEN = "datazone:"  # noqa: S105 # where tokens of this protocol stand among those of a domain
_FRESH = "datazone-fresh:"
_LIST = "ListLineageEvents"


class Status(Enum):
    """What has become of an event. What is committed is processed, so the middle ones never are."""

    REQUESTED = "REQUESTED"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


class _OutlineRun(msgspec.Struct, rename="camel"):
    run_id: str


class _OutlineNode(msgspec.Struct):
    namespace: str
    name: str


class _Outline(msgspec.Struct, rename="camel"):
    """Just what a summary shows of a run event."""

    run: _OutlineRun
    job: _OutlineNode
    event_type: str | None = None
    inputs: list[_OutlineNode] | None = None
    outputs: list[_OutlineNode] | None = None


_outline = msgspec.json.Decoder(_Outline)


class Events:
    """The four operations on events."""

    def __init__(self, context: Context, domains: Domains, log: Log) -> None:
        settings = context.settings
        self._decoder = Decoder(
            lean=True,
            strict=settings.strict,
            name_limit=settings.name_length,
            depth_limit=settings.nesting,
        )
        self._most = settings.datazone_event_bytes
        self._context = context
        self._store = context.store
        self._domains = domains
        self._log = log
        self._marks = Marks(context)

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                "POST",
                EVENTS,
                self.post,
                "PostLineageEvent",
                Scope.WRITE,
                "Record a lineage event",
                body=True,
            ),
            Route("GET", EVENTS, self.list, _LIST, Scope.READ, "The lineage events, by event time"),
            Route(
                "GET",
                _EVENT,
                self.show,
                "GetLineageEvent",
                Scope.READ,
                "A lineage event, as it was posted",
            ),
            Route(
                "DELETE",
                _EVENT,
                self.delete,
                "DeleteLineageEvent",
                Scope.WRITE,
                "Delete a lineage event",
            ),
        )

    async def post(self, request: Request) -> Response:
        context = self._context
        domain = await self._domains.of(request)
        given = params.client_token(request)
        token = f"{_FRESH}{uuid.uuid4().hex}" if given is None else _TOKEN + given
        body = request.body
        try:
            event = self._run_event(body)
        except (InvalidRequest, BodyTooLarge):
            context.telemetry.event(DIALECT, "unknown", "refused")
            raise
        digest = digest_of(body, token)
        received = Received(domain.name, DIALECT, body, digest, event, context.clock(), token=token)
        receipt = await context.ingest.enqueue(received)
        outcome = "repeated" if receipt.repeated else "accepted"
        context.telemetry.event(DIALECT, event.kind.value, outcome)
        answer = b'{"id":"%b","domainId":"%b"}' % (
            names.event_name(receipt.id).encode(),
            domain.id.encode(),
        )
        return shapes.answer(request, answer)

    def _run_event(self, body: bytes) -> Event:
        if len(body) > self._most:
            raise BodyTooLarge(f"event: has {len(body)} bytes, and may have {self._most}")
        if not body:
            raise InvalidParameter("event", "is empty")
        event = self._decoder.decode(body)
        if event.kind is not EventKind.RUN:
            raise InvalidParameter(
                "event", f"is a {event.kind.value} event; only OpenLineage run events are supported"
            )
        return event

    async def list(self, request: Request) -> Response:
        domain = await self._domains.of(request, modelled=False)
        limit = params.limit(request)
        after = params.time(request, "timestampAfter")
        status = params.choice(request, "processingStatus", Status)
        order = params.choice(request, "sortOrder", params.Order) or params.Order.DESCENDING
        down = order is params.Order.DESCENDING
        place = params.read_token(request, _LIST + order.value[0], tuple[bytes])
        where = EventFilter(
            since=None if after is None else after + 1,
            until=params.time(request, "timestampBefore"),
            kind=EventKind.RUN,
            failed=None if status is None else status is Status.FAILED,
        )
        if status in {Status.REQUESTED, Status.PROCESSING}:
            return shapes.answer(request, shapes.EventList(items=()))

        async def question(reader: Reader) -> tuple[list[EventRow], dict[int, LoggedEvent]]:
            rows = await _there(reader, domain.name, where, place, limit + 1, down)
            return rows, await reader.bodies([row.position for row in rows[:limit]])

        rows, bodies = await self._store.read(question)
        more = len(rows) > limit
        rows = rows[:limit]
        token = params.write_token(_LIST + order.value[0], (rows[-1].id,)) if more else None
        items = tuple(self._summary(domain, row, bodies[row.position]) for row in rows)
        return shapes.answer(request, shapes.EventList(items=items, next_token=token))

    def _summary(
        self, domain: Known, row: EventRow, logged: LoggedEvent
    ) -> shapes.LineageEventSummary:
        said = self._said(logged)
        return shapes.LineageEventSummary(
            id=names.event_name(row.id),
            domain_id=domain.id,
            processing_status=_status(row).value,
            event_time=params.seconds(row.time),
            created_by=row.dialect,
            created_at=params.seconds(row.received_at),
            event_summary=None
            if said is None
            else shapes.EventSummary(open_lineage_run_event_summary=said),
        )

    def _said(self, logged: LoggedEvent) -> shapes.RunEventSummary | None:
        try:
            outline = _outline.decode(logged.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _told(self._log.decode(logged))
        return shapes.RunEventSummary(
            event_type=None if outline.event_type is None else outline.event_type.strip().upper(),
            run_id=outline.run.run_id,
            job=Named(name=outline.job.name, namespace=outline.job.namespace),
            inputs=_named(outline.inputs or ()),
            outputs=_named(outline.outputs or ()),
        )

    async def show(self, request: Request) -> Response:
        domain = await self._domains.of(request)
        name = params.event_identifier(request)

        async def question(reader: Reader) -> tuple[EventRow, LoggedEvent]:
            row = await _find(reader, domain.name, name)
            return row, (await reader.bodies([row.position]))[row.position]

        row, logged = await self._store.read(question)
        stored = request.principal.may(Scope.ADMIN)
        body = logged.body if stored else mask.masked(logged.body)
        headers = [
            (b"domain-id", domain.id.encode()),
            (b"id", name.encode()),
            (b"created-by", row.dialect.encode()),
            (b"processing-status", _status(row).value.encode()),
            (b"created-at", _http_date(row.received_at)),
            (b"x-headwater-masked", b"false" if stored or body == logged.body else b"true"),
        ]
        if row.time >= _FIRST_DATE:
            headers.append((b"event-time", _http_date(row.time)))
        if row.failure is not None:
            headers.append((b"x-headwater-failure-reason", _header(row.failure)))
        return shapes.answer(request, body, headers=tuple(headers))

    async def delete(self, request: Request) -> Response:
        """Hides an event from this protocol; the log keeps it, and the graph what it says."""
        domain = await self._domains.of(request)
        name = params.event_identifier(request)

        async def question(reader: Reader) -> EventRow:
            return await _find(reader, domain.name, name)

        row = await self._store.read(question)
        facet = {"deletes": names.event_name(row.id)}
        now = self._context.clock()
        await self._marks.write(domain.name, names.deletion_mark(name), facet, now)
        status = _status(row).value
        answer = {"id": name, "domainId": domain.id, "processingStatus": status}
        return shapes.answer(request, answer)


async def _there(
    reader: Reader,
    domain: str,
    where: EventFilter,
    after: tuple[bytes, ...] | None,
    count: int,
    down: bool,
) -> list[EventRow]:
    """So many events that are not deleted."""
    found: list[EventRow] = []
    while len(found) < count:
        page = Page(count, after)
        rows = await reader.list_events(domain, where, page, "desc" if down else "asc")
        marks = {row.id: names.deletion_mark(names.event_name(row.id)).key(domain) for row in rows}
        deleted = await reader.nodes(marks.values())
        found += [row for row in rows if marks[row.id] not in deleted]
        if len(rows) < count:
            break
        after = (rows[-1].id,)
    return found[:count]


async def _find(reader: Reader, domain: str, name: str) -> EventRow:
    """Raises NotFound, for a deleted event too."""
    span = await reader.event_span(domain)
    if span is not None:
        ranges, tail = names.event_ranges(name, *span)
        rows = await reader.events_ending(domain, ranges, tail)
        rows = [row for row in rows if row.kind is EventKind.RUN]
        mark = names.deletion_mark(name).key(domain)
        if rows and not await reader.nodes([mark]):
            return min(rows, key=lambda row: row.id)
    raise NotFound(f"there is no lineage event {name}")


def _status(row: EventRow) -> Status:
    return Status.SUCCESS if row.failure is None else Status.FAILED


_FIRST_DATE = -62_135_596_800_000_000


def _http_date(micros: int) -> bytes:
    return formatdate(micros // 1_000_000, usegmt=True).encode()


def _header(text: str) -> bytes:
    return text.encode("ascii", "backslashreplace")


def _named(nodes: Sequence[_OutlineNode]) -> tuple[Named, ...]:
    return tuple(Named(name=node.name, namespace=node.namespace) for node in nodes)


def _told(event: Event | None) -> shapes.RunEventSummary | None:
    """The summary of an event that is no strict JSON."""
    if event is None or event.job is None:
        return None
    node = event.job.node
    sides = (
        tuple(
            Named(name=use.statement.node.name, namespace=use.statement.node.namespace)
            for use in uses
        )
        for uses in (event.inputs, event.outputs)
    )
    inputs, outputs = sides
    return shapes.RunEventSummary(
        event_type=None if event.type is None else event.type.value,
        run_id=event.run_id,
        job=Named(name=node.name, namespace=node.namespace),
        inputs=inputs,
        outputs=outputs,
    )
