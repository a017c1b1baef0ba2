"""A Marquez installation as an import sees it, however it is reached."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from headwater.ids import NodeId

NO_FACETS = msgspec.Raw(b"{}")


class Page(NamedTuple):
    """Some events, by event time. `cursor` is where to go on after them."""

    bodies: Sequence[bytes]
    cursor: str


class Namespace(NamedTuple):
    """A namespace. Times are microseconds since 1970, here and below."""

    name: str
    owner: str
    description: str | None
    hidden: bool
    created: int
    updated: int


class Source(NamedTuple):
    """Where datasets live."""

    name: str
    type: str
    url: str
    description: str | None
    created: int
    updated: int


class Tag(NamedTuple):
    """A tag and what it means. Over HTTP it has no time: 0."""

    name: str
    description: str | None
    updated: int


class Tagged(NamedTuple):
    """That a job, a dataset or a field of it carries a tag."""

    tag: str
    field: str | None
    time: int


class Column(msgspec.Struct, frozen=True):
    """A field of a dataset, as a schema facet has it."""

    name: str
    type: str | None = None
    description: str | None = None


class Named(NamedTuple):
    """The name of a job, or of a dataset that it reads or writes."""

    namespace: str
    name: str


class Dataset(msgspec.Struct, frozen=True):
    """A dataset as it is now. `facets` are those that are known of it, as they were sent."""

    name: str
    type: str
    physical_name: str
    source: str
    created: int
    updated: int
    description: str | None = None
    schema_location: str | None = None
    columns: tuple[Column, ...] = ()
    tags: tuple[Tagged, ...] = ()
    facets: msgspec.Raw = NO_FACETS
    hidden: bool = False


class Job(msgspec.Struct, frozen=True):
    """A job as it is now."""

    name: str
    type: str
    created: int
    updated: int
    description: str | None = None
    location: str | None = None
    inputs: tuple[Named, ...] = ()
    outputs: tuple[Named, ...] = ()
    tags: tuple[Tagged, ...] = ()
    facets: msgspec.Raw = NO_FACETS
    hidden: bool = False


class Run(msgspec.Struct, frozen=True):
    """A run that no event tells of. `states` are (state, time), in order; the first one is NEW."""

    id: str
    job: Named
    states: tuple[tuple[str, int], ...]
    nominal: tuple[int | None, int | None] = (None, None)
    args: dict[str, str] = {}
    inputs: tuple[Named, ...] = ()
    outputs: tuple[Named, ...] = ()


class Installation(Protocol):
    """What an import asks of Marquez.

    `hides` says that hidden jobs and datasets come with the lists; where they do not, those that
    events name and no list has are hidden.
    """

    hides: bool

    async def total(self) -> int | None:
        """About how many events there are."""
        ...

    def events(self, cursor: str | None) -> AsyncIterator[Page]:
        """All events from a cursor on. One may come twice around the cursor."""
        ...

    def namespaces(self) -> AsyncIterator[Namespace]: ...

    def sources(self) -> AsyncIterator[Source]: ...

    def tags(self) -> AsyncIterator[Tag]: ...

    def runs(self) -> AsyncIterator[Run]:
        """The runs that no event tells of; none where they cannot be told apart."""
        ...

    def datasets(self, namespace: str) -> AsyncIterator[Dataset]: ...

    def jobs(self, namespace: str) -> AsyncIterator[Job]: ...

    async def shows(self, node: NodeId) -> bool:
        """Whether a job or dataset is there although no list has it: an alias is."""
        ...
