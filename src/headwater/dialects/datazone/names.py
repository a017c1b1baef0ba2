"""The public ids of this protocol, all derived: equal on every machine and after every rebuild.

An event has 14 characters: 72 of the bits of its own id, taken so that the index of event ids finds
it again. A dataset or job has 14 characters, the first 72 bits of its key. A run of a job has 36,
because it is found by its whole run id; a domain has those of a hash of its name.
"""

import re
import uuid
from collections.abc import Iterator

from headwater.ids import Key, NodeId, dataset, key_of

DOMAIN_ID = re.compile(r"dzd[-_][a-zA-Z0-9_-]{1,36}")
EVENT_ID = re.compile(r"[a-z0-9]{14}")
RUN_ID = re.compile(r"[a-z0-9]{36}")

RESERVED = "headwater://datazone"
"""The namespace of what this dialect notes down in the log for itself; its nodes are hidden."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
_SHORT = 14
_SHORT_BITS = 72
_UUID_WIDTH, _JOB_WIDTH = 25, 11
_UUID_BITS = 128
_TAIL = (1 << 48) - 1
_BUCKET_SHIFT = 92
_BUCKETS = 24
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII)


def base36(value: int, width: int) -> str:
    """The number in lower-case letters and digits, `width` of them."""
    parts: list[str] = []
    for _ in range(0, width, 2):
        value, rest = divmod(value, 1296)
        parts.append(_PAIRS[rest])
    return "".join(reversed(parts))[-width:]


def domain_name(name: str) -> str:
    """The id of a domain."""
    return f"dzd_{base36(int.from_bytes(key_of('datazone', 'domain', name)[:9], 'big'), _SHORT)}"


def event_name(identity: bytes) -> str:
    """The 14 characters of an event: about which second it is of, and 48 bits of its digest."""
    bits = int.from_bytes(identity, "big")
    bucket = (bits >> _BUCKET_SHIFT) & ((1 << _BUCKETS) - 1)
    return base36(bucket << 48 | bits & _TAIL, _SHORT)


def event_ranges(
    name: str, least: bytes, greatest: bytes
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Where an event of this name may stand, and how its id ends.

    The name tells the second of its time within 203 days; each such second between the least and
    the greatest event id is a range (the end is not included).
    """
    value = int(name, 36)
    if value >> _SHORT_BITS:
        return [], b""
    bucket = value >> 48
    first, last = (int.from_bytes(end, "big") >> _BUCKET_SHIFT for end in (least, greatest))
    found = []
    for lap in range(first >> _BUCKETS, (last >> _BUCKETS) + 1):
        place = lap << _BUCKETS | bucket
        if first <= place <= last:
            found.append((_bound(place), _bound(place + 1)))
    return found, (value & _TAIL).to_bytes(6, "big")


def _bound(place: int) -> bytes:
    return min(place << _BUCKET_SHIFT, (1 << 128) - 1).to_bytes(16, "big")


def node_name(key: Key) -> str:
    """The 14 characters of a dataset or job."""
    return base36(int.from_bytes(key[:9], "big"), _SHORT)


def node_range(name: str) -> tuple[Key, Key] | None:
    """The least and the greatest key of this name; None: no node can have it."""
    value = int(name, 36)
    if value >> _SHORT_BITS:
        return None
    start = value.to_bytes(9, "big")
    return start + bytes(7), start + b"\xff" * 7


def run_name(job: Key, run_id: str) -> str:
    """The 36 characters of a run of a job."""
    tail = base36(int.from_bytes(job[:7], "big"), _JOB_WIDTH)
    return base36(_run_number(run_id), _UUID_WIDTH) + tail


def _run_number(run_id: str) -> int:
    """A UUID itself; any other text by a hash, behind all UUIDs."""
    if _UUID.fullmatch(run_id):
        return uuid.UUID(run_id).int
    return (1 << _UUID_BITS) + int.from_bytes(key_of("run", run_id), "big")


def read_run_name(name: str) -> tuple[str | None, Key, Key] | None:
    """The run id (None: a text, of which the name is a hash) and the range of its job's key."""
    number, job = int(name[:_UUID_WIDTH], 36), int(name[_UUID_WIDTH:], 36)
    if number >> (_UUID_BITS + 1) or job >> 56:
        return None
    start = job.to_bytes(7, "big")
    run_id = None if number >> _UUID_BITS else str(uuid.UUID(int=number))
    return run_id, start + bytes(9), start + b"\xff" * 9


def deletion_mark(event: str) -> NodeId:
    """The hidden node that says that an event was deleted."""
    return dataset(RESERVED, f"deleted/{event}")


def domain_mark(domain: str) -> NodeId:
    """The hidden node that holds what is said of a domain."""
    return dataset(RESERVED, f"domain/{domain}")


def splits(text: str, mark: str) -> Iterator[tuple[str, str]]:
    """Every way to read a text as two parts around a mark, the longest first part first."""
    at = text.rfind(mark)
    while at >= 0:
        yield text[:at], text[at + 1 :]
        at = text.rfind(mark, 0, at)
