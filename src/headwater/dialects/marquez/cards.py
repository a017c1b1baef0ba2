"""Nodes of lineage answers, made once and kept until an event names the node again."""

from collections.abc import Iterable

import msgspec

from headwater.dialects.marquez import portraits
from headwater.dialects.marquez.kept import Kept
from headwater.dialects.marquez.objects import EntityId
from headwater.dialects.marquez.questions import Question
from headwater.ids import Key, NodeId, is_job
from headwater.store import NodeDetail

WEIGHT = 128 << 20
"""Bytes of cards that are kept, about."""
OVERHEAD = 1_000

Ends = tuple["Card", ...]


class Card:
    """What an answer shows of a node, and what a walk goes on by.

    Of a job: `reads` and `writes`, the datasets of its edges that hold now. Of a dataset: `jobs`,
    all that ever had an edge with it, because an edge may come to hold again without an event that
    names the dataset. `stated`: it is not only named by others, with which it would change.
    """

    __slots__ = (
        *("_ends", "_whole", "alias_of", "data", "entity", "hidden", "id", "job", "jobs", "key"),
        *("quoted", "reads", "stated", "writes"),
    )

    def __init__(
        self,
        detail: NodeDetail,
        data: tuple[bytes, ...],
        near: tuple[tuple[Key, ...], tuple[Key, ...]],
    ) -> None:
        node = detail.row.node
        self.key = detail.row.key
        self.job = is_job(self.key)
        self.id = node_id(node)
        self.quoted = msgspec.json.encode(self.id)
        self.entity = msgspec.json.encode(EntityId(node.namespace, node.name))
        self.data = data
        self.alias_of = detail.row.alias_of
        self.hidden = detail.row.hidden_at is not None
        self.stated = detail.first is not None
        self.reads, self.writes = near if self.job else ((), ())
        self.jobs = () if self.job else tuple({*near[0], *near[1]})
        self._ends: tuple[Ends, Ends] | None = None
        self._whole = b""

    @property
    def weight(self) -> int:
        near = len(self.reads) + len(self.writes) + len(self.jobs)
        return OVERHEAD + 100 * near + 2 * (len(self.entity) + sum(map(len, self.data)))

    def whole(self, into: Ends, out: Ends) -> bytes:
        """The node of an answer with these neighbours; the last one made is kept."""
        ends = (into, out)
        if self._ends != ends:
            self._whole = self._made(into, out)
            self._ends = ends
        return self._whole

    def _made(self, into: Ends, out: Ends) -> bytes:
        data = self.data[0]
        if self.job:
            reads = b",".join([far.entity for far in into if not far.job])
            writes = b",".join([far.entity for far in out if not far.job])
            data = b'%b"inputs":[%b],"outputs":[%b]%b' % (data, reads, writes, self.data[1])
        return b'{"type":"%b","id":%b,"data":%b,"inEdges":[%b],"outEdges":[%b]}' % (
            b"JOB" if self.job else b"DATASET",
            self.quoted,
            data,
            b",".join([_edge(far, self) for far in into]),
            b",".join([_edge(self, far) for far in out]),
        )


def _edge(source: Card, target: Card) -> bytes:
    return b'{"origin":%b,"destination":%b}' % (source.quoted, target.quoted)


class Cards:
    """All cards of a process, for all threads; each domain's nodes have keys of their own."""

    def __init__(self) -> None:
        self._kept: Kept[Card] = Kept(WEIGHT)

    async def get(self, asked: Question, keys: Iterable[Key]) -> dict[Key, Card]:
        """The cards of nodes, made where something may have changed."""
        wanted = list(keys)
        found = await self._kept.fresh(asked.browser, wanted)
        missing = [key for key in wanted if key not in found]
        if missing:
            position = await asked.browser.position()
            made = await _made(asked, missing)
            found.update(made)
            for key, card in made.items():
                if card.stated:
                    self._kept.keep(position, key, card, card.weight)
        return found


async def _made(asked: Question, keys: list[Key]) -> dict[Key, Card]:
    browser = asked.browser
    details = await browser.details(keys)
    data = await portraits.data_of(asked, details)
    jobs = [key for key in details if is_job(key)]
    near = {
        **await browser.neighbours(jobs, now=True),
        **await browser.neighbours([key for key in details if not is_job(key)], now=False),
    }
    return {key: Card(details[key], data[key], near[key]) for key in details}


def node_id(node: NodeId) -> str:
    """As Marquez writes a node: with bare colons."""
    return f"{node.kind.value}:{node.namespace}:{node.name}"
