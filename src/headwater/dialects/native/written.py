"""A lineage answer written as JSON straight from the graph, in the bytes of a `GraphAnswer`.

An answer has thousands of nodes and edges, and many edges share their evidence: each piece of text
is made once. What it may hold is the business of `graphs`; a test holds the two together.
"""

import itertools
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from headwater.dialects.native import graphs
from headwater.dialects.native.params import format_time
from headwater.event import Transformation
from headwater.fold import Origin
from headwater.ids import FieldId, NodeId, encode
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.walks import Evidence

CHUNK = 500


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
    pieces = [_json(head)[:-1], b',"nodes":[', *_chunks(text.nodes(found.nodes))]
    pieces += [b'],"edges":[', *_chunks(text.edges(found.edges)), b"],", _json(foot)[1:]]
    return b"".join(pieces)


def _chunks(items: Iterator[str]) -> Iterator[bytes]:
    """The items, with commas between them: so many at a time that they take little memory."""
    comma = b""
    while part := list(itertools.islice(items, CHUNK)):
        yield comma + ",".join(part).encode()
        comma = b","


class _Text:
    """The pieces of one answer."""

    def __init__(self) -> None:
        self._refs: dict[NodeId | FieldId, str] = {}
        self._namespaces: dict[str, tuple[str, str]] = {}
        self._evidence: dict[Evidence, str] = {}
        self._transformations: dict[tuple[Transformation, ...], str] = {}

    def nodes(self, nodes: Iterable[GraphNode]) -> Iterator[str]:
        refs, namespaces = self._refs, self._namespaces
        for node in nodes:
            ref = node.ref
            if isinstance(ref, FieldId):
                written, said = str(ref), self._field(ref)
            else:
                kind, name = ref.kind._value_, ref.name
                namespace, space = namespaces.get(ref.namespace) or self._namespace(ref.namespace)
                encoded = encode(name)
                written = f"{kind}:{namespace}:{encoded}"
                # what needs no percent sign needs no escape
                quoted = f'"{name}"' if encoded == name else _quoted(name)
                said = f'"kind":"{kind}","namespace":{space},"name":{quoted},"field":null'
            refs[ref] = written
            rest = '"aliases":[],"source":false'
            if node.aliases or node.source:
                aliases = ",".join([f'"{alias}"' for alias in node.aliases])
                rest = f'"aliases":[{aliases}],"source":{"true" if node.source else "false"}'
            counts = f'"hops":{node.hops},"missing":{node.missing}'
            yield f'{{"id":"{written}",{said},{counts},{rest}}}'

    def edges(self, edges: Iterable[GraphEdge]) -> Iterator[str]:
        """Edges between nodes that are written already."""
        refs, known = self._refs, self._evidence
        for edge in edges:
            said = edge.evidence
            told = known.get(said)
            if told is None:
                told = known[said] = _evidence(said)
            way = '"job":null,"transformations":[],"whole":false'
            if edge.job is not None or edge.transformations or edge.whole:
                way = self._way(edge)
            yield f'{{"source":"{refs[edge.source]}","target":"{refs[edge.target]}",{told},{way}}}'

    def _field(self, ref: FieldId) -> str:
        namespace, name = _quoted(ref.dataset.namespace), _quoted(ref.dataset.name)
        field = _quoted(ref.name)
        return f'"kind":"field","namespace":{namespace},"name":{name},"field":{field}'

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
        f'"origins":{_origins(said.origin)},"first_seen":"{first}","last_seen":"{last}",'
        f'"runs":{said.runs},"last_run":{run}'
    )


@lru_cache(maxsize=64)
def _origins(origin: Origin) -> str:
    return _json(graphs.origins(origin)).decode()


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
