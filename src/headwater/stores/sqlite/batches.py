"""A batch of events on its way to the process that writes: as bytes, and back.

Most events repeat what the ones before them said of their job and datasets. So each end remembers
these parts: one as the bytes that it made of them, the other as what it read from the bytes.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Raw

from headwater.errors import Problem
from headwater.event import Event, EventKind, EventType, Received
from headwater.ids import Key, NodeId
from headwater.memo import Memo
from headwater.records import Content, NodeRecord, Projected, RunRecord, Stamp
from headwater.stores.sqlite import codec

Item = tuple[Received, Projected | None]

REMEMBERED = 32 << 20
"""Bytes of parts of each kind, at each end."""
_GROWN = 3
"""How much larger a part is than its bytes, about."""
_OWN_WEIGHT = 200
_FLAG = Problem("", "")
_encode = msgspec.msgpack.Encoder().encode
_nodes = msgspec.msgpack.Decoder(NodeRecord)


class _Said(msgspec.Struct, array_like=True):
    """A content as it is stored: what its flows share stays shared."""

    digest: bytes
    body: bytes


class _Parts(msgspec.Struct, array_like=True):
    """A `Projected`, its larger parts still bytes."""

    id: bytes
    stamp: Stamp
    kind: EventKind
    nodes: tuple[Raw, ...]
    mentions: tuple[tuple[Key, NodeId], ...]
    run: RunRecord | None
    parents: tuple[RunRecord, ...]
    owner: Key | None
    content: _Said | None
    renames: tuple[tuple[Key, Key], ...]


class _Line(msgspec.Struct, array_like=True):
    """What a writer needs of a `Received`; its body, of `size` bytes, stands apart."""

    domain: str
    dialect: str
    size: int
    digest: bytes
    kind: EventKind
    time: int
    type: EventType | None
    flags: int
    received_at: int
    token: str | None
    failure: str | None
    parts: _Parts | None


class _Batch(msgspec.Struct, array_like=True):
    lines: list[_Line]
    positions: list[int] | None


_batches = msgspec.msgpack.Decoder(_Batch)


class Packer:
    """Makes bytes of batches."""

    def __init__(self) -> None:
        self._nodes: Memo[int, tuple[NodeRecord, Raw]] = Memo(REMEMBERED)
        self._contents: Memo[int, tuple[Content, _Said]] = Memo(REMEMBERED)

    def pack(
        self, batch: Sequence[Item], positions: Sequence[int] | None
    ) -> tuple[bytes, list[bytes]]:
        """What is said of the events, and their bodies."""
        lines = [self._line(*item) for item in batch]
        places = None if positions is None else list(positions)
        return _encode(_Batch(lines, places)), [received.body for received, _ in batch]

    def _line(self, received: Received, projected: Projected | None) -> _Line:
        event = received.event
        return _Line(
            received.domain,
            received.dialect,
            len(received.body),
            received.digest,
            event.kind,
            event.time,
            event.type,
            len(event.flags),
            received.received_at,
            received.token,
            received.failure,
            None if projected is None else self._parts(projected),
        )

    def _parts(self, projected: Projected) -> _Parts:
        return _Parts(
            projected.id,
            projected.stamp,
            projected.kind,
            tuple([self._raw(node) for node in projected.nodes]),
            projected.mentions,
            projected.run,
            projected.parents,
            projected.owner,
            None if projected.content is None else self._said(projected.content),
            projected.renames,
        )

    def _raw(self, node: NodeRecord) -> Raw:
        """A part is remembered along with its bytes, so that no other can have its identity."""
        known = self._nodes.get(id(node))
        if known is not None:
            return known[1]
        raw = Raw(_encode(node))
        self._nodes.put(id(node), (node, raw), len(raw) + _OWN_WEIGHT)
        return raw

    def _said(self, content: Content) -> _Said:
        known = self._contents.get(id(content))
        if known is not None:
            return known[1]
        said = _Said(content.digest, codec.encode_content(content))
        self._contents.put(id(content), (content, said), len(said.body) + _OWN_WEIGHT)
        return said


class Unpacker:
    """Reads batches again. Of an event there is what a writer needs: its flags are only counted."""

    def __init__(self) -> None:
        self._nodes: Memo[bytes, NodeRecord] = Memo(REMEMBERED)
        self._contents: Memo[bytes, Content] = Memo(REMEMBERED)

    def unpack(self, said: bytes, bodies: memoryview) -> tuple[list[Item], list[int] | None]:
        batch = _batches.decode(said)
        return list(self._items(batch.lines, bodies)), batch.positions

    def _items(self, lines: Sequence[_Line], bodies: memoryview) -> Iterator[Item]:
        at = 0
        for line in lines:
            event = Event(line.kind, line.time, line.type, flags=(_FLAG,) * line.flags)
            body = bytes(bodies[at : at + line.size])
            at += line.size
            received = Received(
                line.domain,
                line.dialect,
                body,
                line.digest,
                event,
                line.received_at,
                line.token,
                line.failure,
            )
            yield received, None if line.parts is None else self._projected(line.parts)

    def _projected(self, parts: _Parts) -> Projected:
        return Projected(
            parts.id,
            parts.stamp,
            parts.kind,
            tuple([self._node(bytes(raw)) for raw in parts.nodes]),
            parts.mentions,
            parts.run,
            parts.parents,
            parts.owner,
            None if parts.content is None else self._content(parts.content),
            parts.renames,
        )

    def _node(self, raw: bytes) -> NodeRecord:
        known = self._nodes.get(raw)
        if known is not None:
            return known
        return self._nodes.put(raw, _nodes.decode(raw), _GROWN * len(raw) + _OWN_WEIGHT)

    def _content(self, said: _Said) -> Content:
        known = self._contents.get(said.digest)
        if known is not None:
            return known
        read = codec.decode_content(said.body, said.digest)
        return self._contents.put(said.digest, read, _GROWN * len(said.body) + _OWN_WEIGHT)
