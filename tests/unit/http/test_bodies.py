"""Bodies: limits, gzip, chunks; over a socket, and by themselves for their memory."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import MutableMapping
from typing import Any

import pytest

from headwater.errors import BodyTooLarge, MalformedBody, Unavailable
from headwater.http.bodies import BodyReader
from headwater.http.errors import ClientGone
from tests.unit.http.serving import Connection

TEXT = b'{"a": "' + b"x" * 3_000 + b'"}'
GZIP = "Content-Encoding: gzip"
CHUNKED = "Transfer-Encoding: chunked"


def chunked(body: bytes, size: int = 1_000) -> bytes:
    parts = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def told(connection: Connection) -> dict[str, Any]:
    answer = connection.read()
    assert answer.status == 200, answer
    found: dict[str, Any] = json.loads(answer.body)
    return found


@pytest.mark.parametrize("coding", ["", "identity", "gzip", "x-gzip", "GZIP"])
@pytest.mark.parametrize("in_chunks", [False, True])
def test_a_body_arrives_whole(connection: Connection, coding: str, in_chunks: bool) -> None:
    zipped = "gzip" in coding.lower()
    body = gzip.compress(TEXT, 3) if zipped else TEXT
    headers = [f"Content-Encoding: {coding}"] if coding else []
    if in_chunks:
        connection.send("POST", "/echo/things", b"", *headers, CHUNKED)
        connection.socket.sendall(chunked(body, 7))
    else:
        connection.send("POST", "/echo/things", body, *headers)
    found = told(connection)
    assert found["length"] == len(TEXT)
    assert found["raw"] == len(body)


def test_a_large_body_in_many_pieces(connection: Connection) -> None:
    connection.send("POST", "/echo/things", b"y" * (1 << 20))
    assert told(connection)["length"] == 1 << 20


def test_gzip_members_are_joined(connection: Connection) -> None:
    body = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + b"\0\0\0"
    connection.send("POST", "/echo/things", body, GZIP)
    assert told(connection)["start"] == "one two"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"not gzip", id="no gzip"),
        pytest.param(gzip.compress(TEXT)[:-6], id="cut short"),
        pytest.param(gzip.compress(TEXT)[:-8] + b"\0" * 8, id="wrong checksum"),
        pytest.param(gzip.compress(TEXT) + b"rubbish", id="rubbish behind"),
        pytest.param(gzip.compress(b"") * 5_000, id="many members"),
    ],
)
def test_broken_gzip_is_refused(connection: Connection, body: bytes) -> None:
    assert connection.ask("POST", "/echo/things", body, GZIP).status == 400
    assert connection.ask("POST", "/echo/things", b"next").status == 200


def test_an_empty_body_is_no_gzip(connection: Connection) -> None:
    assert connection.ask("POST", "/echo/things", b"", GZIP, "Content-Length: 0").status == 400


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_other_codings_are_not_spoken(connection: Connection, coding: str) -> None:
    answer = connection.ask("POST", "/echo/things", b"abc", f"Content-Encoding: {coding}")
    assert answer.status == 415


def test_a_body_at_the_limit_is_taken_and_one_more_byte_is_not(connection: Connection) -> None:
    assert connection.ask("POST", "/echo/things", b"x" * (1 << 20)).status == 200
    answer = connection.ask("POST", "/echo/things", b"x" * ((1 << 20) + 1))
    assert answer.status == 413
    assert "retry-after" not in answer.headers


def test_a_declared_length_is_refused_before_the_body_comes(connection: Connection) -> None:
    connection.send("POST", "/echo/things", b"", f"Content-Length: {1 << 40}")
    answer = connection.read()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert connection.ended()


def test_an_answer_before_the_end_of_a_body_is_readable(connection: Connection) -> None:
    """The client sends all of a body that was refused at its first byte, then reads."""
    connection.send("POST", "/echo/things", b"x" * (20 << 20))
    assert connection.read().status == 413
    assert connection.ended()


def test_an_undeclared_length_is_counted(connection: Connection) -> None:
    connection.send("POST", "/echo/things", b"", CHUNKED)
    connection.socket.sendall(chunked(b"x" * ((1 << 20) + 1), 60_000))
    assert connection.read().status == 413


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"1\r\n{\r\n0\r\n", b"X-A: b\r\n"),
        (b"1\r\n{\r\n0\r\nX-A: ", b"b"),
        (b"1;a=", b"b"),
        (b"1\r\n{\r\n0;a=", b"b"),
    ],
)
def test_what_stands_around_chunks_is_bounded(
    connection: Connection, start: bytes, more: bytes
) -> None:
    """Trailers and extensions without an end: answered while the client still sends."""
    connection.send("POST", "/echo/things", b"", CHUNKED)
    connection.socket.sendall(start + more * ((2 << 20) // len(more)))
    assert connection.read().status == 431
    assert connection.ended()


def test_small_chunks_extensions_and_trailers_are_no_obstacle(connection: Connection) -> None:
    body = chunked(b"x" * 40_000, 1).replace(b"\r\nx", b";a=b\r\nx")
    connection.send("POST", "/echo/things", b"", CHUNKED)
    connection.socket.sendall(body.removesuffix(b"\r\n") + b"X-A: b\r\n\r\n")
    assert told(connection)["length"] == 40_000


def test_a_bomb_is_cut_off(connection: Connection) -> None:
    bomb = gzip.compress(b"\0" * (100 << 20), 9)
    assert len(bomb) < 1 << 20
    assert connection.ask("POST", "/echo/things", bomb, GZIP).status == 413


def test_a_client_may_wait_for_100_continue(connection: Connection) -> None:
    connection.send("POST", "/echo/things", b"", "Content-Length: 3", "Expect: 100-continue")
    assert connection.read().status == 100
    connection.socket.sendall(b"abc")
    assert told(connection)["length"] == 3


def test_who_waits_for_100_continue_may_be_refused(connection: Connection) -> None:
    length = f"Content-Length: {1 << 30}"
    connection.send("POST", "/echo/things", b"", length, "Expect: 100-continue")
    assert connection.read().status == 413
    assert connection.ended()


class Chunks:
    """What ASGI gives: the chunks of a body, then the end of the connection."""

    def __init__(self, *chunks: bytes, whole: bool = True) -> None:
        self._chunks = list(chunks)
        self._whole = whole

    async def __call__(self) -> MutableMapping[str, Any]:
        if not self._chunks:
            return {"type": "http.disconnect"}
        chunk = self._chunks.pop(0)
        more = bool(self._chunks) or not self._whole
        return {"type": "http.request", "body": chunk, "more_body": more}


def pieces(body: bytes, size: int = 1 << 16) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = pieces(gzip.compress(b"\0" * (100 << 20), 9))
    reader = BodyReader(1 << 30, 8 << 20, 1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            asyncio.run(reader.read({b"content-encoding": b"gzip"}, Chunks(*bomb)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 12 << 20
    assert reader.held == 0


def test_a_body_in_pieces_is_in_memory_once() -> None:
    size = 8 << 20

    async def story() -> int:
        body = await BodyReader(size, size, size).read({}, Chunks(*sent))
        assert len(body.data) == size
        return tracemalloc.get_traced_memory()[1]

    sent = pieces(b"x" * size)
    tracemalloc.start()
    try:
        assert asyncio.run(story()) < 10 << 20
    finally:
        tracemalloc.stop()


def test_what_is_in_work_is_bounded_and_given_back() -> None:
    async def story() -> None:
        reader = BodyReader(1_000, 1_000, 1_500)
        first = await reader.read({}, Chunks(b"x" * 500, b"y" * 400))
        assert reader.held == 900
        with pytest.raises(Unavailable):
            await reader.read({}, Chunks(b"x" * 500, b"y" * 400))
        assert reader.held == 900
        zipped = gzip.compress(b"z" * 300)
        second = await reader.read({b"content-encoding": b"gzip"}, Chunks(zipped))
        assert reader.held == 1_200 + len(zipped)
        reader.release(first.held)
        reader.release(second.held)
        assert reader.held == 0

    asyncio.run(story())


@pytest.mark.parametrize("headers", [{}, {b"content-encoding": b"gzip"}])
def test_a_client_that_goes_leaves_nothing(headers: dict[bytes, bytes]) -> None:
    reader = BodyReader(9_000, 9_000, 9_000)
    chunk = gzip.compress(TEXT)[:30]
    with pytest.raises(ClientGone):
        asyncio.run(reader.read(headers, Chunks(chunk, whole=False)))
    assert reader.held == 0


def test_gzip_whose_last_member_lacks_its_end() -> None:
    reader = BodyReader(1_000, 1_000, 1_000)
    body = gzip.compress(b"a") + gzip.compress(b"b")[:15]
    with pytest.raises(MalformedBody):
        asyncio.run(reader.read({b"content-encoding": b"gzip"}, Chunks(body)))
    assert reader.held == 0
