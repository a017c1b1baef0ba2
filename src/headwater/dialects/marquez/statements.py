"""The events that Marquez' writes become: each is an OpenLineage event of our own making."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from headwater.dialects.marquez import bodies, declared
from headwater.dialects.openlineage.authored import (
    HIDDEN,
    about,
    facet,
    head,
    named,
    our_facet,
)
from headwater.dialects.openlineage.facets import TAG
from headwater.event import Gist
from headwater.ids import NodeId

Facets = dict[str, dict[str, object]]
Event = dict[str, object]
Field = str | None

PROCESSING = {"BATCH": "BATCH", "STREAM": "STREAMING", "SERVICE": "SERVICE"}
_TABLE, _STREAM = "TABLE", "STREAM"


def namespace(name: str, owner: str, description: str | None, time: int) -> Event:
    """Declares a namespace; one that was deleted is back."""
    owners = facet("OwnershipDatasetFacet", owners=[{"name": owner, "type": "OWNER"}])
    facets = {
        "ownership": owners,
        "documentation": _documentation(description, "Dataset"),
        declared.DELETED: our_facet("MarquezDeleted", _deleted=True),
    }
    return _hidden(declared.namespace(name), facets, time)


def namespace_deleted(name: str, time: int) -> Event:
    return _hidden(declared.namespace(name), {declared.DELETED: our_facet("MarquezDeleted")}, time)


def source(name: str, body: bodies.SourceBody, time: int) -> Event:
    facets = {
        "dataSource": _data_source(name, body.connection_url or ""),
        "documentation": _documentation(body.description, "Dataset"),
        declared.SOURCE: our_facet("MarquezSource", type=body.type),
    }
    return _hidden(declared.source(name), facets, time)


def tag(name: str, time: int) -> Event:
    """A tag that somebody used; what it means stays as it was."""
    return _hidden(declared.tag(name), {}, time)


def tag_described(name: str, description: str | None, time: int) -> Event:
    facets = {"documentation": _documentation(description, "Dataset")}
    return _hidden(declared.tag(name), facets, time)


def _hidden(node: NodeId, facets: Facets, time: int) -> Event:
    return about(node, {HIDDEN: our_facet("HeadwaterHidden"), **facets}, time)


def dataset_facets(body: bodies.DatasetBody, uri: str, was_stream: bool) -> Facets:
    """What a dataset's declaration says of it."""
    own = {"physicalName": body.physical_name, "schemaLocation": body.schema_location}
    stream = body.type == _STREAM
    found: Facets = {
        "dataSource": _data_source(body.source_name or "", uri),
        declared.DATASET: our_facet("MarquezDataset", **own),
    }
    if body.fields is not None:
        fields = [
            {"name": each.name, "type": each.type, "description": each.description}
            for each in body.fields
        ]
        found["schema"] = facet("SchemaDatasetFacet", "1-1-1", fields=fields)
    if body.description is not None:
        found["documentation"] = _documentation(body.description, "Dataset")
    if stream or was_stream:
        kind = _STREAM if stream else _TABLE
        found["datasetType"] = facet("DatasetTypeDatasetFacet", datasetType=kind)
    tags = [(name, None) for name in body.tags or ()]
    columns = [(name.upper(), each.name) for each in body.fields or () for name in each.tags or ()]
    return found | tagged([*tags, *columns])


def job_facets(body: bodies.JobBody, known: Gist) -> Facets:
    """What a job's declaration says of it, but for its datasets.

    Args:
        known: what a producer said of its type is said again where that changes.
    """
    kind = PROCESSING[body.type or "BATCH"]
    found: Facets = {}
    if known.processing != kind:
        told = {"integration": known.integration, "jobType": known.type}
        kept = {name: value for name, value in told.items() if value is not None}
        found["jobType"] = facet("JobTypeJobFacet", "2-0-3", processingType=kind, **kept)
    if body.description is not None:
        found["documentation"] = _documentation(body.description, "Job")
    if body.location is not None:
        found["sourceCodeLocation"] = facet(
            "SourceCodeLocationJobFacet", type="git", url=body.location
        )
    return found | tagged((name, None) for name in body.tags or ())


def nothing_read_or_written() -> Facets:
    """Says that a job reads and writes nothing: empty lists alone say nothing of it."""
    return {"lineage": facet("LineageJobFacet", entries=[])}


def job(
    node: NodeId,
    facets: Facets,
    inputs: Iterable[NodeId],
    outputs: Iterable[NodeId],
    time: int,
) -> Event:
    uses = {
        "inputs": [named(each) for each in inputs],
        "outputs": [named(each) for each in outputs],
    }
    return about(node, facets, time) | uses


def tagged(tags: Iterable[tuple[str, Field]], *, removed: bool = False) -> Facets:
    """A facet for each tag, so that tags which are given at once do not replace each other."""
    return {
        TAG + _word(key, field): our_facet("MarquezTag", key=key, field=field, removed=removed)
        for key, field in tags
    }


def _word(key: str, field: Field) -> str:
    text = f"{len(key)}:{key}" if field is None else f"{len(key)}:{key}:{field}"
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class RunSaid:
    """A run as every event of it names it.

    Args:
        streaming: the `processingType` of its job where that is not BATCH: such runs count although
            they never end.
    """

    def __init__(self, job: NodeId, run_id: str, processing: str | None) -> None:
        self._job = job
        self._run_id = run_id
        known = processing is not None and processing != "BATCH"
        self._facets: Facets = (
            {"jobType": facet("JobTypeJobFacet", "2-0-3", processingType=processing)}
            if known
            else {}
        )

    def event(
        self,
        time: int,
        kind: str | None = None,
        inputs: Iterable[NodeId] = (),
        outputs: Iterable[NodeId] = (),
        *,
        facets: Facets | None = None,
        stated: Mapping[NodeId, Facets] | None = None,
    ) -> Event:
        """Without a kind the state of the run stays as it is.

        Args:
            facets: of the run.
            stated: facets of outputs.
        """
        said = stated or {}
        event = head("RunEvent", time) | {
            "run": {"runId": self._run_id, "facets": facets or {}},
            "job": named(self._job, self._facets),
            "inputs": [named(each) for each in inputs],
            "outputs": [named(each, said.get(each)) for each in outputs],
        }
        return event if kind is None else {"eventType": kind, **event}


def run_facets(body: bodies.RunBody) -> Facets:
    """The nominal time and the arguments of a run."""
    nominal = {
        "nominalStartTime": bodies.instant(body.nominal_start_time, "nominalStartTime"),
        "nominalEndTime": bodies.instant(body.nominal_end_time, "nominalEndTime"),
    }
    found: Facets = {}
    if any(nominal.values()):
        told = {name: time for name, time in nominal.items() if time is not None}
        found["nominalTime"] = facet("NominalTimeRunFacet", "1-0-1", **told)
    args = bodies.arguments(body.args)
    if args:
        found[declared.ARGS] = our_facet("MarquezArgs", args=args)
    return found


def _documentation(description: str | None, kind: str) -> dict[str, object]:
    name = f"Documentation{kind}Facet"
    if description is None:
        return facet(name, _deleted=True)
    return facet(name, description=description)


def _data_source(name: str, uri: str) -> dict[str, object]:
    return facet("DatasourceDatasetFacet", name=name, uri=uri)
