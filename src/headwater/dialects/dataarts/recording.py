"""Puts events of this dialect into the log."""

import asyncio
from collections.abc import Callable

import msgspec

from headwater.dialects.dataarts.events import dated
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Event, Received
from headwater.http.context import Context
from headwater.ids import digest_of
from headwater.store import Receipt

DIALECT = "dataarts"
NAMES = 1 << 20


class Recorder:
    """Decodes and enqueues; gives each event a time of its own.

    Two requests of one microsecond must not be of one time: the later one replaces.
    """

    def __init__(self, context: Context) -> None:
        self._ingest = context.ingest
        self._telemetry = context.telemetry
        self._clock = context.clock
        self._decoder = Decoder(lean=True, name_limit=NAMES, depth_limit=context.settings.nesting)
        self._last = 0
        self._pending: set[asyncio.Future[Receipt]] = set()

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
        return self._enqueue(domain, body, self.decode(body), now)

    def decode(self, body: bytes) -> Event:
        """Raises InvalidEvent."""
        return self._decoder.decode(body)

    def repeat(self, domain: str, body: bytes, event: Event) -> asyncio.Future[Receipt]:
        """Enqueues an event that was made and decoded before, with the time of now."""
        now = self.now()
        fresh = msgspec.structs.replace(event, time=now)
        return self._enqueue(domain, dated(body, now), fresh, now)

    def _enqueue(self, domain: str, body: bytes, event: Event, now: int) -> asyncio.Future[Receipt]:
        received = Received(domain, DIALECT, body, digest_of(body), event, now)
        receipt = self._ingest.enqueue(received)
        self._pending.add(receipt)
        receipt.add_done_callback(self._pending.discard)
        self._telemetry.event(DIALECT, event.kind.value, "accepted")
        return receipt

    async def settled(self) -> None:
        """Waits until all that was enqueued before is durable and visible."""
        if self._pending:
            await asyncio.wait(set(self._pending))
