"""Bodies that strict JSON refuses, and how deep a body is nested.

Python's client writes bare NaN and Infinity; others write half a surrogate pair, raw control
characters or a byte order mark. Such a body is read as the strict JSON that it stands for.
"""

import re
from collections.abc import Callable
from itertools import accumulate

import msgspec

_BOM = b"\xef\xbb\xbf"
# A string that does not end runs to the end of the body, so that no byte is looked at twice.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_strings = re.compile(_STRING, re.DOTALL)
_tokens = re.compile(_STRING + rb"|-?Infinity|NaN", re.DOTALL)
_controls = re.compile(rb"[\x00-\x1f]")
_escapes = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
_LONE = 6
"""The length of an escaped surrogate without its other half."""
_BRACKETS = bytes(
    1 if code in b"[{" else 255 if code in b"]}" else 0 for code in range(256)
)  # fmt: skip
_PLAIN = bytes(set(range(256)) - set(b"[]{}"))
_SPACE = b" \t\r\n"
_items = msgspec.json.Decoder(list[msgspec.Raw])


def too_deep(body: bytes, limit: int) -> bool:
    """Whether arrays and objects are nested deeper than the limit."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    brackets = _strings.sub(b"", body).translate(_BRACKETS, _PLAIN)
    return max(accumulate(memoryview(brackets).cast("b")), default=0) > limit


def repair(body: bytes) -> bytes | None:
    """The strict JSON that a body stands for; None: nothing about it can be repaired.

    NaN and the infinities become null, a lone surrogate U+FFFD, a control character its escape.
    """
    repaired = _rewrite(body.removeprefix(_BOM), b"null", lambda c: b"\\u%04x" % c[0][0])
    return repaired if repaired != body else None


def elements(body: bytes, key: bytes | None = None) -> list[bytes] | None:
    """The verbatim elements of an array that strict JSON refuses; None: it is not an array.

    Args:
        body: the array, or with a key an object that holds it.
        key: not None: the array is the member of that name.
    """
    # Stand-ins of the same length, so that each element is found at its place in the body.
    start = len(_BOM) if body.startswith(_BOM) else 0
    plain = b" " * start + _rewrite(body[start:], None, lambda _: b" ")
    raws = _items.decode(plain)
    found = []
    at = plain.index(b"[") + 1
    for raw in map(bytes, raws):
        while plain[at] in b", \t\r\n":
            at += 1
        found.append(body[at : at + len(raw)])
        at += len(raw)
    return found
