"""What the machine allows: the same events appended raw, and answered without work."""

import os
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from benchmarks.client import Loader, summary
from benchmarks.results import Row
from benchmarks.server import Server
from benchmarks.source import EventSource, Load

_BODY = b'{"status":200,"id":"019b76da-a807-7b26-a4de-d417dc751410"}'
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
]

Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]


async def answer(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The ASGI endpoint that takes a body and does nothing with it."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


def to_sqlite(path: Path, batches: Iterable[Sequence[bytes]]) -> float:
    """Seconds to append the batches to a table, each durable."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE event (position INTEGER PRIMARY KEY, body BLOB)")
        begin = time.perf_counter()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO event (body) VALUES (?)", zip(batch, strict=True))
            connection.execute("COMMIT")
        return time.perf_counter() - begin


def to_file(path: Path, batches: Iterable[Sequence[bytes]]) -> float:
    """Seconds to append the batches to a plain file, each durable."""
    with path.open("wb", buffering=0) as file:
        begin = time.perf_counter()
        for batch in batches:
            file.write(b"\n".join((*batch, b"")))
            os.fdatasync(file.fileno())
        return time.perf_counter() - begin


def _batched(bodies: list[bytes], size: int) -> list[list[bytes]]:
    return [bodies[at : at + size] for at in range(0, len(bodies), size)]


def appended(load: Load, batch: int, folder: Path) -> Iterator[Row]:
    bodies = list(load.generator().events(load.events))
    for store, append in (("sqlite", to_sqlite), ("file", to_file)):
        rates = []
        for _ in range(load.repetitions):
            with TemporaryDirectory(dir=folder) as fresh:
                rates.append(load.events / append(Path(fresh, store), _batched(bodies, batch)))
        yield {
            "floor": store,
            "size": load.size,
            "at a time": batch,
            "events/s": statistics.median(rates),
        }


def _answered(load: Load, folder: Path) -> Row:
    with Server.raw(folder) as server, Loader(partial(EventSource, load)) as loader:
        loader.run(server.port, "warmup", load.warmup, load.connections)
        cpu = server.cpu_seconds
        reports = [
            loader.run(server.port, "events", load.events, load.connections)
            for _ in range(load.repetitions)
        ]
        cpu = server.cpu_seconds - cpu
    row: Row = {"floor": "http", "size": load.size, "at a time": load.connections}
    return {**row, **summary(reports), "server CPU µs/event": cpu / load.timed * 1e6}


def run(load: Load, folder: Path, batches: Sequence[int] = ()) -> list[Row]:
    """All three floors; appends in batches of as many events as there are connections."""
    sizes = batches or (load.connections,)
    rows = [row for size in sizes for row in appended(load, size, folder)]
    return [_answered(load, folder), *rows]
