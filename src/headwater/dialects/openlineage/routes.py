"""The endpoints that OpenLineage clients post to. The way in is kept thin: it is the hot path."""

import asyncio
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from headwater.auth.principal import Scope
from headwater.dialects.openlineage import errors as wire
from headwater.dialects.openlineage.decode import Decoder
from headwater.dialects.openlineage.extract import Extract
from headwater.errors import (
    BodyTooLarge,
    HeadwaterError,
    InvalidRequest,
    MalformedBody,
    Unavailable,
    UnsupportedMedia,
)
from headwater.event import Received
from headwater.http.context import Context
from headwater.http.message import Dialect, Done, Request, Response, Route, json_response
from headwater.ids import digest_of, format_event_id
from headwater.ingest import settling
from headwater.store import Receipt

Posted = Annotated[
    dict[str, Any],
    msgspec.Meta(
        title="OpenLineageEvent",
        description="A RunEvent, JobEvent or DatasetEvent of "
        "https://openlineage.io/spec/2-0-2/OpenLineage.json, or of any version before.",
    ),
]
Status = Literal["success", "partial_success"]
NAME = "openlineage"
# Ours, DataHub's and OpenMetadata's; the first one is in the reference.
PATHS = (
    "/api/v1/lineage",
    "/openapi/openlineage/api/v1/lineage",
    "/api/v1/openlineage/lineage",
)
BREATH = 100
"""After so many events of a batch, other requests get their turn."""
SHARE = 500
"""So many events of a batch may wait for their commit at once: the queue is for all clients."""


class Success(msgspec.Struct, frozen=True):
    """The event is durable and visible under this id."""

    status: int
    id: str


class FailedEvent(msgspec.Struct, frozen=True):
    """An event that was not taken; a `retriable` one may be sent again as it is."""

    index: int
    reason: str
    retriable: bool


class Summary(msgspec.Struct, frozen=True):
    """How a batch went; `repeated` events were known already, and count as successful."""

    received: int
    successful: int
    failed: int
    retriable: int
    non_retriable: int
    repeated: int


class BatchAnswer(msgspec.Struct, frozen=True):
    """OpenLineage's batch answer. `partial_success` says that any event failed, or all."""

    status: Status
    summary: Summary
    failed_events: tuple[FailedEvent, ...]


class _Taken(NamedTuple):
    place: int
    kind: str
    receipt: asyncio.Future[Receipt]


def dialect(context: Context) -> Dialect:
    """What OpenLineage clients and readers of oleander's extract API speak."""
    return Dialect(NAME, routes(context), wire.render)


def routes(context: Context) -> tuple[Route, ...]:
    intake = Intake(context)
    ways: list[Route] = []
    for number, path in enumerate(PATHS):
        shown = number == 0
        # fmt: off
        ways += (
            Route("POST", path, intake.single, "post_event", Scope.WRITE,
                  "Record an event: a RunEvent, a JobEvent or a DatasetEvent", body=True,
                  answer=(Success, BatchAnswer) if shown else None, request_type=Posted,
                  direct=intake.direct),
            Route("POST", f"{path}/batch", intake.batch, "post_batch", Scope.WRITE,
                  "Record an array of events; one that is refused does not harm the others",
                  body=True, answer=BatchAnswer if shown else None,
                  request_type=list[Posted]),
        )
        # fmt: on
    return (*ways, *Extract(context).routes())


