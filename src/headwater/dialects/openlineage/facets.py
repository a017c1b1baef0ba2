"""The facets of jobs and datasets that Headwater understands, and what each of them states."""

import sys
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import astuple

from headwater import mask
from headwater.dialects.openlineage import columns, groups
from headwater.dialects.openlineage.body import Body
from headwater.dialects.openlineage.findings import LONGEST, MOST, Report, first, fits
from headwater.dialects.openlineage.salvage import Reader
from headwater.event import Gist, Owner, SchemaField, Tag
from headwater.ids import NodeId, dataset, digest_of

B = TypeVar("B", bound=Body)

_PATHS = 16 << 20
"""Nested columns repeat the names above them; so many characters of that a schema may have."""

_ALIASES = 1_000
_TEXT = 4_096
_WORDS = 16_384
"""Characters of a text, and of a list of names, in a gist; the facet itself has them all."""

Facts = dict[str, Any]
"""Members of DatasetFacts or JobFacts."""


class Stated(NamedTuple):
    """What one facet states, and what lists and search show of it."""

    facts: Facts
    gist: Gist | None = None


class Place(NamedTuple):
    """Where a facet stands: its node, its pointer, and who is told what is wrong with it."""

    node: NodeId
    pointer: str
    report: Report


class Known(Generic[B]):
    """A facet that is understood: its newest model, its shape, and what it states."""

    def __init__(self, model: int, shape: type[B], state: Callable[[B, Place], Stated]) -> None:
        self.model = model
        self.reader = Reader(shape)
        self.state = state


class WireColumn(msgspec.Struct, gc=False):
    name: str
    type: str | None = None
    description: str | None = None
    fields: list["WireColumn"] | None = None


class Schema(Body):
    fields: list[WireColumn] | None = None


class Identifier(msgspec.Struct):
    namespace: str
    name: str


class Symlinks(Body):
    identifiers: list[Identifier] | None = None


class LifecycleChange(Body, rename={"state": "lifecycleStateChange", "old": "previousIdentifier"}):
    state: str | None = None
    old: Identifier | None = None


class Documentation(Body):
    description: str | None = None


class WireOwner(msgspec.Struct):
    name: str
    type: str | None = None


class Ownership(Body):
    owners: list[WireOwner] | None = None


class WireTag(msgspec.Struct):
    key: str
    value: str | None = None
    field: str | None = None


class Tags(Body):
    tags: list[WireTag] | None = None


class OneTag(Body):
    key: str | None = None
    field: str | None = None
    removed: bool = False


class DataSource(Body):
    name: str | None = None
    uri: str | None = None


class DatasetType(Body, rename="camel"):
    dataset_type: str | None = None


class EmissionPattern(msgspec.Struct, rename="camel"):
    event_content_mode: str | None = None


class JobType(Body, rename="camel"):
    processing_type: str | None = None
    integration: str | None = None
    job_type: str | None = None
    emission_pattern: EmissionPattern | None = None


class Sql(Body):
    query: str | None = None


class SourceCodeLocation(Body):
    url: str | None = None


def _alike(**stated: Any) -> Stated:
    """What lists show is what is stated, under the same names; but long texts only begin."""
    return Stated(stated, Gist(**{name: _begun(value) for name, value in stated.items()}))


def _begun(value: Any) -> Any:
    """As much of a text or of a tuple of structs as lists show."""
    if isinstance(value, str) and len(value) > _TEXT:
        # Masked before it is cut: a secret without its end would not be known as one.
        return mask.text(value[:_WORDS])[:_TEXT] + "…"
    if isinstance(value, tuple):
        sizes = accumulate(sum(map(len, filter(None, astuple(each)))) + 16 for each in value)
        return value[: sum(size <= _WORDS for size in sizes)]
    return value


def _schema(body: Schema, place: Place) -> Stated:
    if body.fields is None:
        return Stated({})
    found = _flat(body.fields) or _nested(body.fields, place)
    facts: Facts = {
        "schema": tuple(found),
        "schema_digest": digest_of(msgspec.msgpack.encode(found)),
        "fields": tuple([sys.intern(field.name) for field in found]),
    }
    return Stated(facts, Gist(columns=len(found)))


def _flat(columns: list[WireColumn]) -> list[SchemaField] | None:
    """The columns as they stand, as nearly always; None: some are nested, too long, or too many."""
    if len(columns) > MOST:
        return None
    for column in columns:
        if column.fields or len(column.name) > LONGEST:
            return None
    return [SchemaField(column.name, column.type, column.description) for column in columns]


def _nested(columns: list[WireColumn], place: Place) -> list[SchemaField]:
    found: list[SchemaField] = []
    paths = 0
    ahead = [("", column) for column in reversed(columns)]
    while ahead:
        path, column = ahead.pop()
        paths += len(path)
        if paths > _PATHS:
            place.report(f"{place.pointer}/fields", "nested columns with too long names: cut off")
            break
        if len(found) >= MOST:
            place.report(f"{place.pointer}/fields", f"more than {MOST}: the rest is not read")
            break
        name = path + column.name
        if not fits(f"{place.pointer}/fields", place.report, column.name):
            continue
        found.append(SchemaField(name, column.type, column.description))
        below = f"{name}."  # one string for all of them
        ahead.extend((below, inner) for inner in reversed(column.fields or ()))
    return found


