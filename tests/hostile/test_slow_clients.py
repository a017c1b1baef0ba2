"""Clients that send slowly, stop half-way, go away or do not listen: nothing of them stays."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.events import encoded, facet, run_event
from tests.e2e.serving import Server, serving, until
from tests.e2e.wire import Connection
from tests.hostile.process import MIB, Taken

log = logging.getLogger(__name__)
HEAD = b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nContent-Length: %d\r\n\r\n"
ZIPPED = HEAD.replace(b"Host: hw", b"Host: hw\r\nContent-Encoding: gzip")
TIMEOUT = 2.0
CONNECTIONS = 10_000
AT_ONCE = 200
SECONDS = 60
OPENED = 10
"""Files and threads that the store opens once, when it needs them; a leak would be thousands."""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits two seconds for each thing."""
    with serving(
        tmp_path_factory.mktemp("hasty"),
        access_log=False,
        head_timeout=TIMEOUT,
        body_timeout=TIMEOUT,
        keep_alive=TIMEOUT,
    ) as server:
        yield server
        assert "Traceback" not in server.log(), server.log()[:5_000]


def trickle(connection: Connection, parts: bytes) -> bytes:
    """Sends a byte every now and then, until the server says something; what it says."""
    end = time.monotonic() + 12 * TIMEOUT
    connection._socket.settimeout(0.25)
    for at in range(len(parts)):
        assert time.monotonic() < end
        connection.send(parts[at : at + 1])
        try:
            return connection._socket.recv(1 << 16)
        except TimeoutError:
            continue
    raise AssertionError("all of it was taken")


def test_a_head_one_byte_at_a_time(hasty: Server) -> None:
    with Connection(hasty.port) as connection:
        assert b" 408 " in trickle(connection, b"GET /healthz HTTP/1.1\r\n" + b"x: y\r\n" * 100)


def test_a_body_one_byte_at_a_time(hasty: Server) -> None:
    with Connection(hasty.port) as connection:
        connection.send(HEAD % 1_000)
        assert b" 408 " in trickle(connection, b" " * 1_000)


@pytest.mark.parametrize(
    "start",
    [
        b"POST /api/v1/lineage HTT",
        HEAD % 100,
        HEAD % 100 + b'{"eventTime"',
        b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        ZIPPED % 50 + b"\x1f\x8b\x08",
    ],
)
def test_half_a_request_is_ended(hasty: Server, start: bytes) -> None:
    began = time.monotonic()
    with Connection(hasty.port) as connection:
        connection.send(start)
        assert connection.answer().status == 408
        assert connection.ended()
    assert time.monotonic() - began < 4 * TIMEOUT


def test_who_does_not_read_the_answer_is_let_go(hasty: Server) -> None:
    """The answers to 400 requests of one connection wait in bounded memory, then it is closed."""
    filler = {"note": facet(text="x" * MIB)}
    identity = hasty.taken(run_event("COMPLETE", 1, run_facets=filler))
    taken = Taken(hasty)
    sockets, before = taken.sockets, taken.memory
    question = f"GET /api/v2/events/{identity}/raw HTTP/1.1\r\nHost: hw\r\n\r\n".encode()
    taken.reset_peak()
    deaf = []
    try:
        for _ in range(20):
            connection = Connection(hasty.port)
            deaf.append(connection)
            connection.send(question * 20)
        until(lambda: taken.sockets >= sockets + 20 or None, "they are connected")
        assert hasty.client.get("/healthz").status_code == 200
        assert taken.peak - before < 200 * MIB
        until(lambda: taken.sockets <= sockets + 1 or None, "they are let go", 8 * TIMEOUT)
    finally:
        for connection in deaf:
            connection.__exit__(None, None, None)


