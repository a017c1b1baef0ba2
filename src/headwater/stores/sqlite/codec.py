"""How records are written in columns, and read back."""

import functools
import operator
import struct
from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import Raw

from headwater.event import EventKind, EventType, Transformation
from headwater.fold import Origin
from headwater.ids import Key
from headwater.records import Content, KeyFlow, KeySource, Mode, RunLinks, RunRecord, Stamp

KINDS = {EventKind.RUN: 0, EventKind.JOB: 1, EventKind.DATASET: 2}
KIND_OF = {number: kind for kind, number in KINDS.items()}

_encode = msgspec.msgpack.Encoder().encode


_Source = tuple[Any, ...]
_Flow = tuple[int, tuple[str, ...], list[_Source] | int]
SHARED_FROM = 10_000
"""So many sources in all flows together, and those that flows share are written once."""


class _Body(msgspec.Struct, array_like=True, omit_defaults=True):
    """A content with every node listed once; the rest refers to it by place.

    The sources of a flow are a list, or the place of one in `shared`.
    """

    nodes: list[bytes]
    inputs: list[int]
    outputs: list[int]
    explicit: list[_Flow] | None
    columns: list[_Flow]
    shared: list[list[_Source]] = []


_bodies = msgspec.msgpack.Decoder(_Body)


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


def _flow(places: dict[Key, int], flow: KeyFlow) -> _Flow:
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


def decode_content(body: bytes, digest: bytes, about: Collection[Key] | None = None) -> Content:
    """Reads a content back.

    Args:
        about: of column lineage, only what names one of these nodes: flows to them, and of other
            flows the sources that are one of them.
    """
    raw = _bodies.decode(body)
    nodes = raw.nodes
    flows = _Flows(raw)
    return Content(
        tuple([nodes[i] for i in raw.inputs]),
        tuple([nodes[i] for i in raw.outputs]),
        None if raw.explicit is None else flows.all(raw.explicit),
        flows.all(raw.columns) if about is None else flows.about(raw.columns, about),
        digest,
    )


class _Flows:
    """Reads the flows of a body; lists of sources that flows share are read once."""

    def __init__(self, raw: _Body) -> None:
        self._nodes = raw.nodes
        self._shared = raw.shared
        self._read: dict[int, tuple[KeySource, ...]] = {}

    def all(self, items: list[_Flow]) -> tuple[KeyFlow, ...]:
        nodes = self._nodes
        return tuple([KeyFlow(nodes[t], fields, self._sources(of)) for t, fields, of in items])

    def about(self, items: list[_Flow], wanted: Collection[Key]) -> tuple[KeyFlow, ...]:
        nodes = self._nodes
        places = {place for place, node in enumerate(nodes) if node in wanted}
        shared = [[each for each in some if each[0] in places] for some in self._shared]
        found: list[KeyFlow] = []
        for target, fields, of in items:
            if target in places:
                found.append(KeyFlow(nodes[target], fields, self._sources(of)))
                continue
            some = shared[of] if isinstance(of, int) else [s for s in of if s[0] in places]
            if some:
                found.append(KeyFlow(nodes[target], fields, _read_sources(nodes, some)))
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


class _Facts(msgspec.Struct, array_like=True):
    """The parts of a run's record that no query looks at."""

    terminal: tuple[bytes, str] | None = None
    nominal: tuple[bytes, int | None, int | None] | None = None
    links: tuple[bytes, bytes, str, bytes | None, str | None] | None = None
    mode: tuple[bytes, bool, bool] | None = None


_facts = msgspec.msgpack.Decoder(_Facts)


def encode_facts(record: RunRecord) -> bytes:
    return _encode(
        _Facts(
            None if record.terminal is None else (record.terminal[0], record.terminal[1].value),
            record.nominal,
            None if record.links is None else (record.links[0], *record.links[1]),
            None if record.mode is None else (record.mode[0], *record.mode[1]),
        )
    )


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
    text = stored.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


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
