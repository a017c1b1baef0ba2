"""What flows into what: the column lineage facet and the explicit lineage facet.

Sources that reach the same columns share one flow, so that a facet of rows x columns stays as small
as its names. Equal content gives equal flows, whatever its order.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from headwater.dialects.openlineage.body import Body
from headwater.dialects.openlineage.findings import LONGEST, MOST, Report, first, fits, step
from headwater.event import Flow, Source, Transformation
from headwater.ids import NodeId, NodeKind, dataset, job

C = TypeVar("C")
W = TypeVar("W", "InputField", "LineageInput")


class WireTransformation(msgspec.Struct, frozen=True, gc=False):
    type: str | None = None
    subtype: str | None = None
    description: str | None = None
    masking: bool | None = None


class InputField(msgspec.Struct, frozen=True, gc=False):
    """A column of another dataset; without a field, that dataset as a whole."""

    namespace: str
    name: str
    field: str | None = None
    transformations: tuple[WireTransformation, ...] | None = None


class OutputField(msgspec.Struct, rename="camel"):
    """`transformationType` and `transformationDescription` are of the versions 1-0-x."""

    input_fields: list[InputField] | None = None
    transformation_type: str | None = None
    transformation_description: str | None = None


class ColumnLineage(Body):
    fields: dict[str, OutputField] | None = None
    dataset: list[InputField] | None = None


class LineageInput(msgspec.Struct, frozen=True, gc=False):
    """A dataset, one of its fields, or a job; a job without a name is the event's own."""

    type: str = "DATASET"
    namespace: str | None = None
    name: str | None = None
    field: str | None = None
    transformations: tuple[WireTransformation, ...] | None = None


class LineageField(msgspec.Struct):
    inputs: list[LineageInput]


class LineageEntry(msgspec.Struct):
    type: str = "DATASET"
    namespace: str | None = None
    name: str | None = None
    inputs: list[LineageInput] | UnsetType | None = UNSET
    fields: dict[str, LineageField] | None = None


class JobLineage(Body, kw_only=True):
    entries: list[LineageEntry]


class DatasetLineage(Body):
    inputs: list[LineageInput] | UnsetType | None = UNSET
    fields: dict[str, LineageField] | None = None


class Reach:
    """What is said to reach one target."""

    def __init__(self) -> None:
        self.whole: set[Source] | None = None
        self.columns: dict[Source, set[str]] = {}
        self.sealed: set[str] = set()
        """Columns that are said to have no source."""

    def add_whole(self, sources: Iterable[Source]) -> None:
        self.whole = (self.whole or set()).union(sources)

    def flows(self, target: NodeId) -> Iterator[Flow]:
        groups: dict[tuple[str, ...], list[Source]] = {}
        if self.whole is not None:
            groups[()] = list(self.whole)
        for source, columns in self.columns.items():
            fields = tuple(sorted(columns)) if len(columns) > 1 else tuple(columns)
            groups.setdefault(fields, []).append(source)
        if self.sealed and (sealed := self.sealed.difference(*self.columns.values())):
            groups[tuple(sorted(sealed))] = []
        for fields in sorted(groups):
            sources = groups[fields]
            if len(sources) > 1:
                sources.sort(key=_source_order)
            yield Flow(target, fields, tuple(sources))


def column_flows(
    facet: ColumnLineage, target: NodeId, pointer: str, report: Report
) -> tuple[Flow, ...] | None:
    """The flows of a column lineage facet of any version; None: neither kind is stated."""
    if facet.fields is None and facet.dataset is None:
        return None
    place = f"{pointer}/fields"
    stated = _columns(facet.fields, place, report)
    reach = Reach()
    columns: dict[InputField, list[str]] = {}
    for column, output in stated.items():
        sources: Iterable[InputField] = output.input_fields or ()
        if output.transformation_type or output.transformation_description:
            whole = (_legacy(output),)
            sources = [
                source
                if source.transformations
                else msgspec.structs.replace(source, transformations=whole)
                for source in sources
            ]
        for source in sources:
            columns.setdefault(source, []).append(sys.intern(column))
    for source, names in _of_few(columns, place, report).items():
        if _named(source, place, report):
            reach.columns.setdefault(_field_source(source), set()).update(names)
    if facet.dataset:
        place = f"{pointer}/dataset"
        everywhere = first(facet.dataset, place, report)
        reach.add_whole(_field_source(each) for each in everywhere if _named(each, place, report))
    return tuple(reach.flows(target))


def _columns(found: dict[str, C] | None, pointer: str, report: Report) -> dict[str, C]:
    """The columns that are read."""
    if not found:
        return {}
    if len(found) > MOST:
        found = dict(first(list(found.items()), pointer, report))
    if max(map(len, found)) > LONGEST:
        found = {name: said for name, said in found.items() if fits(pointer, report, name)}
    return found


def _of_few(found: dict[W, list[str]], pointer: str, report: Report) -> dict[W, list[str]]:
    """The sources that are read: fields of not too many nodes."""
    if len(found) <= MOST:
        return found
    nodes = list(dict.fromkeys((each.namespace, each.name) for each in found))
    few = set(first(nodes, pointer, report))
    return {each: names for each, names in found.items() if (each.namespace, each.name) in few}


