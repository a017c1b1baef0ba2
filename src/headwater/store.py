"""The ports that a store fills: how records are written, and the reads that questions are made of.

A port is async. A store whose engine blocks runs a whole question inside one of its own threads, so
a question must await nothing but its reader. Keys are the only names of nodes that cross the port,
but for the numbers of `walks`, which are good for one question.
"""

import enum
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from headwater.access import Book
from headwater.event import EventKind, EventType, Gist, Received
from headwater.fold import TableContent
from headwater.ids import Key, NodeId, NodeKind
from headwater.records import Content, FacetState, PackedContent, Projected, RunRecord, Stamp
from headwater.walks import About, Evidence, Number, Walker

T = TypeVar("T")


class Direction(enum.Enum):
    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Moment(NamedTuple):
    """When a question is about: the state at `until`, or all that held from `since` to `until`."""

    until: int
    since: int | None = None


class Receipt(NamedTuple):
    """What the store says of an event: its public id, its place in the log, was it known."""

    id: bytes
    position: int
    repeated: bool


class NodeRow(msgspec.Struct, frozen=True):
    """A job or dataset as the graph knows it.

    `alias_of` is the key of the canonical member where symlinks join it with others. `flows` says
    that lineage through this job follows stated flows. `hidden_at` is when it was deleted.
    """

    key: Key
    node: NodeId
    alias_of: Key | None = None
    flows: bool = False
    hidden_at: int | None = None


class NodeDetail(msgspec.Struct, frozen=True):
    """A node for lists and details; first and last are event times (µs), None for placeholders."""

    row: NodeRow
    gist: Gist
    first: int | None
    last: int | None


class EdgeRow(msgspec.Struct, frozen=True, gc=False):
    """An edge with its evidence."""

    source: Key
    target: Key
    owner: Key
    evidence: Evidence

    @property
    def name(self) -> tuple[Key, Key, Key]:
        """No two edges share source, target and owner."""
        return self.source, self.target, self.owner


class Stated(NamedTuple):
    """A content that holds at the moment asked for."""

    content: Content
    declared: bool


class StatedTables(NamedTuple):
    """The same, at the level of whole nodes."""

    content: TableContent
    declared: bool


class RunRow(msgspec.Struct, frozen=True):
    job: NodeId
    record: RunRecord
    version: bytes | None
    """The digest of its job version; None for a placeholder."""
    parent_job: NodeId | None = None
    root_job: NodeId | None = None


class EventRow(msgspec.Struct, frozen=True):
    id: bytes
    position: int
    dialect: str
    kind: EventKind
    type: EventType | None
    time: int
    received_at: int
    size: int
    node: NodeId | None
    """The job of a run or job event, the dataset of a dataset event; None when it failed."""
    run_id: str | None
    failure: str | None
    flags: int
    """How many oddities were flagged."""


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """None: any. `since` is included, `until` is not (µs, event time)."""

    since: int | None = None
    until: int | None = None
    node: Key | None = None
    run_id: str | None = None
    kind: EventKind | None = None
    types: tuple[EventType, ...] = ()
    namespace: str | None = None
    failed: bool | None = None


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    job: Key | None = None
    namespace: str | None = None
    states: tuple[str, ...] = ()
    parent: str | None = None
    """Only runs whose parent has this run id."""
    since: int | None = None
    until: int | None = None


class Hit(msgspec.Struct, frozen=True):
    """A search result: where the words were found (`name`, `namespace`, `field`, `text`)."""

    key: Key
    node: NodeId
    matched: str
    field: str | None = None
    text: str | None = None


class Page(NamedTuple):
    """Where a page starts: behind this cursor, and how many rows it may hold."""

    limit: int
    after: tuple[int | str | bytes, ...] | None = None


class Version(NamedTuple):
    """An event that states a node: each makes a version of it."""

    stamp: Stamp
    position: int
    received_at: int
    dialect: str


class LoggedEvent(msgspec.Struct, frozen=True):
    """A row of the log with the bytes that were received."""

    position: int
    domain: str
    dialect: str
    received_at: int
    token: str | None
    body: bytes


