"""What is derived from events: each record's key and its merge.

Every merge is commutative, associative and idempotent, so the derived state is a function of the
set of events: their order, their number and their batches decide nothing. The laws are tested by
themselves; a store only loads, merges and writes.

A **stamp** orders statements: event time, lifecycle rank (START < RUNNING, OTHER < terminal) and,
for ties, the digest of the event. It is 16 bytes that compare as bytes.
"""

import struct
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

import msgspec

from headwater.event import Event, EventKind, EventType, Facet, Transformation
from headwater.ids import Key, NodeId, key_of, key_of_pieces

Stamp = bytes
T = TypeVar("T", bound=tuple[Any, ...])

_STAMP = struct.Struct(">QB")
_TIME = struct.Struct(">Q")
_ZERO = 1 << 62
_CREDIBLE = 1 << 63
_RANKS = {
    EventType.START: 0,
    EventType.COMPLETE: 2,
    EventType.FAIL: 2,
    EventType.ABORT: 2,
}
FUTURE = 86_400_000_000
"""How far (µs) an event may be dated after its receipt and still be believed."""
LAST_STAMP: Stamp = b"\xff" * 16


def stamp_of(event: Event, digest: bytes, received_at: int) -> Stamp:
    """An event dated more than a day after its receipt ranks below all others.

    It is kept, and holds where nothing else is stated, but a clock that runs decades ahead does not
    stay "latest" for decades.
    """
    rank = _RANKS.get(event.type, 1) if event.type is not None else 1
    time = event.time + _ZERO
    if event.time <= received_at + FUTURE:
        time |= _CREDIBLE
    return _STAMP.pack(time, rank) + digest[:7]


def stamp_time(stamp: Stamp) -> int:
    """The event time (µs) in a stamp."""
    time: int = _TIME.unpack_from(stamp)[0]
    return (time & (_CREDIBLE - 1)) - _ZERO


def credible(stamp: Stamp) -> bool:
    return stamp[0] >= 0x80


def stamp_ceiling(time: int) -> Stamp:
    """The greatest stamp that an event at or before this time can have."""
    clamped = min(max(time + _ZERO, 0), _CREDIBLE - 1)
    return _STAMP.pack(clamped | _CREDIBLE, 255) + b"\xff" * 7


class FacetState(NamedTuple):
    """The newest statement of one facet of a node."""

    stamp: Stamp
    digest: bytes
    deleted: bool
    gist: bytes


class KeySource(NamedTuple):
    node: Key
    field: str | None
    transformations: tuple[Transformation, ...]


class KeyFlow(NamedTuple):
    """A `Flow` whose nodes are keys."""

    target: Key
    fields: tuple[str, ...]
    sources: tuple[KeySource, ...]


class Content(msgspec.Struct, frozen=True, eq=False, array_like=True):
    """What an event, a run or a declaration says about its owner: inputs, outputs and flows.

    `explicit` is None where no explicit lineage is stated. `columns` holds the column lineage of
    each output that states some; a flow without fields and sources says "stated, and empty".
    """

    inputs: tuple[Key, ...]
    outputs: tuple[Key, ...]
    explicit: tuple[KeyFlow, ...] | None
    columns: tuple[KeyFlow, ...]
    digest: bytes

    @property
    def bare(self) -> bool:
        """No flow is stated: every input is taken to reach every output."""
        return self.explicit is None and not self.columns

    @property
    def empty(self) -> bool:
        return self.bare and not self.inputs and not self.outputs


def content(
    inputs: Iterable[Key],
    outputs: Iterable[Key],
    explicit: Iterable[KeyFlow] | None = None,
    columns: Iterable[KeyFlow] = (),
) -> Content:
    """Builds a Content in its one canonical form: sorted, without repetition."""
    parts = (
        tuple(sorted(set(inputs))),
        tuple(sorted(set(outputs))),
        None if explicit is None else _canonical(explicit),
        _canonical(columns),
    )
    return Content(*parts, _content_key(parts))


