"""A closed-loop HTTP/1.1 load client on raw sockets, in a process of its own.

Every connection sends its next request as soon as the last one is answered. Only the status line,
Content-Length and Retry-After are read: the load shares the machine with the server.
"""

import asyncio
import gc
import multiprocessing
import statistics
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from types import TracebackType
from typing import Any, Protocol, Self, cast

import uvloop

from benchmarks.results import Distribution, Row

RETRIED = frozenset((429, 503))
HOST = "127.0.0.1"


Headers = Callable[[str, bytes], Iterable[tuple[str, str]]]
"""From the path and the body of a POST to the further headers that it needs, a signature say.

A host that is signed over is `127.0.0.1`.
"""


def post(path: str, body: bytes, headers: Headers | None = None) -> bytes:
    added = () if headers is None else headers(path, body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in added).encode()
    return (
        b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s"
        b"Content-Length: %d\r\n\r\n%s" % (path.encode(), lines, len(body), body)
    )


def get(path: str) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path.encode()


class Source(Protocol):
    """Where the load's requests come from; made and kept in the load's process."""

    def requests(self, phase: str, count: int) -> Iterator[bytes]: ...

    def weigh(self, body: bytes) -> int:
        """What to count in an answer, beside its bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What the load saw in one phase."""

    requests: int
    seconds: float
    cpu_seconds: float
    statuses: dict[int, int]
    retries: int
    latency_ms: Distribution
    answer_bytes: Distribution
    weights: Distribution

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def refused(self) -> int:
        """Answers that are neither 2xx nor retried: work that was not done."""
        return sum(
            count
            for status, count in self.statuses.items()
            if status not in RETRIED and status // 100 != 2
        )


def summary(reports: Sequence[Report]) -> Row:
    """The median repetition, the worst answer, and what the load itself took."""
    done = sum(report.requests for report in reports)
    return {
        "events/s": statistics.median(report.per_second for report in reports),
        "p50 ms": statistics.median(report.latency_ms.p50 for report in reports),
        "p99 ms": statistics.median(report.latency_ms.p99 for report in reports),
        "max ms": max(report.latency_ms.maximum for report in reports),
        "retries": sum(report.retries for report in reports),
        "load CPU µs/event": sum(report.cpu_seconds for report in reports) / done * 1e6,
    }


@dataclass(slots=True)
class _Tally:
    requests: Iterator[bytes]
    weigh: Callable[[bytes], int]
    done: asyncio.Future[None]
    open: int = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    weights: "array[int]" = field(default_factory=lambda: array("q"))
    statuses: Counter[int] = field(default_factory=Counter)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def closed(self) -> None:
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._request = b""
        self._sent_at = 0.0
        self._chunks: list[bytes] = []
        self._missing = 0
        self._status = 0
        self._delay = 0.0
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not registered as the transports that they are.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._busy:
            self._tally.fail(exc or ConnectionError("the server closed a connection"))

    def next(self) -> None:
        request = next(self._tally.requests, None)
        if request is None:
            self._busy = False
            self._transport.close()
            self._tally.closed()
        else:
            self._request = request
            self._send()

    def _send(self) -> None:
        self._busy = True
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._chunks.append(data)
            self._missing -= len(data)
        else:
            self._begin(b"".join((*self._chunks, data)))
        if not self._missing and self._status:
            self._finish()

    def _begin(self, data: bytes) -> None:
        self._chunks = [data]
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = data[:end].lower()
        at = head.find(b"content-length:")
        if at < 0:
            raise ValueError(f"an answer without Content-Length: {head[:200]!r}")
        self._status = int(head[9:12])
        self._missing = end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0]) - len(data)
        if self._status in RETRIED:
            at = head.find(b"retry-after:")
            self._delay = 1.0 if at < 0 else float(head[at + 12 :].split(b"\r\n", 1)[0])

    def _finish(self) -> None:
        now = time.perf_counter()
        tally, status = self._tally, self._status
        tally.statuses[status] += 1
        answer = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._status = 0
        if status in RETRIED:
            asyncio.get_running_loop().call_later(self._delay, self._send)
            return
        body = answer[answer.find(b"\r\n\r\n") + 4 :]
        tally.latencies.append(now - self._sent_at)
        tally.sizes.append(len(body))
        tally.weights.append(tally.weigh(body))
        self.next()


def _error(context: dict[str, Any]) -> Exception:
    """Why a protocol's callback failed; asyncio would only log it and the load would hang."""
    error = context.get("exception")
    return error if isinstance(error, Exception) else RuntimeError(context["message"])


async def load(
    port: int, requests: Iterator[bytes], connections: int, weigh: Callable[[bytes], int]
) -> Report:
    """Send all requests over `connections` connections and wait for every answer."""
    loop = asyncio.get_running_loop()
    tally = _Tally(requests, weigh, loop.create_future())
    loop.set_exception_handler(lambda _, context: tally.fail(_error(context)))
    protocols = [
        (await loop.create_connection(lambda: _Connection(tally), HOST, port))[1]
        for _ in range(connections)
    ]
    tally.open = connections
    cpu, begin = time.process_time(), time.perf_counter()
    for protocol in protocols:
        protocol.next()
    await tally.done
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    return Report(
        requests=len(tally.latencies),
        seconds=seconds,
        cpu_seconds=cpu,
        statuses=dict(tally.statuses),
        retries=sum(tally.statuses[status] for status in RETRIED),
        latency_ms=Distribution.of(latency * 1_000 for latency in tally.latencies),
        answer_bytes=Distribution.of(tally.sizes),
        weights=Distribution.of(tally.weights),
    )


def _work(pipe: Pipe, make: Callable[[], Source]) -> None:
    """The load's process: one phase after the other, from the same source."""
    source = make()
    while order := pipe.recv():
        port, phase, count, connections = order
        gc.collect()
        # The garbage collector would stop the load for many ms: the source holds 10^5 objects.
        gc.disable()
        try:
            requests = source.requests(phase, count)
            pipe.send(uvloop.run(load(port, requests, connections, source.weigh)))
        except Exception as error:
            pipe.send(error)
            raise
        gc.enable()


class Loader:
    """The load's process, seen from the benchmark."""

    def __init__(self, make: Callable[[], Source]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_work, args=(far, make), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with suppress(BrokenPipeError):  # a load that failed has ended by itself
            self._pipe.send(None)
        self._process.join()

    def run(self, port: int, phase: str, count: int, connections: int) -> Report:
        self._pipe.send((port, phase, count, connections))
        while not self._pipe.poll(1.0):
            if not self._process.is_alive():
                raise RuntimeError("the load's process died")
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Report)
        return answer
