"""The objects of Marquez' API, with exactly its keys; nulls are written. OpenAPI shows them."""

from typing import Annotated

import msgspec
from msgspec import Meta

Time = Annotated[
    str, Meta(description="ISO-8601 in UTC.", extra_json_schema={"format": "date-time"})
]
Facets = dict[str, msgspec.Raw]


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """What all of them have in common: camelCase keys."""


class Namespace(Wire, frozen=True):
    """A namespace of jobs and datasets."""

    name: str
    created_at: Time
    updated_at: Time
    owner_name: str
    description: str | None
    is_hidden: bool


class Source(Wire, frozen=True):
    """Where datasets live: a database, a bucket."""

    type: str
    name: str
    created_at: Time
    updated_at: Time
    connection_url: str
    description: str | None


class Tag(Wire, frozen=True):
    """A tag that jobs, datasets and fields may carry."""

    name: str
    description: str | None


class EntityId(Wire, frozen=True):
    """The name of a job or dataset."""

    namespace: str
    name: str


class VersionId(Wire, frozen=True):
    """The name of one version of a job or dataset."""

    namespace: str
    name: str
    version: str


class Field(Wire, frozen=True):
    """A column of a dataset."""

    name: str
    type: str | None
    tags: tuple[str, ...]
    description: str | None


class InputField(Wire, frozen=True):
    """A column that another one is made of."""

    namespace: str
    dataset: str
    field: str
    transformation_description: str | None
    transformation_type: str | None


class ColumnLineage(Wire, frozen=True):
    """What a column of a dataset is made of."""

    name: str
    input_fields: tuple[InputField, ...]
    transformation_description: str | None
    transformation_type: str | None


class DatasetVersionUse(Wire, frozen=True):
    """A dataset version that a run read or wrote, with the facets of that use."""

    dataset_version_id: VersionId
    facets: Facets


class Run(Wire, frozen=True):
    """A run of a job."""

    id: str
    created_at: Time
    updated_at: Time
    nominal_start_time: Time | None
    nominal_end_time: Time | None
    state: str
    started_at: Time | None
    ended_at: Time | None
    duration_ms: int | None
    args: dict[str, str]
    job_version: VersionId | None
    input_dataset_versions: tuple[DatasetVersionUse, ...]
    output_dataset_versions: tuple[DatasetVersionUse, ...]
    facets: Facets


class DatasetSummary(Wire, frozen=True):
    """What every answer says of a dataset as it is now."""

    id: EntityId
    name: str
    physical_name: str
    created_at: Time
    updated_at: Time
    namespace: str
    source_name: str
    fields: tuple[Field, ...]
    tags: tuple[str, ...]
    last_modified_at: Time | None
    last_lifecycle_state: str | None
    description: str | None


class Dataset(DatasetSummary, frozen=True, tag_field="type", tag="DB_TABLE"):
    """A dataset as it is now."""

    current_version: str | None
    column_lineage: tuple[ColumnLineage, ...] | None
    facets: Facets
    deleted: bool


class Stream(Dataset, frozen=True, tag_field="type", tag="STREAM"):
    """A dataset that is a stream."""

    schema_location: str | None


class DatasetVersion(Wire, frozen=True, tag_field="type", tag="DB_TABLE"):
    """A dataset as one run, or one statement about it, left it."""

    id: EntityId
    name: str
    physical_name: str
    created_at: Time
    version: str
    namespace: str
    source_name: str
    fields: tuple[Field, ...]
    tags: tuple[str, ...]
    lifecycle_state: str | None
    description: str | None
    current_schema_version: str | None
    created_by_run: Run | None
    facets: Facets


class StreamVersion(DatasetVersion, frozen=True, tag_field="type", tag="STREAM"):
    """A version of a stream."""

    schema_location: str | None


class JobSummary(Wire, frozen=True):
    """What every answer says of a job as it is now."""

    id: EntityId
    type: str
    name: str
    simple_name: str
    parent_job_name: str | None
    parent_job_uuid: str | None
    created_at: Time
    updated_at: Time
    namespace: str
    inputs: tuple[EntityId, ...]
    outputs: tuple[EntityId, ...]
    location: str | None
    description: str | None
    latest_run: Run | None


class Job(JobSummary, frozen=True):
    """A job as it is now. `latestRuns` is null, not empty, where there are none."""

    latest_runs: tuple[Run, ...] | None
    facets: Facets
    current_version: str | None
    labels: tuple[str, ...]
    tags: tuple[str, ...]


class JobVersion(Wire, frozen=True):
    """What runs of a job read and wrote, as long as it stayed the same."""

    id: VersionId
    name: str
    created_at: Time
    version: str
    namespace: str
    location: str | None
    inputs: tuple[EntityId, ...]
    outputs: tuple[EntityId, ...]
    latest_run: Run | None


class RunFacets(Wire, frozen=True):
    """The facets of a run, or of its job."""

    run_id: str
    facets: Facets


class SearchResult(Wire, frozen=True):
    """A job or dataset that a search found."""

    type: str
    name: str
    updated_at: Time
    namespace: str
    node_id: str


class SearchResults(Wire, frozen=True):
    """What a search found; `totalCount` counts it."""

    total_count: int
    results: tuple[SearchResult, ...]


class JobHit(msgspec.Struct, frozen=True):
    """A job as Marquez' search index shows it."""

    run_id: str | None
    name: str
    namespace: str
    type: str
    facets: Facets
    event_type: str | None = msgspec.field(name="eventType")
    run_facets: Facets = msgspec.field(name="runFacets")


class DatasetHit(msgspec.Struct, frozen=True):
    """A dataset as Marquez' search index shows it."""

    run_id: str | None
    name: str
    namespace: str
    facets: Facets
    event_type: str | None = msgspec.field(name="eventType")
    input_facets: Facets = msgspec.field(name="inputFacets")


class JobHits(Wire, frozen=True):
    """What was found; the highlights stand in the order of the hits."""

    hits: tuple[JobHit, ...]
    highlights: tuple[dict[str, tuple[str, ...]], ...]


class DatasetHits(Wire, frozen=True):
    """What was found; the highlights stand in the order of the hits."""

    hits: tuple[DatasetHit, ...]
    highlights: tuple[dict[str, tuple[str, ...]], ...]


class Namespaces(Wire, frozen=True):
    """A page of namespaces."""

    namespaces: tuple[Namespace, ...]


class Sources(Wire, frozen=True):
    """A page of sources."""

    sources: tuple[Source, ...]


class Tags(Wire, frozen=True):
    """A page of tags."""

    tags: tuple[Tag, ...]


class Datasets(Wire, frozen=True):
    """A page of datasets, by name."""

    datasets: tuple[Dataset | Stream, ...]
    total_count: int


class DatasetVersions(Wire, frozen=True):
    """A page of the versions of a dataset, newest first."""

    versions: tuple[DatasetVersion | StreamVersion, ...]
    total_count: int


class Jobs(Wire, frozen=True):
    """A page of jobs, by last update; `totalCount` counts those of any last run."""

    jobs: tuple[Job, ...]
    total_count: int


class JobVersions(Wire, frozen=True):
    """A page of the versions of a job, newest first."""

    versions: tuple[JobVersion, ...]


class Runs(Wire, frozen=True):
    """A page of the runs of a job, newest start first."""

    runs: tuple[Run, ...]
    total_count: int
