"""The shapes of answers about what changed."""

import msgspec

from headwater.dialects.native import graphs
from headwater.dialects.native.graphs import EdgeItem, NodeItem, TransformationItem
from headwater.dialects.native.views import Node, Time
from headwater.event import Flow, Source
from headwater.ids import FieldId
from headwater.lineage.graph import ContentDifference, GraphDifference


class DiffAnswer(msgspec.Struct, frozen=True):
    """What the lineage of a start gained and lost between two times; `after` null: now.

    Where `truncated`, the limit cut one of the two, and what it cut may show as a change.
    """

    start: Node
    direction: str
    depth: int
    before: Time | None
    after: Time | None
    added_nodes: tuple[NodeItem, ...]
    removed_nodes: tuple[NodeItem, ...]
    added_edges: tuple[EdgeItem, ...]
    removed_edges: tuple[EdgeItem, ...]
    truncated: bool
    limit: int


class SourceItem(msgspec.Struct, frozen=True):
    """What flows into a target: a node as a whole, or one of its fields."""

    id: Node
    transformations: tuple[TransformationItem, ...]


class FlowItem(msgspec.Struct, frozen=True):
    """A target, as a whole or a field of it, and its sources."""

    target: Node
    sources: tuple[SourceItem, ...]


class ContentDiffAnswer(msgspec.Struct, frozen=True):
    """What the second of two runs, or of two job versions, states that the first does not (added),
    and the other way round (removed)."""

    added_inputs: tuple[Node, ...]
    removed_inputs: tuple[Node, ...]
    added_outputs: tuple[Node, ...]
    removed_outputs: tuple[Node, ...]
    added_flows: tuple[FlowItem, ...]
    removed_flows: tuple[FlowItem, ...]
    truncated: bool
    limit: int


def difference(found: GraphDifference) -> DiffAnswer:
    return DiffAnswer(
        start=str(found.start),
        direction=found.direction.value,
        depth=found.depth,
        before=graphs.until(found.before),
        after=graphs.until(found.after),
        added_nodes=tuple(map(graphs.graph_node, found.added_nodes)),
        removed_nodes=tuple(map(graphs.graph_node, found.removed_nodes)),
        added_edges=tuple(map(graphs.graph_edge, found.added_edges)),
        removed_edges=tuple(map(graphs.graph_edge, found.removed_edges)),
        truncated=found.truncated,
        limit=found.limit,
    )


def content(found: ContentDifference) -> ContentDiffAnswer:
    return ContentDiffAnswer(
        added_inputs=tuple(map(str, found.added_inputs)),
        removed_inputs=tuple(map(str, found.removed_inputs)),
        added_outputs=tuple(map(str, found.added_outputs)),
        removed_outputs=tuple(map(str, found.removed_outputs)),
        added_flows=tuple(item for flow in found.added_flows for item in _flows(flow)),
        removed_flows=tuple(item for flow in found.removed_flows for item in _flows(flow)),
        truncated=found.truncated,
        limit=found.limit,
    )


def _flows(flow: Flow) -> list[FlowItem]:
    sources = tuple(map(_source, flow.sources))
    targets = [str(FieldId(flow.target, field)) for field in flow.fields]
    return [FlowItem(target, sources) for target in targets or [str(flow.target)]]


def _source(source: Source) -> SourceItem:
    ref = source.node if source.field is None else FieldId(source.node, source.field)
    return SourceItem(str(ref), tuple(map(graphs.transformation, source.transformations)))
