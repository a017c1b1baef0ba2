"""Finds the node that an identifier names, by generated id or by sourceIdentifier."""

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from headwater.dialects.datazone import names, sources
from headwater.dialects.datazone.accounts import Account
from headwater.dialects.openlineage.log import Log
from headwater.ids import Key, NodeId, NodeKind, fold_run_id, is_job, order
from headwater.records import LAST_STAMP
from headwater.store import NodeRow, Page, Reader, RunFilter

DATASET_TYPE = "amazon.datazone.DatasetLineageNodeType"
JOB_TYPE = "amazon.datazone.JobLineageNodeType"
RUN_TYPE = "amazon.datazone.JobRunLineageNodeType"
REVISION = "1"
_CANDIDATES = 100
_RUNS = 500


class Place(NamedTuple):
    """A node of this protocol: a dataset under all its names, a job, or a run of one."""

    row: NodeRow
    members: tuple[NodeRow, ...]
    run_id: str | None = None

    @property
    def id(self) -> str:
        if self.run_id is not None:
            return names.run_name(self.row.key, self.run_id)
        return names.node_name(self.row.key)

    @property
    def type(self) -> str:
        if self.run_id is not None:
            return RUN_TYPE
        return JOB_TYPE if is_job(self.row.key) else DATASET_TYPE

    @property
    def name(self) -> str:
        name = self.row.node.name
        return name if self.run_id is None else f"{name}/{self.run_id}"

    @property
    def order(self) -> tuple[str, str, str, str]:
        namespace, name, kind, _ = order(self.row.node)
        return namespace, name, kind, self.run_id or ""

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(member.key for member in self.members)

    def hidden(self, until: int | None = None) -> bool:
        """Whether it was deleted, at or before a time (None: now)."""
        at = self.row.hidden_at
        return at is not None and (until is None or at <= until)


class Finder:
    """Answers within one question to the store."""

    def __init__(self, reader: Reader, domain: str, account: Account, log: Log) -> None:
        self.reader = reader
        self.domain = domain
        self._account = account
        self._log = log

    async def candidates(self, identifier: str) -> AsyncIterator[Place]:
        """The nodes that an identifier may name: ids, then datasets, runs and jobs."""
        if names.EVENT_ID.fullmatch(identifier):
            between = names.node_range(identifier)
            if between is not None:
                for row in await self._between(*between):
                    yield await self.place(row)
        elif names.RUN_ID.fullmatch(identifier):
            async for place in self._runs_by_id(identifier):
                yield place
        for row in await self._existing(sources.dataset_readings(identifier)):
            yield await self.place(row)
        async for place in self._runs_by_source(identifier):
            yield place
        for row in await self._existing(sources.job_readings(identifier)):
            yield await self.place(row)
        for row in await self.reader.datasets_named(self.domain, sources.table_names(identifier)):
            place = await self.place(row)
            if await self.source(place) == identifier:
                yield place

    async def place(self, row: NodeRow) -> Place:
        """A dataset stands for all its names, under the canonical one."""
        if row.alias_of is None:
            return Place(row, (row,))
        members = (await self.reader.members((row.alias_of,))).get(row.alias_of, [row])
        canonical = next((each for each in members if each.key == row.alias_of), row)
        others = sorted((each for each in members if each is not canonical), key=_by_name)
        return Place(canonical, (canonical, *others))

    async def source(self, place: Place) -> str:
        """The sourceIdentifier of a node."""
        node = place.row.node
        if place.run_id is not None:
            return sources.of_run(node, place.run_id)
        if node.kind is NodeKind.JOB:
            return sources.of_job(node)
        known = [member.node for member in place.members]
        is_view = False
        if "redshift" in node.namespace:
            detail = (await self.reader.details((place.row.key,)))[place.row.key]
            is_view = "VIEW" in (detail.gist.type or "").upper()
        glue = await self._glue(place) if len(known) > 1 and sources.needs_run(known) else None
        return sources.of_dataset(known, is_view, glue)

    async def _glue(self, place: Place) -> Account | None:
        """By the newest event that states any of a dataset's names."""
        for key in place.keys:
            rows = await self.reader.node_events(key, LAST_STAMP, 1)
            events, _ = await self._log.events(self.reader, [position for _, position in rows])
            for _, event in events:
                glue = sources.glue_of(event, self._account)
                if glue is not None:
                    return glue
        return None

    async def _between(self, low: Key, high: Key) -> list[NodeRow]:
        rows = await self.reader.nodes_between(low, high, _CANDIDATES)
        return [row for row in rows if row.node.key(self.domain) == row.key]

    async def _existing(self, readings: Iterable[NodeId]) -> list[NodeRow]:
        keys = [node.key(self.domain) for node in readings]
        found = await self.reader.nodes(keys) if keys else {}
        return [found[key] for key in dict.fromkeys(keys) if key in found]

    async def _runs_by_source(self, identifier: str) -> AsyncIterator[Place]:
        for job, run_id in names.splits(identifier, "/"):
            folded = fold_run_id(run_id)
            for run in await self.reader.runs(self.domain, folded) if folded else ():
                if sources.of_job(run.job) == job:
                    async for place in self._run(run.record.job, folded):
                        yield place

    async def _run(self, job: Key, run_id: str) -> AsyncIterator[Place]:
        row = (await self.reader.nodes((job,)))[job]
        yield Place(row, (row,), run_id)

    async def _runs_by_id(self, identifier: str) -> AsyncIterator[Place]:
        read = names.read_run_name(identifier)
        if read is None:
            return
        run_id, low, high = read
        if run_id is not None:
            for run in await self.reader.runs(self.domain, run_id):
                if low <= run.record.job <= high:
                    async for place in self._run(run.record.job, run_id):
                        yield place
            return
        for row in await self._between(low, high):
            found = await self._text_run(row.key, identifier)
            if found is not None:
                yield Place(row, (row,), found)

    async def _text_run(self, job: Key, identifier: str) -> str | None:
        """The id of the run of a job that has this name, where it is no UUID: the name of such a
        run is a hash, so the runs of the job are gone through."""
        page = Page(_RUNS)
        while rows := await self.reader.list_runs(self.domain, RunFilter(job=job), page):
            for row in rows:
                if names.run_name(job, row.record.run_id) == identifier:
                    return row.record.run_id
            last = rows[-1].record
            assert last.at is not None
            page = Page(_RUNS, (last.at, last.run_id, last.job))
        return None


def _by_name(row: NodeRow) -> tuple[str, str]:
    return row.node.namespace, row.node.name
