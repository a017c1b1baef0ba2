"""Column-level lineage: which columns a column is made of, and which are made of it.

A step follows the flows that the jobs and views around a dataset state. A source that affects a
whole dataset (a filter, a join key) is an edge to or from the dataset as a node of its own, which
stands for all of its columns.
"""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter

import msgspec

from headwater import fold
from headwater.errors import NotFound
from headwater.event import Transformation
from headwater.fold import Origin
from headwater.ids import FieldId, Key, NodeId, NodeKind, is_job, order
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.lineage.known import Known, owner_of, source_of, target_of
from headwater.lineage.past import Past
from headwater.records import KeyFlow
from headwater.store import Direction, Moment, Reader
from headwater.walks import Edge, Number, Said

EDGES_PER_NODE = 5
LEAST_EDGES = 2_000
"""An answer holds at most so many edges, or so many for each node of its limit; a level too."""

Place = tuple[Number, str | None]
"""A column of a dataset (its canonical member), or, without a field, all of them."""
Around = dict[tuple[Number, Number], Edge]
"""The owners around a level, each with a dataset of the level, and an edge between them."""
Wanted = dict[Number, set[str | None]]
"""The columns of a level by dataset; None: any of them."""

_dataset = itemgetter(0)


class _Step(msgspec.Struct, frozen=True, gc=False):
    source: Place
    target: Place
    owner: Number
    said: Said
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
    begin = await walk.begin(dataset.key(domain))
    if begin is None:
        raise NotFound(f"nothing is known of {start}")
    ways = (Direction.UP, Direction.DOWN) if direction is Direction.BOTH else (direction,)
    for way in ways:
        up = way is Direction.UP
        if isinstance(start, FieldId):
            places: set[Place] = {(begin, start.name)}
        else:
            places = await walk.fields(begin, up)
        await walk.run(places, up, depth)
    return await walk.graph(start, direction, depth)


