"""The shapes of the native API's answers; OpenAPI shows their docstrings."""

from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

Item = TypeVar("Item")
Time = Annotated[
    str, Meta(description="ISO-8601 in UTC.", extra_json_schema={"format": "date-time"})
]
Node = Annotated[str, Meta(description="A node, written like `dataset:<namespace>:<name>`.")]
RawFacets = dict[str, msgspec.Raw]


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a list; `next` is the `cursor` of the one behind it, null at the end."""

    items: tuple[Item, ...]
    next: str | None


class EventItem(msgspec.Struct, frozen=True):
    """An event of the log. `node` is its job, else its dataset; null if it failed."""

    id: str
    position: int
    dialect: str
    kind: str
    type: str | None
    time: Time
    received_at: Time
    size: int
    node: str | None
    run_id: str | None
    failure: str | None
    flag_count: int


class RunName(msgspec.Struct, frozen=True):
    """A run as another one names it."""

    run_id: str
    job: str | None


class RunItem(msgspec.Struct, frozen=True):
    """A run. A `placeholder` is only named by others. `duration` is in seconds."""

    id: str
    run_id: str
    job: str
    namespace: str
    name: str
    state: str
    started_at: Time | None
    ended_at: Time | None
    duration: float | None
    nominal_start: Time | None
    nominal_end: Time | None
    first_seen: Time | None
    last_seen: Time | None
    parent: RunName | None
    root: RunName | None
    version: str | None
    streaming: bool
    placeholder: bool


class UseItem(msgspec.Struct, frozen=True):
    """A dataset that a run used; `use_facets` are OpenLineage's input or output facets."""

    id: str
    namespace: str
    name: str
    facets: RawFacets
    use_facets: RawFacets


class RunAnswer(RunItem, frozen=True):
    """A run with what its events add up to. `others` are runs of other jobs with the same id."""

    facets: RawFacets
    job_facets: RawFacets
    inputs: tuple[UseItem, ...]
    outputs: tuple[UseItem, ...]
    producers: tuple[str, ...]
    events: int
    truncated: bool
    children: str
    others: tuple[RunItem, ...]


class OwnerItem(msgspec.Struct, frozen=True):
    """Who answers for a job or dataset."""

    name: str
    type: str | None


class TagItem(msgspec.Struct, frozen=True):
    """A tag of a job, a dataset or one of its fields."""

    key: str
    value: str | None
    field: str | None


class EntityItem(msgspec.Struct, frozen=True):
    """A job or dataset in a list. Null: never stated. A `placeholder` is only named by others."""

    id: str
    kind: str
    namespace: str
    name: str
    description: str | None
    owners: tuple[OwnerItem, ...]
    tags: tuple[TagItem, ...]
    type: str | None
    columns: int | None
    lifecycle: str | None
    source_name: str | None
    source_uri: str | None
    processing: str | None
    integration: str | None
    location: str | None
    first_seen: Time | None
    last_seen: Time | None
    hidden_at: Time | None
    placeholder: bool


class Stated(msgspec.Struct, frozen=True):
    """When a facet was stated last, and of which of a dataset's names."""

    at: Time
    node: Node


class NeighbourItem(msgspec.Struct, frozen=True):
    """A node one edge away, with the evidence of that edge."""

    id: Node
    namespace: str
    name: str
    origins: tuple[str, ...]
    first_seen: Time | None
    last_seen: Time | None
    runs: int
    last_run: str | None


class VersionItem(msgspec.Struct, frozen=True):
    """A job version and the runs that point to it."""

    version: str
    runs: int
    first_started: Time | None
    last_started: Time | None


class SchemaItem(msgspec.Struct, frozen=True):
    """A distinct schema of a dataset."""

    schema: str
    first_seen: Time


class FieldItem(msgspec.Struct, frozen=True):
    """A column; a nested one has the path of its parents in its name, joined by dots."""

    id: Node
    name: str
    type: str | None
    description: str | None


class HitItem(msgspec.Struct, frozen=True):
    """A search result; `matched` says where: name, namespace, field or text."""

    id: str
    kind: str
    namespace: str
    name: str
    matched: str
    field: str | None
    text: str | None


class JobAnswer(EntityItem, frozen=True):
    """A job: its facets, what it currently reads and writes, its versions and its latest runs.

    `truncated`: the answer leaves some neighbours out, or some facets as of a long past time.
    """

    as_of: Time | None
    facets: RawFacets
    stated: dict[str, Stated]
    inputs: tuple[NeighbourItem, ...]
    outputs: tuple[NeighbourItem, ...]
    versions: tuple[VersionItem, ...]
    runs: tuple[RunItem, ...]
    truncated: bool


class DatasetAnswer(EntityItem, frozen=True):
    """A dataset by all its names: facets, fields, schemas, who writes it and who reads it.

    `truncated`: the answer leaves some neighbours out, or some facets as of a long past time.
    """

    as_of: Time | None
    canonical: Node
    aliases: tuple[Node, ...]
    facets: RawFacets
    stated: dict[str, Stated]
    fields: tuple[FieldItem, ...]
    schemas: tuple[SchemaItem, ...]
    producers: tuple[NeighbourItem, ...]
    consumers: tuple[NeighbourItem, ...]
    truncated: bool


class Flag(msgspec.Struct, frozen=True):
    """Something odd in an event that was kept all the same."""

    pointer: str
    reason: str


class EventAnswer(EventItem, frozen=True):
    """An event with what it says; secrets in `event` are masked."""

    producer: str
    schema_url: str
    job: Node | None
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    flags: tuple[Flag, ...]
    event: msgspec.Raw


class NamespaceItem(msgspec.Struct, frozen=True):
    """A namespace and how much it holds."""

    name: str
    jobs: int
    datasets: int


class SearchAnswer(msgspec.Struct, frozen=True):
    """What was found, best first. `truncated`: there is more than the limit."""

    items: tuple[HitItem, ...]
    truncated: bool


class StatsAnswer(msgspec.Struct, frozen=True):
    """How much the domain holds."""

    counts: dict[str, int]


class HiddenAnswer(msgspec.Struct, frozen=True):
    """The receipt of the event that hides a job or dataset; a newer event shows it again."""

    id: str
    node: Node
    hidden: bool = True