class Reader(Walker, Protocol):
    """The reads of one question; all of them see the same state."""

    async def nodes(self, keys: Iterable[Key]) -> dict[Key, NodeRow]: ...

    async def details(self, keys: Iterable[Key]) -> dict[Key, NodeDetail]: ...

    async def members(self, canonical: Iterable[Key]) -> dict[Key, list[NodeRow]]:
        """The members of each alias component, by the key of its canonical member."""
        ...

    async def edges(
        self, keys: Iterable[Key], direction: Direction, moment: Moment | None
    ) -> list[EdgeRow]:
        """The edges that leave (DOWN) or enter (UP) any of the nodes.

        With a moment: every edge first seen before its end, to be checked against `stated`.
        """
        ...

    async def stated(
        self,
        owners: Iterable[Key],
        moment: Moment | None,
        about: About | None = None,
    ) -> dict[Key, list[Stated]]:
        """The contents that hold for each owner now, or at the moment.

        Args:
            about: of column lineage, only flows to these columns and sources among them are wanted.
        """
        ...

    async def stated_tables(
        self, owners: Iterable[Key], moment: Moment | None
    ) -> dict[Key, list[StatedTables]]:
        """The same, of column lineage only which nodes feed which."""
        ...

    async def changed(self, owners: Iterable[Number], moment: Moment) -> set[Number]:
        """The owners for which other contents held at the moment than hold now."""
        ...

    async def run_stated(self, job: Key, run_id: str) -> Content | None: ...

    async def list_nodes(
        self, domain: str, kind: NodeKind, namespace: str | None, page: Page
    ) -> list[NodeDetail]:
        """By namespace and name; the cursor is (namespace, name). Hidden nodes are left out."""
        ...

    async def list_namespaces(self, domain: str, page: Page) -> list[tuple[str, int, int]]:
        """(name, jobs, datasets) by name; the cursor is (name,)."""
        ...

    async def list_runs(self, domain: str, where: RunFilter, page: Page) -> list[RunRow]:
        """Newest start first; the cursor is (start, run id, job key)."""
        ...

    async def runs(self, domain: str, run_id: str) -> list[RunRow]:
        """Every run of that id, those with events of their own first."""
        ...

    async def list_events(
        self, domain: str, where: EventFilter, page: Page, order: str = "desc", by: str = "time"
    ) -> list[EventRow]:
        """By event time or by size; the cursor is (id,), or (size, id)."""
        ...

    async def event(self, domain: str, identity: bytes) -> EventRow | None: ...

    async def bodies(self, positions: Sequence[int]) -> dict[int, LoggedEvent]: ...

    async def node_events(self, key: Key, before: Stamp, limit: int) -> list[tuple[Stamp, int]]:
        """(stamp, position) of the events that state the node, newest first, before the stamp."""
        ...

    async def run_events(self, job: Key, run_id: str) -> list[int]:
        """The positions of all of a run's events."""
        ...

    async def nodes_between(self, low: Key, high: Key, limit: int) -> list[NodeRow]:
        """The nodes of any domain whose keys lie in the range, both ends included."""
        ...

    async def datasets_named(self, domain: str, names: Iterable[str]) -> list[NodeRow]:
        """The datasets of any namespace that have one of the names."""
        ...

    async def event_span(self, domain: str) -> tuple[bytes, bytes] | None:
        """The least and the greatest event id; None when the domain has no event."""
        ...

    async def events_ending(
        self, domain: str, ranges: Sequence[tuple[bytes, bytes]], tail: bytes
    ) -> list[EventRow]:
        """The events with an id in one of the ranges (the end not included) that ends so."""
        ...

    async def node_versions(
        self,
        key: Key,
        low: tuple[Stamp, int],
        high: tuple[Stamp, int],
        limit: int,
        ascending: bool = False,
    ) -> list[Version]:
        """The versions of a node between two (stamp, position), neither of which is included."""
        ...

    async def run_versions(self, job: Key, run_id: str) -> list[Version]:
        """The versions of a run, in the order of their stamps."""
        ...

    async def runs_stating(
        self, key: Key, job: Key, until: Stamp, scanned: int
    ) -> list[tuple[Stamp, str]]:
        """(stamp, run id) of a job's run events that state the node up to a stamp, newest first.

        Args:
            scanned: how many of the node's events are looked at.
        """
        ...

    async def facets(self, key: Key) -> dict[str, FacetState]: ...

    async def schemas(self, key: Key) -> list[tuple[bytes, Stamp]]:
        """(digest, first stated) of each distinct schema of a dataset, oldest first."""
        ...

    async def versions(self, job: Key) -> list[tuple[bytes, int, int, int]]:
        """(digest, runs, first and last start) of each job version that a run points to."""
        ...

    async def search(
        self, domain: str, words: str, kinds: frozenset[NodeKind], limit: int
    ) -> list[Hit]: ...

    async def counts(self, domain: str) -> dict[str, int]:
        """How many events, runs, jobs, datasets and namespaces the domain holds."""
        ...


Rows = AsyncIterator[tuple[str, tuple[object, ...]]]


class Snapshot(NamedTuple):
    """What `Store.state` gives, of the moment at which `last` was the last position of the log."""

    last: int
    rows: Rows


class Store(Book, Protocol):
    """A database. Everything that `commit` acknowledged is durable and visible."""

    @property
    def width(self) -> int:
        """How many commits are worth having under way at a time."""
        ...

    def pack(self, owner: Key, content: Content) -> PackedContent:
        """The content as this store keeps it: a projection may have it in place of the content."""
        ...

    async def commit(self, batch: Sequence[tuple[Received, Projected | None]]) -> list[Receipt]:
        """Appends to the log and merges what is derived, in one durable transaction.

        An event without a projection is kept as failed. Receipts come in the order of the batch.

        Raises:
            Conflict: an idempotency token came with another event before; nothing of the batch is
                kept.
            Unavailable: the database cannot be written now; nothing of the batch is.
        """
        ...

    async def read(self, question: Callable[[Reader], Awaitable[T]]) -> T: ...

    def log(self, after: int = 0) -> AsyncIterator[LoggedEvent]:
        """The stored events in the order of the log."""
        ...

    async def snapshot(self) -> "Snapshot":
        """The derived state as it is now, whatever is written from now on."""
        ...

    def state(self) -> Rows:
        """The derived state as (table, row), surrogates replaced by keys.

        By table, and by the values of the row: None, numbers, texts, bytes, and what is made of
        them, each in its own order.
        """
        ...

    async def needed(self, before: int) -> list[int]:
        """The positions of the events that a pruned log has to keep.

        Those at or after the time (µs), and of the older ones those that what holds now rests on.
        """
        ...

    async def ping(self) -> None:
        """Raises Unavailable when the database cannot be reached or written."""
        ...

    async def facts(self) -> Mapping[str, int]:
        """Figures for metrics: bytes on disk, events in the log."""
        ...

    async def close(self) -> None: ...
