"""Puts events of this dialect into the log."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from headwater.dialects.dataarts.events import Drawn, dated
from headwater.dialects.openlineage import tolerant
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Event, Received
from headwater.http.context import Context
from headwater.ids import digest_of
from headwater.ingest import Done
from headwater.store import Receipt

DIALECT = "dataarts"
NAMES = 1 << 20


class Made(NamedTuple):
    """An event as bytes, and decoded."""

    body: bytes
    event: Event


class Recorder:
    """Decodes and enqueues; gives each event a time of its own.

    Two requests of one microsecond must not be of one time: the later one replaces.
    """

    def __init__(self, context: Context) -> None:
        self._ingest = context.ingest
        self._telemetry = context.telemetry
        self._clock = context.clock
        self._nesting = context.settings.nesting
        self._decoder = Decoder(lean=True, name_limit=NAMES, depth_limit=self._nesting)
        self._last = 0
        self._newest = 0
        self._pending: set[asyncio.Future[Any]] = set()

    def now(self) -> int:
        self._last = max(self._clock(), self._last + 1)
        return self._last

    def submit(
        self, domain: str, write: Callable[[int], bytes], after: int | None = None
    ) -> asyncio.Future[Receipt]:
        """Enqueues the event that `write` makes of its time.

        Args:
            after: a time that the event has to be newer than.

        Raises:
            InvalidEvent: it cannot be read again.
            Unavailable: the queue is full.
        """
        now = self.now()
        body = write(now if after is None else max(now, after + 1))
        (receipt,) = self._enqueue(domain, [Made(body, self._decoder.decode(body))])
        return receipt

    def decoded(self, drawn: Drawn) -> Event:
        """Raises InvalidEvent: a request is nested too deeply."""
        body, event = drawn
        if event is None or tolerant.too_deep(body, self._nesting):
            return self._decoder.decode(body)
        return event

    def record(self, domain: str, made: Sequence[Made]) -> list[asyncio.Future[Receipt]]:
        """Enqueues events that were made and decoded before, all of them or none, for one commit.

        Each gets the time of now, unless its own is newer than all that were recorded before: a
        copy of a large event is spared so.

        Raises:
            Unavailable: the queue is full.
        """
        return self._enqueue(domain, [self._timed(each) for each in made])

    def take(self, domain: str, made: Made, done: Done) -> None:
        """`record` of one event, without a future."""
        body, event = self._timed(made)
        pending: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def receipted(result: Receipt | Exception) -> None:
            self._pending.discard(pending)
            pending.set_result(None)
            done(result)

        received = Received(domain, DIALECT, body, digest_of(body), event, self._last)
        self._ingest.take(received, receipted)
        self._pending.add(pending)
        self._telemetry.event(DIALECT, event.kind.value, "accepted")

    def _timed(self, made: Made) -> Made:
        if made.event.time <= self._newest:
            now = self.now()
            fresh = msgspec.structs.replace(made.event, time=now)
            made = Made(dated(made.body, now), fresh)
        self._newest = made.event.time
        return made

    def _enqueue(self, domain: str, made: Sequence[Made]) -> list[asyncio.Future[Receipt]]:
        now = self._last
        receipts = self._ingest.enqueue_all(
            [Received(domain, DIALECT, body, digest_of(body), event, now) for body, event in made]
        )
        self._pending.update(receipts)
        for receipt, (_, event) in zip(receipts, made, strict=True):
            receipt.add_done_callback(self._pending.discard)
            self._telemetry.event(DIALECT, event.kind.value, "accepted")
        return receipts

    async def settled(self) -> None:
        """Waits until all that was enqueued before is durable and visible."""
        if self._pending:
            await asyncio.wait(set(self._pending))
