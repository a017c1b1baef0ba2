"""Lists of events, and one event with its bytes."""

from collections.abc import Callable, Sequence

import msgspec

from headwater import mask
from headwater.auth.principal import Scope
from headwater.dialects.native import encode, params, views
from headwater.dialects.openlineage.log import Log
from headwater.errors import InvalidParameter, NotFound
from headwater.event import Event, EventKind, EventType
from headwater.http.context import Context
from headwater.http.message import Param, Request, Response, Route
from headwater.ids import fold_run_id, format_event_id, parse_event_id
from headwater.store import EventFilter, EventRow, LoggedEvent, Reader

_TEXT: dict[str, object] = {"type": "string"}
_FLAG: dict[str, object] = {"type": "boolean"}
_KINDS: dict[str, object] = {"type": "string", "enum": [kind.value for kind in EventKind]}
_TYPES: dict[str, object] = {
    "type": "array",
    "items": {"type": "string", "enum": [kind.value for kind in EventType]},
}
_ORDERS: dict[str, object] = {"type": "string", "enum": ["asc", "desc"], "default": "desc"}


class Events:
    """Answers what the log holds."""

    def __init__(self, context: Context, log: Log) -> None:
        self._store = context.store
        self._log = log

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/api/v2/events", self.list, "list_events", Scope.READ,
                  "The events of the log, by event time",
                  params=(
                      *params.LISTED, *params.WINDOW, params.NAMESPACE,
                      Param("node", _TEXT, "Only events that state this job or dataset."),
                      Param("run", _TEXT, "Only events of this run id."),
                      Param("kind", _KINDS, "Only events of this kind."),
                      Param("type", _TYPES, "Only events of one of these types."),
                      Param("failed", _FLAG, "Only events that nothing could be derived from."),
                      Param("order", _ORDERS, "Oldest or newest first."),
                  ), answer=views.Page[views.EventItem]),
            Route("GET", "/api/v2/events/{id}", self.show, "show_event", Scope.READ,
                  "An event with what it says", answer=views.EventAnswer),
            Route("GET", "/api/v2/events/{id}/raw", self.raw, "show_event_raw", Scope.READ,
                  "The bytes that were received; without the admin scope, secrets are masked",
                  answer=msgspec.Raw),
        )
        # fmt: on

    async def list(self, request: Request) -> Response:
        domain, page = params.domain_of(request), params.page(request, tuple[bytes])
        node, run = params.node_text(request, "node"), request.text("run")
        order = (request.text("order") or "desc").lower()
        if order not in ("asc", "desc"):
            raise InvalidParameter("order", f"{order!r} is not one of asc, desc")
        where = EventFilter(
            since=params.time(request, "since"),
            until=params.time(request, "until"),
            run_id=None if run is None else fold_run_id(run),
            kind=next(iter(params.choices(request, "kind", EventKind)), None),
            types=params.choices(request, "type", EventType),
            namespace=request.text("namespace"),
            failed=request.flag("failed") if request.text("failed") else None,
        )

        async def question(reader: Reader) -> Sequence[EventRow]:
            wanted = where
            if node is not None:
                ref = await params.look_up(reader, domain, node, "node")
                wanted = msgspec.structs.replace(where, node=ref.key(domain))
            return await reader.list_events(domain, wanted, page, order)

        rows = await self._store.read(question)
        items = [encode.event(row) for row in rows]
        return encode.answer(encode.page(items, page.limit - 1, [(row.id,) for row in rows]))

    async def show(self, request: Request) -> Response:
        def render(row: EventRow, logged: LoggedEvent) -> bytes:
            event = self._log.decode(logged)
            return encode.written(_answer(row, event, mask.masked(logged.body)))

        return Response(200, (await self._read(request, render))[1])

    async def raw(self, request: Request) -> Response:
        stored = params.sees_stored_bytes(request)

        def render(_: EventRow, logged: LoggedEvent) -> bytes:
            return logged.body if stored else mask.masked(logged.body)

        row, body = await self._read(request, render)
        headers = (
            (b"x-headwater-dialect", row.dialect.encode()),
            (b"x-headwater-masked", b"false" if stored else b"true"),
            (b"x-content-type-options", b"nosniff"),
        )
        return Response(200, body, headers=headers)

    async def _read(
        self, request: Request, render: Callable[[EventRow, LoggedEvent], bytes]
    ) -> tuple[EventRow, bytes]:
        """The event asked for, and its answer: a large one is masked beside the event loop."""
        domain, identity = params.domain_of(request), parse_event_id(request.path[0])

        async def question(reader: Reader) -> tuple[EventRow, bytes]:
            row = await reader.event(domain, identity)
            if row is None:
                raise NotFound(f"no event {format_event_id(identity)} is known")
            return row, render(row, (await reader.bodies([row.position]))[row.position])

        return await self._store.read(question)


def _answer(row: EventRow, event: Event | None, body: bytes) -> views.EventAnswer:
    item = msgspec.structs.asdict(encode.event(row))
    if event is None:
        return views.EventAnswer(**item, producer="", schema_url="", job=None, inputs=(),
                                 outputs=(), flags=(), event=msgspec.Raw(body))  # fmt: skip
    return views.EventAnswer(
        **item,
        producer=event.producer,
        schema_url=event.schema_url,
        job=None if event.job is None else str(event.job.node),
        inputs=tuple(str(use.statement.node) for use in event.inputs),
        outputs=tuple(str(use.statement.node) for use in event.outputs),
        flags=tuple(views.Flag(flag.pointer, flag.reason) for flag in event.flags),
        event=msgspec.Raw(body),
    )
