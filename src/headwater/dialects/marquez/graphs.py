"""The answers to lineage questions in Marquez' shape: nodes that carry their edges."""

from headwater.dialects.marquez.objects import DatasetSummary, InputField, JobSummary, Time, Wire


class Edge(Wire, frozen=True):
    """From the node `origin` to the node `destination`."""

    origin: str
    destination: str


class JobData(JobSummary, frozen=True):
    """A job in a lineage answer."""

    current_run_uuid: str | None


class DatasetData(DatasetSummary, frozen=True):
    """A dataset in a lineage answer; `tags` are always empty, as in Marquez."""

    type: str


class JobNode(Wire, frozen=True, tag_field="type", tag="JOB"):
    """A job with the edges into it and out of it."""

    id: str
    data: JobData
    in_edges: tuple[Edge, ...]
    out_edges: tuple[Edge, ...]


class DatasetNode(Wire, frozen=True, tag_field="type", tag="DATASET"):
    """A dataset with the edges into it and out of it."""

    id: str
    data: DatasetData
    in_edges: tuple[Edge, ...]
    out_edges: tuple[Edge, ...]


class LineageGraph(Wire, frozen=True):
    """A lineage graph, nodes by id."""

    graph: tuple[JobNode | DatasetNode, ...]


class FieldInput(InputField, frozen=True):
    """A column that another one is made of, and in which version of its dataset."""

    dataset_version: str | None


class FieldData(Wire, frozen=True):
    """A column in a column lineage answer."""

    namespace: str
    dataset: str
    dataset_version: str | None
    field: str
    field_type: str
    transformation_description: str | None
    transformation_type: str | None
    input_fields: tuple[FieldInput, ...]


class FieldNode(Wire, frozen=True):
    """A column; as in Marquez, its edges in are written from the column to its input."""

    id: str
    type: str
    data: FieldData
    in_edges: tuple[Edge, ...]
    out_edges: tuple[Edge, ...]


class ColumnGraph(Wire, frozen=True):
    """A column lineage graph, nodes by id."""

    graph: tuple[FieldNode, ...]


class UpstreamJob(Wire, frozen=True):
    """The job of an upstream run."""

    namespace: str
    name: str
    version: str | None


class UpstreamRunData(Wire, frozen=True):
    """An upstream run."""

    id: str
    start: Time | None
    end: Time | None
    status: str


class UpstreamInput(Wire, frozen=True):
    """A dataset version that a run read, and the run that made it."""

    namespace: str
    name: str
    version: str
    produced_by_run_id: str | None


class UpstreamRun(Wire, frozen=True):
    """A run with what it read."""

    job: UpstreamJob
    run: UpstreamRunData
    inputs: tuple[UpstreamInput, ...]


class UpstreamAnswer(Wire, frozen=True):
    """The run asked for, then the runs that made what it read, by depth."""

    runs: tuple[UpstreamRun, ...]


class EventCount(Wire, frozen=True):
    """How many run events of each type a span of time has."""

    start_interval: Time
    end_interval: Time
    fail: int
    start: int
    complete: int
    abort: int


class Total(Wire, frozen=True):
    """How many there were at the end of a span of time."""

    start_interval: Time
    end_interval: Time
    count: int
