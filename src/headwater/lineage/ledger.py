"""The ledger of runs: who wrote a dataset before a run, and who read it after. See `runlineage`.

Datasets go by canonical keys. Each level of a question reads the jobs of all its datasets in a few
queries; then each job of a dataset takes pages of its runs, and each job version is read once.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from headwater import fold
from headwater.fold import Pairs
from headwater.ids import Key, NodeId, is_job
from headwater.lineage.net import onward_from
from headwater.store import Direction, Moment, NodeRow, Page, Reader, RunFilter, RunRow

EVER = Moment(1 << 62)
"""Every edge that was ever stated."""
PAGE = 100
FIRST_PAGE = 4
"""The newest runs of a job mostly write what the ones before them wrote."""
KEPT = 1_000
HOUR = 3_600_000_000


class Spent(Exception):
    """A question took all the pages of runs that it may."""


class Uses:
    """What a job version reads and writes, under canonical keys, without what is hidden now."""

    def __init__(self, owner: Key, said: Pairs, edges: Iterable[tuple[Key, Key]]) -> None:
        self._said = said
        self._pairs = [pair for pair in edges if owner in pair]
        self._owner = owner
        self._canonical: Mapping[Key, Key] = {}
        self.reads: frozenset[Key] = frozenset()
        self.writes: frozenset[Key] = frozenset()

    @property
    def datasets(self) -> set[Key]:
        return {key for pair in self._pairs for key in pair if not is_job(key)}

    def settle(self, canonical: Mapping[Key, Key]) -> None:
        """Args: canonical: the canonical key of each dataset that is shown."""
        self._canonical = canonical
        self.reads = self._known(s for s, t in self._pairs if t == self._owner)
        self.writes = self._known(t for s, t in self._pairs if s == self._owner)

    def _known(self, keys: Iterable[Key]) -> frozenset[Key]:
        return frozenset(self._canonical[key] for key in keys if key in self._canonical)

    def onward(self, entries: set[Key | None], way: Direction) -> frozenset[Key]:
        """What a run leads on to from the datasets that it was entered by."""
        ends = self.reads if way is Direction.UP else self.writes
        if None in entries:
            return ends
        raw = frozenset(key for key, canonical in self._canonical.items() if canonical in entries)
        far = (key for keys in onward_from(self._said, raw, way) for key in keys)
        return self._known(far) & ends


class Stretch:
    """Runs of a job in a row, the newest first: all that started before `until`, as far as read."""

    def __init__(self, until: int) -> None:
        self.until = until
        self.rows: list[RunRow] = []
        self.ended = False
        self._ages: list[int] = []

    def add(self, rows: list[RunRow], *, ended: bool) -> None:
        self.rows += rows
        self._ages += [-_at(row) for row in rows]
        self.ended = ended

    def index(self, until: int) -> int:
        """Where the runs before a time begin among those that were read."""
        return bisect_right(self._ages, -until)

    def leads_to(self, until: int) -> bool:
        """Whether it holds the runs before a time, or they are no further than it is long."""
        if until > self.until:
            return False
        if self.ended or not self.rows:
            return self.ended or until == self.until
        first, last = self._ages[0], self._ages[-1]
        return -until - last <= last - first

    def forget(self) -> None:
        """Leaves the last page."""
        self.rows, self._ages = self.rows[-PAGE:], self._ages[-PAGE:]
        self.until = -self._ages[0]


class RunLedger:
    def __init__(self, reader: Reader, domain: str, reads: int) -> None:
        self.cut = False
        self._reader = reader
        self._domain = domain
        self._left = reads
        self._rows: dict[Key, NodeRow] = {}
        self._uses: dict[tuple[Key, bytes | None], Uses] = {}
        self._jobs: dict[tuple[Key, Direction], list[Key]] = {}
        self._last: dict[Key, int | None] = {}
        self._stretches: dict[Key, Stretch] = {}

    def name(self, dataset: Key) -> NodeId:
        return self._rows[dataset].node

    async def shown(self, keys: Iterable[Key]) -> set[Key]:
        """Those of the nodes that are not hidden now."""
        wanted = set(keys)
        await self._read(wanted)
        return {key for key in wanted if self._rows[key].hidden_at is None}

    async def _read(self, keys: set[Key]) -> None:
        self._rows.update(await self._reader.nodes([key for key in keys if key not in self._rows]))

    async def uses(self, row: RunRow) -> Uses:
        """What a run read and wrote."""
        job = row.record.job
        known = self._uses.get((job, row.version))
        if known is None:
            said = await self._reader.run_stated(job, row.record.run_id)
            assert said is not None, "a run with a start has a version"
            known = Uses(job, fold.pairs(job, said), fold.edges(job, said))
            shown = await self.shown(known.datasets)
            canonical = {key: self._rows[key].alias_of or key for key in shown}
            await self._read(set(canonical.values()))
            known.settle(canonical)
            self._uses[job, row.version] = known
        return known

    async def learn(self, datasets: Iterable[Key]) -> None:
        """Reads which jobs ever wrote or read the datasets of a level."""
        new = [dataset for dataset in datasets if (dataset, Direction.UP) not in self._jobs]
        if not new:
            return
        owner_of = {dataset: dataset for dataset in new}
        for canonical, members in (await self._reader.members(new)).items():
            owner_of.update({row.key: canonical for row in members})
        for way in (Direction.UP, Direction.DOWN):
            found: dict[Key, set[Key]] = {dataset: set() for dataset in new}
            for edge in await self._reader.edges(owner_of, way, EVER):
                near, far = edge.source, edge.target
                if way is Direction.UP:
                    near, far = far, near
                if edge.owner == far and is_job(far):
                    found[owner_of[near]].add(far)
            shown = await self.shown({job for jobs in found.values() for job in jobs})
            for dataset, jobs in found.items():
                self._jobs[dataset, way] = sorted(jobs & shown)

    async def producer(self, dataset: Key, row: RunRow) -> RunRow | None:
        """The run that made what this run read."""
        also_writes = dataset in (await self.uses(row)).writes
        newest: RunRow | None = None
        for job in self._jobs[dataset, Direction.UP]:
            found = await self._last_write(dataset, job, row, also_writes)
            if found is not None and (newest is None or _order(found) > _order(newest)):
                newest = found
        return newest

    async def _last_write(
        self, dataset: Key, job: Key, row: RunRow, also_writes: bool
    ) -> RunRow | None:
        until = _at(row) + 1
        known = self._stretches.get(job)
        if known is None or not known.leads_to(until):
            known = self._stretches[job] = Stretch(until)
        at = known.index(until)
        own = _order(row)
        while True:
            for found in known.rows[at:]:
                earlier = not also_writes or _order(found) < own
                if earlier and not _same(found, row) and dataset in (await self.uses(found)).writes:
                    return found
            if known.ended:
                return None
            at = max(await self._read_on(known, job), known.index(until))

    async def _read_on(self, known: Stretch, job: Key) -> int:
        """Reads the next page of a stretch; where it begins there."""
        if len(known.rows) > KEPT:
            known.forget()
        at = len(known.rows)
        page = Page(PAGE, _cursor(known.rows[-1])) if known.rows else Page(FIRST_PAGE)
        rows = await self._page(RunFilter(job=job, until=known.until), page)
        known.add(rows, ended=len(rows) < page.limit)
        return at

    async def consumers(self, dataset: Key, row: RunRow, limit: int) -> list[RunRow]:
        """The runs that read what this run wrote, the newest first; `cut` where a limit bites."""
        following = await self._next_write(dataset, row)
        until = None if following is None else _at(following)
        found: list[RunRow] = []
        if following is not None and dataset in (await self.uses(following)).reads:
            found.append(following)
        for job in self._jobs[dataset, Direction.DOWN]:
            where = RunFilter(job=job, since=_at(row), until=until)
            page = Page(PAGE)
            while rows := await self._page(where, page):
                for other in rows:
                    uses = await self.uses(other)
                    if dataset in uses.reads and dataset not in uses.writes:
                        found.append(other)
                if len(found) > limit:
                    self.cut = True
                    return found[:limit]
                if len(rows) < page.limit:
                    break
                page = Page(PAGE, _cursor(rows[-1]))
        return found

    async def _next_write(self, dataset: Key, row: RunRow) -> RunRow | None:
        earliest: RunRow | None = None
        for job in self._jobs[dataset, Direction.UP]:
            found = await self._first_write(dataset, job, row, earliest)
            if found is not None and (earliest is None or _order(found) < _order(earliest)):
                earliest = found
        return earliest

    async def _first_write(
        self, dataset: Key, job: Key, row: RunRow, before: RunRow | None
    ) -> RunRow | None:
        """Runs are read newest first, so the earliest is looked for in windows of time that grow,
        and shrink where one holds more than a page."""
        last = await self._last_start(job)
        if last is not None and before is not None:
            last = min(last, _at(before))
        since, span = _at(row), HOUR
        while last is not None and since <= last:
            until = min(since + span, last + 1)
            rows = await self._page(RunFilter(job=job, since=since, until=until), Page(PAGE))
            if len(rows) == PAGE and until - since > 1:
                span = max((until - since) // 8, 1)
                continue
            for found in reversed(rows):
                if _order(found) > _order(row) and dataset in (await self.uses(found)).writes:
                    return found
            self.cut = self.cut or len(rows) == PAGE
            since, span = until, span * 8
        return None

    async def _last_start(self, job: Key) -> int | None:
        if job not in self._last:
            newest = await self._page(RunFilter(job=job), Page(1))
            self._last[job] = _at(newest[0]) if newest else None
        return self._last[job]

    async def _page(self, where: RunFilter, page: Page) -> list[RunRow]:
        self._left -= 1
        if self._left < 0:
            raise Spent
        return await self._reader.list_runs(self._domain, where, page)


def _at(row: RunRow) -> int:
    assert row.record.at is not None, "placeholders are not listed"
    return row.record.at


def _order(row: RunRow) -> tuple[int, str, Key]:
    return _at(row), row.record.run_id, row.record.job


def _same(a: RunRow, b: RunRow) -> bool:
    return a.record.job == b.record.job and a.record.run_id == b.record.run_id


def _cursor(row: RunRow) -> tuple[int, str, Key]:
    return _order(row)
