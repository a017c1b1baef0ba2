"""Every lineage question. Each reads neighbours a level at a time and visits a node once.

Directed: from a start, up or down; a sibling is not lineage. Datasets that symlinks join are one
node, under the name of their canonical member. Through a job whose flows are stated, lineage
follows the flows and nothing else.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from operator import itemgetter, or_
from typing import TypeVar

from headwater import fold
from headwater.errors import NotFound
from headwater.fold import Pairs
from headwater.ids import FieldId, Key, NodeId, Ref, RunRef, is_job, parse_candidates
from headwater.lineage import placing
from headwater.lineage.graph import Graph, GraphNode
from headwater.lineage.known import Known, owner_of, source_of, target_of
from headwater.lineage.past import Past
from headwater.store import Direction, Moment, Reader, StatedTables
from headwater.walks import Edge, End, Evidence, Number, Said

DEFAULT_DEPTH = 20
DEFAULT_LIMIT = 10_000

Entries = dict[Number, set[Number | None]]
"""Nodes, and what each was entered from; None: it was entered as a whole."""
Pair = tuple[Number, Number]
E = TypeVar("E", Edge, End)
_WHOLE: set[Number | None] = {None}
_ends_of = itemgetter(0, 1)
_turned = itemgetter(1, 0)
_said_of = itemgetter(slice(3, None))


async def resolve(reader: Reader, domain: str, text: str) -> Ref:
    """Reads a node text against what exists: bare colons are tried in every way.

    Raises:
        InvalidParameter: the text has no form of a node.
        NotFound: nothing of that name is known.
    """
    for ref in _readings(text):
        if isinstance(ref, RunRef):
            if await reader.runs(domain, ref.run_id):
                return ref
        else:
            node = ref.dataset if isinstance(ref, FieldId) else ref
            key = node.key(domain)
            if key in await reader.numbers((key,)):
                return ref
    raise NotFound(f"nothing is known of {text!r}")


def _readings(text: str) -> list[Ref]:
    decoded = parse_candidates(text)
    if "%" not in text:
        return decoded
    literal = parse_candidates(text.replace("%", "%25"))
    return [*decoded, *literal]


async def lineage(
    reader: Reader,
    domain: str,
    start: NodeId,
    direction: Direction,
    depth: int = DEFAULT_DEPTH,
    moment: Moment | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Graph:
    """Table-level lineage: the jobs and datasets within `depth` edges of the start.

    Raises:
        NotFound: the start is unknown, or hidden now.
    """
    walk = _Walk(reader, moment, limit)
    begin = await walk.begin(start.key(domain))
    if begin is None:
        raise NotFound(f"nothing is known of {start}")
    ways = (Direction.UP, Direction.DOWN) if direction is Direction.BOTH else (direction,)
    for way in ways:
        await walk.run(begin, way is Direction.UP, depth)
    return await walk.graph(start, direction, depth)


class _Walk(Known):
    """One traversal. Nodes are known by their canonical members, and steps by (source, target)."""

    def __init__(self, reader: Reader, moment: Moment | None, limit: int) -> None:
        super().__init__(reader, moment)
        self._past = None if moment is None else Past(reader, moment)
        self._limit = limit
        self._hops: dict[Number, int] = {}
        self._beyond: set[Pair] = set()
        """(near, far) of steps whose far node the answer may leave out."""
        self._edges: dict[Pair, Edge] = {}
        self._united: dict[Pair, dict[End, Said]] = {}
        """Of edges that are stated several times, what each says."""
        self._pairs: dict[Number, list[Pairs]] = {}
        self._sources: set[Key] = set()
        self._truncated = False

    async def run(self, start: Number, up: bool, depth: int) -> None:
        """Walks one way from the start, level by level.

        A job with flows is entered once for each dataset that it is reached from, because each may
        lead to other datasets; the entries remember from where.
        """
        self._hops[start] = 0
        frontier: Entries = {start: _WHOLE}
        entered: Entries = {start: _WHOLE}
        for hop in range(1, depth + 1):
            if len(self._hops) >= self._limit and self._past is None:
                frontier = await self._leading_inward(frontier, up)
            steps, edges = await self._steps(frontier, up)
            far = set(map(source_of if up else target_of, steps))
            await self._admit(far, steps, up, hop)
            self._take_in(steps, edges, up)
            frontier = self._enter(far, steps, edges, up, entered)
            if not frontier:
                return
        await self._count_missing(frontier, up)

    async def _admit(self, far: set[Number], steps: list[Pair], up: bool, hop: int) -> None:
        """Takes the far nodes into the answer. Which ones the limit leaves out goes by name: of the
        near node, then of the far one."""
        hops, room = self._hops, self._limit - len(self._hops)
        new = far.difference(hops)
        if len(new) <= room:
            hops.update(dict.fromkeys(new, hop))
            return
        self._truncated = True
        led: dict[Number, set[Number]] = {}
        for near, other in map(_turned, steps) if up else steps:
            if other in new:
                led.setdefault(near, set()).add(other)
        for near in sorted(led, key=(await self.named(led)).__getitem__):
            chosen: Collection[Number] = led[near].difference(hops)
            if len(chosen) > room:
                chosen = sorted(chosen, key=(await self.named(chosen)).__getitem__)[:room]
            hops.update(dict.fromkeys(chosen, hop))
            room -= len(chosen)
            if not room:
                return

    def _take_in(self, steps: list[Pair], edges: list[Edge], up: bool) -> None:
        """Takes the edges between nodes of the answer; what it leaves out is missing."""
        hops, known = self._hops, self._edges
        if not self._truncated:
            found = dict(zip(steps, edges, strict=True))
            if len(found) == len(steps) and known.keys().isdisjoint(found):
                known |= found
                return
        for step, edge in zip(steps, edges, strict=True):
            if step[0 if up else 1] not in hops:
                self._beyond.add(_turned(step) if up else step)
                continue
            other = known.setdefault(step, edge)
            if other is not edge:  # two aliases, or two owners, state it, or each way finds it
                united = self._united.setdefault(step, {other[:3]: other[3:]})
                united[edge[:3]] = edge[3:]

    def _enter(
        self,
        far: set[Number],
        steps: list[Pair],
        edges: list[Edge],
        up: bool,
        entered: Entries,
    ) -> Entries:
        """The next level: nodes that were not entered yet, or not from there."""
        hops = self._hops
        if not self._selective:
            fresh = far.difference(entered)
            level = dict.fromkeys([node for node in fresh if node in hops], _WHOLE)
            entered |= level
            return level
        level = {}
        for step, edge in zip(steps, edges, strict=True):
            near, other = _turned(step) if up else step
            if other not in hops:
                continue
            # An edge that another stated leads into the job as a whole.
            through = near if other in self._selective and edge[2] == other else None
            known = entered.get(other)
            if known is None:
                entered[other] = {through}
                level[other] = {through}
            elif through not in known and None not in known:
                known.add(through)
                level.setdefault(other, set()).add(through)
        return level

    async def _leading_inward(self, frontier: Entries, up: bool) -> Entries:
        """When the answer is full: those of a level that have edges to what is in it. What the
        others lead to is only counted."""
        hops, ends = self._hops, await self._ends(frontier, up)
        inward = {near for near, far in ends if far in hops}
        outward = [end for end in ends if end[1] not in hops]
        self._truncated = self._truncated or bool(outward)
        self._beyond.update(outward)
        return {near: entries for near, entries in frontier.items() if near in inward}

    async def _count_missing(self, frontier: Entries, up: bool) -> None:
        """Counts what lies one edge behind the depth."""
        if self._past is None:
            self._beyond.update(await self._ends(frontier, up))
        else:
            steps, _ = await self._steps(frontier, up)
            self._beyond.update(map(_turned, steps) if up else steps)

    def _asked(self, frontier: Iterable[Number]) -> Iterable[Number]:
        """Every name of the nodes of a level."""
        if not self._members and not self._hidden:
            return frontier
        return [name for node in frontier for name in self.names(node) if name not in self._hidden]

    async def _steps(self, frontier: Entries, up: bool) -> tuple[list[Pair], list[Edge]]:
        """The steps out of a level, each with its edge."""
        asked = self._asked(frontier)
        edges = await self._reader.steps(asked, up=up, until=self._until)
        ends = {*map(source_of if up else target_of, edges), *map(owner_of, edges)}
        await self.read(ends, room=self._limit - len(self._hops))
        if self._past is not None:
            await self._settle(self._past, {*asked, *map(owner_of, edges)})
            edges = self._past.holding(edges)
        return await self._open(edges, frontier, up)

    async def _ends(self, frontier: Entries, up: bool) -> list[Pair]:
        """The (near, far) of the same steps, now, where they are only counted."""
        await self.named(frontier)  # they are shown, and a reader asks less of what it knows
        ends = await self._reader.ends(self._asked(frontier), up=up)
        await self.read({*map(source_of if up else target_of, ends), *map(owner_of, ends)})
        steps, _ = await self._open(ends, frontier, up)
        return list(map(_turned, steps)) if up else steps

    async def _open(
        self, edges: list[E], frontier: Entries, up: bool
    ) -> tuple[list[Pair], list[E]]:
        """The steps that hidden nodes and flows leave, each with its edge."""
        allowed = await self._allowed(frontier, up)
        hidden, joined = self._hidden, self._joined
        if not (allowed or hidden or joined):
            return list(map(_ends_of, edges)), edges
        keys = await self.keys({end for edge in edges if edge[2] in allowed for end in edge[:2]})
        steps, kept = [], []
        for edge in edges:
            source, target, owner = edge[:3]
            near, far = (target, source) if up else (source, target)
            if far in hidden or owner in hidden:
                continue
            reach = allowed.get(near)
            if reach is not None and owner == near and keys[far] not in reach:
                continue
            a, b = joined.get(source, source), joined.get(target, target)
            if a != b:
                steps.append((a, b))
                kept.append(edge)
        return steps, kept

    async def _allowed(self, frontier: Entries, up: bool) -> dict[Number, set[Key]]:
        """For each job of the level whose flows are stated: which datasets they lead on to."""
        if not self._selective and not self._declared:
            return {}
        jobs = {
            node: [name for entry in entries if entry is not None for name in self.names(entry)]
            for node, entries in frontier.items()
            if node in self._selective and None not in entries
        }
        declared = [node for node in frontier if node in self._declared]
        await self._read_pairs([*jobs, *declared])
        keys = await self.keys({name for names in jobs.values() for name in names})
        allowed: dict[Number, set[Key]] = {}
        for job, names in jobs.items():
            entries = {keys[name] for name in names}
            allowed[job] = {far for part in self._pairs[job] for far in _reached(part, entries, up)}
        return allowed

    async def _read_pairs(self, owners: Sequence[Number]) -> None:
        unread = [owner for owner in owners if owner not in self._pairs]
        if unread:
            keys = await self.keys(unread)
            wanted = [keys[owner] for owner in unread]
            stated = await self._reader.stated_tables(wanted, self._moment)
            for owner in unread:
                self._learn(owner, stated.get(keys[owner], []))
        for owner in owners:
            self._sources.update(key for part in self._pairs[owner] for key in part.sealed)

    def _learn(self, owner: Number, parts: list[StatedTables]) -> None:
        self._pairs[owner] = fold.united_pairs(self._keys[owner], (part.content for part in parts))

    async def _settle(self, past: Past, owners: set[Number]) -> None:
        """Of those that held other contents at the moment, what they stated takes the place of what
        their rows say."""
        changed = await past.learn(owners)
        keys = await self.keys(changed)
        for owner, parts in changed.items():
            self._learn(owner, parts)
            flowing = self._selective if is_job(keys[owner]) else self._declared
            flowing.discard(owner)
            if any(not part.content.bare for part in parts):
                flowing.add(owner)

    async def graph(self, start: NodeId, direction: Direction, depth: int) -> Graph:
        hops, named = self._hops, await self.named(self._hops)
        nodes = placing.nodes({node: named[node] for node in hops})
        edges = placing.edges(nodes, named, self._edges, await self._evidence())
        nodes.sort(key=hops.__getitem__)
        return Graph(
            start=start,
            direction=direction,
            depth=depth,
            moment=self._moment,
            nodes=await self._nodes(nodes),
            edges=edges,
            truncated=self._truncated,
            limit=self._limit,
            flowing=frozenset([named[job] for job in self._selective if job in hops]),
        )

    async def _evidence(self) -> list[Evidence]:
        """Of each edge."""
        said = list(map(_said_of, self._edges.values()))
        more = [each for united in self._united.values() for each in united.values()]
        told = await self._reader.evidence([*said, *more] if more else said)
        if not more:
            return list(map(told.__getitem__, said))
        together = {
            pair: _together([told[each] for each in united.values()])
            for pair, united in self._united.items()
        }
        return [
            together.get(pair) or told[each] for pair, each in zip(self._edges, said, strict=True)
        ]

    async def _nodes(self, nodes: list[Number]) -> tuple[GraphNode, ...]:
        hops, members, names = self._hops, self._members, self._names
        missing = Counter([near for near, far in self._beyond if far not in hops]).get
        sources = await self._reader.numbers(self._sources)
        marked = {self.canonical(node) for node in sources.values()}
        if not members and not marked:
            return tuple([GraphNode(names[n], hops[n], missing(n, 0)) for n in nodes])
        named = await self.named({each for node in nodes for each in members.get(node, ())})
        return tuple(
            [
                GraphNode(
                    named[node],
                    hops[node],
                    missing(node, 0),
                    tuple(sorted(named[each] for each in members.get(node, ()) if each != node)),
                    node in marked,
                )
                for node in nodes
            ]
        )


def _reached(part: Pairs, entries: set[Key], up: bool) -> set[Key]:
    """Where a content leads on to from any of the nodes that it was entered by."""
    if not up:
        found = {t for t, (_, sources) in part.stated.items() if sources & entries}
        return found | part.open if part.inputs & entries else found
    found = set()
    for entry in entries:
        if entry in part.stated:
            found |= part.stated[entry][1]
        elif entry in part.open:
            found |= part.inputs
    return found


def _together(said: Iterable[Evidence]) -> Evidence:
    """What several edges between the same canonical nodes say; runs are counted once for each."""
    known = list(said)
    last = max(known, key=lambda each: (each.last, each.last_run or ""))
    return Evidence(
        origin=reduce(or_, [each.origin for each in known]),
        first=min(each.first for each in known),
        last=last.last,
        runs=sum(each.runs for each in known),
        last_run=last.last_run,
    )
