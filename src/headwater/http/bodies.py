"""Reads bodies within limits: on the wire, after gunzip, and of all requests together."""

import asyncio
import io
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from headwater.errors import BodyTooLarge, MalformedBody, Unavailable, UnsupportedMedia
from headwater.http.errors import ClientGone

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_PLAIN = frozenset({b"", b"identity"})
_GZIP = frozenset({b"gzip", b"x-gzip"})
_PIECE = 1 << 20
_MEMBERS = 4_096


class Body(NamedTuple):
    """What came over the wire, and what it says; `held` is what both take in memory."""

    raw: bytes
    data: bytes
    held: int


class BodyReader:
    """Reads bodies, and knows how many bytes of them are in work.

    Args:
        wire_bytes: the largest body as it is sent.
        data_bytes: the largest body after gunzip.
        held_bytes: the bound for all bodies together.
    """

    def __init__(self, wire_bytes: int, data_bytes: int, held_bytes: int) -> None:
        self._wire_bytes = wire_bytes
        self._data_bytes = data_bytes
        self._held_bytes = held_bytes
        self._held = 0

    @property
    def held(self) -> int:
        """The bytes of all bodies in work."""
        return self._held

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive) -> Body:
        """The whole body; give what is held to `release` when the request is answered.

        Raises:
            BodyTooLarge: over a limit; raised before a declared body is read, and as soon as an
                undeclared one, or what it unzips to, goes over.
            UnsupportedMedia: an encoding other than gzip.
            MalformedBody: not gzip, or cut short.
            Unavailable: too much is in work already.
            ClientGone: the connection ended first.
        """
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        if encoding not in _PLAIN and encoding not in _GZIP:
            raise UnsupportedMedia(
                f"content encoding {encoding.decode('latin-1')!r} is not supported; gzip is"
            )
        declared = headers.get(b"content-length")
        if declared is not None:
            self._check_wire(int(declared))
        if encoding in _PLAIN:
            return await self._plain(receive)
        return await self._gzip(receive)

    def take(self, headers: Mapping[bytes, bytes], whole: bytes) -> Body | None:
        """A body that is here already, as `read` gives it; None: it has to be unzipped first."""
        if headers.get(b"content-encoding", b"").strip().lower() not in _PLAIN:
            return None
        size = len(whole)
        self._check_wire(size)
        self._hold(size)
        return Body(whole, whole, size)

    def release(self, held: int) -> None:
        self._held -= held

    async def _plain(self, receive: Receive) -> Body:
        chunk, more = await _next(receive)
        size = len(chunk)
        self._check_wire(size)
        self._hold(size)
        if not more:
            return Body(chunk, chunk, size)
        together = io.BytesIO()  # gives its bytes without a copy: a large body is there once
        together.write(chunk)
        try:
            while more:
                chunk, more = await _next(receive)
                self._hold(len(chunk))
                size += len(chunk)
                self._check_wire(size)
                together.write(chunk)
        except BaseException:
            self._held -= size
            raise
        whole = together.getvalue()
        return Body(whole, whole, size)

    async def _gzip(self, receive: Receive) -> Body:
        unzip = _Unzip(self._data_bytes)
        chunks: list[bytes] = []
        wire = held = 0
        more = True
        try:
            while more:
                chunk, more = await _next(receive)
                wire += len(chunk)
                self._check_wire(wire)
                chunks.append(chunk)
                self._hold(len(chunk))
                held += len(chunk)
                pending = True
                while pending:
                    before = unzip.size
                    pending = unzip.feed(chunk)
                    chunk = b""
                    self._hold(grown := unzip.size - before)
                    held += grown
                    if pending:  # a bomb, or a large body: let the others have their turn
                        await asyncio.sleep(0)
            return Body(b"".join(chunks), unzip.finish(), held)
        except BaseException:
            self._held -= held
            raise

    def _check_wire(self, size: int) -> None:
        if size > self._wire_bytes:
            raise BodyTooLarge(f"the body is larger than {self._wire_bytes} bytes")

    def _hold(self, size: int) -> None:
        if self._held + size > self._held_bytes:
            raise Unavailable("too many bodies are in work")
        self._held += size


async def _next(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


class _Unzip:
    """Gunzips what it is fed, a bounded piece at a time; takes any number of members."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._members = 1
        self._member = zlib.decompressobj(wbits=31)
        self._pieces: list[bytes] = []
        self._rest = b""
        self.size = 0

    def feed(self, chunk: bytes) -> bool:
        """Takes a chunk; True when there is more to do with what it has: feed it nothing then."""
        data = self._rest + chunk if self._rest else chunk
        self._rest = b""
        if self._member.eof:
            data = data.lstrip(b"\0")  # padding, which gzip allows behind a member
            if not data:
                return False
            self._members += 1
            if self._members > _MEMBERS:
                raise MalformedBody(f"the body has more than {_MEMBERS} gzip members")
            self._member = zlib.decompressobj(wbits=31)
        try:
            piece = self._member.decompress(data, _PIECE)
        except zlib.error as error:
            raise MalformedBody("the body is not valid gzip") from error
        self.size += len(piece)
        if self.size > self._limit:
            raise BodyTooLarge(f"the body unzips to more than {self._limit} bytes")
        self._pieces.append(piece)
        self._rest = self._member.unused_data or self._member.unconsumed_tail
        return bool(self._rest) or len(piece) == _PIECE

    def finish(self) -> bytes:
        """Raises MalformedBody when the last member is not complete."""
        if not self._member.eof:
            raise MalformedBody("the gzip body is cut short")
        return b"".join(self._pieces)
