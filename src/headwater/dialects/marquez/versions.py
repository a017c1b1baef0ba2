"""The versions of a dataset: one for each run that wrote it, and one for each schema that was
stated otherwise first.
"""

from collections.abc import Sequence
from typing import Any

from headwater import history
from headwater.dialects.marquez import identity
from headwater.dialects.marquez.datasets import (
    DEFAULT_SOURCE,
    STREAM,
    DatasetViews,
    dataset_facets,
    fields_of,
    gist_of,
    id_of,
    ours_of,
)
from headwater.dialects.marquez.kept import counted
from headwater.dialects.marquez.objects import DatasetVersion, Run, StreamVersion
from headwater.dialects.marquez.questions import Question
from headwater.dialects.marquez.runs import RunViews
from headwater.dialects.marquez.shelf import Said
from headwater.dialects.marquez.tags import own_tags
from headwater.dialects.marquez.times import iso
from headwater.dialects.openlineage.log import Stamped
from headwater.dialects.openlineage.numbered import Room
from headwater.event import Tag
from headwater.records import stamp_time
from headwater.slices import Slice
from headwater.store import NodeDetail, RunRow

CHUNK = 1_000
BARE = b""
"""Stands for the schema of a dataset that none was stated of."""

_Place = tuple[int, "RunRow | tuple[bytes, int | None]"]
"""When a version came to be, and the run that made it, or its schema and the event."""


class VersionViews:
    """Makes the versions of one dataset."""

    def __init__(self, asked: Question, detail: NodeDetail) -> None:
        self._browser = asked.browser
        self._log = asked.log
        self._memory = asked.memory
        self._detail = detail
        self._node = detail.row.node
        self._views = DatasetViews(asked)
        self._runs = RunViews(asked)
        self._room = Room()

    async def page(self, part: Slice) -> tuple[list[DatasetVersion], int]:
        """The versions, newest first, and how many there are."""
        places, total = await self._places(part)
        return await self._made(places), total

    async def find(self, version: str) -> DatasetVersion | None:
        """The version of this name: versions are named by hashes, so they are gone through."""
        offset, total = 0, 1
        while offset < total:
            places, total = await self._places(Slice(CHUNK, offset))
            for place in places:
                if self._name(place) == version:
                    return (await self._made([place]))[0]
            offset += CHUNK
        return None

    async def _places(self, part: Slice) -> tuple[list[_Place], int]:
        """The slice of both kinds of versions together.

        Runs come by the slice; the others are few, and so many runs more are read.
        """
        others = await self._stated()
        skipped = max(0, part.offset - len(others))
        wanted = part.limit + part.offset - skipped
        key = self._detail.row.key
        rows = await self._browser.slice_writes(key, Slice(wanted, skipped))
        written = await self._written()
        if not written and not others and self._detail.first is not None:
            others = [(self._detail.first, (BARE, None))]
        runs: list[_Place] = [(_time(row), row) for row in rows]
        ahead = [each for each in others if skipped and runs and each[0] > runs[0][0]]
        behind = others[len(ahead) :] if runs or not skipped else []
        merged = sorted([*runs, *behind], key=lambda place: -place[0])
        start = part.offset - skipped - len(ahead)
        return merged[start : start + part.limit], written + len(others)

    async def _written(self) -> int:
        """How many runs wrote it. A run of which each event stands alone may take that back in an
        event that names only its job."""
        browser, key = self._browser, self._detail.row.key
        near = await browser.neighbours([key], now=False)
        writers = set(near[key][0]) if key in near else set()
        return await counted(self._memory.writes, browser, key, browser.count_writes, writers)

    async def _stated(self) -> list[_Place]:
        found = await self._browser.statings(self._detail.row.key)
        return [(each.time, (each.digest, each.position)) for each in found if not each.writes]

    def _name(self, place: _Place) -> str:
        _, made = place
        if isinstance(made, RunRow):
            return identity.written_version(self._node, made.job, made.record.run_id)
        return identity.stated_version(self._node, made[0])

    async def _made(self, places: Sequence[_Place]) -> list[DatasetVersion]:
        rows = [made for _, made in places if isinstance(made, RunRow)]
        await self._runs.learn_versions(rows)
        told = self._runs.told(rows)
        tags = (await self._views.known([self._detail]))[0].tags
        found = []
        for place in places:
            _, made = place
            run: Run | None = None
            used: dict[str, bytes] = {}
            if isinstance(made, RunRow):
                events = await anext(told)
                detail = history.fold_run(events)
                run = await self._runs.made(made, detail)
                for use in detail.outputs:
                    if use.node == self._node:
                        used = use.use_facets
                time = made.record.ended or _time(made)
            else:
                time, position = place[0], made[1]
                events = [] if position is None else await self._event(position)
            said = history.unite([history.fold_node(events, self._node)])
            if history.schema_of(said) is None:
                said = history.unite([await self._known_at(time), said])
            self._room.take(each.facet.body for each in said.values())
            found.append(self._version(self._name(place), time, said, used, run, tags))
        return found

    async def _known_at(self, time: int) -> Said:
        """What was known of the dataset when a run wrote it that says little of it itself."""
        found, _ = await self._log.facets(self._browser, self._detail.row.key, self._node, time)
        return found

    async def _event(self, position: int) -> Stamped:
        events, _ = await self._log.events(self._browser, [position])
        return events

    def _version(
        self,
        name: str,
        time: int,
        said: Said,
        used: dict[str, bytes],
        run: Run | None,
        tags: Sequence[Tag],
    ) -> DatasetVersion:
        gist, ours, facts = gist_of(said), ours_of(said), history.schema_of(said)
        digest = None if facts is None else facts.schema_digest
        members: dict[str, Any] = {
            "id": id_of(self._node),
            "name": self._node.name,
            "physical_name": ours.physical_name or self._node.name,
            "created_at": iso(time),
            "version": name,
            "namespace": self._node.namespace,
            "source_name": gist.source_name or DEFAULT_SOURCE,
            "fields": fields_of(said, tags),
            "tags": own_tags(tags),
            "lifecycle_state": gist.lifecycle,
            "description": gist.description,
            "current_schema_version": None
            if digest is None
            else identity.schema_version(self._node, digest),
            "created_by_run": run,
            "facets": dataset_facets(said, used),
        }
        if gist.type == STREAM:
            return StreamVersion(**members, schema_location=ours.schema_location)
        return DatasetVersion(**members)


def _time(row: RunRow) -> int:
    newest = row.record.newest
    return row.record.at or (0 if newest is None else stamp_time(newest))
