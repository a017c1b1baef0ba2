"""What Marquez knows beside its events, as the events that our own Marquez API would write.

Their times come from Marquez, so that a second import makes the same bytes.
"""

from collections.abc import Iterator, Mapping

import msgspec

from headwater.dialects.marquez import bodies, declared, statements
from headwater.dialects.marquez.times import iso
from headwater.dialects.openlineage.authored import about, facet, hiding
from headwater.errors import HeadwaterError
from headwater.event import Gist
from headwater.ids import NodeId, dataset
from headwater.importing.marquez import Dataset, Job, Namespace, Run, Source, Tag, Tagged

Event = Mapping[str, object]
Facets = dict[str, dict[str, object]]

_KINDS = {"RUNNING": "START", "COMPLETED": "COMPLETE", "FAILED": "FAIL", "ABORTED": "ABORT"}
_facets = msgspec.json.Decoder(Facets | None)


def of_namespace(each: Namespace) -> Iterator[Event]:
    yield from _before(declared.namespace(each.name), each)
    yield statements.namespace(each.name, each.owner, each.description, each.updated)
    if each.hidden:
        yield statements.namespace_deleted(each.name, each.updated + 1)


def of_source(each: Source) -> Iterator[Event]:
    body = bodies.SourceBody(each.type, each.url, each.description)
    yield from _before(declared.source(each.name), each)
    yield statements.source(each.name, body, each.updated)


def of_tag(each: Tag) -> Event:
    return statements.tag_described(each.name, each.description, each.updated)


def of_dataset(node: NodeId, each: Dataset, url: str) -> Iterator[Event]:
    """All of a dataset that no event names."""
    body = bodies.DatasetBody(
        type=each.type,
        physical_name=each.physical_name,
        source_name=each.source,
        fields=tuple(bodies.FieldBody(c.name, c.type, None, c.description) for c in each.columns)
        or None,
        description=each.description,
        schema_location=each.schema_location,
    )
    facets = statements.dataset_facets(body, url, was_stream=False)
    if each.source == declared.DEFAULT:
        del facets["dataSource"]
    facets |= _sent(each)  # what was sent holds more than what Marquez made of it
    yield from _before(node, each)
    yield about(node, facets, each.updated)


def of_job(node: NodeId, each: Job) -> Iterator[Event]:
    """All of a job that no event names."""
    body = bodies.JobBody(each.type, location=each.location, description=each.description)
    facets = statements.job_facets(body, Gist(processing="BATCH")) | _sent(each)
    inputs, outputs = ([dataset(*name) for name in side] for side in (each.inputs, each.outputs))
    yield from _before(node, each)
    yield statements.job(node, facets, inputs, outputs, each.updated)


def of_run(node: NodeId, each: Run) -> Iterator[Event]:
    """A run as its client told it: announced, then from state to state."""
    start, end = (None if time is None else iso(time) for time in each.nominal)
    body = bodies.RunBody(nominal_start_time=start, nominal_end_time=end, args={**each.args})
    said = statements.RunSaid(node, each.id, None)
    inputs, outputs = ([dataset(*name) for name in side] for side in (each.inputs, each.outputs))
    for state, time in each.states:
        if state in _KINDS:
            yield said.event(time, _KINDS[state], inputs, outputs)
        else:
            yield said.event(time, facets=statements.run_facets(body))


def _before(node: NodeId, each: Namespace | Source | Dataset | Job) -> Iterator[Event]:
    """That it was there before what is known of it now was said. At 0 nobody knows since when."""
    if 0 < each.created < each.updated:
        hidden = declared.internal(node.namespace)
        yield hiding(node, each.created) if hidden else about(node, {}, each.created)


def of_description(node: NodeId, each: Dataset | Job) -> Iterator[Event]:
    """A description that no event gave."""
    told = _sent(each).get("documentation", {}).get("description")
    if each.description is None or told == each.description:
        return
    kind = node.kind.value.title()
    said = facet(f"Documentation{kind}Facet", description=each.description)
    yield about(node, {"documentation": said}, each.updated)


def of_tagged(node: NodeId, each: Tagged) -> Event:
    return about(node, statements.tagged([(each.tag, each.field)]), each.time)


def _sent(each: Dataset | Job) -> Facets:
    try:
        return _facets.decode(each.facets) or {}
    except msgspec.MsgspecError as error:
        raise HeadwaterError(f"the facets of {each.name!r} are none: {error}") from error
