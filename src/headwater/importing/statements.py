"""What Marquez knows beside its events, said as events: see `dialects/marquez/declared.py`.

Their times come from Marquez, so that a second import makes the same bytes.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headwater import mask
from headwater.dialects.marquez import declared
from headwater.ids import NodeKind
from headwater.importing.marquez import Column, Dataset, Job, Namespace, Source, Tag, Tagged
from headwater.importing.names import Name

Facet = dict[str, Any]
Facets = dict[str, Any]

PRODUCER = "https://github.com/headwater/headwater/import-marquez"
SCHEMAS = "https://github.com/headwater/headwater/blob/main/docs/reference/facets/"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
KNOWN = "https://openlineage.io/spec/facets/"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_raws = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


class _Described(msgspec.Struct):
    description: str | None = None


_described = msgspec.json.Decoder(_Described)


def facet(schema: str, **members: Any) -> Facet:
    """A facet of ours, or of the specification where its schema is named as a file there."""
    base = KNOWN if "/" in schema else SCHEMAS
    return {"_producer": PRODUCER, "_schemaURL": f"{base}{schema}", **members}


def event(subject: Name, time: int, facets: Mapping[str, Any], **members: Any) -> bytes:
    """The job or dataset event that states facets."""
    definition = "JobEvent" if subject.kind is NodeKind.JOB else "DatasetEvent"
    node = {"namespace": subject.namespace, "name": subject.name, "facets": dict(facets)}
    return mask.encoded(
        {
            "eventTime": (_EPOCH + timedelta(microseconds=time)).isoformat(timespec="microseconds"),
            "producer": PRODUCER,
            "schemaURL": SPEC + definition,
            subject.kind.value: node,
            **members,
        }
    )


def hidden() -> Facets:
    return {declared.HIDDEN: facet("HeadwaterHidden.json")}


def documented(description: str | None, kind: NodeKind = NodeKind.DATASET) -> Facets:
    if description is None:
        return {}
    name = "DocumentationJobFacet" if kind is NodeKind.JOB else "DocumentationDatasetFacet"
    return {"documentation": facet(f"1-0-1/{name}.json", description=description)}


def namespace(each: Namespace) -> Iterator[bytes]:
    owner = facet("1-0-1/OwnershipDatasetFacet.json", owners=[{"name": each.owner}])
    facets = {**hidden(), "ownership": owner, **documented(each.description)}
    if each.hidden:
        facets[declared.DELETED] = facet("MarquezDeleted.json")
    yield from _declared(declared.NAMESPACES, each.name, each.created, each.updated, facets)


def source(each: Source) -> Iterator[bytes]:
    facets = {
        **hidden(),
        **documented(each.description),
        "dataSource": facet("1-0-1/DatasourceDatasetFacet.json", name=each.name, uri=each.url),
        declared.SOURCE: facet("MarquezSource.json", type=each.type),
    }
    yield from _declared(declared.SOURCES, each.name, each.created, each.updated, facets)


def tag(each: Tag) -> Iterator[bytes]:
    facets = {**hidden(), **documented(each.description)}
    yield from _declared(declared.TAGS, each.name, each.updated, each.updated, facets)


def _declared(kind: str, name: str, created: int, updated: int, facets: Facets) -> Iterator[bytes]:
    """What is stated last, and before it that it was there."""
    subject = Name(NodeKind.DATASET, kind, name)
    if created < updated:
        yield event(subject, created, hidden())
    yield event(subject, updated, facets)


def tagged(subject: Name, each: Tagged) -> bytes:
    return event(subject, each.time, {declared.tag_facet(each.tag, each.field): _tag(each)})


def _tag(each: Tagged) -> Facet:
    members = {"key": each.tag} if each.field is None else {"key": each.tag, "field": each.field}
    return facet("MarquezTag.json", **members)


def hide(subject: Name, time: int) -> bytes:
    return event(subject, time, hidden())


def described(subject: Name, each: Dataset | Job) -> Iterator[bytes]:
    """A description that no event gave."""
    said = _sent(each).get("documentation")
    if each.description is not None and _description(said) != each.description:
        yield event(subject, each.updated, documented(each.description, subject.kind))


def _sent(each: Dataset | Job) -> dict[str, msgspec.Raw]:
    return _raws.decode(each.facets) or {}


def _description(said: msgspec.Raw | None) -> str | None:
    try:
        return None if said is None else _described.decode(said).description
    except msgspec.MsgspecError:
        return None


def dataset(subject: Name, each: Dataset, uri: str) -> Iterator[bytes]:
    """All of a dataset that no event names."""
    facets: Facets = {}
    if each.columns:
        facets["schema"] = facet("1-1-1/SchemaDatasetFacet.json", fields=_columns(each.columns))
    if each.source != declared.DEFAULT:
        facets["dataSource"] = facet("1-0-1/DatasourceDatasetFacet.json", name=each.source, uri=uri)
    if each.type == "STREAM":
        facets["datasetType"] = facet("1-0-0/DatasetTypeDatasetFacet.json", datasetType="STREAM")
    ours = {"physicalName": each.physical_name} if each.physical_name != each.name else {}
    if each.schema_location is not None:
        ours["schemaLocation"] = each.schema_location
    if ours:
        facets[declared.DATASET] = facet("MarquezDataset.json", **ours)
    facets |= documented(each.description)
    facets |= _sent(each)  # what was sent holds more than what Marquez made of it
    yield from _existing(subject, each, facets)


def _columns(columns: tuple[Column, ...]) -> list[dict[str, str]]:
    members = ({"name": c.name, "type": c.type, "description": c.description} for c in columns)
    return [{k: v for k, v in each.items() if v is not None} for each in members]


def job(subject: Name, each: Job) -> Iterator[bytes]:
    """All of a job that no event names."""
    facets = documented(each.description, NodeKind.JOB)
    if each.location is not None:
        facets["sourceCodeLocation"] = facet(
            "1-0-1/SourceCodeLocationJobFacet.json", type="git", url=each.location
        )
    if each.type != "BATCH":
        processing = "STREAMING" if each.type == "STREAM" else each.type
        facets["jobType"] = facet("2-0-3/JobTypeJobFacet.json", processingType=processing)
    facets |= _sent(each)
    yield from _existing(subject, each, facets, inputs=each.inputs, outputs=each.outputs)


def _existing(
    subject: Name, each: Dataset | Job, facets: Facets, **members: Any
) -> Iterator[bytes]:
    if each.created < each.updated:
        yield event(subject, each.created, {})
    yield event(subject, each.updated, facets, **members)