_Parts = tuple[
    tuple[Key, ...], tuple[Key, ...], tuple["KeyFlow", ...] | None, tuple["KeyFlow", ...]
]
_HEAVY = 10_000
_pack = msgspec.msgpack.Encoder().encode


def _content_key(parts: _Parts) -> Key:
    """The key of the parts as msgpack. Sources that flows share are packed once: written out for
    each flow they may be a million."""
    inputs, outputs, explicit, columns = parts
    if sum(len(flow.sources) for flow in columns) <= _HEAVY:
        return key_of(_pack(parts))
    packed: dict[int, bytes] = {}

    def pieces() -> Iterator[bytes]:
        yield b"\x94"
        yield from (_pack(inputs), _pack(outputs), _pack(explicit), _array(len(columns)))
        for flow in columns:
            yield from (b"\x93", _pack(flow.target), _pack(flow.fields))
            sources = packed.get(id(flow.sources))
            if sources is None:
                sources = packed[id(flow.sources)] = _pack(flow.sources)
            yield sources

    return key_of_pieces(pieces)


def _array(length: int) -> bytes:
    """How msgpack begins an array."""
    if length < 16:
        return bytes((0x90 | length,))
    return (
        b"\xdc" + length.to_bytes(2, "big")
        if length < 1 << 16
        else (b"\xdd" + length.to_bytes(4, "big"))
    )


def _canonical(flows: Iterable[KeyFlow]) -> tuple[KeyFlow, ...]:
    """Unites the sources of equal targets; "known to have none" yields to any source.

    Sources that flows share stay shared: a group of 100 x 100 columns is 200 names.
    """
    ordered = sorted(flows, key=_flow_order)
    fed = {flow.target for flow in ordered if flow.sources}
    united: dict[tuple[int, ...], tuple[KeySource, ...]] = {}
    found = []
    for (target, fields), equal in groupby(ordered, _flow_order):
        same = list(equal)
        which = tuple(id(flow.sources) for flow in same)
        sources = united.get(which)
        if sources is None:
            sources = united[which] = _united(flow.sources for flow in same)
        if sources or target not in fed:
            kept = same[0] if sources is same[0].sources else KeyFlow(target, fields, sources)
            found.append(kept)
    return tuple(found)


def _united(parts: Iterable[tuple[KeySource, ...]]) -> tuple[KeySource, ...]:
    """Sources that are in order already stay the object that they are."""
    first, *rest = parts
    if len(first) < 2 and not rest:  # most columns have one source
        return first
    together = ordered_sources(set(first).union(*rest))
    return first if together == first else together


def ordered_sources(sources: Collection[KeySource]) -> tuple[KeySource, ...]:
    """In the order that the canonical form has them in."""
    return tuple(sources if len(sources) < 2 else sorted(sources, key=_source_order))


def _flow_order(flow: KeyFlow) -> tuple[Key, tuple[str, ...]]:
    return flow.target, flow.fields


def _source_order(source: KeySource) -> tuple[Key, str, tuple[Transformation, ...]]:
    return source.node, "" if source.field is None else "\0" + source.field, source.transformations


class RunLinks(NamedTuple):
    """The parent facet: who started this run, and the root of them all."""

    parent_job: Key
    parent_run: str
    root_job: Key | None = None
    root_run: str | None = None


class Mode(NamedTuple):
    """What the job type facet says of a run: does it end, and do its events stand alone."""

    streaming: bool
    snapshot: bool


