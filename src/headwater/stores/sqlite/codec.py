"""How records are written in columns, and read back."""

import functools
import operator
import struct
from typing import Any

import msgspec
from msgspec import Raw

from headwater import fold
from headwater.event import EventKind, EventType, Transformation
from headwater.fold import Origin
from headwater.ids import Key
from headwater.records import (
    Content,
    KeyFlow,
    KeySource,
    Mode,
    PackedContent,
    RunLinks,
    RunRecord,
    Stamp,
)
from headwater.walks import About

KINDS = {EventKind.RUN: 0, EventKind.JOB: 1, EventKind.DATASET: 2}
KIND_OF = {number: kind for kind, number in KINDS.items()}

_encode = msgspec.msgpack.Encoder().encode


_Source = tuple[Any, ...]
_OwnFlow = tuple[int, tuple[str, ...], list[_Source]]
_Flow = tuple[int, tuple[str, ...], list[_Source] | int]
SHARED_FROM = 10_000
"""So many sources in all flows together, and those that flows share are written once."""


class Head(msgspec.Struct, array_like=True):
    """How a content begins: with every node listed once, to which the rest refers by place. Column
    lineage follows, which not everyone reads alike.
    """

    nodes: list[bytes]
    inputs: list[int]
    outputs: list[int]
    explicit: list[_OwnFlow] | None

    @property
    def explicit_flows(self) -> tuple[KeyFlow, ...] | None:
        if self.explicit is None:
            return None
        nodes = self.nodes
        return tuple(
            [KeyFlow(nodes[t], fields, _read_sources(nodes, of)) for t, fields, of in self.explicit]
        )


class _Body(Head, array_like=True):
    """The sources of a flow of columns are a list, or the place of one in `shared`."""

    columns: list[_Flow]
    shared: list[list[_Source]] = []


class _Outline(Head, array_like=True):
    """The same, with the column lineage as it is written."""

    columns: Raw
    shared: list[Raw] = []

    def may_name(self, about: About) -> bool:
        """Whether its column lineage may name any of the columns: most names none of a few."""
        if self.shared:
            return True
        written = bytes(self.columns)
        for place, node in enumerate(self.nodes):
            fields = about.get(node)
            if fields is None:
                continue
            at = _encode(place)
            if None in fields or at + _encode(None) in written or _is_target(written, at):
                return True
            for field in fields:
                if at + _encode(field) in written:
                    return True
        return False


def _is_target(written: bytes, place: bytes) -> bool:
    """Whether a place may stand before the fields of a target, which are an array."""
    head = b"\x93" + place
    start = written.find(head)
    while start >= 0:
        following = written[start + len(head) :][:1]
        if b"\x90" <= following <= b"\x9f" or following in (b"\xdc", b"\xdd"):
            return True
        start = written.find(head, start + 1)
    return False


_bodies = msgspec.msgpack.Decoder(_Body)
_outlines = msgspec.msgpack.Decoder(_Outline)


def encode_content(content: Content) -> bytes:
    places: dict[Key, int] = {}
    shared = _Shared(content.columns, places)
    inputs = [_place(places, key) for key in content.inputs]
    outputs = [_place(places, key) for key in content.outputs]
    explicit = None
    if content.explicit is not None:
        explicit = [_flow(places, flow) for flow in content.explicit]
    columns = [shared.flow(flow) for flow in content.columns]
    body = (list(places), inputs, outputs, explicit, columns)
    return _encode((*body, shared.lists) if shared.lists else body)


def _place(places: dict[Key, int], key: Key) -> int:
    return places.setdefault(key, len(places))


def _flow(places: dict[Key, int], flow: KeyFlow) -> _OwnFlow:
    target = _place(places, flow.target)
    return target, flow.fields, _sources(places, flow.sources)


def _sources(places: dict[Key, int], sources: tuple[KeySource, ...]) -> list[_Source]:
    return [
        (_place(places, s.node), s.field, s.transformations)
        if s.transformations
        else (_place(places, s.node), s.field)
        for s in sources
    ]


