"""Who is named by the events of a Marquez installation, and under which names it lists them.

Marquez lists the job `J` with the parent `P` as `P.J`, makes the parent in the namespace of its
child, and replaces characters that it does not take in the namespaces of jobs.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from headwater.ids import NodeId, dataset, job

_REPLACED = re.compile(r"[^a-zA-Z0-9:/\-_.@+]")


class Step(NamedTuple):
    """What one page adds: whom its events are about, and whom Marquez lists by another name."""

    own: tuple[NodeId, ...] = ()
    other: tuple[tuple[NodeId, NodeId], ...] = ()


class _Node(msgspec.Struct):
    namespace: str
    name: str


class _Identifiers(msgspec.Struct):
    identifiers: list[_Node] | None = None


class _DatasetFacets(msgspec.Struct):
    symlinks: _Identifiers | None = None


class _Dataset(msgspec.Struct):
    namespace: str
    name: str
    facets: _DatasetFacets | None = None


class _Parent(msgspec.Struct):
    job: _Node | None = None


class _RunFacets(msgspec.Struct, rename="camel"):
    parent: _Parent | None = None
    parent_run: _Parent | None = None


class _Run(msgspec.Struct):
    facets: _RunFacets | None = None


class _Event(msgspec.Struct):
    job: _Node | None = None
    run: _Run | None = None
    inputs: list[_Dataset] | None = None
    outputs: list[_Dataset] | None = None
    dataset: _Dataset | None = None


class _Bare(msgspec.Struct):
    """The same without facets, for an event of which one has another shape."""

    job: _Node | None = None
    inputs: list[_Node] | None = None
    outputs: list[_Node] | None = None
    dataset: _Node | None = None


_event = msgspec.json.Decoder(_Event)
_bare = msgspec.json.Decoder(_Bare)


class Names:
    """Grows with the number of jobs and datasets, not with that of events."""

    def __init__(self) -> None:
        self.own: set[NodeId] = set()
        """Whom events are about."""
        self._ours: dict[NodeId, set[NodeId]] = {}

    def learn(self, bodies: Iterable[bytes]) -> Step:
        """Returns what was not known before."""
        own: dict[NodeId, None] = {}
        other: dict[tuple[NodeId, NodeId], None] = {}
        for body in bodies:
            event = _read(body)
            for name in _about(event):
                if name not in self.own:
                    own[name] = None
            for pair in _listed_otherwise(event):
                if pair[1] not in self._ours.get(pair[0], ()):
                    other[pair] = None
        step = Step(tuple(own), tuple(other))
        self.add(step)
        return step

    def add(self, step: Step) -> None:
        self.own.update(step.own)
        for theirs, ours in step.other:
            self._ours.setdefault(theirs, set()).add(ours)

    def ours(self, listed: NodeId) -> set[NodeId]:
        """Whom events are about, of what Marquez lists by this name; none: no event names it."""
        found = set(self._ours.get(listed, ()))
        if listed in self.own:
            found.add(listed)
        return found


def _read(body: bytes) -> _Event | _Bare:
    """An event that cannot be read at all names nobody, and is refused where it is stored."""
    try:
        return _event.decode(body)
    except msgspec.MsgspecError:
        try:
            return _bare.decode(body)
        except msgspec.MsgspecError:
            return _Bare()


def _about(event: _Event | _Bare) -> Iterator[NodeId]:
    if event.job is not None:
        yield job(event.job.namespace, event.job.name)
    for each in _datasets(event):
        yield dataset(each.namespace, each.name)


def _listed_otherwise(event: _Event | _Bare) -> Iterator[tuple[NodeId, NodeId]]:
    """(as Marquez lists it, as events name it)"""
    if event.job is not None:
        yield from _jobs(event.job, _parent(event))
    for each in _datasets(event):
        if not isinstance(each, _Dataset) or each.facets is None or each.facets.symlinks is None:
            continue
        ours = dataset(each.namespace, each.name)
        for alias in each.facets.symlinks.identifiers or ():
            yield dataset(*_plain(alias)), ours


def _datasets(event: _Event | _Bare) -> list[_Dataset | _Node]:
    """The dataset of an event counts only where it is what the event is about."""
    found: list[_Dataset | _Node] = [*(event.inputs or ()), *(event.outputs or ())]
    if event.dataset is not None and event.job is None:
        found.append(event.dataset)
    return found


def _jobs(child: _Node, parent: _Node | None) -> Iterator[tuple[NodeId, NodeId]]:
    ours, namespace = job(child.namespace, child.name), _REPLACED.sub("_", child.namespace)
    yield from _pair(namespace, child.name, ours)
    if parent is None:
        return
    above = parent.name if parent.name != child.name else child.name.rpartition(".")[0]
    if above:
        yield job(namespace, above), job(parent.namespace, above)
        yield from _pair(namespace, f"{above}.{child.name.removeprefix(above + '.')}", ours)


def _pair(namespace: str, name: str, ours: NodeId) -> Iterator[tuple[NodeId, NodeId]]:
    theirs = job(namespace, name)
    if theirs != ours:
        yield theirs, ours


def _parent(event: _Event | _Bare) -> _Node | None:
    if not isinstance(event, _Event) or event.run is None or event.run.facets is None:
        return None
    parent = event.run.facets.parent or event.run.facets.parent_run
    return None if parent is None else parent.job


def _plain(node: _Node) -> tuple[str, str]:
    return node.namespace, node.name
