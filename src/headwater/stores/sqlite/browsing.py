"""Numbered pages: what `slices.Browser` asks for."""

from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from headwater import fold
from headwater.event import EventType, Gist
from headwater.ids import Key, NodeId, NodeKind, dataset, event_id, is_job
from headwater.records import Content, stamp_ceiling, stamp_time
from headwater.slices import QUARTER, NamespaceRow, Slice, Span, Stating, Tally
from headwater.store import NodeDetail, RunRow
from headwater.stores.sqlite import codec
from headwater.stores.sqlite.changes import Changes
from headwater.stores.sqlite.connection import Connection, Row, array
from headwater.stores.sqlite.latest import Latest
from headwater.stores.sqlite.listing import Listing
from headwater.stores.sqlite.names import KINDS
from headwater.stores.sqlite.nodes import Namespaces

CHUNK = 500
"""How many jobs are asked for their newest run, or for what they state, at once."""

FAR, FEW = 1_000, 1_000
"""From which offset on a page of runs is looked for past the few that are not complete."""

_GISTS = {"dataSource": "source_gists", "tags": "tag_gists"}
_gist = msgspec.json.Decoder(Gist)
_AFTER_ALL = b"\xff" * 17
_NEVER = 1 << 62


class Writers(NamedTuple):
    """The jobs that ever wrote a dataset, and those of their contents that write it; `together`:
    there is one job, and no other content of it stands between them.
    """

    jobs: list[int]
    contents: list[int]
    together: bool


