"""The way of many events into a database or a server: in batches, a few under way at a time."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from headwater import errors
from headwater.cli.envelope import unwrapped
from headwater.cli.sources import Item, Refusal
from headwater.event import Event, Received
from headwater.ids import digest_of
from headwater.ingest import Ingest
from headwater.store import Receipt

if TYPE_CHECKING:
    from headwater.cli.client import Client

BATCH_EVENTS = 500
BATCH_BYTES = 2 << 20
TURN_EVENTS = 16
"""After so many the event loop has a turn: it sends what the process that writes can take."""
ATTEMPTS = 8
ONLY_FILES = (
    "this event came with an idempotency token, which no server takes over: load it into the "
    "database file, with --database"
)


class Report(msgspec.Struct):
    """What became of the events so far."""

    accepted: int = 0
    repeated: int = 0
    refused: int = 0

    @property
    def events(self) -> int:
        return self.accepted + self.repeated + self.refused

    def __str__(self) -> str:
        return f"{self.accepted:,} accepted, {self.repeated:,} repeated, {self.refused:,} refused."

    def add(self, accepted: int = 0, repeated: int = 0, refused: int = 0) -> None:
        self.accepted += accepted
        self.repeated += repeated
        self.refused += refused


class Sink(Protocol):
    """Where events go. `width` is how many batches it takes at a time."""

    width: int

    async def put(self, items: Sequence[Item], report: Report) -> list[Refusal]:
        """Returns when all of them are durable or refused; counts those that are durable."""
        ...


class StoreSink:
    """A database file, by the same write path as a server's.

    Args:
        apart: another process writes, so a batch is decoded while the one before it is written. In
            one process the two would share the interpreter's lock, and be slower than one after the
            other (measured: 15 %).
    """

    def __init__(
        self,
        ingest: Ingest,
        decode: Callable[[bytes], Event],
        clock: Callable[[], int],
        domain: str,
        *,
        apart: bool = False,
    ) -> None:
        self.width = 6 if apart else 1
        self._ingest = ingest
        self._decode = decode
        self._clock = clock
        self._domain = domain

    async def put(self, items: Sequence[Item], report: Report) -> list[Refusal]:
        refused: list[Refusal] = []
        batch: list[tuple[Item, Received]] = []
        now = self._clock()
        for at, item in enumerate(items):
            if at % TURN_EVENTS == 0:
                await asyncio.sleep(0)
            try:
                batch.append((item, self._received(item, now)))
            except errors.InvalidRequest as error:
                refused.append(Refusal(item.file, item.line, error.message))
        results = _Results(len(batch))
        for place, (_, received) in enumerate(batch):
            self._ingest.take(received, results.told(place))
        for (item, _), result in zip(batch, await results.all(), strict=True):
            if isinstance(result, errors.Conflict):
                refused.append(Refusal(item.file, item.line, result.message))
            elif isinstance(result, Exception):
                raise result
            else:
                report.add(accepted=not result.repeated, repeated=result.repeated)
        return refused

    def _received(self, item: Item, now: int) -> Received:
        body = item.body
        envelope = unwrapped(body)
        if envelope is None:
            event = self._decode(body)
            return Received(self._domain, item.dialect, body, digest_of(body), event, now)
        kept, body = envelope.headwater_event, envelope.body.encode()
        digest = digest_of(body, kept.token)
        event = self._decode(body)
        return Received(self._domain, kept.dialect, body, digest, event, now, token=kept.token)


class _Results:
    """What became of each event of a batch; one future for all of them."""

    def __init__(self, count: int) -> None:
        self._results: list[Receipt | Exception | None] = [None] * count
        self._left = count
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def told(self, place: int) -> Callable[[Receipt | Exception], None]:
        """Is to be called once, with what became of the event at that place."""

        def told(result: Receipt | Exception) -> None:
            self._results[place] = result
            self._left -= 1
            if not self._left and not self._done.done():
                self._done.set_result(None)

        return told

    async def all(self) -> list[Receipt | Exception]:
        """Waits for the last one."""
        if self._left:
            await self._done
        return [result for result in self._results if result is not None]


class ServerSink:
    """A running server, by batches over HTTP."""

    width = 4

    def __init__(self, client: "Client") -> None:
        self._client = client

    async def put(self, items: Sequence[Item], report: Report) -> list[Refusal]:
        valid: list[Item] = []
        odd: list[Item] = []
        refused: list[Refusal] = []
        for item in items:
            if unwrapped(item.body) is not None:
                refused.append(Refusal(item.file, item.line, ONLY_FILES))
            else:
                (valid if _is_json(item.body) else odd).append(item)
        if valid:
            refused += await self._batch(valid, report)
        for item in odd:  # one that is no plain JSON would take its neighbours with it
            refused += await self._single(item, report)
        return refused

    async def _batch(self, items: Sequence[Item], report: Report) -> list[Refusal]:
        refused: list[Refusal] = []
        for attempt in itertools.count(1):
            try:
                answer = await self._client.post_batch([item.body for item in items])
            except errors.BodyTooLarge:
                return refused + await self._halves(items, report)
            failed = {failure.index: failure for failure in answer.failed_events}
            repeated = answer.summary.repeated
            report.add(accepted=len(items) - len(failed) - repeated, repeated=repeated)
            again = [at for at, failure in failed.items() if failure.retriable]
            if attempt == ATTEMPTS:
                again = []
            refused += [
                Refusal(items[at].file, items[at].line, failure.reason)
                for at, failure in failed.items()
                if at not in again
            ]
            if not again:
                return refused
            items = [items[at] for at in again]
            await asyncio.sleep(min(0.1 * 2**attempt, 10.0))
        raise AssertionError("the loop only ends by returning")

    async def _halves(self, items: Sequence[Item], report: Report) -> list[Refusal]:
        if len(items) == 1:
            return await self._single(items[0], report)
        half = len(items) // 2
        first = await self._batch(items[:half], report)
        return first + await self._batch(items[half:], report)

    async def _single(self, item: Item, report: Report) -> list[Refusal]:
        try:
            await self._client.post(item.body)
        except (errors.InvalidRequest, errors.BodyTooLarge) as error:
            return [Refusal(item.file, item.line, error.message)]
        report.add(accepted=1)
        return []


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


async def carry(
    source: Iterable[Item | Refusal],
    sink: Sink,
    report: Report,
    refuse: Callable[[Refusal], None],
    progress: Callable[[], None],
) -> None:
    """Puts all of a source into a sink; refusals are told in the order of the source."""
    under_way: deque[tuple[list[Refusal], asyncio.Task[list[Refusal]]]] = deque()

    async def finish() -> None:
        unread, task = under_way[0]
        refused = [*unread, *await task]
        under_way.popleft()
        report.add(refused=len(refused))
        for refusal in sorted(refused, key=lambda each: each[:2]):
            refuse(refusal)
        progress()

    try:
        for items, unread in _batches(source):
            under_way.append((unread, asyncio.create_task(sink.put(items, report))))
            await asyncio.sleep(0)  # lets the batch start before the next one is read
            while len(under_way) >= sink.width:
                await finish()
        while under_way:
            await finish()
    finally:
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)


def _batches(
    source: Iterable[Item | Refusal],
) -> Iterator[tuple[list[Item], list[Refusal]]]:
    items: list[Item] = []
    unread: list[Refusal] = []
    size = 0
    for found in source:
        if isinstance(found, Refusal):
            unread.append(found)
        else:
            items.append(found)
            size += len(found.body)
        if len(items) + len(unread) >= BATCH_EVENTS or size >= BATCH_BYTES:
            yield items, unread
            items, unread, size = [], [], 0
    if items or unread:
        yield items, unread
