"""Runs in Marquez' shape."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence

import msgspec

from headwater import history, mask
from headwater.dialects.marquez import declared, identity
from headwater.dialects.marquez.objects import DatasetVersionUse, Facets, Run, VersionId
from headwater.dialects.marquez.questions import Question
from headwater.dialects.marquez.times import iso, maybe
from headwater.dialects.openlineage.log import Stamped
from headwater.dialects.openlineage.numbered import Room
from headwater.history import RunDetail, UseDetail
from headwater.ids import Key, NodeId
from headwater.lineage.ledger import RunLedger
from headwater.records import stamp_time
from headwater.store import Page, RunFilter, RunRow

STATES = {
    "NEW": "NEW",
    "RUNNING": "RUNNING",
    "COMPLETE": "COMPLETED",
    "FAIL": "FAILED",
    "ABORT": "ABORTED",
}
EVENTS = 10_000
"""How many of a run's newest events are folded at most."""
CHILDREN = 1_000
READS = 100_000
_BEFORE_ALL = -(1 << 62)
_UNENDED = frozenset({"NEW", "RUNNING"})


class RunViews:
    """Makes the runs of one answer."""

    def __init__(self, asked: Question) -> None:
        self._browser = asked.browser
        self._log = asked.log
        self._domain = asked.domain
        self._ledger = RunLedger(asked.browser, asked.domain, READS)
        self._versions: dict[tuple[Key, bytes], str] = {}
        self._canonical: dict[NodeId, tuple[Key, Key]] = {}
        self._stated: dict[NodeId, list[tuple[int, str]]] = {}
        self._room = Room()

    async def brief(self, rows: Sequence[RunRow]) -> list[Run]:
        """Runs as lists of jobs show them: without facets and dataset versions."""
        await self.learn_versions(rows)
        return [await self._run(row, None) for row in rows]

    async def whole(self, rows: Sequence[RunRow]) -> list[Run]:
        """Runs with all that their events add up to."""
        await self.learn_versions(rows)
        told = self.told(rows)
        return [await self.made(row, history.fold_run(await anext(told))) for row in rows]

    async def made(self, row: RunRow, detail: RunDetail) -> Run:
        """A run, whose version was learnt, with what its events add up to."""
        return await self._run(row, detail)

    async def events(self, row: RunRow) -> Stamped:
        return await anext(self.told([row]))

    async def told(self, rows: Sequence[RunRow]) -> AsyncIterator[Stamped]:
        """The newest events of each of the runs, in their order."""
        names = [(row.record.job, row.record.run_id) for row in rows]
        places = await self._browser.run_places(names)
        newest = [sorted(places[name], reverse=True)[:EVENTS] for name in names]
        async for events in self._log.grouped(self._browser, newest):
            yield events

    async def learn_versions(self, rows: Iterable[RunRow]) -> None:
        """Reads what names the job versions of these runs."""
        named = {(row.record.job, row.version): row.job for row in rows if row.version is not None}
        wanted = {name: job for name, job in named.items() if name not in self._versions}
        if not wanted:
            return
        found = await self._browser.contents(wanted)
        keys = {key for part in found.values() for key in (*part.inputs, *part.outputs)}
        nodes = {key: row.node for key, row in (await self._browser.nodes(keys)).items()}
        for name, part in found.items():
            inputs, outputs = ([nodes[key] for key in side] for side in (part.inputs, part.outputs))
            self._versions[name] = identity.job_version(wanted[name], inputs, outputs)

    def version(self, row: RunRow) -> str | None:
        """The job version of a run that has ended or never will."""
        streaming = row.record.mode is not None and row.record.mode[1].streaming
        if row.version is None or (row.record.terminal is None and not streaming):
            return None
        return self.version_of(row.record.job, row.version)

    def version_of(self, job: Key, digest: bytes) -> str:
        return self._versions[job, digest]

    async def _run(self, row: RunRow, detail: RunDetail | None) -> Run:
        record = row.record
        if record.newest is None:
            return await self._placeholder(row)
        if detail is not None:
            self._room.take(_bodies(detail))
        version = self.version(row)
        nominal = record.nominal or (b"", None, None)
        started, ended = record.started, record.ended
        both = started is not None and ended is not None
        return Run(
            id=identity.run_uuid(record.run_id),
            created_at=iso(record.first or 0),
            updated_at=iso(stamp_time(record.newest)),
            nominal_start_time=maybe(nominal[1]),
            nominal_end_time=maybe(nominal[2]),
            state=STATES[record.state],
            started_at=maybe(started),
            ended_at=maybe(ended),
            duration_ms=(ended - started) // 1_000 if both else None,  # type: ignore[operator]
            args=_args(row, detail),
            job_version=None if version is None else _versioned(row.job, version),
            input_dataset_versions=await self._inputs(row, detail),
            output_dataset_versions=self._outputs(row, detail),
            facets={} if detail is None else facets(detail.run_facets),
        )

    async def _placeholder(self, row: RunRow) -> Run:
        """A run that only its children name: what they say together."""
        where = RunFilter(parent=row.record.run_id)
        children = [
            child.record
            for child in await self._browser.list_runs(self._domain, where, Page(CHILDREN))
            if child.parent_job == row.job
        ]
        states = {child.state for child in children}
        state = next(
            (each for each in ("RUNNING", "NEW", "FAIL", "ABORT") if each in states), "COMPLETE"
        )
        starts = [child.started for child in children if child.started is not None]
        ends = [child.ended for child in children if child.ended is not None]
        firsts = [child.first for child in children if child.first is not None]
        lasts = [stamp_time(child.newest) for child in children if child.newest is not None]
        started = min(starts, default=None)
        ended = None if not states or states & _UNENDED else max(ends, default=None)
        both = started is not None and ended is not None
        return Run(
            id=identity.run_uuid(row.record.run_id),
            created_at=iso(min(firsts, default=0)),
            updated_at=iso(max(lasts, default=0)),
            nominal_start_time=None,
            nominal_end_time=None,
            state=STATES[state if states else "NEW"],
            started_at=maybe(started),
            ended_at=maybe(ended),
            duration_ms=(ended - started) // 1_000 if both else None,  # type: ignore[operator]
            args={},
            job_version=None,
            input_dataset_versions=(),
            output_dataset_versions=(),
            facets={},
        )

    async def _inputs(self, row: RunRow, detail: RunDetail | None) -> tuple[DatasetVersionUse, ...]:
        if detail is None:
            return ()
        return tuple(
            [_use(use, (await self.read_version(row, use.node))[0]) for use in detail.inputs]
        )

    def _outputs(self, row: RunRow, detail: RunDetail | None) -> tuple[DatasetVersionUse, ...]:
        if detail is None:
            return ()
        return tuple(
            _use(use, identity.written_version(use.node, row.job, row.record.run_id))
            for use in detail.outputs
        )

    async def read_version(self, row: RunRow, dataset: NodeId) -> tuple[str, RunRow | None]:
        """The version of a dataset that a run read, and the run that made it."""
        key, canonical = await self._keys_of(dataset)
        if row.record.at is not None:
            await self._ledger.shown((canonical,))
            await self._ledger.learn((canonical,))
            made = await self._ledger.producer(canonical, row)
            if made is not None:
                version = identity.written_version(dataset, made.job, made.record.run_id)
                return version, made
        return await self._version_stated(row, dataset, key), None

    async def _keys_of(self, dataset: NodeId) -> tuple[Key, Key]:
        """The key of a dataset and that of the one which it is an alias of: often its own."""
        known = self._canonical.get(dataset)
        if known is None:
            key = dataset.key(self._domain)
            row = (await self._browser.nodes((key,)))[key]
            known = self._canonical[dataset] = (key, row.alias_of or key)
        return known

    async def _version_stated(self, row: RunRow, dataset: NodeId, key: Key) -> str:
        """The version, by its schema, that a dataset which nobody wrote had when a run read it."""
        stated = self._stated.get(dataset)
        if stated is None:
            found = [each for each in await self._browser.statings(key) if not each.writes]
            stated = [(each.time, identity.stated_version(dataset, each.digest)) for each in found]
            stated.append((_BEFORE_ALL, identity.stated_version(dataset, b"")))
            self._stated[dataset] = stated
        newest = row.record.newest
        last = _BEFORE_ALL if newest is None else stamp_time(newest)
        return next(version for time, version in stated if time <= last)


