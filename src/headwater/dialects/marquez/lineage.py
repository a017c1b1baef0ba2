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
from headwater.ids import Key, NodeId, NodeKind, parse_candidates
from headwater.store import Direction, Moment

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
        self._jobs: dict[Key, Card] = {}
        self._datasets: dict[Key, Card] = {}
        self._pairs: list[tuple[Key, Key]] = []
        """(source, target), by canonical keys."""
        self.truncated = False

    async def _learn(self, keys: Iterable[Key]) -> list[Card]:
        """The cards of nodes; those of datasets with the cards of all their names."""
        wanted = list(keys)
        missing = [key for key in wanted if key not in self._cards]
        if missing:
            self._cards.update(await self._make.get(self._asked, missing))
        return [self._cards[key] for key in wanted]

    async def _canonical(self, datasets: Iterable[Key]) -> dict[Key, Card]:
        """The datasets under their canonical names."""
        cards = await self._learn(datasets)
        joined = [card.alias_of for card in cards if card.alias_of is not None]
        if joined:
            await self._learn(joined)
        return {
            card.key if card.alias_of is None else card.alias_of: card
            if card.alias_of is None
            else self._cards[card.alias_of]
            for card in cards
        }

    async def _named(self, datasets: Iterable[Card]) -> list[Card]:
        """The datasets by all their names."""
        cards = list(datasets)
        joined = [card.key for card in cards if card.alias_of is not None]
        if not joined:
            return cards
        members = await self._asked.browser.members(joined)
        others = {row.key for rows in members.values() for row in rows}
        return [*cards, *await self._learn(others - {card.key for card in cards})]

    async def around(self, start: Key, depth: int) -> None:
        """Walks by hops between jobs that share a dataset."""
        (card,) = await self._learn((start,))
        frontier = [card] if card.job else await self._begin(start)
        self._jobs = {each.key: each for each in frontier}
        for hop in range(depth + 1):
            fresh = await self._datasets_of(frontier)
            if hop == depth or not fresh:
                break
            frontier = await self._jobs_of(fresh)
        if not card.job:  # also where no job leads to it
            self._datasets.update(await self._canonical((start,)))
        for job in self._jobs.values():
            self._pairs += [(self._name(key), job.key) for key in job.reads]
            self._pairs += [(job.key, self._name(key)) for key in job.writes]

    def _name(self, key: Key) -> Key:
        return self._cards[key].alias_of or key

    async def _begin(self, start: Key) -> list[Card]:
        """The producers of a dataset; its consumers where it has none."""
        canonical = await self._canonical((start,))
        named = {card.key for card in await self._named(canonical.values())}
        jobs = await self._learn({key for each in named for key in self._cards[each].jobs})
        writers = [job for job in jobs if not named.isdisjoint(job.writes)]
        return writers or [job for job in jobs if not named.isdisjoint(job.reads)]

    async def _datasets_of(self, jobs: Iterable[Card]) -> list[Card]:
        """The datasets of a level's jobs that were not met before."""
        keys = {key for job in jobs for key in (*job.reads, *job.writes)}
        found = await self._canonical(keys - self._datasets.keys())
        fresh = [card for key, card in found.items() if key not in self._datasets]
        self._datasets.update(found)
        return fresh

    async def _jobs_of(self, datasets: Iterable[Card]) -> list[Card]:
        """The jobs of a level's datasets that were not met before."""
        named = await self._named(datasets)
        keys = {card.key for card in named}
        jobs = await self._learn({key for card in named for key in card.jobs} - self._jobs.keys())
        fresh = [
            job for job in jobs if not (keys.isdisjoint(job.reads) and keys.isdisjoint(job.writes))
        ]
        room = max(self._most - len(self._jobs) - len(self._datasets), 0)
        if len(fresh) > room:
            self.truncated = True
            fresh = sorted(fresh, key=_id)[:room]
        self._jobs.update({job.key: job for job in fresh})
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
        refs = [node.ref for node in found.nodes if isinstance(node.ref, NodeId)]
        await self._learn((start.key(asked.domain),))
        for card in await self._learn(ref.key(asked.domain) for ref in refs):
            (self._jobs if card.job else self._datasets)[card.key] = card
        self._pairs = [
            (edge.source.key(asked.domain), edge.target.key(asked.domain))
            for edge in found.edges
            if isinstance(edge.source, NodeId) and isinstance(edge.target, NodeId)
        ]

    def answer(self, start: Key) -> bytes:
        """The graph as JSON; the start goes by the name that was asked for."""
        cards = self._jobs | self._datasets
        canonical = self._name(start)
        if canonical != start:
            cards[canonical] = self._cards[start]
        shown = sorted((each for each in cards.items() if not each[1].hidden), key=_by_id)
        place = {key: number for number, (key, _) in enumerate(shown)}
        into: list[list[int]] = [[] for _ in shown]
        out: list[list[int]] = [[] for _ in shown]
        for source, target in sorted(
            (place[source], place[target])
            for source, target in self._pairs
            if source in place and target in place
        ):
            out[source].append(target)
            into[target].append(source)
        named = [card for _, card in shown]
        nodes = [
            card.whole(
                tuple([named[number] for number in into[at]]),
                tuple([named[number] for number in out[at]]),
            )
            for at, card in enumerate(named)
        ]
        return b'{"graph":[%b]}' % b",".join(nodes)


def _id(card: Card) -> str:
    return card.id


def _by_id(item: tuple[Key, Card]) -> str:
    return item[1].id
