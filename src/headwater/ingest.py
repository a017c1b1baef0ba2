"""From a decoded event to its receipt: group commit.

While a commit is under way, events wait; the next commit takes all that wait, up to a bound. So a
lone client pays one commit per event, and a crowd shares one. A store that can has the next commits
on their way while one is written, once enough events wait to be worth another.

An event that finds the queue full waits a moment outside: a burst is then a short delay, where
clients that try again only once would lose events to it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from headwater.errors import HeadwaterError, StoreError, Unavailable
from headwater.event import Received
from headwater.projection import Projector
from headwater.records import Projected
from headwater.store import Receipt, Store
from headwater.telemetry import Telemetry

BATCH_EVENTS = 500
BATCH_BYTES = 32 << 20
OUTSIDE_EVENTS = 2_000
ENOUGH = 8
"""So many events are worth a commit of their own while another one is under way."""


T = TypeVar("T")
Done = Callable[[Receipt | Exception], None]


class _Waiting(NamedTuple):
    received: Received
    projected: Projected | None
    done: Done
    joined: bool = False
    """The next one is of the same request, and of the same commit."""
    until: float = 0.0
    """When an event that waits outside is refused, by the event loop's clock."""


def settling(future: asyncio.Future[T]) -> Callable[[T | Exception], None]:
    """Gives a future its result or its error, unless whoever waited has gone."""

    def done(result: T | Exception) -> None:
        if future.done():
            return
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)

    return done


