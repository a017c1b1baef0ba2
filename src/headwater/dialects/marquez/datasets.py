"""Datasets and their versions in Marquez' shape."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headwater import event, history
from headwater.dialects.marquez import declared, identity, shelf
from headwater.dialects.marquez.known import CurrentVersion, KnownDataset
from headwater.dialects.marquez.objects import (
    ColumnLineage,
    Dataset,
    EntityId,
    Facets,
    Field,
    InputField,
    Stream,
)
from headwater.dialects.marquez.questions import Question
from headwater.dialects.marquez.runs import facets as shown_facets
from headwater.dialects.marquez.shelf import Said
from headwater.dialects.marquez.tags import own_tags, tags_of
from headwater.dialects.marquez.times import iso, maybe
from headwater.event import DatasetFacts, EventKind, Gist, Tag, Transformation
from headwater.ids import Key, NodeId, is_job
from headwater.lineage.ledger import EVER
from headwater.records import LAST_STAMP
from headwater.slices import Browser, Slice
from headwater.store import Direction, Moment, NodeDetail

DEFAULT_SOURCE = "default"
USES = 10
"""How many of the newest events of a dataset are looked through for facets of its use as input."""
WRITES = 10_000
"""How many of the newest writes of a dataset are looked through for its version at a time."""
STREAM = "STREAM"


class DatasetViews:
    """Makes the datasets of one answer."""

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        self._browser = asked.browser
        self._log = asked.log
        self._modified: dict[Key, int] = {}

    async def datasets(self, details: Sequence[NodeDetail]) -> list[Dataset]:
        known = await self.known(details)
        self._modified = await modified(self._browser, [each.row.key for each in details])
        versions = await self.currents(details)
        return [
            self._dataset(each, detail, versions[detail.row.key])
            for each, detail in zip(known, details, strict=True)
        ]

    async def known(self, details: Sequence[NodeDetail]) -> list[KnownDataset]:
        """What is known of datasets, each by all its names."""
        kept = self._asked.memory.datasets
        keys = [each.row.key for each in details if each.row.alias_of is None and each.first]
        found = await kept.fresh(self._browser, keys)
        missing = [each for each in details if each.row.key not in found]
        if missing:
            position = await self._browser.position()
            for key, known in (await self._learnt(missing)).items():
                found[key] = known
                if key in keys:  # what has aliases changes with them
                    kept.keep(position, key, known, known.weight)
        return [found[each.row.key] for each in details]

    async def _learnt(self, details: Sequence[NodeDetail]) -> dict[Key, KnownDataset]:
        members = await self._members(details)
        every = {key: each.row.node for group in members.values() for key, each in group.items()}
        said = await shelf.facets(self._browser, self._log, every)
        used = await self._used(every)
        found: dict[Key, KnownDataset] = {}
        for detail in details:
            group = members[detail.row.key]
            firsts = [each.first for each in group.values() if each.first is not None]
            lasts = [each.last for each in group.values() if each.last is not None]
            first, last = min(firsts, default=None), max(lasts, default=None)
            if first is None or last is None:
                first, last = await self._evidence(detail.row.key)
            nodes = [each.row.node for each in group.values()]
            united = history.unite([said[node] for node in nodes])
            inputs = {name: body for node in nodes for name, body in used.get(node, {}).items()}
            found[detail.row.key] = KnownDataset(
                detail.row.node,
                gist_of(united),
                ours_of(united),
                fields_of(united),
                tags_of(united),
                column_lineage(united),
                dataset_facets(united, inputs),
                first,
                last,
            )
        return found

    async def _members(self, details: Sequence[NodeDetail]) -> dict[Key, dict[Key, NodeDetail]]:
        """All names of each dataset, its own included."""
        aliases = {each.row.alias_of for each in details if each.row.alias_of is not None}
        rows = await self._browser.members(aliases) if aliases else {}
        others = await self._browser.details([row.key for each in rows.values() for row in each])
        found: dict[Key, dict[Key, NodeDetail]] = {}
        for detail in details:
            group = {detail.row.key: detail}
            if detail.row.alias_of is not None:
                group |= {row.key: others[row.key] for row in rows[detail.row.alias_of]}
            found[detail.row.key] = group
        return found

    async def _evidence(self, key: Key) -> tuple[int, int]:
        """When a dataset was named that no event states, by the edges around it."""
        edges = await self._browser.edges((key,), Direction.BOTH, None)
        return min((e.evidence.first for e in edges), default=0), max(
            (e.evidence.last for e in edges), default=0
        )

    async def _used(self, nodes: Mapping[Key, NodeId]) -> dict[NodeId, dict[str, bytes]]:
        """The facets of the newest uses as an input: assertions and metrics of its data."""
        places: set[int] = set()
        for key in nodes:
            rows = await self._browser.node_events(key, LAST_STAMP, USES)
            places.update(position for _, position in rows)
        events, _ = await self._log.events(self._browser, sorted(places))
        wanted = set(nodes.values())
        found: dict[NodeId, dict[str, bytes]] = {}
        for _, each in sorted(events, key=lambda item: item[0]):
            for use in each.inputs:
                if use.facets and use.statement.node in wanted:
                    known = found.setdefault(use.statement.node, {})
                    known.update((f.name, f.body) for f in use.facets if not f.deleted)
        return found

    def _dataset(self, known: KnownDataset, detail: NodeDetail, version: str | None) -> Dataset:
        ours = known.ours
        lifecycle = known.gist.lifecycle
        members: dict[str, Any] = {
            "id": id_of(known.node),
            "name": known.node.name,
            "physical_name": ours.physical_name or known.node.name,
            "created_at": iso(known.first),
            "updated_at": iso(known.last),
            "namespace": known.node.namespace,
            "source_name": known.gist.source_name or DEFAULT_SOURCE,
            "fields": known.fields,
            "tags": own_tags(known.tags),
            "last_modified_at": maybe(self._modified.get(detail.row.key)),
            "last_lifecycle_state": lifecycle,
            "description": known.gist.description,
            "current_version": version,
            "column_lineage": known.column_lineage,
            "facets": known.facets,
            "deleted": lifecycle == "DROP",
        }
        if known.gist.type == STREAM:
            return Stream(**members, schema_location=ours.schema_location)
        return Dataset(**members)

    async def version_at(self, detail: NodeDetail, moment: Moment | None) -> str | None:
        """The version that holds, or held at a time."""
        if moment is None:
            return (await self.currents([detail]))[detail.row.key]
        key, node = detail.row.key, detail.row.node
        rows = await self._browser.slice_writes(key, Slice(WRITES))
        for row in rows:
            ended = row.record.ended
            if row.record.complete and ended is not None and ended <= moment.until:
                return identity.written_version(node, row.job, row.record.run_id)
        for each in await self._browser.statings(key):
            if not each.writes and each.time <= moment.until:
                return identity.stated_version(node, each.digest)
        return None

    async def currents(self, details: Sequence[NodeDetail]) -> dict[Key, str | None]:
        """The version of each dataset that holds now."""
        kept, browser = self._asked.memory.currents, self._browser
        known = await kept.fresh(browser, [each.row.key for each in details])
        oldest: dict[Key, int] = {}
        for each in known.values():
            for writer in each.writers:
                oldest[writer] = min(each.position, oldest.get(writer, each.position))
        quiet = await browser.unchanged(oldest)
        found = {key: each.version for key, each in known.items() if quiet.issuperset(each.writers)}
        missing = [each for each in details if each.row.key not in found]
        if missing:
            position = await browser.position()
            writers = await browser.neighbours([each.row.key for each in missing], now=False)
            for detail in missing:
                key = detail.row.key
                found[key] = version = await self._current(detail)
                kept.keep(position, key, CurrentVersion(position, version, writers[key][0]), 1)
        return found

    async def _current(self, detail: NodeDetail) -> str | None:
        """The version that holds now.

        A complete run moves it, as does a dataset event with another schema; a run that failed does
        not.
        """
        key, node = detail.row.key, detail.row.node
        row = await self._browser.newest_whole_write(key)
        stated = [each for each in await self._browser.statings(key) if not each.writes]
        told = next((each for each in stated if each.kind is EventKind.DATASET), None)
        ended = None if row is None else row.record.ended
        if row is not None and ended is not None and (told is None or told.time <= ended):
            return identity.written_version(node, row.job, row.record.run_id)
        if told is not None:
            return identity.stated_version(node, told.digest)
        if stated:
            return identity.stated_version(node, stated[0].digest)
        if detail.first is None or await self._browser.slice_writes(key, Slice(1)):
            return None
        return identity.stated_version(node, b"")


async def modified(browser: Browser, datasets: Sequence[Key]) -> dict[Key, int]:
    """When each dataset that was ever written was last stated to be."""
    found: dict[Key, int] = {}
    for edge in await browser.edges(datasets, Direction.UP, EVER):
        if edge.owner == edge.source and is_job(edge.owner):
            found[edge.target] = max(edge.evidence.last, found.get(edge.target, edge.evidence.last))
    return found


def dataset_facets(said: Said, used: Mapping[str, bytes]) -> Facets:
    bodies = {name: each.facet.body for name, each in said.items()}
    return shown_facets({**used, **bodies})


def gist_of(said: Said) -> Gist:
    """What facets state."""
    return event.gist_of(each.facet.gist for each in said.values() if each.facet.gist)


def ours_of(said: Said) -> declared.DatasetFacet:
    each = said.get(declared.DATASET)
    return declared.dataset_facet(None if each is None else each.facet.body)


def id_of(node: NodeId) -> EntityId:
    return EntityId(node.namespace, node.name)


def fields_of(said: Said, tags: Sequence[Tag] | None = None) -> tuple[Field, ...]:
    """Args: tags: what is tagged, where that is said elsewhere."""
    facts = history.schema_of(said)
    if facts is None or facts.schema is None:
        return ()
    tags = tags_of(said) if tags is None else tags
    return tuple(
        Field(
            field.name,
            field.type,
            tuple(sorted({tag.key for tag in tags if tag.field == field.name})),
            field.description,
        )
        for field in facts.schema
    )


def column_lineage(said: Said) -> tuple[ColumnLineage, ...] | None:
    """What each column is made of; None where nothing is stated."""
    each = said.get("columnLineage")
    facts = None if each is None else each.statement.facts
    flows = facts.columns if isinstance(facts, DatasetFacts) else None
    if not flows:
        return None
    columns: dict[str, list[InputField]] = {}
    for flow in flows:
        for field in flow.fields:
            columns.setdefault(field, []).extend(
                InputField(
                    s.node.namespace, s.node.name, s.field, *transformation(s.transformations)
                )
                for s in flow.sources
                if s.field is not None
            )
    return tuple(
        ColumnLineage(name, tuple(inputs), *_alike(inputs))
        for name, inputs in sorted(columns.items())
    )


def transformation(steps: Iterable[Transformation]) -> tuple[str | None, str | None]:
    """The description and the type of the first one that says either."""
    for step in steps:
        if step.description or step.type or step.subtype:
            return step.description or None, step.subtype or step.type or None
    return None, None


def _alike(inputs: Sequence[InputField]) -> tuple[str | None, str | None]:
    """What all inputs of a column have in common."""
    both = {(each.transformation_description, each.transformation_type) for each in inputs}
    return both.pop() if len(both) == 1 else (None, None)
