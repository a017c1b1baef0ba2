"""The shapes of answers about reach: impact, paths, runs that fed runs, and roll-ups."""

import msgspec

from headwater.dialects.native import graphs
from headwater.dialects.native.graphs import EdgeItem
from headwater.dialects.native.params import iso
from headwater.dialects.native.views import Node, Time
from headwater.event import RunLink
from headwater.ids import FieldId, NodeId, RunRef
from headwater.lineage.graph import (
    Group,
    GroupEdge,
    GroupNode,
    Impact,
    Paths,
    Rollup,
    RunEdge,
    RunGraph,
)


class ImpactItem(msgspec.Struct, frozen=True):
    """A node that is reached, by which node just before it, and how many hang on it next."""

    id: Node
    hops: int
    via: Node | None
    dependents: int


class ImpactAnswer(msgspec.Struct, frozen=True):
    """What a start reaches, nearest first. `total` counts what the limit leaves out too.

    `at_least`: the search itself was cut, and there is more than `total`.
    """

    start: Node
    direction: str
    depth: int
    as_of: Time | None
    since: Time | None
    items: tuple[ImpactItem, ...]
    total: int
    at_least: bool
    truncated: bool
    limit: int


class PathItem(msgspec.Struct, frozen=True):
    """One way from the source to the target; each edge has its evidence."""

    nodes: tuple[Node, ...]
    edges: tuple[EdgeItem, ...]


class PathsAnswer(msgspec.Struct, frozen=True):
    """The ways from one node to another, shortest first. `truncated`: there may be more."""

    source: Node
    target: Node
    depth: int
    as_of: Time | None
    since: Time | None
    paths: tuple[PathItem, ...]
    truncated: bool
    limit: int


class RunNodeItem(msgspec.Struct, frozen=True):
    """A run of an answer, `hops` runs away from the start."""

    id: Node
    run_id: str
    job: Node
    state: str
    started_at: Time | None
    ended_at: Time | None
    hops: int


class RunEdgeItem(msgspec.Struct, frozen=True):
    """A dataset on its way from the run that wrote it to a run that read it.

    The source is the dataset itself where no known run had written it before.
    """

    source: Node
    target: Node
    dataset: Node
    produced_by: Node | None
    consumed_by: Node


class RunGraphAnswer(msgspec.Struct, frozen=True):
    """Which runs made what a run read, or read what it wrote. The jobs of an edge tell its runs
    apart where an id is used twice."""

    start: Node
    direction: str
    depth: int
    nodes: tuple[RunNodeItem, ...]
    edges: tuple[RunEdgeItem, ...]
    truncated: bool
    limit: int


class GroupItem(msgspec.Struct, frozen=True):
    """A namespace, a prefix of names, a job or a dataset."""

    kind: str
    namespace: str
    name: str


class GroupNodeItem(msgspec.Struct, frozen=True):
    """A group and what it holds; `inner` edges stay inside of it."""

    group: GroupItem
    hops: int
    jobs: int
    datasets: int
    inner: int
    missing: int


class GroupEdgeItem(msgspec.Struct, frozen=True):
    """All edges from one group to another."""

    source: GroupItem
    target: GroupItem
    edges: int
    origins: tuple[str, ...]
    first_seen: Time | None
    last_seen: Time | None


class RollupAnswer(msgspec.Struct, frozen=True):
    """Lineage at the level of groups."""

    nodes: tuple[GroupNodeItem, ...]
    edges: tuple[GroupEdgeItem, ...]
    truncated: bool


def impact(found: Impact) -> ImpactAnswer:
    refs = {item.ref: str(item.ref) for item in found.items}

    def written(ref: NodeId | FieldId | None) -> str | None:
        return None if ref is None else refs.get(ref) or str(ref)

    return ImpactAnswer(
        start=str(found.start),
        direction=found.direction.value,
        depth=found.depth,
        as_of=graphs.until(found.moment),
        since=graphs.since(found.moment),
        items=tuple(
            ImpactItem(refs[item.ref], item.hops, written(item.via), item.dependents)
            for item in found.items
        ),
        total=found.total,
        at_least=found.at_least,
        truncated=found.truncated,
        limit=found.limit,
    )


def paths(found: Paths) -> PathsAnswer:
    return PathsAnswer(
        source=str(found.source),
        target=str(found.target),
        depth=found.depth,
        as_of=graphs.until(found.moment),
        since=graphs.since(found.moment),
        paths=tuple(
            PathItem(tuple(map(str, path.nodes)), tuple(map(graphs.graph_edge, path.edges)))
            for path in found.paths
        ),
        truncated=found.truncated,
        limit=found.limit,
    )


def run_graph(found: RunGraph) -> RunGraphAnswer:
    return RunGraphAnswer(
        start=str(found.start),
        direction=found.direction.value,
        depth=found.depth,
        nodes=tuple(
            RunNodeItem(
                id=_run(node.run),
                run_id=node.run.run_id,
                job=str(node.run.job),
                state=node.state,
                started_at=iso(node.started_at),
                ended_at=iso(node.ended_at),
                hops=node.hops,
            )
            for node in found.nodes
        ),
        edges=tuple(map(_run_edge, found.edges)),
        truncated=found.truncated,
        limit=found.limit,
    )


def _run(link: RunLink) -> str:
    return str(RunRef(link.run_id))


def _run_edge(edge: RunEdge) -> RunEdgeItem:
    made = edge.produced_by
    return RunEdgeItem(
        source=str(edge.dataset) if made is None else _run(made),
        target=_run(edge.consumed_by),
        dataset=str(edge.dataset),
        produced_by=None if made is None else str(made.job),
        consumed_by=str(edge.consumed_by.job),
    )


def rollup(found: Rollup) -> RollupAnswer:
    return RollupAnswer(
        nodes=tuple(map(_group_node, found.nodes)),
        edges=tuple(map(_group_edge, found.edges)),
        truncated=found.truncated,
    )


def _group(group: Group) -> GroupItem:
    return GroupItem(group.kind, group.namespace, group.name)


def _group_node(node: GroupNode) -> GroupNodeItem:
    return GroupNodeItem(
        _group(node.group), node.hops, node.jobs, node.datasets, node.inner, node.missing
    )


def _group_edge(edge: GroupEdge) -> GroupEdgeItem:
    return GroupEdgeItem(
        source=_group(edge.source),
        target=_group(edge.target),
        edges=edge.edges,
        origins=graphs.origins(edge.origin),
        first_seen=iso(edge.first_seen),
        last_seen=iso(edge.last_seen),
    )
