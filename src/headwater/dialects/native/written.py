"""A lineage answer written as JSON straight from the graph, in the bytes of a `GraphAnswer`.

An answer has thousands of nodes and edges, and many edges share their evidence: each piece of text
is made once. What it may hold is the business of `graphs`; a test holds the two together.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from headwater.dialects.native import graphs
from headwater.dialects.native.params import format_time
from headwater.event import Transformation
from headwater.fold import Origin
from headwater.ids import FieldId, NodeId, encode, is_plain
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.walks import Evidence

CHUNK = 500
T = TypeVar("T")
_PLAIN = '"job":null,"transformations":[],"whole":false'


class _Head(msgspec.Struct, frozen=True):
    """What a `GraphAnswer` says before its nodes, in the same order."""

    start: str
    direction: str
    depth: int
    as_of: str | None
    since: str | None


class _Foot(msgspec.Struct, frozen=True):
    """What it says after its edges."""

    truncated: bool
    limit: int


def graph(found: Graph) -> bytes:
    """The same as encoding `graphs.graph`."""
    head = _Head(
        start=str(found.start),
        direction=found.direction.value,
        depth=found.depth,
        as_of=graphs.until(found.moment),
        since=graphs.since(found.moment),
    )
    foot = _Foot(found.truncated, found.limit)
    text = _Text()
    pieces = [_json(head)[:-1], b',"nodes":[', *_chunks(found.nodes, text.nodes)]
    pieces += [b'],"edges":[', *_chunks(found.edges, text.edges), b"],", _json(foot)[1:]]
    return b"".join(pieces)


def _chunks(items: Sequence[T], write: Callable[[Sequence[T]], list[str]]) -> Iterator[bytes]:
    """The items, with commas between them: so many at a time that they take little memory."""
    comma = b""
    for start in range(0, len(items), CHUNK):
        yield comma + ",".join(write(items[start : start + CHUNK])).encode()
        comma = b","


class _Told(dict[Evidence, str]):
    def __missing__(self, said: Evidence) -> str:
        text = self[said] = _evidence(said)
        return text


class _Text:
    """The pieces of one answer."""

    def __init__(self) -> None:
        self._refs: dict[NodeId | FieldId, str] = {}
        self._namespaces: dict[str, tuple[str, str]] = {}
        self._told = _Told()
        self._transformations: dict[tuple[Transformation, ...], str] = {}

    def nodes(self, nodes: Sequence[GraphNode]) -> list[str]:
        # What needs no percent sign needs no escape; all names are looked through at once.
        plain = is_plain("".join([node.ref.name for node in nodes]))
        refs, namespaces = self._refs, self._namespaces
        found: list[str] = []
        for node in nodes:
            ref = node.ref
            if not plain or node.aliases or node.source or isinstance(ref, FieldId):
                found.append(self._node(node))
                continue
            kind, name = ref.kind._value_, ref.name
            namespace, space = namespaces.get(ref.namespace) or self._namespace(ref.namespace)
            written = refs[ref] = f"{kind}:{namespace}:{name}"
            found.append(
                f'{{"id":"{written}","kind":"{kind}","namespace":{space},"name":"{name}",'
                f'"field":null,"hops":{node.hops},"missing":{node.missing},'
                '"aliases":[],"source":false}'
            )
        return found

    def _node(self, node: GraphNode) -> str:
        ref = node.ref
        written = self._refs[ref] = str(ref)
        if isinstance(ref, FieldId):
            kind, owner, field = "field", ref.dataset, _quoted(ref.name)
        else:
            kind, owner, field = ref.kind.value, ref, "null"
        aliases = ",".join([f'"{alias}"' for alias in node.aliases])
        return (
            f'{{"id":"{written}","kind":"{kind}","namespace":{_quoted(owner.namespace)},'
            f'"name":{_quoted(owner.name)},"field":{field},"hops":{node.hops},'
            f'"missing":{node.missing},"aliases":[{aliases}],'
            f'"source":{"true" if node.source else "false"}}}'
        )

    def edges(self, edges: Sequence[GraphEdge]) -> list[str]:
        """Edges between nodes that are written already."""
        refs, told, way = self._refs, self._told, self._way
        return [
            f'{{"source":"{refs[edge.source]}","target":"{refs[edge.target]}",{told[edge.evidence]},'
            f"{way(edge) if edge.job or edge.transformations or edge.whole else _PLAIN}}}"
            for edge in edges
        ]

    def _way(self, edge: GraphEdge) -> str:
        """What only column edges say."""
        job = "null" if edge.job is None else f'"{self._job(edge.job)}"'
        how = self._transformations.get(edge.transformations)
        if how is None:
            items = tuple(map(graphs.transformation, edge.transformations))
            how = self._transformations[edge.transformations] = _json(items).decode()
        return f'"job":{job},"transformations":{how},"whole":{"true" if edge.whole else "false"}'

    def _job(self, job: NodeId) -> str:
        text = self._refs.get(job)
        if text is None:
            text = self._refs[job] = str(job)
        return text

    def _namespace(self, name: str) -> tuple[str, str]:
        """Percent-encoded, and as JSON."""
        known = self._namespaces.get(name)
        if known is None:
            known = self._namespaces[name] = (encode(name), _quoted(name))
        return known


def _evidence(said: Evidence) -> str:
    run = "null" if said.last_run is None else _quoted(said.last_run)
    first = last = format_time(said.first)
    if said.last != said.first:
        last = format_time(said.last)
    return (
        f'"origins":{_ORIGINS[said.origin]},"first_seen":"{first}","last_seen":"{last}",'
        f'"runs":{said.runs},"last_run":{run}'
    )


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


_ORIGINS = tuple(
    _json(graphs.origins(Origin(number))).decode() for number in range(1 << len(Origin))
)
