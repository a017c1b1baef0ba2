"""More than the server can take: what it takes is answered and kept, the rest is told when to come.

The load comes from this process, on the same cores as the server, and its writer is held up: the
bounds are wide, and what was measured is logged (`pytest --log-cli-level=info`).
"""

import asyncio
import contextlib
import itertools
import logging
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

from tests.contract.events import encoded, facet, run_event
from tests.e2e.serving import Server, serving
from tests.hostile.process import MIB, Taken, slowed

CONNECTIONS = 500
SECONDS = 6.0
SLOWEST = 5.0
"""Seconds that no accepted request may take; on a machine of its own, p99 stays under 1."""
QUEUE = {"queue_events": 60, "queue_bytes": 4 * MIB, "queue_wait": 0.02}
SMALL = {"queue_events": 8}
JAVA_CLIENTS = 64
JAVA_EVENTS = 25
JAVA_TIMEOUT = 5.0

log = logging.getLogger(__name__)
_count = itertools.count(1)


def event() -> tuple[str, bytes]:
    run = f"01935b2a-0000-7000-8000-{next(_count):012x}"
    filler = {"note": facet(text="x" * 1_000)}
    return run, encoded(
        run_event("COMPLETE", 1, run=run, inputs=("a",), outputs=("b",), run_facets=filler)
    )


class Outcome(NamedTuple):
    run: str
    status: int
    seconds: float
    retry_after: str