def _named(wire: InputField | LineageInput, pointer: str, report: Report) -> bool:
    return fits(pointer, report, wire.namespace, wire.name, wire.field)


def job_flows(
    facet: JobLineage, owner: NodeId, pointer: str, report: Report
) -> tuple[Flow, ...] | None:
    """The flows of a job's explicit lineage, to datasets and jobs; None: nothing is understood."""
    targets: dict[NodeId, Reach] = {}
    named = 0
    for at, entry in enumerate(first(facet.entries, f"{pointer}/entries", report)):
        place = f"{pointer}/entries/{at}"
        named += _size(entry)
        if named > MOST:
            report(place, f"more than {MOST} sources before it: the rest is not read")
            break
        target = _node(entry, owner, place, report)
        if target is not None:
            _explicit(targets.setdefault(target, Reach()), entry, owner, place, report)
    ordered = sorted(targets, key=_node_order)
    flows = tuple(flow for target in ordered for flow in targets[target].flows(target))
    return flows if flows or not facet.entries else None


def _size(entry: LineageEntry) -> int:
    """How many nodes an entry names, about."""
    columns = (entry.fields or {}).values()
    nodes = {(wire.namespace, wire.name) for column in columns for wire in column.inputs}
    return len(nodes) + (len(entry.inputs) if isinstance(entry.inputs, list) else 0)


def dataset_flows(
    facet: DatasetLineage, target: NodeId, pointer: str, report: Report
) -> tuple[Flow, ...] | None:
    """The flows of a dataset's explicit lineage, where no job is the event's own."""
    reach = Reach()
    _explicit(reach, facet, None, pointer, report)
    return tuple(reach.flows(target)) or None


def _explicit(
    reach: Reach,
    entry: LineageEntry | DatasetLineage,
    owner: NodeId | None,
    pointer: str,
    report: Report,
) -> None:
    if isinstance(entry.inputs, list):
        found = [
            source
            for at, wire in enumerate(first(entry.inputs, f"{pointer}/inputs", report))
            if (source := _source(wire, owner, f"{pointer}/inputs/{at}", report))
        ]
        if found or not entry.inputs:
            reach.add_whole(found)
    columns: dict[LineageInput, list[str]] = {}
    for column, stated in _columns(entry.fields, f"{pointer}/fields", report).items():
        if not stated.inputs:
            reach.sealed.add(column)
        for wire in stated.inputs:
            columns.setdefault(wire, []).append(column)
    for wire, names in _of_few(columns, f"{pointer}/fields", report).items():
        place = f"{pointer}/fields{step(names[0])}/inputs"
        source = _source(wire, owner, place, report)
        if source is not None:
            reach.columns.setdefault(source, set()).update(names)


def _node(
    wire: LineageInput | LineageEntry, owner: NodeId | None, pointer: str, report: Report
) -> NodeId | None:
    if not fits(pointer, report, wire.namespace, wire.name):
        return None
    makes: dict[str, Callable[[str, str], NodeId]] = {"DATASET": dataset, "JOB": job}
    make = makes.get(wire.type.upper())
    if make is None:
        report(f"{pointer}/type", "neither DATASET nor JOB")
        return None
    if wire.namespace is not None and wire.name is not None:
        return make(wire.namespace, wire.name)
    if make is job and owner is not None and wire.namespace is None and wire.name is None:
        return owner
    report(pointer, "namespace and name are missing")
    return None


def _source(
    wire: LineageInput, owner: NodeId | None, pointer: str, report: Report
) -> Source | None:
    node = _node(wire, owner, pointer, report)
    if node is None or not fits(pointer, report, wire.field):
        return None
    field = wire.field if node.kind is NodeKind.DATASET else None
    return Source(node, field, _transformations(wire.transformations))


def _field_source(wire: InputField) -> Source:
    node = _dataset(wire.namespace, wire.name)
    field = None if wire.field is None else sys.intern(wire.field)
    return Source(node, field, _transformations(wire.transformations))


@lru_cache(maxsize=10_000)
def _dataset(namespace: str, name: str) -> NodeId:
    """One object for the many columns of a dataset, and for all who name it."""
    return dataset(namespace, name)


@lru_cache(maxsize=1_000)
def _transformations(
    wire: tuple[WireTransformation, ...] | None,
) -> tuple[Transformation, ...]:
    known = {
        Transformation(
            each.type or "", each.subtype or "", each.description or "", bool(each.masking)
        )
        for each in wire or ()
    }
    return tuple(sorted(known))


def _legacy(output: OutputField) -> WireTransformation:
    """IDENTITY and MASKED of the versions 1-0-x in the words of the later ones."""
    kind = output.transformation_type or None
    type_ = None if kind is None else "DIRECT"
    if kind in ("DIRECT", "INDIRECT"):
        type_, kind = kind, None
    masking = kind is not None and kind.upper() == "MASKED"
    return WireTransformation(type_, kind, output.transformation_description, masking)


def _node_order(node: NodeId) -> tuple[str, str, str]:
    return node.kind.value, node.namespace, node.name


def _source_order(source: Source) -> tuple[object, ...]:
    known = source.field is not None
    return (*_node_order(source.node), known, source.field or "", source.transformations)
