"""Canonical events by hand, and a real store to put them in and to ask.

A dataset is a name in the namespace `ns`, or a `NodeId`; a job is a name in `jobs`. Times are small
integers (µs). What is said twice in the same words is the same event.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from headwater import ids
from headwater.event import (
    DatasetFacts,
    DatasetUse,
    Event,
    EventKind,
    EventType,
    Facet,
    Flow,
    JobFacts,
    NodeStatement,
    Received,
    RunFacts,
    RunLink,
    SchemaField,
    Source,
)
from headwater.ids import NodeId, digest_of
from headwater.projection import Projector
from headwater.store import Reader
from headwater.stores.sqlite import SqliteStore, open_store

T = TypeVar("T")

DOMAIN = "default"
RECEIVED = 10**12
"""When every event is received, unless it says otherwise."""

Named = str | NodeId
Used = Named | DatasetUse


def dataset(name: Named) -> NodeId:
    return ids.dataset("ns", name) if isinstance(name, str) else name


def job(name: Named) -> NodeId:
    return ids.job("jobs", name) if isinstance(name, str) else name


def source(text: Named, **more: object) -> Source:
    """`a` is the dataset as a whole, `a.x` its column x."""
    if isinstance(text, NodeId):
        return Source(text, None, **more)  # type: ignore[arg-type]  # only transformations
    name, _, field = text.partition(".")
    return Source(dataset(name), field or None, **more)  # type: ignore[arg-type]  # the same


def flow(target: str | NodeId, *sources: Named) -> Flow:
    """`flow("c.x", "a.y", "b")`: column y of a, and b as a whole, reach column x of c."""
    if isinstance(target, NodeId):
        return Flow(target, (), tuple(source(s) for s in sources))
    name, _, field = target.partition(".")
    return Flow(dataset(name), (field,) if field else (), tuple(source(s) for s in sources))


def facet(name: str, said: object, *, deleted: bool = False, gist: object = None) -> Facet:
    """A facet whose body is the JSON of what it says."""
    body = msgspec.json.encode(said)
    shown = b"" if gist is None else msgspec.json.encode(gist)
    return Facet(name, body, deleted, shown, digest_of(body))


def statement(
    node: NodeId, facts: DatasetFacts | JobFacts | None = None, facets: Iterable[Facet] = ()
) -> NodeStatement:
    """What an event says of a node; facets that follow from the facts are added."""
    if facts is None:
        facts = JobFacts() if node.kind is ids.NodeKind.JOB else DatasetFacts()
    said = (*_implied(facts), *facets)
    return NodeStatement(node, digest_of(msgspec.msgpack.encode((node, said, facts))), said, facts)


def _implied(facts: DatasetFacts | JobFacts) -> list[Facet]:
    """The facets that a decoder would have taken the facts from."""
    found = []
    if isinstance(facts, DatasetFacts):
        if facts.columns is not None:
            found.append(facet("columnLineage", facts.columns))
        if facts.schema is not None:
            found.append(facet("schema", facts.schema))
        if facts.symlinks:
            aliases = [(node.namespace, node.name) for node in facts.symlinks]
            found.append(facet("symlinks", aliases, gist={"aliases": aliases}))
    if facts.lineage is not None:
        found.append(facet("lineage", facts.lineage))
    return found


def use(
    name: Named,
    *,
    columns: Iterable[Flow] | None = None,
    schema: Iterable[str] | None = None,
    symlinks: Iterable[Named] = (),
    renamed_from: Named | None = None,
    hides: bool = False,
) -> DatasetUse:
    """A dataset as an input or output, with what its facets say."""
    fields = None if schema is None else tuple(SchemaField(field) for field in schema)
    facts = DatasetFacts(
        columns=None if columns is None else tuple(columns),
        schema=fields,
        schema_digest=None if fields is None else digest_of(msgspec.msgpack.encode(fields)),
        fields=tuple(field.name for field in fields or ()),
        symlinks=tuple(dataset(other) for other in symlinks),
        renamed_from=None if renamed_from is None else dataset(renamed_from),
        hides=hides,
    )
    return DatasetUse(statement(dataset(name), facts))


def _uses(items: Iterable[Used]) -> tuple[DatasetUse, ...]:
    return tuple(item if isinstance(item, DatasetUse) else use(item) for item in items)


def run_event(
    job_name: Named,
    run_id: str,
    time: int,
    inputs: Iterable[Used] = (),
    outputs: Iterable[Used] = (),
    *,
    type: str = "COMPLETE",
    flows: Iterable[Flow] | None = None,
    parent: tuple[Named, str] | None = None,
    facts: JobFacts | None = None,
) -> Event:
    """Args: flows: the explicit lineage of the job."""
    if facts is None:
        facts = JobFacts(lineage=None if flows is None else tuple(flows))
    link = None if parent is None else RunLink(job(parent[0]), parent[1])
    return Event(
        EventKind.RUN,
        time,
        EventType(type),
        job=statement(job(job_name), facts),
        run_id=run_id,
        run=RunFacts(parent=link),
        inputs=_uses(inputs),
        outputs=_uses(outputs),
    )


def job_event(
    job_name: Named,
    time: int,
    inputs: Iterable[Used] = (),
    outputs: Iterable[Used] = (),
    *,
    flows: Iterable[Flow] | None = None,
    facts: JobFacts | None = None,
) -> Event:
    if facts is None:
        facts = JobFacts(lineage=None if flows is None else tuple(flows))
    said, ins, outs = statement(job(job_name), facts), _uses(inputs), _uses(outputs)
    declares = bool(ins or outs or facts.lineage is not None)
    return Event(EventKind.JOB, time, job=said, inputs=ins, outputs=outs, declares=declares)


def dataset_event(name: Named, time: int, facts: DatasetFacts | None = None) -> Event:
    return Event(EventKind.DATASET, time, dataset=statement(dataset(name), facts))


def hide(node: NodeId, time: int) -> Event:
    """The event that deletes a node."""
    if node.kind is ids.NodeKind.JOB:
        return Event(EventKind.JOB, time, job=statement(node, JobFacts(hides=True)))
    return dataset_event(node, time, DatasetFacts(hides=True))


def received(event: Event, domain: str = DOMAIN, received_at: int = RECEIVED) -> Received:
    """The event as if it had come in; its body is made of what it says."""
    body = msgspec.json.encode(event)
    return Received(domain, "test", body, digest_of(body), event, received_at)


class Lake:
    """A SQLite store with its loop, for tests that are not coroutines themselves."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._projector = Projector()
        self.store: SqliteStore = self._runner.run(open_store(folder / "lake.db"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._runner.run(self.store.close())
        self._runner.close()

    def add(self, *events: Event, domain: str = DOMAIN) -> None:
        """Commits the events as one batch."""
        batch = [
            (said := received(event, domain), self._projector.project(said)) for event in events
        ]
        self._runner.run(self.store.commit(batch))

    def ask(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        return self._runner.run(self._ask(question))

    async def _ask(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        return await self.store.read(question)
