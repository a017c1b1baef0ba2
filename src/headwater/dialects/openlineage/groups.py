"""Our own job facet `headwater_flows`: column lineage of all outputs together, in groups.

In a group every input reaches every output. Written pair by pair, 100 x 100 columns of 100 groups
are a million; here they are 20,000 names, and what is read from them stays as small.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from headwater.dialects.openlineage.body import Body
from headwater.dialects.openlineage.findings import MOST, Report, first, fits
from headwater.dialects.openlineage.salvage import Reader
from headwater.event import Flow, Source
from headwater.ids import NodeId, dataset

FACET = "headwater_flows"


class Named(msgspec.Struct, frozen=True, gc=False):
    """A dataset, which the groups refer to by its place in the list."""

    namespace: str
    name: str


class End(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A column of the dataset at a place; without a column, the dataset as a whole."""

    dataset: int
    field: str | None = None


class Group(msgspec.Struct):
    """Every input reaches every output."""

    inputs: list[End]
    outputs: list[End]


class HeadwaterFlows(Body, kw_only=True):
    datasets: list[Named]
    flows: list[Raw]
    """Groups; each is read by itself, and forgotten before the next."""


_group = Reader(Group)


def shared_flows(facet: HeadwaterFlows, pointer: str, report: Report) -> tuple[Flow, ...]:
    """The flows of all groups; those of a group share their sources."""
    nodes = [
        dataset(named.namespace, named.name)
        for named in first(facet.datasets, f"{pointer}/datasets", report)
        if fits(f"{pointer}/datasets", report, named.namespace, named.name)
    ]
    if len(nodes) < len(facet.datasets):
        return ()  # the places would lead astray
    return tuple(
        flow
        for at, group in enumerate(first(facet.flows, f"{pointer}/flows", report))
        for flow in _flows(bytes(group), nodes, f"{pointer}/flows/{at}", report)
    )


def _flows(text: bytes, nodes: list[NodeId], pointer: str, report: Report) -> Iterator[Flow]:
    group = _group.read(text, pointer, report)
    if group is None:
        return
    named = {
        Source(nodes[end.dataset], end.field)
        for end in _known(group.inputs, nodes, f"{pointer}/inputs", report)
    }
    sources = tuple(sorted(named, key=_order))
    targets: dict[NodeId, set[str | None]] = {}
    for end in _known(group.outputs, nodes, f"{pointer}/outputs", report):
        targets.setdefault(nodes[end.dataset], set()).add(end.field)
    for target, fields in targets.items():
        if None in fields:
            yield Flow(target, (), sources)
        columns = tuple(sorted(field for field in fields if field is not None))
        if columns:
            yield Flow(target, columns, sources)


def _known(ends: list[End], nodes: list[NodeId], pointer: str, report: Report) -> Iterator[End]:
    for end in first(ends, pointer, report, MOST):
        if not 0 <= end.dataset < len(nodes):
            report(pointer, f"there is no dataset at {end.dataset}")
        elif fits(pointer, report, end.field):
            yield end


def _order(source: Source) -> tuple[str, str, str]:
    return source.node.namespace, source.node.name, source.field or ""
