"""Names, and the keys that are derived from them.

A key is a 128-bit hash of length-prefixed parts: it depends on the content alone, so nothing has to
be read before it is written, and every machine derives the same one.
"""

import enum
import re
import uuid
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote

import msgspec

from headwater.errors import InvalidParameter

Key = bytes
"""16 bytes."""

_SAFE = re.compile(r"[A-Za-z0-9_.~-]*")
_UUID = re.compile(
    r"(?:urn:uuid:)?\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?",
    re.IGNORECASE,
)


def key_of(*parts: str | bytes) -> Key:
    """The 16-byte key of a tuple of parts; no two tuples share one."""
    digest = sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.digest()[:16]


def key_of_pieces(pieces: Callable[[], Iterable[bytes]]) -> Key:
    """`key_of` the one part that the pieces make together; they are made twice, and not kept."""
    digest = sha256(sum(map(len, pieces())).to_bytes(4, "big"))
    for piece in pieces():
        digest.update(piece)
    return digest.digest()[:16]


def digest_of(raw: bytes, token: str | None = None) -> bytes:
    """The 16-byte digest of received bytes, and of the idempotency token they came with.

    With one, the same bytes under another token are another event.
    """
    return sha256(raw).digest()[:16] if token is None else key_of(token, raw)


@lru_cache(maxsize=1_000)
def _head(*parts: str) -> bytes:
    """How the text begins that `key_of` hashes for these parts and more."""
    raw = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join([len(each).to_bytes(4, "big") + each for each in raw])


class NodeKind(enum.StrEnum):
    """What a node of the graph is; the value is its name on every surface."""

    DATASET = "dataset"
    JOB = "job"

    __hash__ = str.__hash__  # an enum's own is a call into Python for every hash of a node


class NodeId(msgspec.Struct, frozen=True, order=True, cache_hash=True, gc=False):
    """A job or a dataset inside a domain: exact and case-sensitive."""

    kind: NodeKind
    namespace: str
    name: str

    def key(self, domain: str) -> Key:
        """The key inside a domain; its first bit tells jobs (1) from datasets (0)."""
        namespace = self.namespace.encode("utf-8", "surrogatepass")
        name = self.name.encode("utf-8", "surrogatepass")
        # As `key_of(domain, kind, namespace, name)`, in fewer steps: no other key is made as often.
        sizes = len(namespace).to_bytes(4, "big"), len(name).to_bytes(4, "big")
        text = b"%b%b%b%b%b" % (_head(domain, self.kind), sizes[0], namespace, sizes[1], name)
        key = sha256(text).digest()
        first = key[0] | 0x80 if self.kind is NodeKind.JOB else key[0] & 0x7F
        return first.to_bytes(1, "big") + key[1:16]

    def __str__(self) -> str:
        return f"{self.kind.value}:{encode(self.namespace)}:{encode(self.name)}"


def is_job(key: Key) -> bool:
    """Whether a node's key is that of a job; it is that of a dataset otherwise."""
    return key[0] >= 0x80


class FieldId(msgspec.Struct, frozen=True, order=True, cache_hash=True, gc=False):
    """A column of a dataset."""

    dataset: NodeId
    name: str

    def __str__(self) -> str:
        dataset = self.dataset
        return f"field:{encode(dataset.namespace)}:{encode(dataset.name)}:{encode(self.name)}"


class RunRef(msgspec.Struct, frozen=True, order=True):
    """A run as it is written in a question; which job it belongs to is looked up."""

    run_id: str

    def __str__(self) -> str:
        return f"run:{encode(self.run_id)}"


Ref = NodeId | FieldId | RunRef


def dataset(namespace: str, name: str) -> NodeId:
    return NodeId(NodeKind.DATASET, namespace, name)


def job(namespace: str, name: str) -> NodeId:
    return NodeId(NodeKind.JOB, namespace, name)


def fold_run_id(run_id: str) -> str:
    """The run id as it is compared and kept: a UUID in lower case, anything else as it came."""
    match = _UUID.fullmatch(run_id)
    return match[1].lower() if match else run_id


def order(ref: NodeId | FieldId) -> tuple[str, str, str, str]:
    """Sorts nodes and fields of any kind together: by namespace, name, kind and field."""
    if isinstance(ref, FieldId):
        return ref.dataset.namespace, ref.dataset.name, "field", ref.name
    return ref.namespace, ref.name, ref.kind, ""


def encode(part: str) -> str:
    """Percent-encodes a part of a node's written form; the result holds no `:` and no `/`."""
    return part if is_plain(part) else _quoted(part)


def is_plain(part: str) -> bool:
    """Whether a part, or all parts that make up a text, is written as it is."""
    return _SAFE.fullmatch(part) is not None


@lru_cache(maxsize=10_000)
def _quoted(part: str) -> str:
    return quote(part, safe="", errors="surrogatepass")


def parse_ref(text: str, parameter: str = "node") -> Ref:
    """Reads `dataset:<ns>:<name>`, `job:<ns>:<name>`, `field:<ns>:<name>:<field>` or `run:<runId>`.

    Each part is percent-encoded, so that every name is possible.

    Raises:
        InvalidParameter: the text has another form.
    """
    refs = parse_candidates(text, parameter)
    if len(refs) != 1:
        raise InvalidParameter(
            parameter, f"{text!r} has too many ':'; percent-encode each part (':' is %3A)"
        )
    return refs[0]


def parse_candidates(text: str, parameter: str = "node") -> list[Ref]:
    """Every reading of a node text whose parts may hold bare colons, longest namespace first."""
    kind, _, rest = text.partition(":")
    parts = rest.split(":")
    if kind == "run" and rest:
        return [RunRef(fold_run_id(unquote(rest)))]
    wanted = {"dataset": 2, "job": 2, "field": 3}.get(kind)
    if wanted is None or len(parts) < wanted:
        raise InvalidParameter(
            parameter,
            f"{text!r} is not dataset:<namespace>:<name>, job:<namespace>:<name>, "
            "field:<namespace>:<name>:<field> or run:<runId>",
        )
    found: list[Ref] = []
    for cut in range(len(parts) - wanted + 1, 0, -1):
        namespace, tail = ":".join(parts[:cut]), parts[cut:]
        if kind != "field":
            found.append(NodeId(NodeKind(kind), unquote(namespace), unquote(":".join(tail))))
            continue
        for end in range(len(tail) - 1, 0, -1):
            name, field = ":".join(tail[:end]), ":".join(tail[end:])
            owner = dataset(unquote(namespace), unquote(name))
            found.append(FieldId(owner, unquote(field)))
    return found


def event_id(time: int, digest: bytes) -> bytes:
    """The public id of an event: a UUID of version 8 made of its time (µs) and its digest.

    Ids sort by event time, so one index finds an event, refuses its duplicates and lists by time.
    """
    micros = min(max(time, 0), (1 << 56) - 1)
    tail = int.from_bytes(digest[:9], "big") >> 6
    bits = (micros >> 8) << 80
    bits |= (0x8 << 76) | (((micros >> 4) & 0xF) << 72) | ((micros & 0xF) << 68)
    bits |= ((tail >> 62) & 0xF) << 64
    bits |= (0b10 << 62) | (tail & ((1 << 62) - 1))
    return bits.to_bytes(16, "big")


def format_event_id(raw: bytes) -> str:
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def parse_event_id(text: str) -> bytes:
    """Raises InvalidParameter when the text is not a UUID."""
    try:
        return uuid.UUID(text).bytes
    except ValueError as error:
        raise InvalidParameter("id", f"{text!r} is not an event id (a UUID)") from error