def reset(connection: socket.socket) -> None:
    """Ends it the hard way: what is on its way is lost."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


EVENT = encoded(run_event("COMPLETE", 2, run="01935b2a-0000-7000-8000-00000000dead"))
PLAIN = HEAD % len(EVENT)
BROKEN: tuple[bytes, ...] = (
    b"",
    b"POST",
    HEAD % 100_000_000,
    HEAD % 1_000 + b"{",
    PLAIN + EVENT[: len(EVENT) // 2],
    PLAIN + EVENT,
    PLAIN + EVENT + PLAIN + EVENT + PLAIN,
    b"GET /api/v2/events HTTP/1.1\r\nHost: hw\r\n\r\n" * 5,
    b"\x16\x03\x01\x02\x00\x01\x00",
    b"POST /api/v1/lineage HTTP/1.1\r\nHost: hw\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ZIPPED % 9 + b"\x1f",
    b"GET / HTTP/1.1\r\nHost: hw\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
)


async def _break(port: int, numbers: Iterator[int], end: float) -> None:
    loop = asyncio.get_running_loop()
    for number in numbers:
        assert time.monotonic() < end, "too slow"
        connection = socket.socket()
        connection.setblocking(False)
        try:
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, BROKEN[number % len(BROKEN)])
            match number % 3:
                case 0:
                    reset(connection)
                case 1:
                    connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was quicker
        finally:
            connection.close()


def test_10_000_broken_connections_leave_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, access_log=False) as server:
        assert server.client.get("/api/v2/stats").status_code == 200
        taken = Taken(server)

        async def storm(count: int) -> None:
            numbers = iter(range(count))
            end = time.monotonic() + SECONDS
            await asyncio.gather(*(_break(server.port, numbers, end) for _ in range(AT_ONCE)))

        asyncio.run(storm(1_000))
        calm = _settled(taken)
        memory = taken.memory
        began = time.monotonic()
        asyncio.run(storm(CONNECTIONS))
        spent = time.monotonic() - began
        files, threads = _settled(taken, calm)
        grown = (taken.memory - memory) / MIB
        log.info("%d of them in %.1f s: memory +%.1f MB", CONNECTIONS, spent, grown)
        assert files <= calm[0] + OPENED
        assert threads <= calm[1] + OPENED
        assert grown < 30
        until(lambda: _holds_nothing(server), "every body is let go", SECONDS)
        assert server.post(EVENT).status_code == 200
        assert "Traceback" not in server.log(), server.log()[:5_000]


def _holds_nothing(server: Server) -> bool | None:
    return b"headwater_held_bytes 0.0" in server.client.get("/metrics").content or None


def _settled(taken: Taken, wanted: tuple[int, int] | None = None) -> tuple[int, int]:
    """Open files and threads, once they have stood still for a while, or are what is wanted."""

    def look() -> tuple[int, int]:
        return taken.files, taken.threads

    if wanted is not None:
        files, threads = wanted

        def let_go() -> bool | None:
            now = look()
            return (now[0] <= files + OPENED and now[1] <= threads + OPENED) or None

        until(let_go, "all of them are let go", SECONDS)
        return look()
    seen, since = look(), time.monotonic()

    def still() -> tuple[int, int] | None:
        nonlocal seen, since
        now = look()
        if now != seen:
            seen, since = now, time.monotonic()
        return seen if time.monotonic() - since > 3 else None

    return until(still, "it settles", SECONDS)


def test_a_disconnect_before_the_answer_loses_no_event(tmp_path: Path) -> None:
    """What had come in whole is kept, or not known at all; sent again it is there once."""
    with serving(tmp_path, access_log=False) as server:
        bodies = [
            encoded(run_event("COMPLETE", 3, run=f"01935b2a-0000-7000-8000-{at:012x}"))
            for at in range(200)
        ]
        for body in bodies:
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(HEAD % len(body) + body)
            connection.close()
        ask: Callable[[], bool | None] = lambda: server.stats()["events"] == 200 or None  # noqa: E731
        until(ask, "all of them are kept")
        for body in bodies:
            assert server.post(body).status_code == 200
        assert server.stats()["events"] == 200