class RunRecord(msgspec.Struct, frozen=True, array_like=True):
    """A run's summary: everything that lists, job versions and the graph need of it.

    `said` maps the digest of each distinct content that the run's events state to the newest stamp
    that states it; the run's job version is their fold. A record without `newest` is a placeholder:
    another run names it, and none of its own events is here. `final`: the terminal event is one
    that no other takes back, save another such.
    """

    job: Key
    run_id: str
    first: int | None = None
    newest: Stamp | None = None
    started: int | None = None
    terminal: tuple[Stamp, EventType] | None = None
    running: bool = False
    nominal: tuple[Stamp, int | None, int | None] | None = None
    links: tuple[Stamp, RunLinks] | None = None
    mode: tuple[Stamp, Mode] | None = None
    said: dict[bytes, Stamp] = {}
    final: bool = False

    @property
    def state(self) -> str:
        """NEW, RUNNING, COMPLETE, FAIL or ABORT."""
        if self.terminal is not None:
            return self.terminal[1].value
        return "RUNNING" if self.running else "NEW"

    @property
    def complete(self) -> bool:
        return self.terminal is not None and self.terminal[1] is EventType.COMPLETE

    @property
    def ended(self) -> int | None:
        return None if self.terminal is None else stamp_time(self.terminal[0])

    @property
    def at(self) -> int | None:
        """When the run counts as started: its START, else the first that is known of it.

        A start later than all that is believed of the run is not believed either; a run of which
        nothing is believed counts as older than any other.
        """
        if self.newest is None or self.first is None:
            return None
        if not credible(self.newest):
            return self.first - _ZERO
        if self.started is not None and self.started <= stamp_time(self.newest):
            return self.started
        return min(self.first, stamp_time(self.newest))

    @property
    def snapshot(self) -> bool:
        return self.mode is not None and self.mode[1].snapshot


def merge_runs(a: RunRecord, b: RunRecord) -> RunRecord:
    """Both records are of the same run."""
    said = dict(a.said)
    for digest, stamp in b.said.items():
        known = said.get(digest)
        if known is None or stamp > known:
            said[digest] = stamp
    return RunRecord(
        job=a.job,
        run_id=a.run_id,
        first=_earliest(a.first, b.first),
        newest=_newest(a.newest, b.newest),
        started=_earliest(a.started, b.started),
        terminal=_deciding(a, b),
        running=a.running or b.running,
        nominal=_newest_of(a.nominal, b.nominal),
        links=_newest_of(a.links, b.links),
        mode=_newest_of(a.mode, b.mode),
        said=said,
        final=a.final or b.final,
    )


def _deciding(a: RunRecord, b: RunRecord) -> tuple[Stamp, EventType] | None:
    """The terminal event that decides: one that is final, else the newest."""
    if a.final != b.final:
        return a.terminal if a.final else b.terminal
    return _newest_of(a.terminal, b.terminal)


def _earliest(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def _newest(a: Stamp | None, b: Stamp | None) -> Stamp | None:
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)


def _newest_of(a: T | None, b: T | None) -> T | None:
    """The one with the newer stamp, which comes first in both."""
    if a is None or b is None:
        return b if a is None else a
    return a if a[0] >= b[0] else b


class PackedContent(msgspec.Struct, frozen=True, array_like=True):
    """A content in the form in which a store keeps it, with the edges that it states, likewise."""

    digest: bytes
    body: bytes
    bare: bool
    edges: bytes


class NodeRecord(msgspec.Struct, frozen=True, eq=False, array_like=True):
    """What one event states about a job or dataset. `digest` stands for all of its facets."""

    key: Key
    node: NodeId
    digest: bytes
    facets: tuple[Facet, ...]
    """By their digests; the bodies are not looked at."""
    schema: bytes | None = None
    """The digest of the schema facet."""
    fields: tuple[str, ...] = ()
    hides: bool = False

    def whole(self) -> "NodeRecord":
        """The record with all that it says; one on its way to a store may have it packed."""
        return self


class Projected(msgspec.Struct, frozen=True, eq=False, array_like=True):
    """Everything that one event implies, ready to be merged into a store.

    `nodes` are stated by the event itself (its job first), `mentions` only named by it. `content`
    is what it says of `owner`: of the run's job version, or, without a run, a declaration.
    """

    id: bytes
    stamp: Stamp
    kind: EventKind
    nodes: tuple[NodeRecord, ...]
    mentions: tuple[tuple[Key, NodeId], ...] = ()
    run: RunRecord | None = None
    parents: tuple[RunRecord, ...] = ()
    """Placeholders of the runs that the parent facet names."""
    owner: Key | None = None
    content: Content | PackedContent | None = None
    renames: tuple[tuple[Key, Key], ...] = ()
    """(old, new) keys of renamed datasets."""
