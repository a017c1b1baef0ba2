"""Canonical events: what every dialect decodes to. No wire key appears here.

Times are integers: microseconds since 1970-01-01 UTC. Facet bodies are verbatim JSON bytes; the
facets that Headwater understands stand beside them, decoded.
"""

import enum
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from headwater.errors import Problem
from headwater.ids import NodeId

Octets = bytes | memoryview
"""Bytes; a view where they are a part of more and need no copy."""


class EventKind(enum.Enum):
    RUN = "run"
    JOB = "job"
    DATASET = "dataset"


class EventType(enum.Enum):
    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    ABORT = "ABORT"
    OTHER = "OTHER"


TERMINAL = frozenset({EventType.COMPLETE, EventType.FAIL, EventType.ABORT})


class Facet(NamedTuple):
    """One facet of an entity, atomic: the newest statement of a name replaces all of it.

    `gist` is the little that lists and search show of it, as a JSON object with keys of `Gist`.
    `digest` is of the body, where the facet is of a job or dataset. A lean decoder, for intake,
    leaves the body out: the log keeps it.
    """

    name: str
    body: bytes
    deleted: bool = False
    gist: bytes = b""
    digest: bytes = b""


class Transformation(msgspec.Struct, frozen=True, order=True, array_like=True):
    """How a source reaches its target: `DIRECT` or `INDIRECT`, a subtype, and if it masks."""

    type: str = ""
    subtype: str = ""
    description: str = ""
    masking: bool = False


class Source(NamedTuple):
    """A node, or one of its fields (None: the node as a whole), that flows into a target."""

    node: NodeId
    field: str | None
    transformations: tuple[Transformation, ...] = ()


class Flow(NamedTuple):
    """Each source reaches each of the target's fields; no fields means the target as a whole.

    A flow without sources says that the target is known to have none. Groups stay groups: 100 x 100
    columns are 200 names, never 10,000 pairs.
    """

    target: NodeId
    fields: tuple[str, ...]
    sources: tuple[Source, ...]