async def _post(port: int, end: float, done: list[Outcome]) -> None:
    """One connection that never waits, whatever it is told."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.monotonic() < end:
            run, body = event()
            began = time.perf_counter()
            writer.write(
                b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            await reader.readexactly(int(headers["content-length"]))
            spent = time.perf_counter() - began
            done.append(
                Outcome(run, int(head[0].split()[1]), spent, headers.get("retry-after", ""))
            )
    finally:
        writer.close()


async def flood(port: int, seconds: float) -> list[Outcome]:
    done: list[Outcome] = []
    end = time.monotonic() + seconds
    await asyncio.gather(*(_post(port, end, done) for _ in range(CONNECTIONS)))
    return done


def test_500_connections_that_never_wait(tmp_path: Path) -> None:
    with serving(tmp_path, access_log=False, **QUEUE) as server:
        asyncio.run(flood(server.port, 1.0))  # warm: imports, caches, the first pages
        taken = Taken(server)
        before = taken.memory
        taken.reset_peak()
        with slowed(server):
            done = asyncio.run(flood(server.port, SECONDS))
        grown = taken.peak - before
        statuses = Counter(outcome.status for outcome in done)
        accepted = sorted(outcome.seconds for outcome in done if outcome.status == 200)
        log.info(
            "%d requests/s; accepted %d/s, p50 %.3f s, p99 %.3f s, slowest %.3f s; memory +%d MB",
            len(done) / SECONDS,
            statuses[200] / SECONDS,
            accepted[len(accepted) // 2],
            accepted[len(accepted) * 99 // 100],
            accepted[-1],
            grown / MIB,
        )
        assert set(statuses) == {200, 503}
        assert accepted[-1] < SLOWEST
        assert all(int(each.retry_after) >= 1 for each in done if each.status == 503)
        assert grown < 100 * MIB
        kept = runs_of(server)
        assert {outcome.run for outcome in done if outcome.status == 200} <= kept
        assert not kept & {outcome.run for outcome in done if outcome.status != 200}
        assert server.client.get("/readyz").status_code == 200


class JavaClient:
    """Follows the rules of openlineage-java over HttpClient 5 (`wire/openlineage.md`, 2.2).

    One connection, kept; 5 s for an answer. After a 429 or 503 it tries once more, a second later
    or after Retry-After, unless that is longer than its timeout; then the event is lost.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.lost: list[str] = []
        self.refused = 0

    async def emit(self, count: int) -> None:
        for _ in range(count):
            run, body = event()
            status, pause = await self._post(body)
            if status in {429, 503}:
                self.refused += 1
                if pause <= JAVA_TIMEOUT:
                    await asyncio.sleep(pause)
                    status, _ = await self._post(body)
            if status not in {200, 201}:
                self.lost.append(run)
        if self._pair is not None:
            self._pair[1].close()

    async def _post(self, body: bytes) -> tuple[int, float]:
        """The status, and the seconds to wait; status 0 when no answer came."""
        with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(JAVA_TIMEOUT):
                return await self._exchange(body)
        self._pair = None
        return 0, 0.0

    async def _exchange(self, body: bytes) -> tuple[int, float]:
        if self._pair is None:
            self._pair = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._pair
        writer.write(
            b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nAccept: application/json\r\n"
            b"Content-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            writer.close()
            self._pair = None
        return int(head[0].split()[1]), float(headers.get("retry-after", "1"))


def test_a_crowd_of_java_clients_loses_nothing(tmp_path: Path) -> None:
    """Eight times as many clients as the queue has places, none of which waits by itself."""
    with serving(tmp_path, access_log=False, **SMALL) as server:
        clients = [JavaClient(server.port) for _ in range(JAVA_CLIENTS)]
        taken = Taken(server)

        async def crowd(count: int) -> None:
            await asyncio.gather(*(client.emit(count) for client in clients))

        asyncio.run(crowd(2))  # warm
        for client in clients:
            client._pair = None
        before = taken.memory
        taken.reset_peak()
        asyncio.run(crowd(JAVA_EVENTS))
        log.info("refused %d times", sum(client.refused for client in clients))
        assert [client.lost for client in clients] == [[]] * JAVA_CLIENTS
        assert server.stats()["events"] == JAVA_CLIENTS * (2 + JAVA_EVENTS)
        assert taken.peak - before < 60 * MIB


def runs_of(server: Server) -> set[str]:
    found: set[str] = set()
    cursor: dict[str, str] = {}
    while True:
        page = server.ask("/api/v2/events", limit=1_000, **cursor)
        found |= {each["run_id"] for each in page["items"]}
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def test_more_connections_than_there_may_be(tmp_path: Path) -> None:
    with serving(tmp_path, access_log=False, connections=50) as server:

        async def crowd() -> list[bytes]:
            pairs = await asyncio.gather(
                *(asyncio.open_connection("127.0.0.1", server.port) for _ in range(95))
            )
            for _, writer in pairs:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: hw\r\n\r\n")
            heads = await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in pairs))
            for _, writer in pairs:
                writer.close()
            return heads

        heads = asyncio.run(crowd())
        statuses = Counter(head.split()[1] for head in heads)
        assert statuses[b"200"] >= 45
        assert statuses[b"200"] + statuses[b"503"] == 95
        assert all(b"retry-after: 1" in head.lower() for head in heads if b" 503 " in head)


def test_the_python_client_loses_nothing_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own retry rules: several threads, a queue of two events, and a flood beside them."""
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "server"
    folder.mkdir()
    sent: list[str] = []
    with serving(folder, access_log=False, queue_events=2, queue_wait=0.01) as server:
        threads = [
            threading.Thread(target=_emit, args=(server.url, number, sent)) for number in range(6)
        ]
        for thread in threads:
            thread.start()
        with slowed(server):
            done = asyncio.run(flood(server.port, 3.0))
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert sum(outcome.status == 503 for outcome in done) > 100
        assert len(sent) == 60
        assert set(sent) <= runs_of(server)


def _emit(url: str, number: int, sent: list[str]) -> None:
    client = OpenLineageClient(config={"transport": {"type": "http", "url": url}})
    for step in range(10):
        run = f"01935b2a-0000-7000-9000-{number:06x}{step:06x}"
        client.emit(
            RunEvent(
                eventTime="2026-11-01T08:00:00Z",
                producer="https://example.com/etl",
                eventType=RunState.COMPLETE,
                run=Run(runId=run),
                job=Job(namespace="etl", name=f"client {number}"),
            )
        )
        sent.append(run)