def _columns(body: columns.ColumnLineage, place: Place) -> Stated:
    flows = columns.column_flows(body, place.node, place.pointer, place.report)
    return Stated({"columns": flows})


def _job_columns(body: groups.HeadwaterFlows, place: Place) -> Stated:
    return Stated({"columns": groups.shared_flows(body, place.pointer, place.report)})


def _job_lineage(body: columns.JobLineage, place: Place) -> Stated:
    return Stated({"lineage": columns.job_flows(body, place.node, place.pointer, place.report)})


def _dataset_lineage(body: columns.DatasetLineage, place: Place) -> Stated:
    return Stated({"lineage": columns.dataset_flows(body, place.node, place.pointer, place.report)})


def _symlinks(body: Symlinks, place: Place) -> Stated:
    at = f"{place.pointer}/identifiers"
    names = sorted(
        {
            (each.namespace, each.name)
            for each in first(body.identifiers or [], at, place.report, _ALIASES)
            if fits(at, place.report, each.namespace, each.name)
        }
    )
    nodes = tuple(dataset(namespace, name) for namespace, name in names)
    return Stated({"symlinks": nodes}, Gist(aliases=tuple(names)))


def _lifecycle(body: LifecycleChange, place: Place) -> Stated:
    state = None if body.state is None else body.state.upper()
    facts: Facts = {"lifecycle": state}
    old = body.old
    if state == "RENAME" and old and fits(place.pointer, place.report, old.namespace, old.name):
        facts["renamed_from"] = dataset(old.namespace, old.name)
    return Stated(facts, Gist(lifecycle=_begun(state)))


def _documentation(body: Documentation) -> Stated:
    return _alike(description=body.description)


def _ownership(body: Ownership) -> Stated:
    owners = tuple(Owner(each.name, each.type) for each in body.owners or ())
    return _alike(owners=owners)


def _tags(body: Tags) -> Stated:
    tags = tuple(Tag(each.key, each.value, each.field) for each in body.tags or ())
    return _alike(tags=tags)


def _one_tag(body: OneTag) -> Stated:
    """Ours: a tag that was given, or taken away, without the others being said again."""
    if not body.key:
        return Stated({})
    tag = Tag(_begun(body.key), None, body.field)
    return Stated({}, Gist(untagged=(tag,)) if body.removed else Gist(tags=(tag,)))


def _data_source(body: DataSource) -> Stated:
    return _alike(source_name=body.name, source_uri=body.uri)


def _dataset_type(body: DatasetType) -> Stated:
    return _alike(type=body.dataset_type)


def _job_type(body: JobType) -> Stated:
    processing = None if body.processing_type is None else body.processing_type.upper()
    mode = None if body.emission_pattern is None else body.emission_pattern.event_content_mode
    stated = _alike(processing=processing, integration=body.integration, type=body.job_type)
    stated.facts["snapshot"] = mode is not None and mode.upper() == "COMPLETE_SNAPSHOT"
    return stated


def _sql(body: Sql) -> Stated:
    return Stated({"sql": body.query})


def _location(body: SourceCodeLocation) -> Stated:
    return _alike(location=body.url)


def _hidden(_: Body) -> Stated:
    """Ours: the event deletes its node, until a newer event names it."""
    return Stated({"hides": True}, Gist(hidden=True))


def _alone(shape: type[B], state: Callable[[B], Stated], model: int = 1) -> Known[B]:
    """A facet that means the same wherever it stands."""
    return Known(model, shape, lambda body, _: state(body))


_SHARED: dict[str, Known[Any]] = {
    "documentation": _alone(Documentation, _documentation),
    "ownership": _alone(Ownership, _ownership),
    "tags": _alone(Tags, _tags),
    "headwater_hidden": _alone(Body, _hidden),
}
JOB: dict[str, Known[Any]] = _SHARED | {
    "jobType": _alone(JobType, _job_type, model=2),
    "sql": _alone(Sql, _sql),
    "sourceCodeLocation": _alone(SourceCodeLocation, _location),
    "lineage": Known(1, columns.JobLineage, _job_lineage),
    "headwater_flows": Known(1, groups.HeadwaterFlows, _job_columns),
}
DATASET_USED: dict[str, Known[Any]] = _SHARED | {
    "schema": Known(1, Schema, _schema),
    "columnLineage": Known(1, columns.ColumnLineage, _columns),
    "symlinks": Known(1, Symlinks, _symlinks),
    "lifecycleStateChange": Known(1, LifecycleChange, _lifecycle),
    "dataSource": _alone(DataSource, _data_source),
    "datasetType": _alone(DatasetType, _dataset_type),
}
"""Of a dataset that a run or job reads or writes."""
DATASET: dict[str, Known[Any]] = DATASET_USED | {
    "lineage": Known(1, columns.DatasetLineage, _dataset_lineage),
}
"""Of a dataset that an event is about: only there is explicit lineage its own."""

TAG = "marquez_tag_"
"""The beginning of the names of facets of one tag each."""
_ONE_TAG = _alone(OneTag, _one_tag)


def find(known: Mapping[str, Known[Any]], name: str) -> Known[Any] | None:
    """What is understood of a facet, by its name."""
    return known.get(name) or (_ONE_TAG if name.startswith(TAG) else None)
