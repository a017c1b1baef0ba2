"""Splits a stream of JSON into its values without decoding them, in constant memory.

Only brackets and strings matter for that, so bare `NaN` or a broken number inside a value stay the
decoder's business.
"""

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

LARGEST = 256 << 20
"""The longest value that is read, in bytes; it bounds the memory that a damaged file can take."""

_CHUNK = 1 << 18
# Everything up to the next bracket, whole strings among it; it stops too where a string has no end.
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_BETWEEN = re.compile(rb"[\s,]*")
_STRAY = re.compile(rb"[^\s,{\[\]]+")


class Value(NamedTuple):
    """An object's bytes and the line it begins at (from 0), or a problem at that line."""

    line: int
    body: bytes
    problem: str = ""


def scan(stream: BinaryIO, head: bytes = b"") -> Iterator[Value]:
    """The values of a stream: one after the other, or the elements of arrays.

    What stands between them and is neither is a problem of its own; reading goes on behind it.
    """
    return _Scan(stream, head).values()


def whole(line: bytes) -> bool:
    """Whether a line is one complete object that is not empty."""
    body = line.strip()
    if not (body.startswith(b"{") and body.endswith(b"}")) or len(body) == 2:
        return False
    first, *others = scan(io.BytesIO(body))
    return not others and not first.problem


class _Scan:
    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self._stream = stream
        self._buffer = head
        self._at = 0
        self._line = 0
        self._arrays = 0
        self._array_line = 0

    def values(self) -> Iterator[Value]:
        while self._skip():
            first = self._buffer[self._at : self._at + 1]
            if first == b"[":
                self._arrays += 1
                self._array_line = self._line
                self._drop(self._at + 1)
            elif first == b"]" and self._arrays:
                self._arrays -= 1
                self._drop(self._at + 1)
            elif first == b"{":
                yield self._object()
            else:
                yield self._stray()
        if self._arrays:
            yield Value(self._array_line, b"", "the array that begins here is cut off")

    def _skip(self) -> bool:
        """Goes to the next byte that matters; False at the end."""
        while True:
            match = _BETWEEN.match(self._buffer, self._at)
            assert match is not None
            self._drop(match.end())
            if self._at < len(self._buffer):
                return True
            if not self._more():
                return False

    def _object(self) -> Value:
        begin, line, depth, at = self._at, self._line, 0, self._at
        while True:
            match = _TO_BRACKET.match(self._buffer, at)
            assert match is not None
            at = match.end()
            bracket = self._buffer[at : at + 1]
            if bracket in {b"", b'"'}:  # the rest of it is still to be read
                at, kept, begin = at - begin, len(self._buffer) - begin, 0
                if kept > LARGEST or not self._more():
                    return self._give_up(line, kept)
                continue
            at += 1
            depth += 1 if bracket in b"{[" else -1
            if depth == 0:
                body = self._buffer[begin:at]
                self._drop(at)
                return Value(line, body)

    def _give_up(self, line: int, kept: int) -> Value:
        """An object without an end takes the rest of the stream with it."""
        while self._more():
            self._drop(len(self._buffer))
        self._drop(len(self._buffer))
        self._arrays = 0
        over = kept > LARGEST
        reason = f"over {LARGEST >> 20} MiB, and what follows it" if over else f"{kept} bytes"
        return Value(line, b"", f"the object that begins here has no end: {reason}")

    def _stray(self) -> Value:
        line, start = self._line, self._at
        match = _STRAY.match(self._buffer, start)
        self._drop(match.end() if match else start + 1)
        text = self._buffer[start : self._at]
        shown = text[:40].decode("utf-8", "replace")
        return Value(line, b"", f"an event is a JSON object; this is {shown!r}")

    def _drop(self, at: int) -> None:
        self._line += self._buffer.count(b"\n", self._at, at)
        self._at = at

    def _more(self) -> bool:
        """Reads on; what lies behind `_at` is forgotten, so that `_at` is 0 again."""
        rest = self._buffer[self._at :]
        chunk = self._stream.read(max(_CHUNK, len(rest)))
        self._buffer, self._at = rest + chunk, 0
        return bool(chunk)
