"""What the commands read of the API's answers. Unknown members are ignored, absent ones default."""

from typing import NamedTuple

import msgspec

from headwater.errors import InvalidParameter
from headwater.ids import FieldId, NodeId, Ref, RunRef, parse_ref


class Transformation(msgspec.Struct, frozen=True):
    type: str = ""
    subtype: str = ""
    masking: bool = False


class Node(msgspec.Struct, frozen=True):
    """A node of a lineage answer."""

    id: str
    hops: int = 0
    missing: int = 0
    aliases: tuple[str, ...] = ()
    source: bool = False


class Edge(msgspec.Struct, frozen=True):
    """An edge of a lineage answer, in the direction of the data."""

    source: str
    target: str
    origins: tuple[str, ...] = ()
    first_seen: str | None = None
    last_seen: str | None = None
    runs: int = 0
    last_run: str | None = None
    job: str | None = None
    transformations: tuple[Transformation, ...] = ()
    whole: bool = False


class Graph(msgspec.Struct, frozen=True):
    """An answer of `/api/v2/lineage`."""

    start: str
    direction: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    depth: int = 0
    truncated: bool = False
    limit: int = 0


class Label(NamedTuple):
    """A node as people read it."""

    kind: str
    name: str
    namespace: str
    field: str = ""

    @property
    def title(self) -> str:
        return f"{self.name} . {self.field}" if self.field else self.name

    @property
    def written(self) -> str:
        """The node as it can be given to a command: as little encoded as possible."""
        parts = [part for part in (self.namespace, self.name, self.field) if part]
        return ":".join((self.kind, *(part.replace("%", "%25") for part in parts)))


def label(ref: str) -> Label:
    """Reads a written node; a text that is none stands for itself."""
    try:
        return label_of(parse_ref(ref))
    except InvalidParameter:
        return Label("", ref, "")


def label_of(ref: Ref) -> Label:
    match ref:
        case FieldId(dataset, name):
            return Label("field", dataset.name, dataset.namespace, name)
        case RunRef(run_id):
            return Label("run", run_id, "")
        case NodeId(kind, namespace, name):
            return Label(kind.value, name, namespace)


class Event(msgspec.Struct, frozen=True):
    """An item of `/api/v2/events`."""

    id: str
    position: int = 0
    time: str = ""
    received_at: str = ""
    dialect: str = ""
    kind: str = ""
    type: str | None = None
    size: int = 0
    node: str = ""
    run_id: str | None = None
    failure: str | None = None


class Problem(msgspec.Struct, frozen=True):
    """Something odd in an event."""

    pointer: str = ""
    reason: str = ""


class EventDetail(Event, frozen=True):
    """An answer of `/api/v2/events/{id}`: secrets are masked in `event`."""

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    event: msgspec.Raw = msgspec.Raw(b"null")


class RunName(msgspec.Struct, frozen=True):
    run_id: str
    job: str | None = None


class Run(msgspec.Struct, frozen=True):
    """An item of `/api/v2/runs`."""

    run_id: str
    job: str
    state: str = ""
    started_at: str | None = None
    ended_at: str | None = None
    duration: float | None = None
    nominal_start: str | None = None
    last_seen: str | None = None
    parent: RunName | None = None
    placeholder: bool = False


class Use(msgspec.Struct, frozen=True):
    """A dataset that a run used."""

    id: str
    use_facets: dict[str, msgspec.Raw] = {}


class RunDetail(Run, frozen=True):
    """An answer of `/api/v2/runs/{runId}`."""

    facets: dict[str, msgspec.Raw] = {}
    job_facets: dict[str, msgspec.Raw] = {}
    inputs: tuple[Use, ...] = ()
    outputs: tuple[Use, ...] = ()
    events: int = 0
    truncated: bool = False
    others: tuple[Run, ...] = ()


class Hit(msgspec.Struct, frozen=True):
    """An item of `/api/v2/search`."""

    id: str
    matched: str = ""
    field: str | None = None
    text: str | None = None


class Hits(msgspec.Struct, frozen=True):
    """An answer of `/api/v2/search`."""

    items: tuple[Hit, ...] = ()
    truncated: bool = False
