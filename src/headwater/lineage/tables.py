"""Every lineage question. Each reads neighbours a level at a time and visits a node once.

Directed: from a start, up or down; a sibling is not lineage. Datasets that symlinks join are one
node, under the name of their canonical member. Through a job whose flows are stated, lineage
follows the flows and nothing else.
"""

from collections.abc import Iterable, Sequence

import msgspec

from headwater import fold
from headwater.errors import NotFound
from headwater.fold import Pairs
from headwater.ids import FieldId, Key, NodeId, Ref, RunRef, is_job, parse_candidates
from headwater.lineage.graph import Graph, GraphEdge, GraphNode
from headwater.lineage.known import Known
from headwater.lineage.past import Past
from headwater.store import Direction, EdgeRow, Evidence, Moment, NodeRow, Reader, Stated

DEFAULT_DEPTH = 20
DEFAULT_LIMIT = 10_000

Entries = dict[Key, set[Key | None]]
"""Nodes, and what each was entered from; None: it was entered as a whole."""
Step = tuple[Key, Key, EdgeRow]
"""(near, far, edge), near and far canonical."""


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
            row = (await reader.nodes((key,))).get(key)
            if row is not None:
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
    key = start.key(domain)
    origin = (await walk.read((key,))).get(key)
    if origin is None or walk.hidden(origin):
        raise NotFound(f"nothing is known of {start}")
    begin = walk.enter(origin)
    ways = (Direction.UP, Direction.DOWN) if direction is Direction.BOTH else (direction,)
    for way in ways:
        await walk.run(begin, way, depth)
    return walk.graph(start, direction, depth)


