"""Run lineage: which run made the input that a run read, and which runs consumed what it wrote.

The rule. A run reads and writes when it starts (`RunRecord.at`). The producer of an input is, of
all runs that write the dataset under any of its names, the newest that started at or before the
reader did; its state decides nothing, because what a failed run wrote did happen. A run is not its
own producer: one that reads what it also writes reads what the write before it left. The consumers
of an output are the runs that this run is the producer for: those that read the dataset and started
before the next write, and the run of the next write itself where it reads the dataset too.

Through a run whose flows are stated, lineage follows the flows. Edges without a job (views, renamed
datasets) are not followed: no run made them.
"""

from collections.abc import Iterable

from headwater.errors import NotFound
from headwater.event import RunLink
from headwater.ids import Key, NodeId, RunRef, fold_run_id
from headwater.lineage.graph import RunEdge, RunGraph, RunNode
from headwater.lineage.ledger import RunLedger, Spent
from headwater.store import Direction, Reader, RunRow

READS_PER_RUN = 10
"""An answer takes at most so many pages of runs for each run of its limit."""
LEAST_READS = 1_000

Name = tuple[Key, str]
"""A run: the key of its job, and its id."""
Entries = dict[Name, set[Key | None]]
"""Runs, each with the datasets that it is reached by. None: it is the start."""


async def run_lineage(
    reader: Reader,
    domain: str,
    run_id: str,
    direction: Direction,
    depth: int,
    limit: int,
    job: NodeId | None = None,
) -> RunGraph:
    """The runs within `depth` datasets of a run.

    Args:
        job: whose run it is; without one, every run of that id is a start.

    Raises:
        NotFound: the run is unknown or only named by others, or its job is hidden now.
    """
    run_id = fold_run_id(run_id)
    ledger = RunLedger(reader, domain, max(READS_PER_RUN * limit, LEAST_READS))
    starts = [
        row
        for row in await reader.runs(domain, run_id)
        if row.record.at is not None and job in (None, row.job)
    ]
    shown = await ledger.shown(row.record.job for row in starts)
    starts = [row for row in starts if row.record.job in shown]
    if not starts:
        raise NotFound(f"nothing is known of run {run_id!r}")
    walk = _RunWalk(ledger, limit)
    ways = (Direction.UP, Direction.DOWN) if direction is Direction.BOTH else (direction,)
    try:
        for way in ways:
            await walk.run(starts, way, depth)
    except Spent:
        walk.truncated = True
    return walk.graph(RunRef(run_id), direction, depth)


class _RunWalk:
    def __init__(self, ledger: RunLedger, limit: int) -> None:
        self.truncated = False
        self._ledger = ledger
        self._limit = limit
        self._rows: dict[Name, RunRow] = {}
        self._hops: dict[Name, int] = {}
        self._edges: set[tuple[Key, Name | None, Name]] = set()

    async def run(self, starts: Iterable[RunRow], way: Direction, depth: int) -> None:
        """Walks one way, level by level; a run is passed once for each dataset it is reached by."""
        frontier: Entries = {name: {None} for row in starts if (name := self._admit(row, 0))}
        entered = {name: set(entries) for name, entries in frontier.items()}
        for hop in range(1, depth + 1):
            following: Entries = {}
            for near, dataset in await self._onward(frontier, way):
                for far in await self._step(near, dataset, way, hop):
                    if dataset not in entered.setdefault(far, set()):
                        entered[far].add(dataset)
                        following.setdefault(far, set()).add(dataset)
            frontier = following
            if not frontier:
                return

    async def _onward(self, frontier: Entries, way: Direction) -> list[tuple[Name, Key]]:
        """The (run, dataset) pairs that a level leads on by."""
        pairs = [
            (name, dataset)
            for name, entries in frontier.items()
            for dataset in sorted((await self._ledger.uses(self._rows[name])).onward(entries, way))
        ]
        await self._ledger.learn({dataset for _, dataset in pairs})
        return pairs

    async def _step(self, near: Name, dataset: Key, way: Direction, hop: int) -> list[Name]:
        row = self._rows[near]
        if way is Direction.UP:
            producer = await self._ledger.producer(dataset, row)
            if producer is None:
                self._edges.add((dataset, None, near))
                return []
            name = self._admit(producer, hop)
            self._edges.update([(dataset, name, near)] if name else ())
            return [name] if name else []
        consumers = await self._ledger.consumers(dataset, row, self._limit)
        names = [name for consumer in consumers if (name := self._admit(consumer, hop))]
        self._edges.update((dataset, near, name) for name in names)
        return names

    def _admit(self, row: RunRow, hop: int) -> Name | None:
        """The name of a run of the answer; None where the limit leaves it out."""
        name = (row.record.job, row.record.run_id)
        if name not in self._hops:
            if len(self._hops) >= self._limit:
                self.truncated = True
                return None
            self._hops[name] = hop
            self._rows[name] = row
        return name

    def _link(self, name: Name) -> RunLink:
        return RunLink(self._rows[name].job, name[1])

    def graph(self, start: RunRef, direction: Direction, depth: int) -> RunGraph:
        nodes = [
            RunNode(
                run=self._link(name),
                state=row.record.state,
                started_at=row.record.started,
                ended_at=row.record.ended,
                hops=self._hops[name],
            )
            for name, row in self._rows.items()
        ]
        nodes.sort(key=lambda node: (node.hops, _order(node.run)))
        edges = [
            RunEdge(
                self._ledger.name(dataset),
                None if source is None else self._link(source),
                self._link(target),
            )
            for dataset, source, target in self._edges
        ]
        edges.sort(key=lambda e: (str(e.dataset), _order(e.produced_by), _order(e.consumed_by)))
        return RunGraph(
            start=start,
            direction=direction,
            depth=depth,
            nodes=tuple(nodes),
            edges=tuple(edges),
            truncated=self.truncated or self._ledger.cut,
            limit=self._limit,
        )


def _order(run: RunLink | None) -> tuple[str, str]:
    return ("", "") if run is None else (str(run.job), run.run_id)
