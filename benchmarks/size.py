"""What grows with the number of events: memory, database, ingest rate, latency of reads."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import graph
from benchmarks.client import Loader, get, summary
from benchmarks.ingest import check_answers, check_arrived
from benchmarks.lineage import lineage_path
from benchmarks.results import Row
from benchmarks.server import Server, database_bytes
from benchmarks.source import EventSource, Load

READS = (
    "/api/v2/events?limit=50",
    "/api/v2/runs?limit=50",
    "/api/v2/jobs?limit=50",
    "/api/v2/datasets?limit=50",
    "/api/v2/search?q=orders",
    lineage_path(graph.dataset_node(0), direction="down", depth=5),
)
READS_EACH = 50


class ReadSource:
    """The same reads, again and again; the phase says which."""

    def requests(self, phase: str, count: int) -> Iterator[bytes]:
        return iter([get(phase)] * count)

    def weigh(self, body: bytes) -> int:
        return 0


def run(load: Load, steps: Sequence[int], folder: Path, count_sql: str) -> Iterator[Row]:
    """A row at each number of events in one growing database; `load.events` are timed per step.

    A step's rate is that of the last `load.events` before it, so that steps are comparable.
    """
    database = folder / f"grow-{load.size}.db"
    sent = 0
    with (
        Server.headwater(database) as server,
        Loader(partial(EventSource, load)) as loader,
        Loader(ReadSource) as reader,
    ):
        for step in steps:
            fill = max(step - sent - load.events, 0 if sent else load.warmup)
            check_answers(loader.run(server.port, "fill", fill, load.connections))
            report = loader.run(server.port, "events", load.events, load.connections)
            check_answers(report)
            sent += fill + load.events
            yield {
                "events": sent,
                "size": load.size,
                **summary([report]),
                "RSS MB": server.rss_mb,
                "peak RSS MB": server.peak_rss_mb,
                "db bytes/event": database_bytes(database) / sent,
                **_reads(reader, server.port),
            }
    check_arrived(database, sent, count_sql)


def _reads(reader: Loader, port: int) -> Row:
    row: Row = {}
    for path in READS:
        report = reader.run(port, path, READS_EACH, 1)
        row[f"{_name(path)} p50 ms"] = None if report.refused else report.latency_ms.p50
    return row


def _name(path: str) -> str:
    return path.removeprefix("/api/v2/").partition("?")[0]