def facets(bodies: Mapping[str, bytes]) -> Facets:
    """Facets as they were stated, without their secrets."""
    shown = {name: body for name, body in bodies.items() if declared.shown(name)}
    return {name: msgspec.Raw(body) for name, body in mask.masked_each(shown).items()}


def _bodies(detail: RunDetail) -> Iterator[bytes]:
    """Of the facets that an answer shows of a run."""
    yield from detail.run_facets.values()
    for use in (*detail.inputs, *detail.outputs):
        yield from use.use_facets.values()


def _args(row: RunRow, detail: RunDetail | None) -> dict[str, str]:
    """What Marquez takes for the arguments of a run: its nominal time and its parent."""
    record = row.record
    stated = {} if detail is None else declared.run_args(detail.run_facets.get(declared.ARGS))
    found: dict[str, str] = {}
    if record.nominal is not None:
        for name, time in zip(("start", "end"), record.nominal[1:], strict=True):
            if time is not None:
                found[f"nominal_{name}_time"] = iso(time)
    if record.links is not None and row.parent_job is not None:
        found["run_id"] = record.links[1].parent_run
        found["name"] = row.parent_job.name
        found["namespace"] = row.parent_job.namespace
    return found | stated


def _use(use: UseDetail, version: str) -> DatasetVersionUse:
    return DatasetVersionUse(_versioned(use.node, version), facets(use.use_facets))


def _versioned(node: NodeId, version: str) -> VersionId:
    return VersionId(node.namespace, node.name, version)
