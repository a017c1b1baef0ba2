"""The fold: what the events of a run, and the runs of a job, add up to. Pure functions only.

A run's events accumulate (unless its job type says that each stands alone), and the result is the
run's **job version**. What a job currently does is the version of its newest complete run, united
with those of later runs that are not complete, united with what is declared for it.
"""

from collections.abc import Iterable
from enum import IntFlag
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from headwater.ids import Key, is_job
from headwater.records import Content, KeyFlow, Stamp, content


class Origin(IntFlag):
    """How an edge is known."""

    EXPLICIT = 1
    COLUMN = 2
    INFERRED = 4
    DECLARED = 8
    RENAMED = 16

    __hash__ = int.__hash__  # an enum's own is a call into Python


def resolve(said: Iterable[tuple[Stamp, Content]], snapshot: bool = False) -> Content:
    """The job version of a run: the fold of the contents that its events state.

    Args:
        said: each distinct content with the newest stamp that states it; at least one.
        snapshot: each event stands alone, so the newest is the whole of it.
    """
    ordered = sorted(said, key=lambda item: item[0])
    if snapshot or len(ordered) == 1:
        return ordered[-1][1]
    inputs: set[Key] = set()
    outputs: set[Key] = set()
    explicit: list[KeyFlow] | None = None
    columns: dict[Key, list[KeyFlow]] = {}
    for _, part in ordered:
        inputs.update(part.inputs)
        outputs.update(part.outputs)
        if part.explicit is not None:
            explicit = [*(explicit or ()), *part.explicit]
        newest: dict[Key, list[KeyFlow]] = {}
        for flow in part.columns:
            newest.setdefault(flow.target, []).append(flow)
        columns.update(newest)
    flat = [flow for flows in columns.values() for flow in flows]
    return content(inputs, outputs, explicit, flat)


class TableContent(NamedTuple):
    """What a content says of whole nodes. `fed`: of its column lineage, the nodes that feed each
    target. `bare` as in `Content`.
    """

    inputs: frozenset[Key]
    outputs: frozenset[Key]
    explicit: tuple[KeyFlow, ...] | None
    fed: dict[Key, frozenset[Key]]
    bare: bool


class Pairs(NamedTuple):
    """Which node reaches which through an owner, at the level of whole nodes.

    `stated` maps each target to its sources and how they are known. `open` holds the targets that
    every input reaches because nothing is stated for them. `sealed` are known to have no source.
    A target that names the owner itself as its source has all that flows into the owner.
    """

    inputs: frozenset[Key]
    outputs: frozenset[Key]
    stated: dict[Key, tuple[Origin, frozenset[Key]]]
    open: frozenset[Key]
    sealed: frozenset[Key]


def pairs(owner: Key, part: Content | TableContent) -> Pairs:
    """Resolves the precedence: explicit lineage, else column lineage, else inputs x outputs."""
    explicit: dict[Key, set[Key]] = {}
    sealed: set[Key] = set()
    named: set[Key] = set()
    for flow in part.explicit or ():
        if not flow.sources and not flow.fields:
            sealed.add(flow.target)
        sources = {source.node for source in flow.sources}
        if owner in sources and not is_job(flow.target):
            named.add(flow.target)
        explicit.setdefault(flow.target, set()).update(sources - {owner})
    columns = part.fed if isinstance(part, TableContent) else _column_sources(part.columns)
    into_owner = explicit.get(owner, columns.get(owner, frozenset()))
    for target in named - {owner}:
        explicit[target].update(into_owner - {target})
    stated = {target: (Origin.COLUMN, sources) for target, sources in columns.items()}
    for target, found in explicit.items():
        stated[target] = (Origin.EXPLICIT, frozenset(found))
    rest = frozenset(part.outputs) - stated.keys() if part.explicit is None else frozenset()
    return Pairs(
        frozenset(part.inputs),
        frozenset(part.outputs),
        stated,
        rest,
        frozenset(sealed),
    )


def _column_sources(flows: Iterable[KeyFlow]) -> dict[Key, frozenset[Key]]:
    """The nodes that feed each target. Targets that are fed by the same groups share one set: of
    100 x 100 columns in each of 100 groups, sets of their own would be 10,000 entries each time.
    The flows of a target stand together in a content.
    """
    united: dict[tuple[int, ...], frozenset[Key]] = {}
    found: dict[Key, frozenset[Key]] = {}
    for target, own in groupby(flows, attrgetter("target")):
        feeding = {id(flow.sources): flow.sources for flow in own if flow.sources}
        if not feeding:
            continue
        which = tuple(feeding)
        if which not in united:
            united[which] = frozenset({each.node for group in feeding.values() for each in group})
        before = found.get(target)
        found[target] = united[which] if before is None else before | united[which]
    return found


def united_pairs(owner: Key, parts: Iterable[Content | TableContent]) -> list[Pairs]:
    """The pairs of all contents that hold for an owner.

    Where no flow is stated, what one run read reaches what another wrote: a run that failed before
    it wrote did read its inputs for those outputs. Stated flows hold for themselves.
    """
    known = list(parts)
    bare = [part for part in known if part.bare]
    found = [pairs(owner, part) for part in known if not part.bare]
    if bare:
        inputs = {key for part in bare for key in part.inputs}
        outputs = {key for part in bare for key in part.outputs}
        found.append(pairs(owner, content(inputs, outputs)))
    return found


def edges(owner: Key, part: Content | TableContent) -> dict[tuple[Key, Key], Origin]:
    """Every (source, target) edge that a content states, and how each is known.

    Inputs are edges into the owner, outputs out of it. A flow to a dataset passes through the job
    that owns the content; a flow to another job, or of a dataset's own statement, is direct.
    """
    resolved = pairs(owner, part)
    found: dict[tuple[Key, Key], Origin] = {}

    def add(source: Key, target: Key, origin: Origin) -> None:
        if source != target:
            found[source, target] = found.get((source, target), Origin(0)) | origin

    for target, (origin, sources) in resolved.stated.items():
        passes = is_job(owner) and not is_job(target)
        for source in sources:
            add(source, owner if passes else target, origin)
        if passes or _names(owner, part, target):
            add(owner, target, origin)
    for target in resolved.open | (resolved.outputs - resolved.stated.keys()):
        add(owner, target, Origin.INFERRED)
    referenced = {source for source, target in found if target == owner}
    for source in resolved.inputs:
        if source not in referenced or resolved.open:
            add(source, owner, Origin.INFERRED)
    return found


def _names(owner: Key, part: Content | TableContent, target: Key) -> bool:
    """Whether the owner itself is stated as a source of the target."""
    return any(
        source.node == owner
        for flow in part.explicit or ()
        if flow.target == target
        for source in flow.sources
    )


def declared_edges(owner: Key, part: Content | TableContent) -> dict[tuple[Key, Key], Origin]:
    """The edges of a declaration: as `edges`, each known by being declared."""
    return {pair: declared(origin) for pair, origin in edges(owner, part).items()}


def declared(origin: Origin) -> Origin:
    """How an edge of a declaration is known."""
    return (origin & ~Origin.INFERRED) | Origin.DECLARED


def column_flows(part: Content) -> tuple[tuple[Origin, KeyFlow], ...]:
    """The flows that hold after precedence, for column lineage; explicit beats column."""
    explicit = {flow.target for flow in part.explicit or ()}
    return (
        *((Origin.EXPLICIT, flow) for flow in part.explicit or () if flow.sources),
        *(
            (Origin.COLUMN, flow)
            for flow in part.columns
            if flow.sources and flow.target not in explicit
        ),
    )
