"""The port of numbered pages: lists by limit and offset, with totals, as older APIs ask for them.

A store fills it with its reader. It also has what only such APIs show: who wrote a dataset, and
counts over time.
"""

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from typing import NamedTuple, Protocol, TypeVar, cast

from headwater.event import EventKind, EventType, Gist
from headwater.ids import Key, NodeId, NodeKind
from headwater.records import Content
from headwater.store import NodeDetail, Reader, RunRow, Store

T = TypeVar("T")

QUARTER = 900_000_000
"""A quarter of an hour (µs): every time zone begins its days with one."""


class Slice(NamedTuple):
    """A page by its number of rows and how many come before it."""

    limit: int
    offset: int = 0


class Span(NamedTuple):
    """From `since` on, before `until` (µs, event time)."""

    since: int
    until: int


class Tally(NamedTuple):
    """How many run events of one type (None: without one) fall in a quarter of an hour."""

    start: int
    type: EventType | None
    events: int


class Stating(NamedTuple):
    """Where a schema of a dataset was stated first: when, in which event, by what kind of it.

    `writes`: it was a run that writes the dataset, so that run's version of it has the schema.
    """

    digest: bytes
    time: int
    position: int
    kind: EventKind
    writes: bool


class StatedFacet(NamedTuple):
    """A facet that a node states, and the digest of its body."""

    node: Key
    name: str
    digest: bytes


class NamespaceRow(NamedTuple):
    """A namespace, whether any node of it shows, and about when it was first and last stated."""

    name: str
    shown: bool
    first: int | None
    last: int | None


class Browser(Reader, Protocol):
    """The reads of one question, with those of numbered pages."""

    async def position(self) -> int:
        """The place in the log of the last event that this question sees."""
        ...

    async def unchanged(self, known: Mapping[Key, int]) -> set[Key]:
        """Those of the nodes that no event has named after the position; not all may be told."""
        ...

    async def facet_places(self, keys: Iterable[Key]) -> dict[Key, list[int]]:
        """The positions of the events that state the facets which hold of each node."""
        ...

    def stated_facets(
        self,
        domain: str,
        kind: NodeKind,
        names: Collection[str],
        skipped: Callable[[bytes], bool],
    ) -> AsyncIterator[list[StatedFacet]]:
        """The facets of these names that hold of nodes which are not hidden, by namespace and name
        of the nodes; some at a time.

        Args:
            skipped: leaves out those with this digest.
        """
        ...

    async def run_places(self, runs: Iterable[tuple[Key, str]]) -> dict[tuple[Key, str], list[int]]:
        """The positions of the events of many runs, each by its job and its id."""
        ...

    async def neighbours(
        self, keys: Iterable[Key], *, now: bool
    ) -> dict[Key, tuple[tuple[Key, ...], tuple[Key, ...]]]:
        """Of each node the sources and the targets of its edges to nodes of the other kind: of
        those that hold now, or of all that were ever stated."""
        ...

    async def namespaces(self, domain: str) -> list[str]:
        """The names of all namespaces, in order."""
        ...

    async def namespace_rows(self, domain: str, names: Iterable[str]) -> list[NamespaceRow]:
        """What is known of these namespaces."""
        ...

    async def first_event(self, domain: str) -> int | None:
        """The time of the first event."""
        ...

    async def names(self, domain: str, kind: NodeKind, namespace: str) -> list[str]:
        """The names of all nodes of a namespace, hidden ones too."""
        ...

    async def slice_nodes(
        self, domain: str, kind: NodeKind, namespace: str | None, part: Slice
    ) -> tuple[list[NodeDetail], int]:
        """Nodes of a namespace, or of all, by namespace and name, hidden ones left out, and how
        many there are in all."""
        ...

    def unlinked(self, domain: str) -> AsyncIterator[NodeId]:
        """The datasets that no edge leads to or from now, by any of their names; an edge of a
        hidden node does not count. By namespace and name."""
        ...

    async def slice_jobs(
        self, domain: str, namespace: str | None, states: Sequence[str], part: Slice
    ) -> tuple[list[NodeDetail], int]:
        """Jobs by their newest event, the latest first, and how many there are of any state.

        Args:
            states: only jobs whose newest run is in one of these; empty: all.
        """
        ...

    async def slice_runs(self, job: Key, part: Slice) -> list[RunRow]:
        """A job's runs, newest start first, placeholders last."""
        ...

    async def count_runs(self, job: Key) -> int:
        """How many runs a job has; it changes only when an event names the job."""
        ...

    async def newest_runs(self, jobs: Iterable[Key], limit: int) -> dict[Key, list[RunRow]]:
        """Of each job, its runs with the newest start."""
        ...

    async def ended_versions(self, job: Key) -> list[tuple[bytes, int, int, int]]:
        """As `versions`, of the runs that have ended."""
        ...

    async def newest_run_of(self, job: Key, version: bytes) -> RunRow | None:
        """The run of a job version with the newest start."""
        ...

    async def contents(
        self, wanted: Iterable[tuple[Key, bytes]]
    ) -> dict[tuple[Key, bytes], Content]:
        """The contents of these owners and digests."""
        ...

    async def slice_writes(self, dataset: Key, part: Slice) -> list[RunRow]:
        """The runs that wrote a dataset, newest start first."""
        ...

    async def count_writes(self, dataset: Key) -> int:
        """How many runs wrote a dataset; it changes only when an event names the dataset, or a job
        that ever wrote it."""
        ...

    async def newest_whole_write(self, dataset: Key) -> RunRow | None:
        """The newest complete run that wrote a dataset."""
        ...

    async def statings(self, dataset: Key) -> list[Stating]:
        """Where each distinct schema of a dataset was stated first, the latest first."""
        ...

    async def slice_events(
        self, domain: str, span: Span, part: Slice, *, descending: bool
    ) -> tuple[list[int], int]:
        """The positions of run events by event time, and how many there are in the span."""
        ...

    async def slice_events_of(
        self, domain: str, namespace: str, part: Slice
    ) -> tuple[list[int], int]:
        """The positions of run events of a namespace's jobs, the latest first, and their number."""
        ...

    async def tallies(self, domain: str, span: Span) -> list[Tally]:
        """Run events counted by quarters of an hour; the span begins and ends with one."""
        ...

    async def first_seen(self, domain: str, kind: NodeKind, times: Sequence[int]) -> list[int]:
        """How many nodes, without those hidden now, were there before each of the times: stated,
        or where no event states them, named by an edge. What only a parent or an alias names
        counts from the beginning on.
        """
        ...

    async def stated_gists(self, domain: str, facet: str) -> list[tuple[Gist, int]]:
        """What lists show of a facet, each distinct one with the time at which a node that states
        it was first seen."""
        ...

    async def text_run_ids(self, domain: str) -> list[str]:
        """The run ids that are not UUIDs."""
        ...


async def ask(store: Store, question: Callable[[Browser], Awaitable[T]]) -> T:
    """As `Store.read`: every reader of a store is a browser too."""
    return await store.read(cast("Callable[[Reader], Awaitable[T]]", question))
