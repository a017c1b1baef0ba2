"""Paths between two nodes, or two columns: each a chain of edges with their evidence.

Exact with respect to stated flows: A -> J -> C is a path only where A reaches C through J. The
search is bounded: by the nodes that it looks at, and by its steps.
"""

from collections.abc import Iterable, Iterator

from headwater.errors import InvalidParameter, NotFound
from headwater.ids import FieldId, NodeId, NodeKind
from headwater.lineage.columns import column_lineage
from headwater.lineage.graph import Graph, Path, Paths
from headwater.lineage.net import ANYWHERE, Net, State, dataset_of
from headwater.lineage.tables import lineage
from headwater.store import Direction, Moment, Reader

NODES = 10_000
"""So many nodes are searched at most."""
STEPS = 1_000_000
"""So many steps a search takes at most, over all of its paths."""


async def paths(
    reader: Reader,
    domain: str,
    source: NodeId | FieldId,
    target: NodeId | FieldId,
    depth: int,
    moment: Moment | None,
    limit: int,
) -> Paths:
    """The simple paths of at most `depth` edges; where either end is a column, those of columns.

    Raises:
        NotFound: an end is unknown, or hidden now.
    """
    columns = isinstance(source, FieldId) or isinstance(target, FieldId)
    for name, end in (("source", source), ("target", target)):
        if columns and isinstance(end, NodeId) and end.kind is NodeKind.JOB:
            raise InvalidParameter(name, "a job has no columns; name a dataset or a field")
    answers: list[Paths] = []
    for way, near, far in ((Direction.UP, target, source), (Direction.DOWN, source, target)):
        goal = await _canonical(reader, domain, far, moment)
        if columns:
            graph = await column_lineage(reader, domain, near, way, depth, moment, NODES)
        else:
            assert isinstance(near, NodeId)
            graph = await lineage(reader, domain, near, way, depth, moment, NODES)
        net = await Net.read(reader, domain, graph, way)
        goals = {n for n, ref in enumerate(net.refs) if _meets(ref, goal)} - set(net.starts)
        search = _Search(net, goals, depth)
        found = tuple(_path(graph, edges, way) for edges in search.paths(limit))
        cut = search.truncated or graph.truncated
        answers.append(Paths(source, target, depth, moment, found, cut, limit))
        if not graph.truncated:
            return answers[-1]
    return max(answers, key=lambda answer: len(answer.paths))


async def _canonical(
    reader: Reader, domain: str, ref: NodeId | FieldId, moment: Moment | None
) -> NodeId | FieldId:
    key = dataset_of(ref).key(domain)
    row = (await reader.nodes((key,))).get(key)
    if row is not None and row.hidden_at is not None:
        row = row if moment is not None and moment.until < row.hidden_at else None
    if row is None:
        raise NotFound(f"nothing is known of {ref}")
    if row.alias_of is not None:
        row = (await reader.nodes((row.alias_of,)))[row.alias_of]
    return FieldId(row.node, ref.name) if isinstance(ref, FieldId) else row.node


def _meets(ref: NodeId | FieldId, goal: NodeId | FieldId) -> bool:
    """Whether two ends are of one dataset and one column; the dataset stands for all columns."""
    if isinstance(ref, FieldId) and isinstance(goal, FieldId):
        return ref == goal
    return dataset_of(ref) == dataset_of(goal)


def _path(graph: Graph, edges: list[int], way: Direction) -> Path:
    ordered = edges[::-1] if way is Direction.UP else edges
    return Path(tuple(graph.edges[edge] for edge in ordered))


class _Spent(Exception):
    """The search took all the steps that it may."""


class _Search:
    """Finds simple paths by length. `layers[n]` holds the states that reach a goal in n steps, so
    the search never turns where no path leads on (but for a node that a path met before)."""

    def __init__(self, net: Net, goals: set[int], depth: int) -> None:
        self.truncated = False
        self._net = net
        self._goals = goals
        self._left = STEPS
        self._alive = self._between(depth)
        self._depth = min(depth, len(self._alive) - 1)
        self._states = {(start, ANYWHERE) for start in net.starts if start in self._alive}
        for near in self._alive - goals:
            self._states.update(
                net.enter(near, step.far) for step in net.out[near] if self._open(step.far)
            )
        self._layers = [{state for state in self._states if state[0] in goals}]

    def _open(self, node: int) -> bool:
        return node in self._alive and node not in self._net.starts

    def _between(self, depth: int) -> set[int]:
        """The nodes on some walk from a start to a goal within the depth."""
        back: list[list[int]] = [[] for _ in self._net.refs]
        forth = [[step.far for step in steps] for steps in self._net.out]
        for near, steps in enumerate(forth):
            for far in steps:
                back[far].append(near)
        here, there = _distances(forth, self._net.starts), _distances(back, self._goals)
        return {n for n in here.keys() & there.keys() if here[n] + there[n] <= depth}

    def paths(self, limit: int) -> list[list[int]]:
        """The edges of each path, shortest first."""
        found: list[list[int]] = []
        try:
            for edges in self._each():
                if len(found) >= limit:
                    self.truncated = True
                    break
                found.append(edges)
        except _Spent:
            self.truncated = True
        return found

    def _each(self) -> Iterator[list[int]]:
        for length in range(1, self._depth + 1):
            last = self._layers[-1]
            self._layers.append(
                {
                    state
                    for state in self._states
                    if state[0] not in self._goals
                    and any(following in last for _, following in self._steps(state))
                }
            )
            if not self._layers[-1]:
                return
            for start in self._net.starts:
                if (start, ANYWHERE) in self._layers[-1]:
                    yield from self._of(length, start)

    def _of(self, length: int, start: int) -> Iterator[list[int]]:
        """The paths of exactly this length; iterative, for a path may be long."""
        edges: list[int] = []
        met = [start]
        turns = [self._steps((start, ANYWHERE))]
        while turns:
            for edge, state in turns[-1]:
                left = length - len(edges) - 1
                if state not in self._layers[left] or state[0] in met:
                    continue
                if left == 0:
                    yield [*edges, edge]
                    continue
                edges.append(edge)
                met.append(state[0])
                turns.append(self._steps(state))
                break
            else:
                turns.pop()
                met.pop()
                if edges:
                    edges.pop()

    def _steps(self, state: State) -> Iterator[tuple[int, State]]:
        for edge, far in self._net.steps(state):
            self._left -= 1
            if self._left < 0:
                raise _Spent
            if self._open(far):
                yield edge, self._net.enter(state[0], far)


def _distances(out: list[list[int]], begin: Iterable[int]) -> dict[int, int]:
    distance = dict.fromkeys(begin, 0)
    frontier = list(distance)
    while frontier:
        following: list[int] = []
        for near in frontier:
            for far in out[near]:
                if far not in distance:
                    distance[far] = distance[near] + 1
                    following.append(far)
        frontier = following
    return distance