class SchemaField(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A column; a nested one has the path of its parents in its name, joined by dots."""

    name: str
    type: str | None = None
    description: str | None = None


class Tag(msgspec.Struct, frozen=True, array_like=True):
    key: str
    value: str | None = None
    field: str | None = None


class Owner(msgspec.Struct, frozen=True, array_like=True):
    name: str
    type: str | None = None


class Gist(msgspec.Struct, frozen=True, omit_defaults=True):
    """What lists and search know of a node; each facet contributes the keys that it states."""

    description: str | None = None
    owners: tuple[Owner, ...] = ()
    tags: tuple[Tag, ...] = ()
    columns: int | None = None
    """The number of columns in the schema."""
    aliases: tuple[tuple[str, str], ...] = ()
    """(namespace, name) of every symlink."""
    lifecycle: str | None = None
    type: str | None = None
    source_name: str | None = None
    source_uri: str | None = None
    processing: str | None = None
    integration: str | None = None
    location: str | None = None
    hidden: bool = False
    untagged: tuple[Tag, ...] = ()
    """Tags that were taken away, whatever facet states them."""


def gist_of(parts: Iterable[bytes]) -> Gist:
    """The gists of all facets of a node together: each may add tags or take some away."""
    members: dict[str, Any] = {}
    tags: list[Any] = []
    untagged: list[Any] = []
    for part in parts:
        stated = msgspec.json.decode(part)
        tags += stated.pop("tags", ())
        untagged += stated.pop("untagged", ())
        members.update(stated)
    if tags:
        members["tags"] = [tag for tag in tags if [tag[0], None, tag[2]] not in untagged]
    found = msgspec.convert(members, Gist)
    if len(found.tags) > 1:
        return msgspec.structs.replace(found, tags=tuple(dict.fromkeys(found.tags)))
    return found


class DatasetFacts(msgspec.Struct, frozen=True):
    """What Headwater understands of a dataset's facets. None: not stated."""

    schema: tuple[SchemaField, ...] | None = None
    """A lean decoder leaves it out, and states only the two that follow."""
    schema_digest: bytes | None = None
    fields: tuple[str, ...] = ()
    """The names of the schema's columns."""
    columns: Iterable[Flow] | None = None
    """Column lineage of this dataset; the target of each flow is the dataset itself."""
    lineage: tuple[Flow, ...] | None = None
    """The explicit lineage facet; the target of each flow is the dataset itself."""
    symlinks: tuple[NodeId, ...] = ()
    lifecycle: str | None = None
    renamed_from: NodeId | None = None
    description: str | None = None
    owners: tuple[Owner, ...] = ()
    tags: tuple[Tag, ...] = ()
    source_name: str | None = None
    source_uri: str | None = None
    type: str | None = None
    hides: bool = False
    """The event deletes the dataset: it stays hidden until a newer event names it."""


class JobFacts(msgspec.Struct, frozen=True):
    """What Headwater understands of a job's facets. None: not stated."""

    processing: str | None = None
    integration: str | None = None
    type: str | None = None
    snapshot: bool | None = None
    """Each event of a run stands alone (COMPLETE_SNAPSHOT); None: no job type facet."""
    description: str | None = None
    owners: tuple[Owner, ...] = ()
    tags: tuple[Tag, ...] = ()
    sql: str | None = None
    location: str | None = None
    lineage: tuple[Flow, ...] | None = None
    """The explicit lineage facet: targets are datasets or jobs."""
    columns: Iterable[Flow] | None = None
    """Column lineage of the outputs, stated for all of them together; targets are datasets. Flows
    with the same sources follow each other."""
    hides: bool = False
    """The event deletes the job: it stays hidden until a newer event names it."""


class RunLink(NamedTuple):
    """A run of a job, as another run names it."""

    job: NodeId
    run_id: str


class RunFacts(msgspec.Struct, frozen=True):
    """What Headwater understands of a run's facets. None: not stated."""

    nominal: tuple[int | None, int | None] | None = None
    parent: RunLink | None = None
    root: RunLink | None = None
    error: str | None = None


class NodeStatement(msgspec.Struct, frozen=True, eq=False):
    """What an event says of a job or dataset that holds beyond the run: its facets.

    `digest` covers the node and all its facets, so that equal statements are known by it.
    """

    node: NodeId
    digest: bytes
    facets: tuple[Facet, ...]
    facts: DatasetFacts | JobFacts
    flags: tuple[Problem, ...] = ()


class DatasetUse(NamedTuple):
    """A dataset as an input or output of an event, with the facets of this use only."""

    statement: NodeStatement
    facets: tuple[Facet, ...] = ()


class Event(msgspec.Struct, frozen=True, eq=False):
    """One event of any dialect.

    A run event has `job` and `run_id`, a job event has `job`, a dataset event has `dataset`.
    `flags` name what was odd and is kept all the same.
    """

    kind: EventKind
    time: int
    type: EventType | None = None
    producer: str = ""
    schema_url: str = ""
    job: NodeStatement | None = None
    run_id: str | None = None
    run_facets: tuple[Facet, ...] = ()
    run: RunFacts = RunFacts()
    inputs: tuple[DatasetUse, ...] = ()
    outputs: tuple[DatasetUse, ...] = ()
    dataset: NodeStatement | None = None
    said: bytes = b""
    """Stands for the statements of job, inputs and outputs: where it is equal, they are."""
    declares: bool = True
    """False for a job event that names neither inputs nor outputs nor explicit lineage: it says
    nothing of them, and what was declared before stands."""
    flags: tuple[Problem, ...] = ()


class Received(msgspec.Struct, frozen=True, eq=False):
    """An event with the bytes it came in, ready for the log.

    `digest` is of the bytes and the idempotency token (`ids.digest_of`); `received_at` (µs) and
    `token` are the only facts here that the event itself does not carry. `failure` says why an
    accepted event cannot be projected.
    """

    domain: str
    dialect: str
    body: Octets
    digest: bytes
    event: Event
    received_at: int
    token: str | None = None
    failure: str | None = None
