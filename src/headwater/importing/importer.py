"""An import of Marquez: first all events, then what Marquez knows beside them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from headwater import mask
from headwater.dialects.marquez import declared
from headwater.dialects.openlineage import moment
from headwater.dialects.openlineage.authored import hiding
from headwater.ids import NodeId, dataset, job
from headwater.importing import declarations
from headwater.importing.declarations import Event
from headwater.importing.journal import Journal, Line
from headwater.importing.marquez import Dataset, Installation, Job
from headwater.importing.names import Names
from headwater.records import FUTURE

EVENTS, STATEMENTS = "openlineage", "marquez"
"""The dialects of what is written: events as they were sent, and what is made of the rest."""
BATCH = 500


class Item(NamedTuple):
    """An event on its way into Headwater; a refusal names it by what it is and its number."""

    dialect: str
    what: str
    number: int
    body: bytes


Put = Callable[[Sequence[Item]], Awaitable[None]]
"""Returns when all events are durable, or refused and told."""
Progress = Callable[[str, int, int | None], None]
"""(what is being done, how many of how many)"""


class _Timed(msgspec.Struct, rename="camel"):
    event_time: str | None = None


_timed = msgspec.json.Decoder(_Timed)


class Importer:
    """Brings an installation over; a second time it finds everything there already.

    Args:
        now: the time in microseconds: what is dated later does not tell how late it is.
    """

    def __init__(
        self,
        source: Installation,
        put: Put,
        journal: Journal,
        names: Names,
        progress: Progress,
        now: int,
    ) -> None:
        self._source = source
        self._put = put
        self._journal = journal
        self._names = names
        self._progress = progress
        self._now = now
        self._made = 0
        self._seen: set[NodeId] = set()
        self._ran: dict[NodeId, int] = {}
        """When runs that no event tells of were told of last, by their jobs."""
        self._urls: dict[str, str] = {}

    @property
    def made(self) -> int:
        """How many events were made of what is no event."""
        return self._made

    async def run(self) -> None:
        if not self._journal.complete:
            await self._events()
        batch: list[bytes] = []
        async for event in self._statements():
            batch.append(mask.encoded(event))
            if len(batch) >= BATCH:
                await self._state(batch)
                batch = []
        await self._state(batch)
        self._journal.remove()

    async def _events(self) -> None:
        journal = self._journal
        total = await self._source.total()
        async for bodies, cursor in self._source.events(journal.cursor):
            items = [
                Item(EVENTS, "event", journal.events + at, body)
                for at, body in enumerate(bodies, start=1)
            ]
            await self._put(items)
            step = self._names.learn(bodies)
            last = max(journal.last, self._last(bodies))
            journal.note(Line(cursor, journal.events + len(bodies), last, step))
            self._progress("Events", journal.events, total)
        journal.note(Line(journal.cursor or "", journal.events, journal.last, complete=True))

    def _last(self, bodies: Iterable[bytes]) -> int:
        """The time of the last event, of those whose clock was right."""
        last = 0
        for body in bodies:
            try:
                read = moment.parse(_timed.decode(body).event_time or "")
            except msgspec.MsgspecError:
                continue  # refused, and told, where it is stored
            if read is not None and read.micros <= self._now + FUTURE:
                last = max(last, read.micros)
        return last

    async def _state(self, bodies: Sequence[bytes]) -> None:
        items = [
            Item(STATEMENTS, "statement", self._made + at, body)
            for at, body in enumerate(bodies, start=1)
        ]
        await self._put(items)
        self._made += len(bodies)
        self._progress("Names, tags and descriptions", self._made, None)

    async def _statements(self) -> AsyncIterator[Event]:
        parts = [self._catalog(), self._runs(), self._nodes()]
        if not self._source.hides:
            parts.append(self._unlisted())
        for part in parts:
            async for event in part:
                yield event

    async def _catalog(self) -> AsyncIterator[Event]:
        async for each in self._source.sources():
            self._urls[each.name] = each.url
            if each.name != declared.DEFAULT:
                for event in declarations.of_source(each):
                    yield event
        async for tag in self._source.tags():
            yield declarations.of_tag(tag)

    async def _runs(self) -> AsyncIterator[Event]:
        async for run in self._source.runs():
            listed = job(*run.job)
            last = max(time for _, time in run.states)
            self._ran[listed] = max(last, self._ran.get(listed, 0))
            node = min(self._names.ours(listed), default=listed)
            for event in declarations.of_run(node, run):
                yield event

    async def _nodes(self) -> AsyncIterator[Event]:
        async for namespace in self._source.namespaces():
            for event in declarations.of_namespace(namespace):
                yield event
            async for table in self._source.datasets(namespace.name):
                for event in self._dataset(namespace.name, table):
                    yield event
            async for each in self._source.jobs(namespace.name):
                for event in self._job(namespace.name, each):
                    yield event

    def _dataset(self, namespace: str, each: Dataset) -> Iterator[Event]:
        node = dataset(namespace, each.name)
        ours = self._names.ours(node)
        if not ours:
            yield from declarations.of_dataset(node, each, self._urls.get(each.source, ""))
        yield from self._about(ours, node, each)

    def _job(self, namespace: str, each: Job) -> Iterator[Event]:
        node = job(namespace, each.name)
        ours = self._names.ours(node)
        if not ours:
            yield from declarations.of_job(node, each)
        yield from self._about(ours, node, each)

    def _about(self, ours: set[NodeId], listed: NodeId, each: Dataset | Job) -> Iterator[Event]:
        """What Marquez' users said of it: a description, tags, that it is gone."""
        self._seen.update(ours)
        for subject in sorted(ours):
            yield from declarations.of_description(subject, each)
        for subject in sorted(ours or {listed}):
            for tag in each.tags:
                yield declarations.of_tagged(subject, tag)
            if each.hidden:
                ran = self._ran.get(listed, 0)
                times = (self._journal.last, each.updated, ran, *(tag.time for tag in each.tags))
                yield hiding(subject, max(times) + 1)

    async def _unlisted(self) -> AsyncIterator[Event]:
        """Hides what events name and no list has."""
        for node in sorted(self._names.own - self._seen):
            if not await self._source.shows(node):
                yield hiding(node, self._journal.last + 1)