class Intake:
    """Takes events in."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self._decoder = Decoder(
            lean=True,
            strict=settings.strict,
            name_limit=settings.name_length,
            depth_limit=settings.nesting,
        )
        self._strict = settings.strict
        self._most = settings.batch_events
        self._ingest = context.ingest
        self._telemetry = context.telemetry
        self._clock = context.clock

    async def single(self, request: Request) -> Response:
        """One event, or an array of them, which is taken as a batch unless it is empty."""
        if self._strict:
            _require_json(request)
        body = request.body
        if body[:1] != b"{":
            bodies = self._decoder.split(body)
            if bodies:
                return await self._all(request, bodies)
            if bodies is not None:
                raise MalformedBody("an event is a JSON object; this is an empty array")
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._event(request, settling(answer))
        return await answer

    def direct(self, request: Request, done: Done) -> bool:
        """`single`, for what is no array."""
        if request.body[:1] != b"{":
            return False
        if self._strict:
            _require_json(request)
        self._event(request, done)
        return True

    def _event(self, request: Request, done: Done) -> None:
        body = request.body
        try:
            event = self._decoder.decode(body)
        except InvalidRequest:
            self._telemetry.event(NAME, "unknown", "refused")
            raise
        kind = event.kind.value

        def receipted(result: Receipt | Exception) -> None:
            if isinstance(result, Exception):
                done(result)
                return
            self._telemetry.event(NAME, kind, "repeated" if result.repeated else "accepted")
            identity = format_event_id(result.id).encode()
            done(Response(200, b'{"status":200,"id":"%b"}' % identity))

        domain = request.principal.domain or "default"
        received = Received(domain, NAME, body, digest_of(body), event, self._clock())
        self._ingest.take(received, receipted)

    async def batch(self, request: Request) -> Response:
        if self._strict:
            _require_json(request)
        bodies = self._decoder.split(request.body)
        if bodies is None:
            raise MalformedBody("a batch is a JSON array of events")
        return await self._all(request, bodies)

    async def _all(self, request: Request, bodies: list[bytes]) -> Response:
        """Answers 200 whenever any event was taken or none ever will be; else the client retries.

        Raises:
            Unavailable: none was taken, and some may be later.
        """
        if len(bodies) > self._most:
            raise BodyTooLarge(f"a batch may hold {self._most} events; this one has {len(bodies)}")
        taken, failed = await self._enqueue(request.principal.domain or "default", bodies)
        results = await asyncio.gather(*(one.receipt for one in taken), return_exceptions=True)
        successful = repeated = 0
        trouble: BaseException | None = None
        for (index, kind, _), result in zip(taken, results, strict=True):
            if isinstance(result, BaseException):
                trouble = result
                reason = result.message if isinstance(result, HeadwaterError) else "Server error"
                failed.append(FailedEvent(index, reason, True))
                continue
            successful += 1
            repeated += result.repeated
            self._telemetry.event(NAME, kind, "repeated" if result.repeated else "accepted")
        retriable = sum(one.retriable for one in failed)
        if retriable and not successful:
            raise trouble or Unavailable("the queue is full")
        failed.sort(key=lambda one: one.index)
        lost = len(failed) - retriable
        summary = Summary(len(bodies), successful, len(failed), retriable, lost, repeated)
        status: Status = "partial_success" if failed else "success"
        return json_response(BatchAnswer(status, summary, tuple(failed)))

    async def _enqueue(
        self, domain: str, bodies: list[bytes]
    ) -> tuple[list[_Taken], list[FailedEvent]]:
        taken: list[_Taken] = []
        failed: list[FailedEvent] = []
        now = self._clock()
        for index, body in enumerate(bodies):
            if index % BREATH == BREATH - 1:
                await _breathe(taken)
            try:
                event = self._decoder.decode(body)
                received = Received(domain, NAME, body, digest_of(body), event, now)
                taken.append(_Taken(index, event.kind.value, self._ingest.enqueue(received)))
            except InvalidRequest as error:
                self._telemetry.event(NAME, "unknown", "refused")
                failed.append(FailedEvent(index, error.message, False))
            except Unavailable as error:
                failed.append(FailedEvent(index, error.message, True))
        return taken, failed


async def _breathe(taken: list[_Taken]) -> None:
    if len(taken) < SHARE:
        await asyncio.sleep(0)
    else:
        await asyncio.wait([taken[-SHARE].receipt])


def _require_json(request: Request) -> None:
    """Raises UnsupportedMedia unless the content type says JSON."""
    given = request.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if given != b"application/json" and not given.endswith(b"+json"):
        raise UnsupportedMedia(
            f"the content type is {given.decode('latin-1') or 'missing'}; send application/json"
        )
