"""The shapes of lineage answers, and how they are made of a graph."""

from functools import lru_cache

import msgspec

from headwater.dialects.native.params import format_time, iso
from headwater.dialects.native.views import Time
from headwater.event import Transformation
from headwater.fold import Origin
from headwater.ids import FieldId
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.store import Moment


class NodeItem(msgspec.Struct, frozen=True):
    """A node of a lineage answer; `missing` neighbours lie behind its depth or limit."""

    id: str
    kind: str
    namespace: str
    name: str
    field: str | None
    hops: int
    missing: int
    aliases: tuple[str, ...]
    source: bool


class TransformationItem(msgspec.Struct, frozen=True):
    """How a column reaches another."""

    type: str
    subtype: str
    description: str
    masking: bool


class EdgeItem(msgspec.Struct, frozen=True):
    """An edge in the direction of the data, with its evidence: how it is known, when and by whom.

    `whole` marks a column edge from or to a dataset as a whole.
    """

    source: str
    target: str
    origins: tuple[str, ...]
    first_seen: Time | None
    last_seen: Time | None
    runs: int
    last_run: str | None
    job: str | None
    transformations: tuple[TransformationItem, ...]
    whole: bool


class GraphAnswer(msgspec.Struct, frozen=True):
    """Lineage. `truncated`: the limit cut the answer; ask again with a greater one."""

    start: str
    direction: str
    depth: int
    as_of: Time | None
    since: Time | None
    nodes: tuple[NodeItem, ...]
    edges: tuple[EdgeItem, ...]
    truncated: bool
    limit: int


def until(moment: Moment | None) -> str | None:
    return None if moment is None else format_time(moment.until)


def since(moment: Moment | None) -> str | None:
    return None if moment is None else iso(moment.since)


def graph(found: Graph) -> GraphAnswer:
    return GraphAnswer(
        start=str(found.start),
        direction=found.direction.value,
        depth=found.depth,
        as_of=until(found.moment),
        since=since(found.moment),
        nodes=tuple(graph_node(node) for node in found.nodes),
        edges=tuple(graph_edge(edge) for edge in found.edges),
        truncated=found.truncated,
        limit=found.limit,
    )


def graph_node(node: GraphNode) -> NodeItem:
    ref = node.ref
    owner, kind = (ref.dataset, "field") if isinstance(ref, FieldId) else (ref, ref.kind.value)
    return NodeItem(
        id=str(ref),
        kind=kind,
        namespace=owner.namespace,
        name=owner.name,
        field=ref.name if isinstance(ref, FieldId) else None,
        hops=node.hops,
        missing=node.missing,
        aliases=tuple(map(str, node.aliases)),
        source=node.source,
    )


def graph_edge(edge: GraphEdge) -> EdgeItem:
    return EdgeItem(
        source=str(edge.source),
        target=str(edge.target),
        origins=origins(edge.origin),
        first_seen=iso(edge.first_seen),
        last_seen=iso(edge.last_seen),
        runs=edge.runs,
        last_run=edge.last_run,
        job=None if edge.job is None else str(edge.job),
        transformations=tuple(map(transformation, edge.transformations)),
        whole=edge.whole,
    )


def transformation(how: Transformation) -> TransformationItem:
    return TransformationItem(how.type, how.subtype, how.description, how.masking)


@lru_cache(maxsize=64)
def origins(origin: Origin) -> tuple[str, ...]:
    """How an edge is known, as words."""
    return tuple(str(part.name).lower() for part in Origin if part in origin)
