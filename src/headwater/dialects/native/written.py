"""A lineage answer written as JSON straight from the graph, in the bytes of a `GraphAnswer`.

An answer has thousands of nodes and edges, and many edges share their evidence: each piece of text
is made once. What it may hold is the business of `graphs`; a test holds the two together.
"""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from headwater.dialects.native import graphs
from headwater.dialects.native.params import format_time
from headwater.event import Transformation
from headwater.fold import Origin
from headwater.ids import FieldId, NodeId, encode
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.store import Evidence


class _Head(msgspec.Struct, frozen=True):
    """All that a `GraphAnswer` says beside its nodes and edges, in the same order."""

    start: str
    direction: str
    depth: int
    as_of: str | None
    since: str | None
    nodes: msgspec.Raw
    edges: msgspec.Raw
    truncated: bool
    limit: int


def graph(found: Graph) -> bytes:
    """The same as encoding `graphs.graph`."""
    text = _Text()
    return _json(
        _Head(
            start=str(found.start),
            direction=found.direction.value,
            depth=found.depth,
            as_of=graphs.until(found.moment),
            since=graphs.since(found.moment),
            nodes=_array(text.nodes(found.nodes)),
            edges=_array(text.edges(found.edges)),
            truncated=found.truncated,
            limit=found.limit,
        )
    )


def _array(items: list[str]) -> msgspec.Raw:
    return msgspec.Raw(f"[{','.join(items)}]".encode())


class _Text:
    """The pieces of one answer."""

    def __init__(self) -> None:
        self._refs: dict[NodeId | FieldId, str] = {}
        self._namespaces: dict[str, tuple[str, str]] = {}
        self._evidence: dict[Evidence, str] = {}
        self._transformations: dict[tuple[Transformation, ...], str] = {}

    def nodes(self, nodes: Iterable[GraphNode]) -> list[str]:
        refs = self._refs
        items = []
        for node in nodes:
            ref = node.ref
            owner, kind, field = ref, "field", "null"
            if isinstance(owner, FieldId):
                field, owner = _quoted(owner.name), owner.dataset
            else:
                kind = owner.kind._value_
            namespace, space = self._namespace(owner.namespace)
            name = encode(owner.name)
            written = f"{kind}:{namespace}:{name}"
            if owner is not ref:
                written = str(ref)
            refs[ref] = written
            # what needs no percent sign needs no escape
            quoted = f'"{name}"' if name == owner.name else _quoted(owner.name)
            aliases = ",".join([f'"{alias}"' for alias in node.aliases]) if node.aliases else ""
            items.append(
                f'{{"id":"{written}","kind":"{kind}","namespace":{space},"name":{quoted},'
                f'"field":{field},"hops":{node.hops},"missing":{node.missing},'
                f'"aliases":[{aliases}],"source":{"true" if node.source else "false"}}}'
            )
        return items

    def edges(self, edges: Iterable[GraphEdge]) -> list[str]:
        """Edges between nodes that are written already."""
        refs, known = self._refs, self._evidence
        items = []
        for edge in edges:
            told = known.get(edge.evidence)
            if told is None:
                told = known[edge.evidence] = _evidence(edge.evidence)
            way = '"job":null,"transformations":[],"whole":false'
            if edge.job is not None or edge.transformations or edge.whole:
                way = self._way(edge)
            ends = f'"source":"{refs[edge.source]}","target":"{refs[edge.target]}"'
            items.append(f"{{{ends},{told},{way}}}")
        return items

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
