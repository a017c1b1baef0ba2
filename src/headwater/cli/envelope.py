"""Events that are more than their bytes: an idempotency token makes the same bytes another event.

An export writes such an event as a line that names its dialect and token beside the body, so that
`load` makes the same event of it, with the same id.
"""

import msgspec

_START = b'{"headwater_event":'


class Kept(msgspec.Struct, frozen=True):
    """What the log knows of an event beside its bytes."""

    dialect: str
    token: str


class Envelope(msgspec.Struct, frozen=True):
    """An event with all that makes it what it is."""

    headwater_event: Kept
    body: str


def wrapped(body: bytes, dialect: str, token: str) -> bytes:
    """As one line; bodies are UTF-8, or they were not accepted."""
    return msgspec.json.encode(Envelope(Kept(dialect, token), body.decode()))


def unwrapped(line: bytes) -> Envelope | None:
    """None for an event that stands for itself."""
    if not line.startswith(_START):
        return None
    try:
        return msgspec.json.decode(line, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
