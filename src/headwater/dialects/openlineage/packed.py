"""Flows as remembered between events: as bytes, which take a tenth of the memory."""

from collections.abc import Iterable, Iterator

import msgspec

from headwater.event import Flow, Source, Transformation
from headwater.ids import NodeId, dataset

_encode = msgspec.msgpack.Encoder().encode
_Source = tuple[int, str | None, tuple[Transformation, ...]]
_decode = msgspec.msgpack.Decoder(
    tuple[list[tuple[str, str]], list[tuple[tuple[str, ...], list[_Source]]]]
).decode


class PackedFlows:
    """Flows into one dataset from others; whoever goes over them has them made anew."""

    __slots__ = ("_packed", "_target")

    def __init__(self, target: NodeId, flows: Iterable[Flow]) -> None:
        """Raises UnicodeEncodeError: a name holds half a character."""
        self._target = target
        places: dict[NodeId, int] = {}
        told = [
            (
                fields,
                [(places.setdefault(s.node, len(places)), s.field, s.transformations) for s in of],
            )
            for _, fields, of in flows
        ]
        self._packed = _encode(([(node.namespace, node.name) for node in places], told))

    def __iter__(self) -> Iterator[Flow]:
        named, flows = _decode(self._packed)
        nodes = [dataset(namespace, name) for namespace, name in named]
        for fields, sources in flows:
            read = [Source(nodes[place], field, how) for place, field, how in sources]
            yield Flow(self._target, fields, tuple(read))

    def __repr__(self) -> str:
        return repr(tuple(self))

    @property
    def weight(self) -> int:
        """About how many bytes of memory they take."""
        return len(self._packed) + 100


def packed(target: NodeId, flows: tuple[Flow, ...]) -> PackedFlows | tuple[Flow, ...]:
    """The flows packed, or as they are where they cannot be."""
    try:
        return PackedFlows(target, flows)
    except UnicodeEncodeError:
        return flows