class _Shared:
    """Writes flows; the sources of heavy ones once each."""

    def __init__(self, flows: tuple[KeyFlow, ...], places: dict[Key, int]) -> None:
        self.lists: list[Raw] = []
        """As they are written: as tuples, thousands of sources would be megabytes at once."""
        self._places = places
        self._heavy = sum(len(flow.sources) for flow in flows) > SHARED_FROM
        self._by_value: dict[tuple[KeySource, ...], int] = {}
        self._by_identity: dict[int, int] = {}

    def flow(self, flow: KeyFlow) -> _Flow:
        if not self._heavy:
            return _flow(self._places, flow)
        return _place(self._places, flow.target), flow.fields, self._list(flow.sources)

    def _list(self, sources: tuple[KeySource, ...]) -> int:
        known = self._by_identity.get(id(sources))
        if known is None:
            known = self._by_value.setdefault(sources, len(self.lists))
            if known == len(self.lists):
                self.lists.append(Raw(_encode(_sources(self._places, sources))))
            self._by_identity[id(sources)] = known
        return known


def decode_content(body: bytes, digest: bytes, about: About | None = None) -> Content:
    """Reads a content back.

    Args:
        about: of column lineage, only what names one of these columns: flows to them, and of other
            flows the sources that are one of them.
    """
    raw = _bodies.decode(body) if about is None else _body_about(body, about)
    nodes = raw.nodes
    flows = _Flows(raw)
    columns = flows.all(raw.columns) if about is None else flows.about(raw.columns, about)
    return Content(
        tuple([nodes[i] for i in raw.inputs]),
        tuple([nodes[i] for i in raw.outputs]),
        raw.explicit_flows,
        columns,
        digest,
    )


def _body_about(body: bytes, about: About) -> _Body:
    outline = _outlines.decode(body)
    if outline.may_name(about):
        return _bodies.decode(body)
    return _Body(outline.nodes, outline.inputs, outline.outputs, outline.explicit, columns=[])


class _Flows:
    """Reads the flows of a body; lists of sources that flows share are read once."""

    def __init__(self, raw: _Body) -> None:
        self._nodes = raw.nodes
        self._shared = raw.shared
        self._read: dict[int, tuple[KeySource, ...]] = {}

    def all(self, items: list[_Flow]) -> tuple[KeyFlow, ...]:
        nodes = self._nodes
        return tuple([KeyFlow(nodes[t], fields, self._sources(of)) for t, fields, of in items])

    def about(self, items: list[_Flow], about: About) -> tuple[KeyFlow, ...]:
        if not items:
            return ()
        columns: set[tuple[int, str | None]] = set()
        for place, node in enumerate(self._nodes):
            if node in about:
                columns.add((place, None))
                columns.update((place, field) for field in about[node])
        places = {place for place, _ in columns}
        wholes = {place for place in places if None in about[self._nodes[place]]}

        def among(sources: list[_Source]) -> list[_Source]:
            return [s for s in sources if s[:2] in columns or s[0] in wholes]

        def to(target: int, fields: tuple[str, ...]) -> bool:
            return target in wholes or any((target, each) in columns for each in fields or (None,))

        shared = list(map(among, self._shared))
        # One look at every flow, and a second at the few that name one of the datasets.
        near = {
            n
            for n, (_, _, of) in enumerate(items)
            for source in (of if isinstance(of, list) else shared[of])
            if source[0] in places
        }
        near.update([n for n, (target, _, _) in enumerate(items) if target in places])
        found: list[KeyFlow] = []
        for target, fields, of in [items[n] for n in sorted(near)]:
            if target in places and to(target, fields):
                found.append(KeyFlow(self._nodes[target], fields, self._sources(of)))
            elif some := among(of) if isinstance(of, list) else shared[of]:
                found.append(KeyFlow(self._nodes[target], fields, _read_sources(self._nodes, some)))
        return tuple(found)

    def _sources(self, of: list[_Source] | int) -> tuple[KeySource, ...]:
        if not isinstance(of, int):
            return _read_sources(self._nodes, of)
        known = self._read.get(of)
        if known is None:
            known = self._read[of] = _read_sources(self._nodes, self._shared[of])
        return known


