"""Logs and metrics.

Everything is counted in plain dicts and lists by the one thread of the event loop, and given to
Prometheus only when it asks; so counting costs well under a microsecond. Log lines are collected
and written by a thread of their own, so that a slow reader of stderr holds nothing up.
"""

import atexit
import logging
import os
import sys
import threading
import time
import traceback
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0)
FLUSH_SECONDS = 0.2
MOST_LINES = 100_000


class Sink:
    """Lines on their way to a file descriptor, written by a thread that starts with the first.

    When the reader is so slow that 100,000 lines wait, further ones are dropped and counted.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        self._dropped = 0
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, line: bytes) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)
        else:
            self._dropped += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="headwater-log", daemon=True)
            self._thread.start()
            atexit.register(self.flush)

    def flush(self) -> None:
        """Writes what waits; returns when it is written."""
        with self._writing:
            if not self._lines:
                return
            lines, self._lines = self._lines, []
            dropped, self._dropped = self._dropped, 0
            if dropped:
                lines.append(b'{"level":"warning","event":"log lines dropped: %d"}' % dropped)
            rest = memoryview(b"\n".join((*lines, b"")))
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                return  # nobody reads the log: there is no other place to say so

    def _run(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)
            self.flush()


class Line(msgspec.Struct):
    """The log line of one request; the path as it was sent, percent-encoded, without the query."""

    id: str
    method: str
    path: str
    status: int
    ms: float
    bytes: int
    client: str
    key: str | msgspec.UnsetType = msgspec.UNSET
    timestamp: str = ""
    level: str = "info"
    event: str = "request"


class Log:
    """Writes one line for each thing that happens.

    Args:
        level: the least severe level that is written.
    """

    def __init__(self, sink: Sink, level: str, as_json: bool) -> None:
        self._sink = sink
        self._least = LEVELS[level]
        self._json = as_json

    def warning(self, event: str, **fields: object) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write("error", event, fields)

    def failure(self, event: str, error: BaseException, **fields: object) -> None:
        """An error with its trace."""
        trace = "".join(traceback.format_exception(error)).rstrip()
        self._write("error", event, {**fields, "exception": trace})

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if LEVELS[level] < self._least:
            return
        timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        if self._json:
            line = {"timestamp": timestamp, "level": level, "event": event, **fields}
            self._sink.write(msgspec.json.encode(line, enc_hook=str))
            return
        trace = fields.pop("exception", None)
        words = [timestamp, level, _printable(event)]
        words += (f"{name}={value!r}" for name, value in fields.items())
        lines = [" ".join(words), *(map(_printable, str(trace).splitlines()) if trace else ())]
        self._sink.write("\n".join(lines).encode("utf-8", "backslashreplace"))


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


class _Histogram:
    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        total = 0
        found: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            found.append((bound, total))
        return found


class Telemetry(Collector):
    """The logs and metrics of one server; nothing here is shared between two.

    Args:
        level: the least severe level that is written.
        style: `json` or `console`.
        access: whether each request gets a line, at level info.
        descriptor: where lines go; stderr unless told otherwise.
    """

    def __init__(
        self,
        level: str = "warning",
        style: str = "json",
        access: bool = False,
        descriptor: int | None = None,
    ) -> None:
        self._sink = Sink(sys.__stderr__.fileno() if descriptor is None else descriptor)  # type: ignore[union-attr] # None only without a console (pythonw)
        self._json = style == "json"
        self.access = access and LEVELS[level] <= LEVELS["info"]
        self.log = Log(self._sink, level, self._json)
        self._second = 0
        self._stamp = ""
        self._encode = msgspec.json.Encoder().encode
        self._events: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self._requests: dict[tuple[str, int], _Histogram] = {}
        self._commit_seconds = _Histogram(SECONDS)
        self._commit_events = _Histogram(SIZES)
        self._unprojectable = 0
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._facts: Mapping[str, int] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    # What happens.

    def event(self, dialect: str, kind: str, outcome: str, n: int = 1) -> None:
        """Counts events; the outcome is accepted, repeated, refused or failed."""
        self._events[dialect, kind, outcome] += n

    def committed(self, events: int, seconds: float) -> None:
        """Notes one transaction of the log."""
        self._commit_events.observe(events)
        self._commit_seconds.observe(seconds)

    def unprojectable(self, error: Exception) -> None:
        """Notes an event that is kept, but of which nothing could be derived."""
        self._unprojectable += 1
        self.log.failure("an event could not be projected", error)

    def request(self, operation: str, status: int, seconds: float) -> None:
        """Notes one answered request."""
        histogram = self._requests.get((operation, status // 100))
        if histogram is None:
            histogram = self._requests[operation, status // 100] = _Histogram(SECONDS)
        histogram.observe(seconds)

    def line(self, line: Line) -> None:
        """Stamps and writes the line of one request; call it only where `access` is set."""
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        line.timestamp = stamp = f"{self._stamp}.{int((now - second) * 1000):03d}Z"
        if self._json:
            self._sink.write(self._encode(line))
            return
        path = _printable(line.path)
        text = f"{stamp} {line.method} {path} {line.status} {line.ms} ms {line.bytes} B"
        self._sink.write(f"{text} {line.client} {line.id}".encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Writes the log lines that wait."""
        self._sink.flush()

    # What is asked.

    def gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Shows `headwater_<name>`, read anew each time that metrics are asked for."""
        self._gauges[name] = (text, read)

    def render(self, facts: Mapping[str, int] = MappingProxyType({})) -> bytes:
        """The metrics in Prometheus' text format; each fact becomes `headwater_database_<name>`."""
        self._facts = facts
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        events = CounterMetricFamily(
            "headwater_events",
            "Events received, by outcome: accepted, repeated, refused, failed.",
            labels=("dialect", "kind", "outcome"),
        )
        for labels, count in sorted(self._events.items()):
            events.add_metric(labels, count)
        yield events
        requests = HistogramMetricFamily(
            "headwater_request_seconds",
            "Time from a request's head to its answer.",
            labels=("operation", "status"),
        )
        for (operation, status), histogram in sorted(self._requests.items()):
            requests.add_metric((operation, f"{status}xx"), histogram.buckets(), histogram.sum)
        yield requests
        for name, text, histogram in (
            ("commit_seconds", "Time of one transaction of the log.", self._commit_seconds),
            ("commit_events", "Events in one transaction of the log.", self._commit_events),
        ):
            family = HistogramMetricFamily(f"headwater_{name}", text)
            family.add_metric((), histogram.buckets(), histogram.sum)
            yield family
        yield CounterMetricFamily(
            "headwater_unprojectable_events",
            "Events kept of which nothing could be derived.",
            self._unprojectable,
        )
        for name, (text, read) in self._gauges.items():
            yield GaugeMetricFamily(f"headwater_{name}", text, read())
        for name, value in self._facts.items():
            yield GaugeMetricFamily(f"headwater_database_{name}", "Of the database.", value)


def forward_logging(telemetry: Telemetry) -> None:
    """Sends what libraries log with `logging`, from WARNING on, to the same place."""

    class Forward(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            message, name = record.getMessage(), record.name
            error = record.exc_info[1] if record.exc_info else None
            if error is not None:
                telemetry.log.failure(message, error, logger=name)
            elif record.levelno >= logging.ERROR:
                telemetry.log.error(message, logger=name)
            else:
                telemetry.log.warning(message, logger=name)

    logging.basicConfig(level=logging.WARNING, handlers=[Forward()], force=True)
