"""The metadata forms of a node: what its events say of it, each form a JSON document as a text."""

from collections.abc import Iterable, Mapping
from typing import Any

from headwater import history, mask
from headwater.dialects.datazone import places
from headwater.dialects.datazone.places import Finder, Place
from headwater.dialects.datazone.runs import RunState
from headwater.dialects.datazone.shapes import Form
from headwater.dialects.openlineage.log import Log
from headwater.history import Facets, FacetStatement
from headwater.ids import is_job
from headwater.records import RunRecord, stamp_time

DATASET, SCHEMA, COLUMNS, FACETS = "DatasetForm", "SchemaForm", "ColumnLineageForm", "FacetsForm"
JOB, RUN, RUN_FACETS = "JobForm", "JobRunForm", "RunFacetsForm"
OF_TYPE = {
    places.DATASET_TYPE: (DATASET, SCHEMA, COLUMNS, FACETS),
    places.JOB_TYPE: (JOB, FACETS),
    places.RUN_TYPE: (RUN, JOB, RUN_FACETS, FACETS),
}
"""The forms that nodes of a type may have; FacetsForm of a run holds those of its job."""
TYPE_PREFIX = "Headwater"
REVISION = "1"

Content = dict[str, Any]


def form(name: str, content: Content) -> Form:
    return Form(
        form_name=name,
        type_name=TYPE_PREFIX + name,
        type_revision=REVISION,
        content=mask.masked(mask.encoded(content)).decode(),
    )


async def of_node(
    finder: Finder, log: Log, place: Place, until: int | None
) -> tuple[tuple[Form, ...], bool]:
    """The forms of a dataset or job at a time, and whether they are complete."""
    parts, complete = [], True
    for member in place.members:
        part, whole = await log.facets(finder.reader, member.key, member.node, until)
        parts.append(part)
        complete &= whole
    said = history.unite(parts)
    bodies = {name: each.facet.body for name, each in said.items()}
    if is_job(place.row.key):
        return tuple(_job_forms(place, bodies)), complete
    return tuple(_dataset_forms(place, said, bodies)), complete


def _dataset_forms(
    place: Place, said: Mapping[str, FacetStatement], bodies: Facets
) -> Iterable[Form]:
    node = place.row.node
    aliases = [
        {"namespace": each.node.namespace, "name": each.node.name} for each in place.members[1:]
    ]
    yield form(DATASET, {"namespace": node.namespace, "name": node.name, "aliases": aliases})
    facts = history.schema_of(said)
    if facts is not None and facts.schema is not None:
        fields = [
            {"name": each.name, "type": each.type, "description": each.description}
            for each in facts.schema
        ]
        yield form(SCHEMA, {"fields": fields})
    if "columnLineage" in bodies:
        yield form(COLUMNS, {"columnLineage": mask.document(bodies["columnLineage"])})
    yield from _facets(FACETS, bodies)


def _job_forms(place: Place, bodies: Facets) -> Iterable[Form]:
    yield _job(place, bodies)
    yield from _facets(FACETS, bodies)


def of_run(place: Place, state: RunState) -> tuple[Form, ...]:
    """The forms of a run: of itself, and of its job as the run's events describe it."""
    record = None if state.said is None else state.said.record
    found = [form(RUN, _run(place, record)), _job(place, state.detail.job_facets)]
    found += _facets(RUN_FACETS, state.detail.run_facets)
    found += _facets(FACETS, state.detail.job_facets)
    return tuple(found)


def _run(place: Place, record: RunRecord | None) -> Content:
    content: Content = {"runId": place.run_id}
    if record is None:
        return content
    content["state"] = record.state
    content["startedAt"] = _seconds(record.started)
    content["endedAt"] = _seconds(record.ended)
    if record.nominal is not None:
        _, start, end = record.nominal
        content |= {"nominalStartTime": _seconds(start), "nominalEndTime": _seconds(end)}
    if record.links is not None:
        content["parentRunId"] = record.links[1].parent_run
    content["firstEventAt"] = _seconds(record.first)
    content["lastEventAt"] = None if record.newest is None else _seconds(stamp_time(record.newest))
    return content


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 1_000_000


def _job(place: Place, bodies: Facets) -> Form:
    node = place.row.node
    content: Content = {"namespace": node.namespace, "name": node.name}
    for facet, member in (("sql", "query"), ("jobType", "processingType")):
        if facet in bodies:
            stated = mask.document(bodies[facet])
            if isinstance(stated, dict) and isinstance(stated.get(member), str):
                content[member] = stated[member]
    return form(JOB, content)


def _facets(name: str, bodies: Facets) -> list[Form]:
    if not bodies:
        return []
    return [form(name, {facet: mask.document(body) for facet, body in bodies.items()})]


def chosen(forms: Iterable[Form], names: Iterable[str]) -> tuple[Form, ...]:
    wanted = set(names)
    return tuple(each for each in forms if each.form_name in wanted)