def _read_sources(nodes: list[bytes], sources: list[_Source]) -> tuple[KeySource, ...]:
    return tuple(
        [
            KeySource(
                nodes[source[0]],
                source[1],
                tuple([Transformation(*t) for t in source[2]]) if len(source) > 2 else (),
            )
            for source in sources
        ]
    )


_EDGE = struct.Struct("16s16sB")
Edges = dict[tuple[Key, Key], Origin]


def encode_edges(edges: Edges) -> bytes:
    return b"".join([_EDGE.pack(*pair, origin) for pair, origin in edges.items()])


def decode_edges(blob: bytes) -> Edges:
    return {(source, target): Origin(o) for source, target, o in _EDGE.iter_unpack(blob)}


def pack(owner: Key, content: Content) -> PackedContent:
    """A content with the edges that it states of its owner."""
    edges = encode_edges(fold.edges(owner, content))
    return PackedContent(content.digest, encode_content(content), content.bare, edges)


class _Facts(msgspec.Struct, array_like=True):
    """The parts of a run's record that no query looks at."""

    terminal: tuple[bytes, str] | None = None
    nominal: tuple[bytes, int | None, int | None] | None = None
    links: tuple[bytes, bytes, str, bytes | None, str | None] | None = None
    mode: tuple[bytes, bool, bool] | None = None


class _FinalFacts(_Facts, array_like=True):
    """Only runs with a final event have the last part: earlier versions wrote none."""

    final: bool = False


_facts = msgspec.msgpack.Decoder(_FinalFacts)


def encode_facts(record: RunRecord) -> bytes:
    parts = (
        None if record.terminal is None else (record.terminal[0], record.terminal[1].value),
        record.nominal,
        None if record.links is None else (record.links[0], *record.links[1]),
        None if record.mode is None else (record.mode[0], *record.mode[1]),
    )
    return _encode(_FinalFacts(*parts, True) if record.final else _Facts(*parts))


def decode_run(
    job: Key,
    run_id: bytes | str,
    columns: tuple[int | None, int | None, int, bytes | None],
    facts: bytes,
    said: dict[bytes, Stamp],
) -> RunRecord:
    """Args: columns: first, started, running, newest."""
    first, started, running, newest = columns
    raw = _facts.decode(facts)
    return RunRecord(
        job=job,
        run_id=read_run_id(run_id),
        first=first,
        newest=newest,
        started=started,
        terminal=None if raw.terminal is None else (raw.terminal[0], EventType(raw.terminal[1])),
        running=bool(running),
        nominal=raw.nominal,
        links=None if raw.links is None else (raw.links[0], RunLinks(*raw.links[1:])),
        mode=None if raw.mode is None else (raw.mode[0], Mode(*raw.mode[1:])),
        said=said,
        final=raw.final,
    )


_dashes = operator.itemgetter(8, 13, 18, 23)


@functools.lru_cache(maxsize=4_096)  # the events of a run, and of all under one parent, name it
def write_run_id(run_id: str) -> bytes | str:
    """A UUID in its usual form takes 16 bytes; anything else stays text."""
    if len(run_id) != 36 or _dashes(run_id) != ("-", "-", "-", "-"):
        return run_id
    digits = run_id.replace("-", "")
    try:
        stored = bytes.fromhex(digits)
    except ValueError:
        return run_id
    return stored if stored.hex() == digits else run_id


def read_run_id(stored: bytes | str) -> str:
    if isinstance(stored, str):
        return stored
    return f"{stored[:4].hex()}-{stored[4:10].hex('-', 2)}-{stored[10:].hex()}"


_said = msgspec.msgpack.Decoder(list[tuple[int, bytes]])


def encode_said(said: list[tuple[int, Stamp]]) -> bytes:
    return _encode(sorted(said))


def decode_said(blob: bytes) -> list[tuple[int, Stamp]]:
    return _said.decode(blob)


_current = msgspec.msgpack.Decoder(list[tuple[int, bool]])


def encode_current(contents: list[tuple[int, bool]]) -> bytes:
    return _encode(contents)


def decode_current(blob: bytes) -> list[tuple[int, bool]]:
    return _current.decode(blob)
