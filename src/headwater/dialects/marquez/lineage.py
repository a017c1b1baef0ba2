"""`GET /lineage`: jobs and datasets around a node, in Marquez' shape.

One hop leads from a job to every job that shares a dataset with it, whichever way. Hidden nodes are
left out, but are passed through. Ours: every producer and consumer is found, a node is visited
once, and `direction` or `asOf` give a directed graph, now or at a time.
"""

from collections.abc import Iterable

from headwater import lineage
from headwater.auth.principal import Scope
from headwater.dialects.marquez import params, times
from headwater.dialects.marquez.cards import Card, Cards
from headwater.dialects.marquez.graphs import LineageGraph
from headwater.dialects.marquez.questions import Asker, Question, required
from headwater.errors import InvalidParameter, NotFound
from headwater.http.message import Param, Request, Response, Route
from headwater.ids import Key, NodeId, NodeKind, is_job, parse_candidates
from headwater.store import Direction, Moment

Pairs = set[tuple[Key, Key]]
"""(source, target), by canonical keys."""

_CUT = ((b"x-headwater-truncated", b"true"),)


class Lineage:
    """Answers what is around a job or dataset."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask
        self._cards = Cards()
        self._most = ask.context.settings.graph_nodes

    def routes(self) -> tuple[Route, ...]:
        schema: dict[str, object] = {"type": "string", "enum": [each.value for each in Direction]}
        # fmt: off
        return (
            Route("GET", "/api/v1/lineage", self.lineage, "marquez_lineage", Scope.READ,
                  "The jobs and datasets around one of them", params=(
                      Param("nodeId", params.TEXT, "`job:<ns>:<name>` or `dataset:<ns>:<name>`.",
                            required=True),
                      params.DEPTHS,
                      Param("direction", schema, "Only upstream or downstream; ours."),
                      Param("asOf", params.TEXT, "As it was at this time; ours."),
                  ), answer=LineageGraph),
        )
        # fmt: on

    async def lineage(self, request: Request) -> Response:
        text, depth = required(request, "nodeId"), params.depth(request)
        readings = node_readings(text)
        way = params.choice(request, "direction", Direction)
        at = request.text("asOf")
        moment = None if at is None else Moment(times.parse(at, "asOf"))

        async def question(asked: Question) -> tuple[bytes, bool]:
            start = await find(asked, text, readings)
            walk = _Walk(asked, self._cards, self._most)
            if way is None and moment is None:
                await walk.around(start.key(asked.domain), depth)
            else:
                await walk.directed(start, way or Direction.BOTH, depth, moment)
            return walk.answer(start.key(asked.domain)), walk.truncated

        body, truncated = await self._ask(request, question)
        return Response(200, body, headers=_CUT if truncated else ())


def node_readings(text: str) -> list[NodeId]:
    """What a node id may stand for, longest namespace first; raises InvalidParameter."""
    if not text.startswith(("job:", "dataset:")):
        raise InvalidParameter("nodeId", f"{text!r} is not job:<ns>:<name> or dataset:<ns>:<name>")
    return readings_of(text)


def readings_of(text: str) -> list[NodeId]:
    """As it stands, and with its parts percent-decoded."""
    found = parse_candidates(text.replace("%", "%25"), "nodeId")
    if "%" in text:
        found += parse_candidates(text, "nodeId")
    return [ref for ref in found if isinstance(ref, NodeId)]


async def find(asked: Question, text: str, readings: Iterable[NodeId]) -> NodeId:
    """The first reading that is known and not hidden. Raises NotFound."""
    keys = {node.key(asked.domain): node for node in readings}
    rows = await asked.browser.nodes(keys)
    for key, node in keys.items():
        if key in rows and rows[key].hidden_at is None:
            return node
    raise NotFound(f"Node '{text}' not found.")


class _Walk:
    """One traversal. Nodes go by their canonical keys."""

    def __init__(self, asked: Question, cards: Cards, most: int) -> None:
        self._asked = asked
        self._make = cards
        self._most = most
        self._cards: dict[Key, Card] = {}
        self._jobs: set[Key] = set()
        self._datasets: set[Key] = set()
        self._pairs: Pairs = set()
        self.truncated = False

    async def _learn(self, keys: Iterable[Key]) -> None:
        missing = [key for key in keys if key not in self._cards]
        if missing:
            self._cards.update(await self._make.get(self._asked, missing))

    def _canonical(self, key: Key) -> Key:
        return self._cards[key].alias_of or key

    async def _members(self, datasets: Iterable[Key]) -> set[Key]:
        """The datasets by all their names."""
        found = set(datasets)
        joined = [key for key in found if self._cards[key].alias_of is not None]
        for rows in (await self._asked.browser.members(joined)).values() if joined else ():
            found.update(row.key for row in rows)
        return found

    async def around(self, start: Key, depth: int) -> None:
        """Walks by hops between jobs that share a dataset."""
        await self._learn((start,))
        frontier = {start} if is_job(start) else await self._begin(start)
        self._jobs |= frontier
        for hop in range(depth + 1):
            reached = await self._datasets_of(frontier)
            if hop == depth or not reached:
                return
            frontier = await self._jobs_of(reached)
            if not frontier:
                return

    async def _begin(self, start: Key) -> set[Key]:
        """The producers of a dataset; its consumers where it has none."""
        start = self._canonical(start)
        await self._learn((start,))
        self._datasets.add(start)
        members = await self._members((start,))
        pairs = await self._asked.browser.touching(members)
        writers = {source for source, target in pairs if target in members and is_job(source)}
        readers = {target for source, target in pairs if source in members and is_job(target)}
        return writers or readers

    async def _datasets_of(self, jobs: set[Key]) -> set[Key]:
        """The datasets of a level's jobs that were not met before."""
        pairs = await self._asked.browser.touching(jobs)
        mixed = [pair for pair in pairs if is_job(pair[0]) != is_job(pair[1])]
        await self._learn({*jobs, *(key for pair in mixed for key in pair if not is_job(key))})
        await self._learn(
            {self._canonical(key) for pair in mixed for key in pair if not is_job(key)}
        )
        fresh: set[Key] = set()
        for source, target in mixed:
            dataset = source if is_job(target) else target
            canonical = self._canonical(dataset)
            self._pairs.add((canonical, target) if source == dataset else (source, canonical))
            if canonical not in self._datasets:
                fresh.add(canonical)
        self._datasets |= fresh
        return fresh

    async def _jobs_of(self, datasets: set[Key]) -> set[Key]:
        """The jobs of a level's datasets that were not met before."""
        pairs = await self._asked.browser.touching(await self._members(datasets))
        fresh = {key for pair in pairs for key in pair if is_job(key)} - self._jobs
        room = self._most - len(self._jobs) - len(self._datasets)
        if len(fresh) > room:
            self.truncated = True
            fresh = set(sorted(fresh)[: max(room, 0)])
        self._jobs |= fresh
        return fresh

    async def directed(
        self, start: NodeId, way: Direction, depth: int, moment: Moment | None
    ) -> None:
        """Takes the graph that the native API gives; a hop is two edges."""
        edges = 2 * depth + (1 if start.kind is NodeKind.JOB else 2)
        asked = self._asked
        found = await lineage.lineage(
            asked.browser, asked.domain, start, way, edges, moment, self._most
        )
        self.truncated = found.truncated
        keys = {
            node.ref: node.ref.key(asked.domain)
            for node in found.nodes
            if isinstance(node.ref, NodeId)
        }
        await self._learn(keys.values())
        for key in keys.values():
            (self._jobs if is_job(key) else self._datasets).add(key)
        for edge in found.edges:
            if isinstance(edge.source, NodeId) and isinstance(edge.target, NodeId):
                self._pairs.add((keys[edge.source], keys[edge.target]))

    def answer(self, start: Key) -> bytes:
        """The graph as JSON; the start goes by the name that was asked for."""
        canonical = self._canonical(start) if not is_job(start) else start
        cards = {key: self._cards[key] for key in (*self._jobs, *self._datasets)}
        if canonical != start:
            cards[canonical] = self._cards[start]
        shown = {key: card for key, card in cards.items() if not card.hidden}
        into: dict[Key, list[Key]] = {key: [] for key in shown}
        out: dict[Key, list[Key]] = {key: [] for key in shown}
        for source, target in self._pairs:
            if source in shown and target in shown:
                into[target].append(source)
                out[source].append(target)
        name = {key: card.id for key, card in shown.items()}
        nodes = [
            _node(
                shown,
                key,
                sorted(into[key], key=name.__getitem__),
                sorted(out[key], key=name.__getitem__),
            )
            for key in sorted(shown, key=name.__getitem__)
        ]
        return b'{"graph":[%b]}' % b",".join(nodes)


def _node(cards: dict[Key, Card], key: Key, into: list[Key], out: list[Key]) -> bytes:
    card = cards[key]
    if is_job(key):
        before, behind = card.data
        sides = (
            b",".join([cards[far].entity for far in into if not is_job(far)]),
            b",".join([cards[far].entity for far in out if not is_job(far)]),
        )
        data = b'%b"inputs":[%b],"outputs":[%b]%b' % (before, *sides, behind)
        kind = b"JOB"
    else:
        (data,) = card.data
        kind = b"DATASET"
    quoted = card.quoted
    edges_in = [b'{"origin":%b,"destination":%b}' % (cards[far].quoted, quoted) for far in into]
    edges_out = [b'{"origin":%b,"destination":%b}' % (quoted, cards[far].quoted) for far in out]
    return b'{"type":"%b","id":%b,"data":%b,"inEdges":[%b],"outEdges":[%b]}' % (
        kind, quoted, data, b",".join(edges_in), b",".join(edges_out)
    )  # fmt: skip