class _Walk(Known):
    """One traversal. Nodes are known by the key of their canonical member."""

    def __init__(self, reader: Reader, moment: Moment | None, limit: int) -> None:
        super().__init__(reader, moment)
        self._past = None if moment is None else Past(reader, moment)
        self._limit = limit
        self._hops: dict[Key, int] = {}
        self._missing: dict[Key, set[Key]] = {}
        self._edges: dict[tuple[Key, Key], EdgeRow] = {}
        self._united: dict[tuple[Key, Key], set[tuple[Key, Key, Key]]] = {}
        self._pairs: dict[Key, list[Pairs]] = {}
        self._sources: set[Key] = set()
        self._truncated = False

    def enter(self, row: NodeRow) -> Key:
        key = row.alias_of or row.key
        self._hops[key] = 0
        return key

    async def run(self, start: Key, way: Direction, depth: int) -> None:
        """Walks one way from the start, level by level.

        A job with flows is entered once for each dataset that it is reached from, because each may
        lead to other datasets; the entries remember from where.
        """
        frontier: Entries = {start: {None}}
        entered: Entries = {start: {None}}
        for hop in range(1, depth + 1):
            if len(self._hops) >= self._limit and self._past is None:
                frontier = await self._leading_inward(frontier, way)
            steps = await self._steps(frontier, way)
            frontier = {}
            self._take_in(steps, way, hop)
            for near, far, edge in steps:
                if far not in self._hops:
                    continue
                # An edge that another stated leads into the job as a whole.
                through = near if far in self._selective and edge.owner == far else None
                known = entered.get(far)
                if known is None:
                    entered[far] = {through}
                    frontier[far] = {through}
                elif through not in known and None not in known:
                    known.add(through)
                    frontier.setdefault(far, set()).add(through)
            if not frontier:
                return
        await self._count_missing(frontier, way)

    def _take_in(self, steps: list[Step], way: Direction, hop: int) -> None:
        """Takes edges and far nodes into the answer; what the limit leaves out is missing."""
        hops, edges, up = self._hops, self._edges, way is Direction.UP
        for near, far, edge in steps:
            if far not in hops:
                if len(hops) >= self._limit:
                    self._truncated = True
                    self._missing.setdefault(near, set()).add(far)
                    continue
                hops[far] = hop
            pair = (far, near) if up else (near, far)
            known = edges.setdefault(pair, edge)
            if known is not edge:
                self._unite(pair, known, edge)

    def _unite(self, pair: tuple[Key, Key], known: EdgeRow, edge: EdgeRow) -> None:
        """Two aliases, or two owners, state one edge; each way may find it, too."""
        united = self._united.setdefault(pair, {known.name})
        if edge.name not in united:
            united.add(edge.name)
            self._edges[pair] = _joined(known, edge)

    async def _leading_inward(self, frontier: Entries, way: Direction) -> Entries:
        """When the answer is full: those of a level that have edges to what is in it. What the
        others lead to is only counted."""
        inward: set[Key] = set()
        for near, far in await self._ends(frontier, way):
            if far in self._hops:
                inward.add(near)
            else:
                self._truncated = True
                self._missing.setdefault(near, set()).add(far)
        return {near: entries for near, entries in frontier.items() if near in inward}

    async def _count_missing(self, frontier: Entries, way: Direction) -> None:
        """Counts what lies one edge behind the depth, without reading what it is."""
        hops, missing = self._hops, self._missing
        if self._past is not None:
            for near, far, _ in await self._steps(frontier, way):
                if far not in hops:
                    missing.setdefault(near, set()).add(far)
            return
        for near, far in await self._ends(frontier, way):
            if far not in hops:
                missing.setdefault(near, set()).add(far)

    async def _ends(self, frontier: Entries, way: Direction) -> list[tuple[Key, Key]]:
        """The (near, far) of the steps out of a level, now, as `_steps` would find them."""
        asked = self._asked(frontier)
        allowed = await self._allowed(frontier, way)
        found = []
        for end in await self._reader.ends(asked, way) if asked else ():
            reach = allowed.get(end.near)
            if reach is None or end.owner != end.near or end.far in reach:
                near = self.canonical(end.near)
                if end.canonical != near:
                    found.append((near, end.canonical))
        return found

    def _asked(self, frontier: Iterable[Key]) -> list[Key]:
        """Every name of the nodes of a level."""
        if not self._members and not self._hidden:
            return list(frontier)
        return [name for key in frontier for name in self.names(key) if name not in self._hidden]

    async def _steps(self, frontier: Entries, way: Direction) -> list[Step]:
        """The steps out of a level."""
        asked = self._asked(frontier)
        if not asked:
            return []
        edges = await self._reader.edges(asked, way, self._moment)
        await self.read_ends(edges)
        if self._past is not None:
            await self._settle(self._past, {*asked, *(edge.owner for edge in edges)})
            edges = self._past.holding(edges)
        steps = (
            [(edge.target, edge.source, edge) for edge in edges]
            if way is Direction.UP
            else [(edge.source, edge.target, edge) for edge in edges]
        )
        allowed = await self._allowed(frontier, way)
        if allowed or self._hidden or self._joined:
            steps = self._open(steps, allowed)
        if len(self._hops) + len(steps) > self._limit:  # which ones are left out goes by name
            steps.sort(key=lambda step: (self._rows[step[0]].node, self._rows[step[1]].node))
        return steps

    def _open(self, steps: list[Step], allowed: dict[Key, set[Key]]) -> list[Step]:
        """The steps that hidden nodes and flows leave, between canonical members."""
        hidden, joined = self._hidden, self._joined
        kept = []
        for near, far, edge in steps:
            if far in hidden or edge.owner in hidden:
                continue
            reach = allowed.get(near)
            if reach is not None and edge.owner == near and far not in reach:
                continue
            a, b = joined.get(near, near), joined.get(far, far)
            if a != b:
                kept.append((a, b, edge))
        return kept

    async def _allowed(self, frontier: Entries, way: Direction) -> dict[Key, set[Key]]:
        """For each job of the level whose flows are stated: which datasets they lead on to."""
        if not self._selective and not self._declared:
            return {}
        jobs = [
            key
            for key, entries in frontier.items()
            if key in self._selective and None not in entries
        ]
        declared = [key for key in frontier if key in self._declared]
        await self._read_pairs([*jobs, *declared])
        allowed: dict[Key, set[Key]] = {}
        for job in jobs:
            entries = {
                member
                for entry in frontier[job]
                if entry is not None
                for member in self.names(entry)
            }
            allowed[job] = {
                far for part in self._pairs[job] for far in _reached(part, entries, way)
            }
        return allowed

    async def _read_pairs(self, owners: Sequence[Key]) -> None:
        unread = [owner for owner in owners if owner not in self._pairs]
        if unread:
            stated = await self._reader.stated(unread, self._moment)
            for owner in unread:
                self._learn(owner, stated.get(owner, []))
        for owner in owners:
            self._sources.update(key for part in self._pairs[owner] for key in part.sealed)

    def _learn(self, owner: Key, parts: list[Stated]) -> None:
        self._pairs[owner] = fold.united_pairs(owner, (part.content for part in parts))

    async def _settle(self, past: Past, owners: Iterable[Key]) -> None:
        """Of those that held other contents at the moment, what they stated takes the place of what
        their rows say."""
        for owner, parts in (await past.learn(owners)).items():
            self._learn(owner, parts)
            flowing = self._selective if is_job(owner) else self._declared
            flowing.discard(owner)
            if any(not part.content.bare for part in parts):
                flowing.add(owner)

    def graph(self, start: NodeId, direction: Direction, depth: int) -> Graph:
        hops, kept = self._hops, self._edges
        refs = {key: self._rows[key].node for key in hops}
        named = sorted([(ref.namespace, ref.name, ref.kind, key) for key, ref in refs.items()])
        keys = [key for _, _, _, key in named]
        place = {key: n for n, key in enumerate(keys)}
        count = len(keys)
        pairs = sorted(kept, key=lambda pair: place[pair[0]] * count + place[pair[1]])
        keys.sort(key=hops.__getitem__)
        return Graph(
            start=start,
            direction=direction,
            depth=depth,
            moment=self._moment,
            nodes=tuple([self._node(key, refs[key]) for key in keys]),
            edges=tuple([GraphEdge(refs[a], refs[b], kept[a, b].evidence) for a, b in pairs]),
            truncated=self._truncated,
            limit=self._limit,
        )

    def _node(self, key: Key, ref: NodeId) -> GraphNode:
        hops, missing, members = self._hops, self._missing.get(key, ()), self._members.get(key, ())
        return GraphNode(
            ref,
            hops[key],
            # not the difference of two sets, which would read all of the answer for each node
            sum([far not in hops for far in missing]) if missing else 0,
            tuple(sorted(row.node for row in members if row.key != key)) if members else (),
            bool(self._sources) and any(name in self._sources for name in self.names(key)),
        )


def _reached(part: Pairs, entries: set[Key], way: Direction) -> set[Key]:
    """Where a content leads on to from any of the nodes that it was entered by."""
    if way is Direction.DOWN:
        found = {t for t, (_, sources) in part.stated.items() if sources & entries}
        return found | part.open if part.inputs & entries else found
    found = set()
    for entry in entries:
        if entry in part.stated:
            found |= part.stated[entry][1]
        elif entry in part.open:
            found |= part.inputs
    return found


def _joined(a: EdgeRow, b: EdgeRow) -> EdgeRow:
    """Two edges between the same canonical nodes; runs are counted once for each."""
    last, other = (a, b) if a.evidence.last >= b.evidence.last else (b, a)
    known, more = last.evidence, other.evidence
    united = Evidence(
        origin=known.origin | more.origin,
        first=min(known.first, more.first),
        last=known.last,
        runs=known.runs + more.runs,
        last_run=known.last_run,
    )
    return msgspec.structs.replace(last, evidence=united)
