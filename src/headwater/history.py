"""What detail pages need, folded from the events of a run or of a node. Pure functions only.

A facet is atomic: per (entity, name) the newest stamp wins, `_deleted` takes it away, and a name
that a newer event leaves out stays. So the order in which the events come decides nothing.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from headwater.event import DatasetFacts, DatasetUse, Event, Facet, JobFacts, NodeStatement
from headwater.ids import NodeId
from headwater.records import Stamp

Facets = dict[str, bytes]
"""The bodies of the facets that hold, by name."""


class FacetStatement(msgspec.Struct, frozen=True, eq=False):
    """The statement of one facet that holds, and all that its event said of the node."""

    stamp: Stamp
    facet: Facet
    statement: NodeStatement


class UseDetail(msgspec.Struct, frozen=True):
    """A dataset that a run used: its facets as the run stated them, and those of this use."""

    node: NodeId
    facets: Facets
    use_facets: Facets


class RunDetail(msgspec.Struct, frozen=True):
    """What the events of a run add up to."""

    run_facets: Facets
    job_facets: Facets
    inputs: tuple[UseDetail, ...]
    outputs: tuple[UseDetail, ...]
    producers: tuple[str, ...]


class _Newest:
    """Per (entity, name) the facet that was added last."""

    def __init__(self) -> None:
        self._known: dict[object, dict[str, Facet]] = {}
        self._added: dict[object, Sequence[Facet]] = {}

    def add(self, entity: object, facets: Sequence[Facet]) -> None:
        if self._added.get(entity) is facets:
            return  # the event before it said the very same
        self._added[entity] = facets
        known = self._known.setdefault(entity, {})
        for facet in facets:
            known[facet.name] = facet

    def of(self, entity: object) -> Facets:
        known = self._known.get(entity, {})
        return {name: known[name].body for name in sorted(known) if not known[name].deleted}


def fold_run(events: Iterable[tuple[Stamp, Event]]) -> RunDetail:
    """Folds the events of one run, in any order.

    Where the job type says that each event stands alone (COMPLETE_SNAPSHOT), the inputs and outputs
    are those of the newest event; facets of the run and its job accumulate all the same.
    """
    said = sorted(events, key=lambda item: item[0])
    newest = _Newest()
    for _, event in said:
        newest.add("run", event.run_facets)
        if event.job is not None:
            newest.add("job", event.job.facets)
    counted = said[-1:] if _snapshot(said) else said
    for _, event in counted:
        for rank, uses in enumerate((event.inputs, event.outputs)):  # of both, the output wins
            for use in uses:
                newest.add(use.statement.node, use.statement.facets)
                newest.add((rank, use.statement.node), use.facets)
    return RunDetail(
        run_facets=newest.of("run"),
        job_facets=newest.of("job"),
        inputs=_uses(newest, 0, (use for _, event in counted for use in event.inputs)),
        outputs=_uses(newest, 1, (use for _, event in counted for use in event.outputs)),
        producers=tuple(sorted({event.producer for _, event in said if event.producer})),
    )


def _uses(newest: _Newest, rank: int, uses: Iterable[DatasetUse]) -> tuple[UseDetail, ...]:
    nodes = sorted({use.statement.node for use in uses}, key=str)
    return tuple(UseDetail(node, newest.of(node), newest.of((rank, node))) for node in nodes)


def _snapshot(said: Iterable[tuple[Stamp, Event]]) -> bool:
    """What the newest event that says it, says."""
    modes = [
        event.job.facts.snapshot
        for _, event in said
        if event.job is not None
        and isinstance(event.job.facts, JobFacts)
        and event.job.facts.snapshot is not None
    ]
    return bool(modes) and modes[-1]


def statements(event: Event, node: NodeId) -> list[NodeStatement]:
    """Everything that an event states of a node: as its job, its dataset, an input or an output."""
    uses = (use.statement for use in (*event.inputs, *event.outputs))
    owners = (owner for owner in (event.job, event.dataset) if owner is not None)
    return [said for said in (*owners, *uses) if said.node == node]


def fold_node(
    events: Iterable[tuple[Stamp, Event]],
    node: NodeId,
    known: Mapping[str, FacetStatement] | None = None,
) -> dict[str, FacetStatement]:
    """The newest statement of each facet of a node, deleted ones too, in any order of events.

    Args:
        known: what was folded before, to go on from.
    """
    newest = dict(known or {})
    for stamp, event in events:
        for statement in statements(event, node):
            for facet in statement.facets:
                said = newest.get(facet.name)
                if said is None or stamp >= said.stamp:  # of one event, the last one holds
                    newest[facet.name] = FacetStatement(stamp, facet, statement)
    return newest


def unite(parts: Iterable[Mapping[str, FacetStatement]]) -> dict[str, FacetStatement]:
    """The facets of a node known by several names: per facet, the newest statement of any."""
    united: dict[str, FacetStatement] = {}
    for part in parts:
        for name, said in part.items():
            known = united.get(name)
            if known is None or (said.stamp, said.facet) > (known.stamp, known.facet):
                united[name] = said
    return {name: said for name, said in sorted(united.items()) if not said.facet.deleted}


def schema_of(facets: Mapping[str, FacetStatement]) -> DatasetFacts | None:
    """The facts of the statement whose schema holds."""
    said = facets.get("schema")
    facts = said.statement.facts if said is not None else None
    return facts if isinstance(facts, DatasetFacts) else None
