"""Bodies that strict JSON refuses, arrays of events, and how deep a body is nested.

Python's client writes bare NaN and Infinity; others write half a surrogate pair, raw control
characters or a byte order mark. Such a body is read as the strict JSON that it stands for.
"""

import re
from collections.abc import Callable, Iterator
from itertools import accumulate

import msgspec

_BOM = b"\xef\xbb\xbf"
# What is found stands behind as much as is well, so that Python sees only what is odd. Each pattern
# goes on from where it stopped, and a string that does not end runs to the end of the body: no byte
# is looked at twice.
_HALF = rb"u[dD][89a-fA-F]"
_PAIR = rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_WELL = rb"(?:[^\"\\\x00-\x1f]++|\\(?!" + _HALF + rb").|" + _PAIR + rb")*+"
_tokens = re.compile(
    rb"(?:[^\"NI-]++|-(?!Infinity)|N(?!aN)|I(?!nfinity)|\"" + _WELL + rb"\")*+"
    rb"(?:(\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"?|-?Infinity|NaN)|\Z)",
    re.DOTALL,
)
_odd = re.compile(
    rb"\"?" + _WELL + rb"(?:([\x00-\x1f]|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.)|[\"\\]|\Z)",
    re.DOTALL,
)
_MOST = 200_000
"""Odd parts of a body that are mended; each takes microseconds in which nobody else is served."""
_LONE_SURROGATE = 6  # the length of its escape
_NESTING = bytes(
    {**dict.fromkeys(b"[{", 1), **dict.fromkeys(b"]}", 255)}.get(c, c) for c in range(256)
)
_UNNESTED = bytes(set(range(256)) - set(b'[]{}"'))
_quoted = re.compile(rb'"[^"]*+"?')
_PIECE = 1 << 20
"""To join many small parts takes 80 bytes for each of them; so long bodies go piece by piece."""
_before = re.compile(rb"\s*+\[?+\s*+")
_comma = re.compile(rb"\s*+,\s*+")
_events = re.compile(rb'"events"\s*+:\s*+')


class _Envelope(msgspec.Struct):
    events: msgspec.Raw


_items = msgspec.json.Decoder(list[msgspec.Raw])
_envelope = msgspec.json.Decoder(_Envelope)


def too_deep(body: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than the limit."""
    if body.count(b"{") + body.count(b"[") <= limit:
        return False
    if b"\\" in body:
        body = body.replace(rb"\\", b"").replace(rb"\"", b"")
    # What is left of a string are its quotes and the brackets in it; two quotes side by side are an
    # empty string, or the end of one and the start of the next.
    brackets = body.translate(_NESTING, _UNNESTED).replace(b'""', b"")
    if b'"' in brackets:
        brackets = b"".join(_unquoted(brackets))
    return max(accumulate(memoryview(brackets).cast("b")), default=0) > limit


def _unquoted(brackets: bytes) -> Iterator[bytes]:
    """What stands outside of quotes."""
    inside = False
    for at in range(0, len(brackets), _PIECE):
        piece = brackets[at : at + _PIECE]
        if inside:
            piece = b'"' + piece  # its string began before
        inside = piece.count(b'"') % 2 == 1
        yield _quoted.sub(b"", piece)


def repair(body: bytes) -> bytes | None:
    """The strict JSON that a body stands for; None: nothing about it can be repaired.

    NaN and the infinities become null, a lone surrogate U+FFFD, a control character its escape.
    """
    try:
        repaired = _rewrite(body.removeprefix(_BOM), _null, lambda char: b"\\u%04x" % char)
    except msgspec.DecodeError:
        return None
    return repaired if repaired != body else None


def _null(_: bytes) -> bytes:
    return b"null"


def split(body: bytes, envelope: bool) -> list[bytes] | None:
    """The verbatim elements of a JSON array; None: the body is another value.

    Args:
        envelope: take `{"events": [...]}` for that array too.

    Raises:
        msgspec.DecodeError: the body is not JSON, however leniently it is read.
    """
    try:
        return _elements(body, body, envelope)
    except msgspec.ValidationError:
        return None
    except msgspec.DecodeError:
        # Stand-ins of the same length: each element is found at its own place in the body.
        plain = _rewrite(body.removeprefix(_BOM), lambda token: b"1" * len(token), lambda _: b" ")
    try:
        return _elements(body, plain.rjust(len(body)), envelope)
    except msgspec.ValidationError:
        return None


def _elements(body: bytes, plain: bytes, envelope: bool) -> list[bytes]:
    start = 0
    array = plain
    if envelope and plain.lstrip().startswith(b"{"):
        array = bytes(_envelope.decode(plain).events)
        places = [match.end() for match in _events.finditer(plain)]
        start = next((at for at in reversed(places) if plain.startswith(array, at)), 0)
    found = [bytes(raw) for raw in _items.decode(array)]
    if plain is body:
        return found
    for at, element in enumerate(found):
        separator = (_comma if at else _before).match(plain, start)
        start = separator.end() if separator else start
        found[at] = body[start : start + len(element)]
        start += len(element)
    return found


def _rewrite(
    body: bytes, number: Callable[[bytes], bytes], control: Callable[[int], bytes]
) -> bytes:
    def in_string(part: bytes) -> bytes:
        if part[0] < 0x20:
            return control(part[0])
        return rb"\ufffd" if len(part) == _LONE_SURROGATE else part

    def token(part: bytes) -> bytes:
        if part[:1] != b'"':
            return number(part)
        return _replaced(_odd, in_string, part)

    return _replaced(_tokens, token, body)


def _replaced(pattern: re.Pattern[bytes], change: Callable[[bytes], bytes], text: bytes) -> bytes:
    """Changes the parts that the pattern's group finds. `sub` would join millions of them."""
    written = bytearray()
    end = 0
    for number, match in enumerate(pattern.finditer(text)):
        if number > _MOST:
            raise msgspec.DecodeError("too much of it is no JSON")
        part = match[1]
        changed = None if part is None else change(part)
        if changed is not None and changed is not part:
            written += text[end : match.start(1)]
            written += changed
            end = match.end(1)
    return bytes(written + text[end:]) if end else text