class _ColumnWalk(Known):
    def __init__(self, reader: Reader, moment: Moment | None, limit: int) -> None:
        super().__init__(reader, moment)
        self._limit = limit
        self._past = None if moment is None else Past(reader, moment)
        self._flows: dict[Number, list[tuple[Origin, KeyFlow]]] = {}
        """What owners state of the latest level."""
        self._numbers: dict[Key, Number] = {}
        """Of the nodes that flows name."""
        self._hops: dict[Place, int] = {}
        self._missing: dict[Place, set[Place]] = {}
        self._edges: dict[tuple[Place, Place, Number], _Step] = {}
        self._truncated = False
        self._most_edges = max(limit * EDGES_PER_NODE, LEAST_EDGES)

    async def fields(self, dataset: Number, up: bool) -> set[Place]:
        """The columns that any flow of the dataset names on the near side."""
        await self._steps({(dataset, None)}, up)
        keys = await self.keys(self.names(dataset))
        members = {keys[name] for name in self.names(dataset)}
        named: set[str | None] = set()
        for flows in self._flows.values():
            for _, flow in flows:
                if up and flow.target in members:
                    named.update(flow.fields or (None,))
                elif not up:
                    named.update(s.field for s in flow.sources if s.node in members)
        return {(dataset, field) for field in (named - {None}) or {None}}

    async def run(self, begin: Iterable[Place], up: bool, depth: int) -> None:
        places = set(begin)
        await self.keys(map(_dataset, places))
        frontier = {
            place for place in sorted(places, key=self._order) if self._admit(place, place, 0)
        }
        for hop in range(1, depth + 1):
            following: set[Place] = set()
            for step in await self._steps(frontier, up):
                near, far = _ends(step, up)
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
        for step in await self._steps(frontier, up):
            near, far = _ends(step, up)
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

    async def _steps(self, frontier: set[Place], up: bool) -> list[_Step]:
        """The flows into (up) or out of any place of a level; in a fixed order where a limit may
        leave some of them out."""
        wanted: Wanted = {}
        for dataset, field in frontier:
            for member in self.names(dataset):
                wanted.setdefault(member, set()).add(field)
        around = await self._around(wanted, up)
        await self._read_flows(around, wanted)
        most = self._most_edges
        steps = list(itertools.islice(self._offered(around, wanted, up), most))
        self._truncated = self._truncated or len(steps) >= most
        await self.read({(step.source if up else step.target)[0] for step in steps})
        if self._hidden:
            steps = [step for step in steps if _ends(step, up)[1][0] not in self._hidden]
        if self._joined:
            steps = [self._between_canonical(step) for step in steps]
        room = min(self._limit - len(self._hops), most - len(self._edges))
        if len(steps) > room:
            steps.sort(key=self._step_order)
        return steps

    async def _around(self, wanted: Iterable[Number], up: bool) -> Around:
        """Those whose flows may lead into or out of a level."""
        edges = await self._reader.steps(wanted, up=up, until=self._until)
        owners = set(map(owner_of, edges))
        await self.read(owners)
        if self._past is None:
            owners = {each for each in owners if each in self._selective or each in self._declared}
        else:
            await self._past.learn(owners)
            edges = self._past.holding(edges)
        near_of = target_of if up else source_of
        around: Around = {}
        for edge in edges:
            if edge[2] in owners:
                around.setdefault((edge[2], near_of(edge)), edge)
        return around

    async def _read_flows(self, around: Collection[tuple[Number, Number]], wanted: Wanted) -> None:
        keys = await self.keys({node for pair in around for node in pair})
        about = {keys[near]: wanted[near] for _, near in around}
        owners = {owner: keys[owner] for owner, _ in around}
        stated = await self._reader.stated(owners.values(), self._moment, about) if owners else {}
        self._flows = {}
        for owner, key in owners.items():
            parts = [fold.column_flows(part.content) for part in stated.get(key, ())]
            self._flows[owner] = list(dict.fromkeys(itertools.chain.from_iterable(parts)))
        named = {flow.target for flows in self._flows.values() for _, flow in flows}
        for flows in self._flows.values():
            named.update([source.node for _, flow in flows for source in flow.sources])
        found = await self._reader.numbers(named.difference(self._numbers))
        self._numbers |= found
        self._keys |= {number: key for key, number in found.items()}

    def _offered(self, around: Around, wanted: Wanted, up: bool) -> Iterator[_Step]:
        """The steps that flows offer from the wanted columns of datasets."""
        keys, offer = self._keys, self._into if up else self._out_of
        for owner, near in sorted(around, key=lambda pair: (keys[pair[0]], keys[pair[1]])):
            if owner in self._hidden:
                continue
            evidence = around[owner, near][4:]
            for origin, flow in self._flows[owner]:
                if not is_job(flow.target):
                    yield from offer(flow, near, wanted[near], owner, (int(origin), *evidence))

    def _into(
        self, flow: KeyFlow, near: Number, fields: set[str | None], owner: Number, said: Said
    ) -> Iterator[_Step]:
        if flow.target != self._keys[near]:
            return
        numbers = self._numbers
        sources = [source for source in flow.sources if not is_job(source.node)]
        for field in flow.fields or (None,):
            for at in _at(field, fields):
                for source in sources:
                    start = (numbers[source.node], source.field)
                    whole = source.field is None or field is None
                    yield _Step(start, (near, at), owner, said, source.transformations, whole)

    def _out_of(
        self, flow: KeyFlow, near: Number, fields: set[str | None], owner: Number, said: Said
    ) -> Iterator[_Step]:
        key, target = self._keys[near], self._numbers[flow.target]
        for source in flow.sources:
            if source.node == key:
                for at in _at(source.field, fields):
                    for field in flow.fields or (None,):
                        whole = source.field is None or field is None
                        how = (owner, said, source.transformations, whole)
                        yield _Step((near, at), (target, field), *how)

    def _between_canonical(self, step: _Step) -> _Step:
        (source, field), (target, other) = step.source, step.target
        return msgspec.structs.replace(
            step,
            source=(self.canonical(source), field),
            target=(self.canonical(target), other),
        )

    def _order(self, place: Place) -> tuple[Key, str]:
        dataset, field = place
        return self._keys[dataset], "" if field is None else "\0" + field

    def _step_order(self, step: _Step) -> tuple[tuple[Key, str], tuple[Key, str], Key]:
        return self._order(step.source), self._order(step.target), self._keys[step.owner]

    async def graph(self, start: FieldId | NodeId, direction: Direction, depth: int) -> Graph:
        steps = self._edges.values()
        named = await self._reader.named(
            {dataset for dataset, _ in self._hops} | {step.owner for step in steps}
        )
        refs = {place: _ref(place, named) for place in self._hops}
        ordered = sorted(refs, key=lambda place: order(refs[place]))
        rank = {place: n for n, place in enumerate(ordered)}
        told = await self._reader.evidence(step.said for step in steps)

        def shown_order(step: _Step) -> tuple[int, int, tuple[str, ...]]:
            job = _job(named[step.owner])
            return rank[step.source], rank[step.target], () if job is None else order(job)

        edges = [
            GraphEdge(
                source=refs[step.source],
                target=refs[step.target],
                evidence=told[step.said],
                job=_job(named[step.owner]),
                transformations=step.transformations,
                whole=step.whole,
            )
            for step in sorted(steps, key=shown_order)
        ]
        return Graph(
            start=start,
            direction=direction,
            depth=depth,
            moment=self._moment,
            nodes=tuple(
                [
                    GraphNode(refs[place], self._hops[place], self._count_missing(place))
                    for place in sorted(ordered, key=self._hops.__getitem__)
                ]
            ),
            edges=tuple(edges),
            truncated=self._truncated,
            limit=self._limit,
        )

    def _count_missing(self, place: Place) -> int:
        return sum([far not in self._hops for far in self._missing.get(place, ())])


def _ref(place: Place, named: Mapping[Number, NodeId]) -> NodeId | FieldId:
    dataset, field = place
    return named[dataset] if field is None else FieldId(named[dataset], field)


def _job(owner: NodeId) -> NodeId | None:
    return owner if owner.kind is NodeKind.JOB else None


def _at(field: str | None, wanted: set[str | None]) -> list[str | None]:
    """Which of the wanted fields a flow's field meets; None, on either side, stands for all."""
    if field is None:
        return sorted(wanted, key=lambda w: (w is not None, w or ""))
    return [w for w in (None, field) if w in wanted]


def _ends(step: _Step, up: bool) -> tuple[Place, Place]:
    """(near, far)"""
    return (step.target, step.source) if up else (step.source, step.target)
