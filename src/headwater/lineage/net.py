"""An answer made ready for search: its nodes are numbered, and jobs lead on by their flows only.

A search runs over states: a node, and for a job whose flows are stated also the node that it is
entered from, because each may lead on to others.
"""

from collections.abc import Iterator
from typing import NamedTuple

from headwater import fold
from headwater.fold import Pairs
from headwater.ids import FieldId, Key, NodeId
from headwater.lineage.graph import Graph, GraphEdge
from headwater.store import Direction, Reader

ANYWHERE = -1

State = tuple[int, int]
"""A node by its number, and the node that it was entered from, or ANYWHERE."""


class Step(NamedTuple):
    edge: int
    far: int


class Net:
    """Nodes and edges go by their places in the answer."""

    def __init__(self, graph: Graph, way: Direction) -> None:
        self.refs = [node.ref for node in graph.nodes]
        self.starts = [n for n, node in enumerate(graph.nodes) if node.hops == 0]
        number = {ref: n for n, ref in enumerate(self.refs)}
        self.out: list[list[Step]] = [[] for _ in self.refs]
        for place, edge in enumerate(graph.edges):
            near, far = _ends(edge, way)
            self.out[number[near]].append(Step(place, number[far]))
        self._way = way
        self._keys: list[frozenset[Key]] = []
        self._parts: dict[int, list[Pairs]] = {}
        self._entrances: dict[int, frozenset[Key]] = {}
        self._exits: dict[int, frozenset[Key]] = {}
        self._onward: dict[State, list[frozenset[Key]]] = {}

    @classmethod
    async def read(cls, reader: Reader, domain: str, graph: Graph, way: Direction) -> "Net":
        net = cls(graph, way)
        if not graph.flowing:
            return net
        jobs = {ref.key(domain): n for n, ref in enumerate(net.refs) if ref in graph.flowing}
        stated = await reader.stated_tables(jobs, graph.moment)
        net._keys = [
            frozenset(name.key(domain) for name in (dataset_of(node.ref), *node.aliases))
            for node in graph.nodes
        ]
        for owner, place in jobs.items():
            parts = fold.united_pairs(owner, (part.content for part in stated.get(owner, ())))
            net._parts[place] = parts
            read = frozenset(key for part in parts for key in _read(part))
            written = frozenset(key for part in parts for key in (*part.stated, *part.outputs))
            ends = (written, read) if way is Direction.UP else (read, written)
            net._entrances[place], net._exits[place] = ends
        return net

    def enter(self, near: int, far: int) -> State:
        """The state of having come from one node to the next.

        A job's flows say nothing of an edge that another owner states: it is of the job as a whole.
        """
        if far not in self._parts or self._keys[near].isdisjoint(self._entrances[far]):
            return (far, ANYWHERE)
        return (far, near)

    def steps(self, state: State) -> Iterator[Step]:
        """Where a state leads on to."""
        node, entry = state
        if entry == ANYWHERE:
            yield from self.out[node]
            return
        onward = self._onward.get(state)
        if onward is None:
            onward = self._onward[state] = [
                keys
                for part in self._parts[node]
                for keys in onward_from(part, self._keys[entry], self._way)
            ]
        exits = self._exits[node]
        for step in self.out[node]:
            far = self._keys[step.far]
            if far.isdisjoint(exits) or not all(far.isdisjoint(keys) for keys in onward):
                yield step


def onward_from(part: Pairs, entries: frozenset[Key], way: Direction) -> list[frozenset[Key]]:
    """What a content leads on to from any of the nodes that it was entered by, in few sets."""
    if way is Direction.DOWN:
        found = [frozenset(t for t, (_, s) in part.stated.items() if not s.isdisjoint(entries))]
        return found if part.inputs.isdisjoint(entries) else [*found, part.open]
    found = [part.stated[entry][1] for entry in entries if entry in part.stated]
    return found if part.open.isdisjoint(entries) else [*found, part.inputs]


def _read(part: Pairs) -> Iterator[Key]:
    yield from part.inputs
    for _, sources in part.stated.values():
        yield from sources


def _ends(edge: GraphEdge, way: Direction) -> tuple[NodeId | FieldId, NodeId | FieldId]:
    """(near, far)"""
    return (edge.target, edge.source) if way is Direction.UP else (edge.source, edge.target)


def dataset_of(ref: NodeId | FieldId) -> NodeId:
    """The node itself, or the dataset of a column."""
    return ref.dataset if isinstance(ref, FieldId) else ref