class Ingest:
    """Takes events and answers each with its receipt once it is durable and visible.

    Args:
        queue_events: how many events may wait; then the queue is full.
        queue_bytes: the same for the bytes of their bodies.
        queue_wait: the seconds that an event waits for room in a full queue, outside of it, before
            it is refused. `OUTSIDE_EVENTS` may, and as many bytes as in the queue.
    """

    def __init__(
        self,
        store: Store,
        telemetry: Telemetry,
        queue_events: int = 10_000,
        queue_bytes: int = 256 << 20,
        queue_wait: float = 0.5,
    ) -> None:
        self._store = store
        self._telemetry = telemetry
        self._projector = Projector(store.pack)
        self._queue: deque[_Waiting] = deque()
        self._queue_events = queue_events
        self._queue_bytes = queue_bytes
        self._queue_wait = queue_wait
        self._bytes = 0
        self._outside: deque[_Waiting] = deque()
        self._outside_bytes = 0
        self._refusal: asyncio.TimerHandle | None = None
        self._under_way: dict[asyncio.Task[None], int] = {}
        """The commits that have begun, with the bytes of their bodies."""
        self._planned = False
        """The next commit is about to begin."""
        self._started = False
        self._closing = False

    @property
    def depth(self) -> int:
        """How many events wait for a commit."""
        return len(self._queue) + len(self._outside)

    @property
    def full(self) -> bool:
        return len(self._queue) >= self._queue_events or self._bytes >= self._queue_bytes

    def start(self) -> None:
        self._started = True
        self._plan()

    def enqueue(self, received: Received) -> asyncio.Future[Receipt]:
        """Puts the event in the queue; the future is done when it is durable.

        Raises:
            Unavailable: the queue is full and stays so, or the server is shutting down.
        """
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.take(received, settling(future))
        return future

    def enqueue_all(self, received: Sequence[Received]) -> list[asyncio.Future[Receipt]]:
        """`enqueue` for the events of one request: all are taken, and in one commit, or none is.

        Together they may go over the bound of the queue, as far as one body can.
        """
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Receipt]] = [loop.create_future() for _ in received]
        last = len(received) - 1
        self._require_room()
        self._put(
            [
                _Waiting(*self._project(each), settling(future), at < last)
                for at, (each, future) in enumerate(zip(received, futures, strict=True))
            ]
        )
        return futures

    def take(self, received: Received, done: Done) -> None:
        """`enqueue` without a future: tells the receipt once it is durable, or the error."""
        self._require_room()
        self._put((_Waiting(*self._project(received), done),))

    def _require_room(self) -> None:
        """Raises Unavailable where nothing more may wait, in the queue or outside."""
        if self._closing:
            raise Unavailable("the server is shutting down")
        if not (self._outside or self.full):
            return
        crowded = len(self._outside) >= OUTSIDE_EVENTS or self._outside_bytes >= self._queue_bytes
        if crowded or not self._queue_wait:
            raise Unavailable("the queue is full")

    def _put(self, request: Sequence[_Waiting]) -> None:
        if self._outside or self.full:
            self._wait_outside(request)
            return
        for waiting in request:
            self._queue.append(waiting)
            self._bytes += len(waiting.received.body)
        self._plan()

    async def close(self) -> None:
        """Commits and answers what waits, then stops."""
        self._closing = True
        while self._planned or self._under_way:
            if self._under_way:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(0)

    def _wait_outside(self, request: Sequence[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._queue_wait
        for waiting in request:
            self._outside.append(waiting._replace(until=until))
            self._outside_bytes += len(waiting.received.body)
        if self._refusal is None:
            self._refusal = loop.call_at(until, self._refuse)

    def _let_in(self) -> None:
        """As many of those outside as there is room for; a request comes in whole."""
        joined = False
        while self._outside and (joined or not self.full):
            waiting = self._first_outside()
            joined = waiting.joined
            self._queue.append(waiting)
            self._bytes += len(waiting.received.body)

    def _refuse(self) -> None:
        """Those outside whose time is over."""
        loop = asyncio.get_running_loop()
        while self._outside and self._outside[0].until <= loop.time():
            self._tell(self._first_outside(), Unavailable("the queue is full"))
        self._refusal = (
            loop.call_at(self._outside[0].until, self._refuse) if self._outside else None
        )

    def _first_outside(self) -> _Waiting:
        waiting = self._outside.popleft()
        self._outside_bytes -= len(waiting.received.body)
        return waiting

    def _project(self, received: Received) -> tuple[Received, Projected | None]:
        """An event that cannot be projected is kept as failed, and harms no other."""
        if received.failure is not None:
            return received, None
        try:
            return received, self._projector.project(received)
        except Exception as error:  # noqa: BLE001 # told, and kept with the event
            self._telemetry.unprojectable(error)
            reason = f"projection failed: {type(error).__name__}"
            return msgspec.structs.replace(received, failure=reason), None

    def _plan(self) -> None:
        """Commits soon what waits, with what this turn of the event loop adds to it."""
        if not self._planned and self._due:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._begin)

    @property
    def _due(self) -> bool:
        if not self._under_way:
            return self._started and bool(self._queue)
        free = len(self._under_way) < self._store.width
        return free and len(self._queue) >= ENOUGH and sum(self._under_way.values()) < BATCH_BYTES

    def _begin(self) -> None:
        self._planned = False
        while self._due:
            batch, size = self._take()
            commit = asyncio.create_task(self._commit(batch))
            self._under_way[commit] = size
            commit.add_done_callback(self._ended)

    def _ended(self, commit: asyncio.Task[None]) -> None:
        del self._under_way[commit]
        self._plan()

    def _take(self) -> tuple[list[_Waiting], int]:
        """The next batch, and the bytes of its bodies."""
        batch: list[_Waiting] = []
        size = 0
        joined = False
        while self._queue and (joined or (len(batch) < BATCH_EVENTS and size < BATCH_BYTES)):
            waiting = self._queue.popleft()
            joined = waiting.joined
            size += len(waiting.received.body)
            batch.append(waiting)
        self._bytes -= size
        self._let_in()
        return batch, size

    async def _commit(self, batch: list[_Waiting]) -> None:
        began = time.perf_counter()
        try:
            receipts = await self._store.commit([(w.received, w.projected) for w in batch])
        except (Unavailable, StoreError) as error:
            for waiting in batch:
                self._tell(waiting, error)
            return
        except Exception as error:  # noqa: BLE001 # an event must not fail its neighbours
            await self._commit_apart(batch, error)
            return
        self._telemetry.committed(len(batch), time.perf_counter() - began)
        for waiting, receipt in zip(batch, receipts, strict=True):
            self._tell(waiting, receipt)

    def _tell(self, waiting: _Waiting, result: Receipt | Exception) -> None:
        """Whatever goes wrong with one answer, the others are told theirs."""
        try:
            waiting.done(result)
        except Exception as error:  # noqa: BLE001 # told, and the next one is
            self._telemetry.log.failure("an answer could not be given", error)

    async def _commit_apart(self, batch: list[_Waiting], error: Exception) -> None:
        """Finds the event that a batch fails by, by halves; it is kept as failed, with the reason.

        What contradicts the log (Conflict) is told to its client, and nothing of the request kept.
        """
        border = _border(batch)
        if border is None and len(batch) > 1 and not isinstance(error, HeadwaterError):
            border = len(batch) // 2
        if border is not None:
            await self._commit(batch[:border])
            await self._commit(batch[border:])
            return
        waiting = batch[0]
        if isinstance(error, HeadwaterError) or waiting.projected is None:
            for each in batch:
                self._tell(each, error)
            return
        self._telemetry.unprojectable(error)
        reason = f"merge failed: {type(error).__name__}"
        failed = msgspec.structs.replace(waiting.received, failure=reason)
        await self._commit([waiting._replace(received=failed, projected=None)])


def _border(batch: Sequence[_Waiting]) -> int | None:
    """Where one request ends and another begins, about the middle; None: it is all of one."""
    half = len(batch) // 2
    borders = (at for at in range(1, len(batch)) if not batch[at - 1].joined)
    return min(borders, key=lambda at: abs(at - half), default=None)
