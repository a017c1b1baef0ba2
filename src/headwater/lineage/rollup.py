"""Roll-up: a graph at the level of namespaces, name prefixes or parent jobs."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from headwater.fold import Origin
from headwater.ids import NodeId, NodeKind
from headwater.lineage.graph import Graph, GraphEdge, GraphNode, Group, GroupEdge, GroupNode, Rollup
from headwater.lineage.net import dataset_of
from headwater.store import Page, Reader, RunFilter

By = Literal["namespace", "parent"] | int
"""What to group by; a number is how many parts of a name make a group."""


def rollup(graph: Graph, by: By, parents: Mapping[NodeId, NodeId] | None = None) -> Rollup:
    """Groups the nodes of an answer and counts the edges between the groups.

    Args:
        by: `namespace`; `parent`: each job becomes its parent job, datasets stay as they are; or a
            number of parts: `db.schema.table` by 2 is `db.schema`, `/lake/raw/a` by 1 is `/lake`.
        parents: the parent of each job that has one.
    """
    group_of = _grouping(by, parents or {})
    groups = {node.ref: group_of(dataset_of(node.ref)) for node in graph.nodes}
    nodes: dict[Group, GroupNode] = {}
    for node in graph.nodes:
        group = groups[node.ref]
        known = nodes.get(group) or GroupNode(group, node.hops, 0, 0, 0, 0)
        nodes[group] = _with_node(known, node)
    edges: dict[tuple[Group, Group], GroupEdge] = {}
    for edge in graph.edges:
        source, target = groups[edge.source], groups[edge.target]
        if source == target:
            nodes[source] = _with_inner(nodes[source])
        else:
            edges[source, target] = _with_edge(edges.get((source, target)), source, target, edge)
    return Rollup(
        nodes=tuple(sorted(nodes.values(), key=lambda node: (node.hops, node.group))),
        edges=tuple(edges[pair] for pair in sorted(edges)),
        truncated=graph.truncated,
    )


async def job_parents(reader: Reader, domain: str, jobs: Iterable[NodeId]) -> dict[NodeId, NodeId]:
    """The parent job of each job's newest run, where it names one; one query for each job."""
    parents: dict[NodeId, NodeId] = {}
    for job in jobs:
        runs = await reader.list_runs(domain, RunFilter(job=job.key(domain)), Page(1))
        if runs and runs[0].parent_job is not None and runs[0].parent_job != job:
            parents[job] = runs[0].parent_job
    return parents


def _grouping(by: By, parents: Mapping[NodeId, NodeId]) -> Callable[[NodeId], Group]:
    if by == "namespace":
        return lambda node: Group("namespace", node.namespace)
    if by == "parent":
        return lambda node: _itself(parents.get(node, node))
    parts = by
    return lambda node: Group("prefix", node.namespace, prefix(node.name, parts))


def _itself(node: NodeId) -> Group:
    return Group(node.kind.value, node.namespace, node.name)


def prefix(name: str, parts: int) -> str:
    """The first parts of a name: between slashes where it has any, else between dots."""
    mark = "/" if "/" in name else "."
    stem = name.lstrip(mark)
    return name[: len(name) - len(stem)] + mark.join(stem.split(mark)[:parts])


def _with_node(known: GroupNode, node: GraphNode) -> GroupNode:
    job = dataset_of(node.ref).kind is NodeKind.JOB
    return GroupNode(
        group=known.group,
        hops=min(known.hops, node.hops),
        jobs=known.jobs + job,
        datasets=known.datasets + (not job),
        inner=known.inner,
        missing=known.missing + node.missing,
    )


def _with_inner(known: GroupNode) -> GroupNode:
    return GroupNode(
        known.group, known.hops, known.jobs, known.datasets, known.inner + 1, known.missing
    )


def _with_edge(known: GroupEdge | None, source: Group, target: Group, edge: GraphEdge) -> GroupEdge:
    if known is None:
        return GroupEdge(source, target, 1, edge.origin, edge.first_seen, edge.last_seen)
    return GroupEdge(
        source=source,
        target=target,
        edges=known.edges + 1,
        origin=Origin(known.origin | edge.origin),
        first_seen=_pick(min, known.first_seen, edge.first_seen),
        last_seen=_pick(max, known.last_seen, edge.last_seen),
    )


def _pick(pick: Callable[[int, int], int], a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return pick(a, b)
