"""Our own job facet `headwater_flows`: column lineage of all outputs together, in groups.

In a group every input reaches every output. Written pair by pair, 100 x 100 columns of 100 groups
are a million; here they are 20,000 names, and what is read from them stays as small.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Raw

from headwater.dialects.openlineage.body import Body
from headwater.dialects.openlineage.findings import MOST, Report, first, fits
from headwater.dialects.openlineage.salvage import Reader
from headwater.event import Flow, Source
from headwater.ids import NodeId, dataset

FACET = "headwater_flows"
SMALL = 64 << 10
"""Bytes of groups of which the flows are made at once."""


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


class SharedFlows:
    """The flows of many groups, made when they are asked for: together they are megabytes."""

    def __init__(self, groups: Sequence[Raw], nodes: list[NodeId]) -> None:
        self._groups = groups
        self._nodes = nodes

    def __iter__(self) -> Iterator[Flow]:
        for group in self._groups:
            yield from _flows(bytes(group), self._nodes, "", _silent)

    @property
    def weight(self) -> int:
        """About how many bytes of memory they take."""
        return sum(len(group) for group in self._groups) + 200 * len(self._nodes)


def _silent(pointer: str, reason: str) -> None:
    """What is wrong was told when the groups were first read."""


def shared_flows(facet: HeadwaterFlows, pointer: str, report: Report) -> Iterable[Flow]:
    """The flows of all groups; those of a group share their sources."""
    nodes = [
        dataset(named.namespace, named.name)
        for named in first(facet.datasets, f"{pointer}/datasets", report)
        if fits(f"{pointer}/datasets", report, named.namespace, named.name)
    ]
    if len(nodes) < len(facet.datasets):
        return ()  # the places would lead astray
    groups = first(facet.flows, f"{pointer}/flows", report)
    read = (
        flow
        for at, group in enumerate(groups)
        for flow in _flows(bytes(group), nodes, f"{pointer}/flows/{at}", report)
    )
    if sum(len(group) for group in groups) <= SMALL:
        return tuple(read)
    for _ in read:
        pass
    return SharedFlows(groups, nodes)


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
