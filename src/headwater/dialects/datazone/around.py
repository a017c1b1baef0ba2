"""The neighbours of a node as they were at a version of it.

The graph has two sides: datasets, and the runs that read and wrote them. A dataset's neighbours are
the newest run of each job that wrote or read it, up to then; where a job is only declared, the job
itself. What a run states accumulates: a later event without inputs takes none away.
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

from headwater import fold
from headwater.dialects.datazone.places import Finder, Place
from headwater.fold import Origin
from headwater.ids import Key, is_job
from headwater.records import Content, RunRecord, Stamp, merge_runs, stamp_time
from headwater.store import Direction, EdgeRow, Moment, NodeRow, Page, Reader, RunFilter

_SCANNED = 5_000
"""How many events of a dataset are looked at for the run that stated it before a time."""
_TRIED = 20
EVER = 1 << 62


class Neighbour(NamedTuple):
    """A node next to another, and the time of the version that is."""

    place: Place
    time: int


class Around(NamedTuple):
    up: list[Neighbour]
    down: list[Neighbour]


class Said(NamedTuple):
    """What a run's events say up to a version: folded, and each content with its newest stamp."""

    record: RunRecord
    contents: list[tuple[Stamp, Content]]


def fold_said(records: Iterable[RunRecord], contents: Iterable[Content]) -> Said | None:
    """Folds what each event of a run says; None when there is none."""
    known = {content.digest: content for content in contents}
    parts = list(records)
    if not parts:
        return None
    record = reduce(merge_runs, parts)
    said = [(stamp, known[digest]) for digest, stamp in record.said.items()]
    return Said(record, said)


async def of_run(finder: Finder, place: Place, said: Said | None) -> Around:
    """Args: said: up to the version; None for what holds now, without the times of statements."""
    job = place.row.key
    if said is None:
        content = await finder.reader.run_stated(job, place.run_id or "")
        contents: list[tuple[Stamp, Content]] = [] if content is None else [(b"", content)]
        snapshot = False
    else:
        contents, snapshot = said.contents, said.record.snapshot
    if not contents:
        return Around([], [])
    edges = fold.edges(job, fold.resolve(contents, snapshot))
    newest: dict[Key, int] = {}
    for stamp, content in sorted(contents, key=lambda item: item[0]):
        time = stamp_time(stamp) if stamp else 0
        for key in _named(content):
            newest[key] = time
    found = Around([], [])
    for source, target in edges:
        other, side = (source, found.up) if target == job else (target, found.down)
        if job in (source, target):
            await _add(finder, side, other, newest.get(other, 0))
    return _sorted(found)


def _named(content: Content) -> Iterable[Key]:
    yield from content.inputs
    yield from content.outputs
    for flow in (*(content.explicit or ()), *content.columns):
        yield flow.target
        for source in flow.sources:
            yield source.node


async def _add(finder: Finder, side: list[Neighbour], key: Key, time: int) -> None:
    row = (await finder.reader.nodes((key,))).get(key)
    if row is not None and row.hidden_at is None:
        side.append(Neighbour(await finder.place(row), time))


async def of_node(finder: Finder, place: Place, until: Stamp | None) -> Around:
    """Args: until: the version of a dataset or job; None for now."""
    time = EVER if until is None else stamp_time(until)
    edges = await finder.reader.edges(place.keys, Direction.BOTH, Moment(time))
    rows = await finder.reader.nodes({key for edge in edges for key in edge.name})
    groups: dict[tuple[Direction, Key], list[EdgeRow]] = {}
    for edge in edges:
        for way, near, far in (
            (Direction.UP, edge.target, edge.source),
            (Direction.DOWN, edge.source, edge.target),
        ):
            if near in place.keys and far not in place.keys and not _hidden(rows[far], time):
                groups.setdefault((way, far), []).append(edge)
    found = Around([], [])
    for (way, far), group in groups.items():
        side = found.up if way is Direction.UP else found.down
        neighbour = await _neighbour(finder, place, rows[far], way, group, until)
        if neighbour is not None:
            side.append(neighbour)
    return _sorted(found)


def _hidden(row: NodeRow, time: int) -> bool:
    return row.hidden_at is not None and row.hidden_at <= time


def _sorted(found: Around) -> Around:
    sides = []
    for side in found:
        newest: dict[str, Neighbour] = {}
        for each in side:
            known = newest.get(each.place.id)
            if known is None or each.time > known.time:
                newest[each.place.id] = each
        sides.append(sorted(newest.values(), key=lambda each: each.place.order))
    return Around(*sides)


async def _neighbour(
    finder: Finder,
    place: Place,
    far: NodeRow,
    way: Direction,
    group: list[EdgeRow],
    until: Stamp | None,
) -> Neighbour | None:
    time = EVER if until is None else stamp_time(until)
    newest = max(group, key=lambda edge: edge.evidence.last)
    said = newest.evidence
    by_runs = is_job(far.key) and not is_job(place.row.key) and newest.owner == far.key
    if not by_runs or not any(edge.evidence.runs for edge in group):
        declared = any(edge.evidence.origin & Origin.DECLARED for edge in group)
        if by_runs and not declared:
            return None
        at = said.last if said.last <= time else said.first
        return Neighbour(await finder.place(far), at)
    if said.last <= time and said.last_run is not None:
        return Neighbour(Place(far, (far,), said.last_run), said.last)
    return await _run_before(finder, place, far, way, until)


async def _run_before(
    finder: Finder, place: Place, far: NodeRow, way: Direction, until: Stamp | None
) -> Neighbour | None:
    """The newest run of a job that stated the dataset this way, up to a version."""
    reader, ceiling = finder.reader, until or b"\xff" * 16
    stated: list[tuple[Stamp, str]] = []
    for key in place.keys:
        stated += await reader.runs_stating(key, far.key, ceiling, _SCANNED)
    tried: dict[str, Stamp] = {}
    for stamp, run_id in sorted(stated, reverse=True):
        tried.setdefault(run_id, stamp)
    for run_id, stamp in list(tried.items())[:_TRIED]:
        if await _states(reader, place, far.key, run_id, way):
            return Neighbour(Place(far, (far,), run_id), stamp_time(stamp))
    end = None if until is None else stamp_time(until) + 1
    where = RunFilter(job=far.key, until=end)
    for run in await reader.list_runs(finder.domain, where, Page(_TRIED)):
        if await _states(reader, place, far.key, run.record.run_id, way):
            assert run.record.at is not None
            return Neighbour(Place(far, (far,), run.record.run_id), run.record.at)
    return None


async def _states(reader: Reader, place: Place, job: Key, run_id: str, way: Direction) -> bool:
    content = await reader.run_stated(job, run_id)
    if content is None:
        return False
    pairs = fold.edges(job, content)
    if way is Direction.UP:
        return any((job, key) in pairs for key in place.keys)
    return any((key, job) in pairs for key in place.keys)


async def first_seen(finder: Finder, place: Place, way: Direction) -> int | None:
    """Since when a dataset or job has a neighbour on this side; None: it never had one."""
    edges = await finder.reader.edges(place.keys, way, Moment(EVER))
    inner = set(place.keys)
    return min((edge.evidence.first for edge in edges if not {edge.source, edge.target} <= inner),
               default=None)  # fmt: skip
