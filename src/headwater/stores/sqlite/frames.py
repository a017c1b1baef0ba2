"""What the process that serves and the one that writes say to each other, over a socket.

A frame is a head with two lengths, a message in msgpack, and bytes that belong to the message.
"""

import socket
import struct
from collections.abc import Sequence

import msgspec

from headwater.event import Octets
from headwater.store import Receipt
from headwater.stores.sqlite.lock import Trace

_HEAD = struct.Struct(">QQ")
_AT_ONCE = 512
"""Buffers in one call; the system takes 1,024."""


class Open(msgspec.Struct, tag=True, array_like=True):
    create: bool
    left: Trace | None


class Commit(msgspec.Struct, tag=True, array_like=True):
    """The batch stands behind it, as `batches.pack` makes it: so many bytes, then the bodies."""

    said: int


class Probe(msgspec.Struct, tag=True, array_like=True):
    pass


class Condemn(msgspec.Struct, tag=True, array_like=True):
    """Damage was found by who reads."""

    reason: str


class Close(msgspec.Struct, tag=True, array_like=True):
    pass


Order = Open | Commit | Probe | Condemn | Close


class Progress(msgspec.Struct, tag=True, array_like=True):
    """Comes before the answer."""

    text: str


class Answer(msgspec.Struct, tag=True, array_like=True):
    """What came of an order, and how the writing side stands since.

    `error` is pickled: both ends are one program. `wrote_at` is of the monotonic clock, which they
    share. `logged` are (level, text) lines for the log.
    """

    error: bytes = b""
    receipts: list[Receipt] = []
    named: bytes = b""
    """The keys of the nodes that were named by all that was committed together, joined; the first
    of its answers says it."""
    last: int = 0
    """The position of the last event of all that was."""
    whole: bool = False
    failure: str | None = None
    damaged: bool = False
    wrote_at: float = 0.0
    logged: list[tuple[int, str]] = []


_orders = msgspec.msgpack.Decoder(Order)
_answers = msgspec.msgpack.Decoder(Progress | Answer)
_last_answers = msgspec.msgpack.Decoder(Answer)
_encode = msgspec.msgpack.Encoder().encode


class Ended(Exception):
    """The other process is gone."""


def frame(message: Order | Progress | Answer, more: Sequence[Octets] = ()) -> list[Octets]:
    """A frame in pieces."""
    encoded = _encode(message)
    return [_HEAD.pack(len(encoded), sum(map(len, more))), encoded, *more]


def parse(read: bytearray) -> tuple[Answer, int] | None:
    """The answer that begins what was read, and the size of its frame; None: not all of it is
    there. Progress is told of `Open` alone, whose answer is waited for by `Wire`.
    """
    if len(read) < _HEAD.size:
        return None
    first, second = _HEAD.unpack_from(read)
    size = _HEAD.size + first + second
    if len(read) < size:
        return None
    with memoryview(read) as whole:
        return _last_answers.decode(whole[_HEAD.size : _HEAD.size + first]), size


class Wire:
    """One end of the socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def order(self) -> tuple[Order, memoryview]:
        message, more = self._receive()
        return _orders.decode(message), more

    def answer(self) -> Progress | Answer:
        answer: Progress | Answer = _answers.decode(self._receive()[0])
        return answer

    def send(self, message: Order | Progress | Answer, more: Sequence[Octets] = ()) -> None:
        """Raises Ended when nobody listens."""
        waiting = [memoryview(part) for part in frame(message, more) if part]
        try:
            while waiting:
                sent = self._socket.sendmsg(waiting[:_AT_ONCE])
                done = 0
                while done < len(waiting) and sent >= len(waiting[done]):
                    sent -= len(waiting[done])
                    done += 1
                del waiting[:done]
                if sent:
                    waiting[0] = waiting[0][sent:]
        except OSError as error:
            raise Ended from error

    def _receive(self) -> tuple[memoryview, memoryview]:
        first, second = _HEAD.unpack(self._exactly(_HEAD.size))
        read = self._exactly(first + second)
        return read[:first], read[first:]

    def _exactly(self, size: int) -> memoryview:
        room = memoryview(bytearray(size))
        at = 0
        try:
            while at < size:
                count = self._socket.recv_into(room[at:])
                if not count:
                    raise Ended
                at += count
        except OSError as error:
            raise Ended from error
        return room

    def close(self) -> None:
        self._socket.close()