class Browsing(Listing):
    """The part of the reader that counts its way to a page."""

    def __init__(
        self, db: Connection, namespaces: Namespaces, latest: Latest, changes: Changes | None
    ) -> None:
        super().__init__(db, namespaces)
        self._latest = latest
        self._writing: dict[Key, Writers] = {}
        self._changes = changes

    async def position(self) -> int:
        row = self._db.one("last_position")
        return 0 if row is None else int(row[0])

    async def unchanged(self, known: Mapping[Key, int]) -> set[Key]:
        if self._changes is None:
            return set()
        since = self._changes.since
        return {key for key, position in known.items() if since(key) <= position}

    async def facet_places(self, keys: Iterable[Key]) -> dict[Key, list[int]]:
        ids = self._known_ids(keys)
        found: dict[Key, list[int]] = {}
        for node, position in self._db.all("facet_places", array(ids)) if ids else ():
            found.setdefault(self._keys[node], []).append(position)
        return found

    async def neighbours(
        self, keys: Iterable[Key], *, now: bool
    ) -> dict[Key, tuple[tuple[Key, ...], tuple[Key, ...]]]:
        ids = self._known_ids(keys)
        if not ids:
            return {}
        wanted, when = array(ids), int(now)
        sources = self._db.all("sources_of", wanted, when)
        targets = self._db.all("targets_of", wanted, when)
        self._learn_keys({far for _, far in (*sources, *targets)})
        names = self._keys
        found: dict[int, tuple[list[Key], list[Key]]] = {near: ([], []) for near in ids}
        for side, rows in enumerate((sources, targets)):
            for near, far in rows:
                if is_job(names[far]) != is_job(names[near]):
                    found[near][side].append(names[far])
        return {names[near]: (tuple(a), tuple(b)) for near, (a, b) in found.items()}

    async def namespaces(self, domain: str) -> list[str]:
        return [name for (name,) in self._db.all("namespace_names", self._domain(domain))]

    async def first_event(self, domain: str) -> int | None:
        row = self._db.one("first_event", self._domain(domain))
        return None if row is None else int(row[0])

    async def namespace_rows(self, domain: str, names: Iterable[str]) -> list[NamespaceRow]:
        domain_id = self._domain(domain)
        ids = [self._db.one("namespace_by_name", domain_id, name) for name in names]
        known = [row[0] for row in ids if row is not None]
        if not known:
            return []
        found: dict[str, NamespaceRow] = {}
        rows = self._db.all("namespace_rows", array(known))
        for name, shown, _, first, last in rows:
            before = found.get(name, NamespaceRow(name, bool(shown), None, None))
            spans = [time for time in (before.first, _time(first)) if time is not None]
            ends = [time for time in (before.last, _time(last)) if time is not None]
            found[name] = before._replace(
                first=min(spans, default=None), last=max(ends, default=None)
            )
        return list(found.values())

    async def names(self, domain: str, kind: NodeKind, namespace: str) -> list[str]:
        rows = self._db.all("names_in", self._domain(domain), namespace, KINDS[kind])
        return [name for (name,) in rows]

    async def slice_nodes(
        self, domain: str, kind: NodeKind, namespace: str | None, part: Slice
    ) -> tuple[list[NodeDetail], int]:
        where = (self._domain(domain), namespace, KINDS[kind])
        ids = [row[0] for row in self._db.all("slice_nodes", *where, part.limit, part.offset)]
        return self._detailed(ids), self._count_nodes(domain, namespace, kind)

    async def unlinked(self, domain: str) -> AsyncIterator[NodeId]:
        for namespace, name in self._db.each("unlinked", self._domain(domain)):
            yield dataset(namespace, name)

    def _count_nodes(self, domain: str, namespace: str | None, kind: NodeKind) -> int:
        row = self._db.one("count_nodes", self._domain(domain), namespace, KINDS[kind])
        return 0 if row is None else int(row[0])

    def _detailed(self, ids: Sequence[int]) -> list[NodeDetail]:
        self._learn(ids)
        return self._details({identity: self._rows[identity] for identity in ids})

    async def slice_jobs(
        self, domain: str, namespace: str | None, states: Sequence[str], part: Slice
    ) -> tuple[list[NodeDetail], int]:
        domain_id, end = self._domain(domain), part.offset + part.limit
        hidden = {row[0] for row in self._db.all("hidden_jobs", domain_id)}
        places, known = self._latest.jobs(self._db, domain_id)
        shown = (
            place.id
            for place in places
            if place.id not in hidden and (namespace is None or place.namespace == namespace)
        )
        if states:
            page = self._in_states(list(shown), known, frozenset(states), end)[part.offset :]
        else:
            page = list(islice(shown, part.offset, end))
        if namespace is None:
            total = len(places) - len(hidden)
        else:
            total = self._count_nodes(domain, namespace, NodeKind.JOB)
        return self._detailed(page[: part.limit]), total

    def _in_states(
        self, jobs: Sequence[int], known: dict[int, str], states: frozenset[str], most: int
    ) -> list[int]:
        """The first of the jobs whose newest run is in one of the states."""
        found: list[int] = []
        for at in range(0, len(jobs), CHUNK):
            chunk = jobs[at : at + CHUNK]
            missing = [job for job in chunk if job not in known]
            read: dict[int, str | None] = (
                dict(self._db.all("newest_states", array(missing))) if missing else {}
            )
            # NEW may be a run that only others name; they may name one of a job without runs too,
            # and no event of the job would say that this has changed.
            known.update({job: state for job, state in read.items() if state and state != "NEW"})
            found += [job for job in chunk if known.get(job, read.get(job)) in states]
            if len(found) >= most:
                break
        return found

    async def slice_runs(self, job: Key, part: Slice) -> list[RunRow]:
        rows: list[Row] = []
        for identity in self._known_ids((job,)):
            mark, rest = self._run_mark(identity, part.offset)
            if mark is None:
                rows = self._db.all("slice_runs", identity, part.limit, rest)
            else:
                rows = self._db.all("slice_runs_from", identity, part.limit, rest, *mark)
        return self._brief(rows)

    def _run_mark(self, job: int, offset: int) -> tuple[Row | None, int]:
        """A run from which on the page is counted, and how many runs come before the page there."""
        if offset < FAR:
            return None, offset
        row = self._db.one("few_incomplete", job, FEW + 1)
        few = FEW + 1 if row is None else int(row[0])
        mark = self._db.one("nth_complete", job, offset - few) if few <= FEW else None
        if mark is None:
            return None, offset
        before = self._db.one("incomplete_before", job, *mark)
        assert before is not None
        return mark, few - int(before[0])

    async def count_runs(self, job: Key) -> int:
        ids = self._known_ids((job,))
        row = self._db.one("count_runs_of", ids[0]) if ids else None
        return 0 if row is None else int(row[0])

    async def newest_runs(self, jobs: Iterable[Key], limit: int) -> dict[Key, list[RunRow]]:
        ids = self._known_ids(jobs)
        if limit == 1:
            rows = self._db.all("newest_run_each", array(ids)) if ids else []
        else:
            rows = [row for each in ids for row in self._db.all("slice_runs", each, limit, 0)]
        found: dict[Key, list[RunRow]] = {}
        for run in self._brief(rows):
            found.setdefault(run.record.job, []).append(run)
        return found

    def _brief(self, rows: Sequence[Row]) -> list[RunRow]:
        """Runs with what their rows hold; the contents that they said are left out."""
        self._learn({row[1] for row in rows})
        versions = sorted({row[7] for row in rows if row[7] is not None})
        digests: dict[int, bytes] = (
            dict(self._db.all("content_digests", array(versions))) if versions else {}
        )
        records = [
            codec.decode_run(
                self._keys[row[1]], row[0], (row[2], row[3], row[4], row[5]), row[6], {}
            )
            for row in rows
        ]
        return self._linked(rows, records, digests)

    async def ended_versions(self, job: Key) -> list[tuple[bytes, int, int, int]]:
        ids = self._known_ids((job,))
        rows = self._db.all("ended_versions", ids[0]) if ids else []
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def newest_run_of(self, job: Key, version: bytes) -> RunRow | None:
        ids = self._known_ids((job,))
        runs = self._brief(self._db.all("newest_run_of", ids[0], version)) if ids else []
        return runs[0] if runs else None

    async def contents(
        self, wanted: Iterable[tuple[Key, bytes]]
    ) -> dict[tuple[Key, bytes], Content]:
        found: dict[tuple[Key, bytes], Content] = {}
        for owner, digest in wanted:
            ids = self._known_ids((owner,))
            row = self._db.one("content_by_digest", ids[0], digest) if ids else None
            if row is not None:
                found[owner, digest] = codec.decode_content(row[1], digest)
        return found

    def _writers(self, dataset: Key) -> Writers:
        known = self._writing.get(dataset)
        if known is None:
            known = self._writing[dataset] = self._read_writers(dataset)
        return known

    def _read_writers(self, dataset: Key) -> Writers:
        ids = self._known_ids((dataset,))
        jobs = [row[0] for row in self._db.all("writers_of", ids[0])] if ids else []
        if not jobs:
            return Writers([], [], together=False)
        self._learn(jobs)
        writing = []
        marks = []
        for identity, body, digest, owner in self._db.all("contents_of", array(jobs)):
            part = codec.decode_content(body, digest)
            pair = (self._keys[owner], dataset)
            writes = dataset in part.outputs if part.bare else pair in fold.edges(pair[0], part)
            marks.append(writes)
            if writes:
                writing.append(identity)
        first = marks.index(True) if writing else 0
        together = len(jobs) == 1 and all(marks[first : first + len(writing)])
        return Writers(jobs, writing, together)

    async def slice_writes(self, dataset: Key, part: Slice) -> list[RunRow]:
        jobs, writing, together = self._writers(dataset)
        if not writing:
            return []
        page = (part.limit, part.offset)
        if together:
            span = (jobs[0], writing[0], writing[-1])
            return self._brief(self._db.all("slice_writes_of_one", *span, *page))
        return self._brief(self._db.all("slice_writes", array(jobs), array(writing), *page))

    async def count_writes(self, dataset: Key) -> int:
        jobs, writing, together = self._writers(dataset)
        if not writing:
            return 0
        if together:
            row = self._db.one("count_writes_of_one", jobs[0], writing[0], writing[-1])
        else:
            row = self._db.one("count_writes", array(jobs), array(writing))
        return 0 if row is None else int(row[0])

    async def newest_whole_write(self, dataset: Key) -> RunRow | None:
        jobs, writing, _ = self._writers(dataset)
        if not writing:
            return None
        runs = self._brief(self._db.all("newest_whole_write", array(jobs), array(writing)))
        return runs[0] if runs else None

    async def statings(self, dataset: Key) -> list[Stating]:
        ids = self._known_ids((dataset,))
        if not ids:
            return []
        writing = self._writers(dataset).contents
        return [
            Stating(digest, stamp_time(first), position, codec.KIND_OF[kind], version in writing)
            for digest, first, position, kind, version, _ in self._db.all("statings_of", ids[0])
        ]

    async def slice_events(
        self, domain: str, span: Span, part: Slice, *, descending: bool
    ) -> tuple[list[int], int]:
        domain_id = self._domain(domain)
        ends = (_floor(span.since), _floor(span.until))
        name = "run_events_down" if descending else "run_events_up"
        rows = self._db.all(name, domain_id, *ends, part.limit, part.offset)
        return [row[0] for row in rows], self._count_events(domain_id, span)

    async def slice_events_of(
        self, domain: str, namespace: str, part: Slice
    ) -> tuple[list[int], int]:
        where = (self._domain(domain), namespace)
        rows = self._db.all("run_events_of", *where, part.limit, part.offset)
        row = self._db.one("count_run_events_of", *where)
        return [row[0] for row in rows], 0 if row is None else int(row[0])

    def _count_events(self, domain_id: int, span: Span) -> int:
        """Whole quarters of an hour are counted already; their rests are few events."""
        since, until = max(span.since, 0), max(span.until, 0)
        first, last = -(-since // QUARTER), until // QUARTER
        if first > last:
            return self._count_between(domain_id, since, until)
        row = self._db.one("sum_tallies", domain_id, first, last)
        whole = 0 if row is None else int(row[0])
        before = self._count_between(domain_id, since, first * QUARTER)
        return whole + before + self._count_between(domain_id, last * QUARTER, until)

    def _count_between(self, domain_id: int, since: int, until: int) -> int:
        if since >= until:
            return 0
        row = self._db.one("count_run_events", domain_id, _floor(since), _floor(until))
        return 0 if row is None else int(row[0])

    async def tallies(self, domain: str, span: Span) -> list[Tally]:
        ends = (span.since // QUARTER, span.until // QUARTER)
        return [
            Tally(quarter * QUARTER, EventType(kind) if kind else None, events)
            for quarter, kind, events in self._db.all("tallies", self._domain(domain), *ends)
        ]

    async def first_seen(self, domain: str, kind: NodeKind, times: Sequence[int]) -> list[int]:
        where = (self._domain(domain), KINDS[kind])
        named = self._first_named(domain, kind)
        total, since = 0, b""
        found = []
        for time in times:
            until = stamp_ceiling(time - 1)
            total += self._count_first(*where, since, until)
            found.append(total + bisect_left(named, time))
            since = until
        return found

    def _count_first(self, domain_id: int, kind: int, since: bytes, until: bytes) -> int:
        row = self._db.one("first_seen", domain_id, kind, since, until)
        return 0 if row is None else int(row[0])

    def _first_named(self, domain: str, kind: NodeKind) -> list[int]:
        """When each node that no event states was named first, in order; 0 where nobody knows."""
        where = (self._domain(domain), KINDS[kind])
        stated = self._count_first(*where, b"", _AFTER_ALL)
        if stated == self._count_nodes(domain, None, kind):
            return []  # to look for them is to look at every node
        return sorted(
            time if time < _NEVER else 0 for (time,) in self._db.all("first_named", *where)
        )

    async def stated_gists(self, domain: str, facet: str) -> list[tuple[Gist, int]]:
        rows = self._db.all(_GISTS[facet], self._domain(domain))
        return [(_gist.decode(gist), stamp_time(first)) for gist, first in rows if gist]

    async def text_run_ids(self, domain: str) -> list[str]:
        return [row[0] for row in self._db.all("text_run_ids", self._domain(domain))]


def _time(stamp: bytes | None) -> int | None:
    return None if stamp is None else stamp_time(stamp)


def _floor(time: int) -> bytes:
    """The least event id of this time."""
    return event_id(time, bytes(16))
