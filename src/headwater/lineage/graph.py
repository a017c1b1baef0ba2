"""The answer to a lineage question. Times are integers (µs, UTC)."""

import msgspec

from headwater.event import Flow, RunLink, Transformation
from headwater.fold import Origin
from headwater.ids import FieldId, NodeId, Ref
from headwater.store import Direction, Moment
from headwater.walks import Evidence


class GraphNode(msgspec.Struct, frozen=True, gc=False):
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


class GraphEdge(msgspec.Struct, frozen=True, gc=False):
    """An edge of an answer with its evidence. A column edge names the job that it passes through.

    `whole` marks a column edge from or to a dataset as a whole (a filter, a join key).
    """

    source: NodeId | FieldId
    target: NodeId | FieldId
    evidence: Evidence
    job: NodeId | None = None
    transformations: tuple[Transformation, ...] = ()
    whole: bool = False

    @property
    def origin(self) -> Origin:
        return self.evidence.origin

    @property
    def first_seen(self) -> int:
        return self.evidence.first

    @property
    def last_seen(self) -> int:
        return self.evidence.last

    @property
    def runs(self) -> int:
        return self.evidence.runs

    @property
    def last_run(self) -> str | None:
        return self.evidence.last_run


class Graph(msgspec.Struct, frozen=True):
    """Nodes by hops, then by name; edges by source and target.

    `truncated` is true when the node limit cut the answer (a depth that was asked for is no cut).
    `flowing` are the jobs that lead on by stated flows only.
    """

    start: Ref
    direction: Direction
    depth: int
    moment: Moment | None
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    truncated: bool
    limit: int
    flowing: frozenset[NodeId] = frozenset()


class ImpactItem(msgspec.Struct, frozen=True):
    """A node that the start reaches: how far away, and by which node just before it.

    `dependents` counts its next neighbours in the direction asked for, known or left out.
    """

    ref: NodeId | FieldId
    hops: int
    via: NodeId | FieldId | None
    dependents: int


class Impact(msgspec.Struct, frozen=True):
    """What a start reaches, as a flat list: by hops, then most dependents, then name.

    `total` counts what was found, also what `items` leaves out; where the search itself was cut it
    is `at_least` so many. `truncated` is true in both cases.
    """

    start: NodeId | FieldId
    direction: Direction
    depth: int
    moment: Moment | None
    items: tuple[ImpactItem, ...]
    total: int
    at_least: bool
    truncated: bool
    limit: int


class Path(msgspec.Struct, frozen=True):
    """One way from a source to a target: its edges in order, each with its evidence."""

    edges: tuple[GraphEdge, ...]

    @property
    def nodes(self) -> tuple[NodeId | FieldId, ...]:
        """From the source to the target."""
        return (self.edges[0].source, *(edge.target for edge in self.edges))


class Paths(msgspec.Struct, frozen=True):
    """Shortest first. `truncated`: there are, or may be, more within the depth."""

    source: NodeId | FieldId
    target: NodeId | FieldId
    depth: int
    moment: Moment | None
    paths: tuple[Path, ...]
    truncated: bool
    limit: int


class GraphDifference(msgspec.Struct, frozen=True):
    """What one answer has and the other has not.

    Where `truncated`, the limit cut one of them, and what it cut may show as added or removed.
    """

    start: NodeId | FieldId
    direction: Direction
    depth: int
    before: Moment | None
    after: Moment | None
    added_nodes: tuple[GraphNode, ...]
    removed_nodes: tuple[GraphNode, ...]
    added_edges: tuple[GraphEdge, ...]
    removed_edges: tuple[GraphEdge, ...]
    truncated: bool
    limit: int


class ContentDifference(msgspec.Struct, frozen=True):
    """How what one run or job version states differs from what another does.

    Each flow has one target field, or none for the target as a whole, and only the sources that
    were added or removed. Datasets go by their canonical names.
    """

    added_inputs: tuple[NodeId, ...]
    removed_inputs: tuple[NodeId, ...]
    added_outputs: tuple[NodeId, ...]
    removed_outputs: tuple[NodeId, ...]
    added_flows: tuple[Flow, ...]
    removed_flows: tuple[Flow, ...]
    truncated: bool
    limit: int


class RunNode(msgspec.Struct, frozen=True):
    """A run of an answer, `hops` runs away from the start."""

    run: RunLink
    state: str
    started_at: int | None
    ended_at: int | None
    hops: int


class RunEdge(msgspec.Struct, frozen=True):
    """A dataset that one run wrote and another read.

    No producer: no known run had written the dataset when the consumer started.
    """

    dataset: NodeId
    produced_by: RunLink | None
    consumed_by: RunLink


class RunGraph(msgspec.Struct, frozen=True):
    """Runs by hops, then by name. `truncated`: a limit cut the answer."""

    start: Ref
    direction: Direction
    depth: int
    nodes: tuple[RunNode, ...]
    edges: tuple[RunEdge, ...]
    truncated: bool
    limit: int


class Group(msgspec.Struct, frozen=True, order=True):
    """What nodes are rolled up to: a `namespace`, a name `prefix`, or the `job` or `dataset` that
    stands for them."""

    kind: str
    namespace: str
    name: str = ""


class GroupNode(msgspec.Struct, frozen=True):
    """A group with what it holds: nodes of each kind, and edges that stay inside of it."""

    group: Group
    hops: int
    jobs: int
    datasets: int
    inner: int
    missing: int


class GroupEdge(msgspec.Struct, frozen=True):
    """All edges from one group to another, counted, with their united evidence."""

    source: Group
    target: Group
    edges: int
    origin: Origin
    first_seen: int | None
    last_seen: int | None


class Rollup(msgspec.Struct, frozen=True):
    """A graph at the level of groups: nodes by hops, then by group; edges by source and target."""

    nodes: tuple[GroupNode, ...]
    edges: tuple[GroupEdge, ...]
    truncated: bool
