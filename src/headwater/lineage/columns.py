"""Column-level lineage: which columns a column is made of, and which are made of it.

A step follows the flows that the jobs and views around a dataset state. A source that affects a
whole dataset (a filter, a join key) is an edge to or from the dataset as a node of its own, which
stands for all of its columns.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from headwater import fold
from headwater.errors import NotFound
from headwater.event import Transformation
from headwater.fold import Origin
from headwater.ids import FieldId, Key, NodeId, is_job, order
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.lineage.known import Known
from headwater.lineage.past import Past
from headwater.records import KeyFlow
from headwater.store import Direction, EdgeRow, Evidence, Moment, Reader

EDGES_PER_NODE = 5
LEAST_EDGES = 2_000
"""An answer holds at most so many edges, or so many for each node of its limit; a level too."""


class Place(NamedTuple):
    """A column of a dataset (by its canonical key), or, without a field, all of them."""

    dataset: Key
    field: str | None


Flows = dict[Key, list[tuple[Origin, KeyFlow]]]
"""What owners state of the columns of some datasets."""


class _Step(msgspec.Struct, frozen=True):
    source: Place
    target: Place
    owner: Key
    evidence: Evidence
    transformations: tuple[Transformation, ...]
    whole: bool


async def column_lineage(
    reader: Reader,
    domain: str,
    start: FieldId | NodeId,
    direction: Direction,
    depth: int,
    moment: Moment | None,
    limit: int,
) -> Graph:
    """The columns within `depth` edges of a column, or of any column of a dataset.

    Raises:
        NotFound: the dataset is unknown, or hidden now.
    """
    dataset = start.dataset if isinstance(start, FieldId) else start
    walk = _ColumnWalk(reader, moment, limit)
    key = await walk.enter(dataset.key(domain))
    if key is None:
        raise NotFound(f"nothing is known of {start}")
    ways = (Direction.UP, Direction.DOWN) if direction is Direction.BOTH else (direction,)
    for way in ways:
        if isinstance(start, FieldId):
            begin = {Place(key, start.name)}
        else:
            begin = await walk.fields(key, way)
        await walk.run(begin, way, depth)
    return walk.graph(start, direction, depth)


class _ColumnWalk(Known):
    def __init__(self, reader: Reader, moment: Moment | None, limit: int) -> None:
        super().__init__(reader, moment)
        self._limit = limit
        self._past = None if moment is None else Past(reader, moment)
        self._flows: Flows = {}
        """Of the owners around the latest level."""
        self._said: dict[tuple[Origin, Evidence], Evidence] = {}
        self._hops: dict[Place, int] = {}
        self._missing: dict[Place, set[Place]] = {}
        self._edges: dict[tuple[Place, Place, Key], _Step] = {}
        self._truncated = False
        self._most_edges = max(limit * EDGES_PER_NODE, LEAST_EDGES)

    async def enter(self, key: Key) -> Key | None:
        await self.read((key,))
        row = self._rows.get(key)
        if row is None or self.hidden(row):
            return None
        return row.alias_of or key

    async def fields(self, dataset: Key, way: Direction) -> set[Place]:
        """The columns that any flow of the dataset names on the near side."""
        await self._steps({Place(dataset, None)}, way)
        members = set(self.names(dataset))
        named: set[str | None] = set()
        for flows in self._flows.values():
            for _, flow in flows:
                if way is Direction.UP and flow.target in members:
                    named.update(flow.fields or (None,))
                elif way is Direction.DOWN:
                    named.update(s.field for s in flow.sources if s.node in members)
        return {Place(dataset, field) for field in (named - {None}) or {None}}

    async def run(self, begin: Iterable[Place], way: Direction, depth: int) -> None:
        frontier = set(begin)
        for place in sorted(frontier, key=_order):
            self._admit(place, place, 0)
        for hop in range(1, depth + 1):
            following: set[Place] = set()
            for step in await self._steps(frontier, way):
                near, far = _ends(step, way)
                known = far in self._hops
                name = (step.source, step.target, step.owner)
                if len(self._edges) >= self._most_edges and name not in self._edges:
                    self._truncated = True
                    continue
                if not self._admit(near, far, hop):
                    continue
                self._edges.setdefault(name, step)
                if not known:
                    following.add(far)
            frontier = following
            if not frontier:
                return
        for step in await self._steps(frontier, way):
            near, far = _ends(step, way)
            if far not in self._hops:
                self._missing.setdefault(near, set()).add(far)

    def _admit(self, near: Place, far: Place, hop: int) -> bool:
        if far in self._hops:
            return True
        if len(self._hops) >= self._limit:
            self._truncated = True
            self._missing.setdefault(near, set()).add(far)
            return False
        self._hops[far] = hop
        return True

    async def _steps(self, frontier: set[Place], way: Direction) -> list[_Step]:
        """The flows into (UP) or out of (DOWN) any place of a level, in a fixed order."""
        wanted: dict[Key, set[str | None]] = {}
        for place in frontier:
            for member in self.names(place.dataset):
                wanted.setdefault(member, set()).add(place.field)
        if not wanted:
            return []
        edges = await self._reader.edges(wanted, way, self._moment)
        await self.read_ends(edges)
        if self._past is not None:
            await self._past.learn({edge.owner for edge in edges})
            edges = self._past.holding(edges)
        around: dict[tuple[Key, Key], EdgeRow] = {}
        for edge in edges:
            near = edge.target if way is Direction.UP else edge.source
            around.setdefault((edge.owner, near), edge)
        self._flows = await self._read_flows(around)
        steps: list[_Step] = []
        for (owner, near), row in sorted(around.items()):
            if owner in self._hidden:
                continue
            for origin, flow in self._flows.get(owner, ()):
                evidence = self._known_by(origin, row.evidence)
                offered = self._follow(owner, flow, near, wanted[near], way, evidence)
                steps.extend(itertools.islice(offered, self._most_edges - len(steps)))
        if len(steps) >= self._most_edges:
            self._truncated = True
        await self.read({key for s in steps for key in (s.source.dataset, s.target.dataset)})
        if self._hidden:
            steps = [s for s in steps if _ends(s, way)[1].dataset not in self._hidden]
        if self._joined:
            steps = [self._between_canonical(step) for step in steps]
        return sorted(steps, key=lambda s: (_order(s.source), _order(s.target), s.owner))

    def _known_by(self, origin: Origin, evidence: Evidence) -> Evidence:
        """The evidence of the edge between datasets, of a flow that is known in its own way."""
        known = self._said.get((origin, evidence))
        if known is None:
            known = msgspec.structs.replace(evidence, origin=origin)
            self._said[origin, evidence] = known
        return known

    def _between_canonical(self, step: _Step) -> _Step:
        source, target = self._canonical(step.source), self._canonical(step.target)
        return msgspec.structs.replace(step, source=source, target=target)

    def _follow(
        self,
        owner: Key,
        flow: KeyFlow,
        near: Key,
        fields: set[str | None],
        way: Direction,
        evidence: Evidence,
    ) -> Iterator[_Step]:
        """The steps that one flow offers from a dataset's wanted fields (None: any of them)."""
        if is_job(flow.target):
            return
        targets: tuple[str | None, ...] = flow.fields or (None,)
        if way is Direction.UP:
            if flow.target != near:
                return
            sources = [source for source in flow.sources if not is_job(source.node)]
            for field in targets:
                for at in _at(field, fields):
                    for source in sources:
                        whole = source.field is None or field is None
                        how = (owner, evidence, source.transformations, whole)
                        yield _Step(Place(source.node, source.field), Place(near, at), *how)
            return
        for source in flow.sources:
            if source.node == near:
                for at in _at(source.field, fields):
                    for field in targets:
                        end = Place(flow.target, field)
                        start = Place(near, at)
                        whole = source.field is None or field is None
                        how = (owner, evidence, source.transformations, whole)
                        yield _Step(start, end, *how)

    async def _read_flows(self, pairs: Iterable[tuple[Key, Key]]) -> Flows:
        """Args: pairs: owners, each with a dataset that its flows may name."""
        owners, about = set[Key](), set[Key]()
        for owner, near in pairs:
            if self._rows[owner].flows or self._moment is not None:
                owners.add(owner)
                about.add(near)
        stated = await self._reader.stated(owners, self._moment, about) if owners else {}
        found: Flows = {}
        for owner, parts in stated.items():
            flows = [fold.column_flows(part.content) for part in parts]
            found[owner] = list(dict.fromkeys(itertools.chain.from_iterable(flows)))
        return found

    def _canonical(self, place: Place) -> Place:
        return Place(self.canonical(place.dataset), place.field)

    def _ref(self, place: Place) -> NodeId | FieldId:
        dataset = self._rows[place.dataset].node
        return dataset if place.field is None else FieldId(dataset, place.field)

    def graph(self, start: FieldId | NodeId, direction: Direction, depth: int) -> Graph:
        nodes = [
            GraphNode(
                ref=self._ref(place),
                hops=hops,
                missing=sum([far not in self._hops for far in self._missing.get(place, ())]),
            )
            for place, hops in self._hops.items()
        ]
        edges = [
            GraphEdge(
                source=self._ref(step.source),
                target=self._ref(step.target),
                evidence=step.evidence,
                job=self._rows[step.owner].node if is_job(step.owner) else None,
                transformations=step.transformations,
                whole=step.whole,
            )
            for step in self._edges.values()
        ]
        nodes.sort(key=lambda node: (node.hops, order(node.ref)))
        edges.sort(key=lambda e: (order(e.source), order(e.target), (e.job and order(e.job)) or ()))
        return Graph(
            start=start,
            direction=direction,
            depth=depth,
            moment=self._moment,
            nodes=tuple(nodes),
            edges=tuple(edges),
            truncated=self._truncated,
            limit=self._limit,
        )


def _at(field: str | None, wanted: set[str | None]) -> list[str | None]:
    """Which of the wanted fields a flow's field meets; None, on either side, stands for all."""
    if field is None:
        return sorted(wanted, key=lambda w: (w is not None, w or ""))
    return [w for w in (None, field) if w in wanted]


def _ends(step: _Step, way: Direction) -> tuple[Place, Place]:
    """(near, far)"""
    return (step.target, step.source) if way is Direction.UP else (step.source, step.target)


def _order(place: Place) -> tuple[Key, str]:
    return place.dataset, "" if place.field is None else "\0" + place.field
