"""The answer to a lineage question. Times are integers (µs, UTC)."""

import msgspec

from headwater.fold import Origin
from headwater.ids import FieldId, NodeId, Ref
from headwater.event import Transformation
from headwater.store import Direction, Moment


class GraphNode(msgspec.Struct, frozen=True):
    """A node of an answer, `hops` edges away from the start.

    `missing` counts neighbours, in the direction asked for, that the answer leaves out: because of
    its depth or its limit. `aliases` are the other names of the same dataset. A dataset whose
    producer states that it has no upstream is `source`. A node that stands for all fields of a
    dataset in a column answer is the dataset itself.
    """

    ref: NodeId | FieldId
    hops: int
    missing: int = 0
    aliases: tuple[NodeId, ...] = ()
    source: bool = False


class GraphEdge(msgspec.Struct, frozen=True):
    """An edge of an answer with its evidence. A column edge names the job that it passes through.

    `whole` marks a column edge from or to a dataset as a whole (a filter, a join key).
    """

    source: NodeId | FieldId
    target: NodeId | FieldId
    origin: Origin
    first_seen: int | None
    last_seen: int | None
    runs: int
    last_run: str | None
    job: NodeId | None = None
    transformations: tuple[Transformation, ...] = ()
    whole: bool = False


class Graph(msgspec.Struct, frozen=True):
    """Nodes by hops, then by name; edges by source and target.

    `truncated` is true when the node limit cut the answer (a depth that was asked for is no cut).
    """

    start: Ref
    direction: Direction
    depth: int
    moment: Moment | None
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    truncated: bool
    limit: int
