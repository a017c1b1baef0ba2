"""Ingest over HTTP and by `headwater load`: rate, latency, processor time, memory, size."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.client import Loader, Report, summary
from benchmarks.results import Row
from benchmarks.server import Server, count_events, database_bytes
from benchmarks.source import EventSource, Load

# Only for the floor that `headwater load` is compared with: as many events as a commit takes.
LOAD_BATCH = 500


class EventsMissing(Exception):
    """Not every event that was sent is in the database."""


def check_arrived(database: Path, sent: int, count_sql: str) -> None:
    stored = count_events(database, count_sql)
    if stored != sent:
        raise EventsMissing(f"{sent} events were sent, {stored} are stored")


def check_answers(*reports: Report) -> None:
    for report in reports:
        if report.refused:
            raise EventsMissing(f"events were refused: {report.statuses}")


def http(load: Load, folder: Path, count_sql: str) -> Row:
    """Warm-up, then the timed repetitions against one server and one database."""
    database = folder / f"{load.size}-{load.mode}-{load.connections}.db"
    with Server.headwater(database) as server, Loader(partial(EventSource, load)) as loader:
        check_answers(loader.run(server.port, "warmup", load.warmup, load.connections))
        cpu = server.cpu_seconds
        reports = [
            loader.run(server.port, "events", load.events, load.connections)
            for _ in range(load.repetitions)
        ]
        cpu = server.cpu_seconds - cpu
        rss, peak = server.rss_mb, server.peak_rss_mb
    check_answers(*reports)
    sent = load.warmup + load.timed
    check_arrived(database, sent, count_sql)
    return {
        "ingest": "http",
        "size": load.size,
        "mode": load.mode,
        "at a time": load.connections,
        **summary(reports),
        "server CPU µs/event": cpu / load.timed * 1e6,
        "RSS MB": rss,
        "peak RSS MB": peak,
        "db bytes/event": database_bytes(database) / sent,
        "events": sent,
    }


def write_events(load: Load, path: Path) -> int:
    """The load as an NDJSON file: as many events as one HTTP benchmark sends."""
    sent = load.warmup + load.timed
    generator = load.generator()
    with path.open("wb") as file:
        for count in (load.warmup, *[load.events] * load.repetitions):
            file.writelines(event + b"\n" for event in generator.events(count))
    return sent


def load_file(file: Path, database: Path) -> tuple[float, float, float]:
    """Run `headwater load`: its seconds, processor seconds and peak memory in MB."""
    command = [sys.executable, "-m", "headwater", "load", str(file), "--database", str(database)]
    with database.with_suffix(".log").open("wb") as log:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        words = database.with_suffix(".log").read_text(errors="replace")[-2_000:]
        raise EventsMissing(f"load ended with {process.returncode}: {words}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1_024


def by_load(load: Load, folder: Path, count_sql: str) -> Row:
    """`headwater load` of a file into a new database, the start of the command included."""
    file, database = (
        folder / f"{load.size}-{load.mode}.ndjson",
        folder / f"load-{load.size}-{load.mode}.db",
    )
    sent = write_events(load, file)
    seconds, cpu, peak = load_file(file, database)
    file.unlink()
    check_arrived(database, sent, count_sql)
    return {
        "ingest": "load",
        "size": load.size,
        "mode": load.mode,
        "at a time": LOAD_BATCH,
        "events/s": sent / seconds,
        "server CPU µs/event": cpu / sent * 1e6,
        "peak RSS MB": peak,
        "db bytes/event": database_bytes(database) / sent,
        "events": sent,
    }
