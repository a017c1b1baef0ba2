"""Jobs and their versions in Marquez' shape."""

from collections.abc import Iterable, Mapping, Sequence

from headwater.dialects.marquez import identity, shelf
from headwater.dialects.marquez.known import KnownJob, Parent
from headwater.dialects.marquez.objects import EntityId, Job, JobVersion, Run, VersionId
from headwater.dialects.marquez.questions import Question
from headwater.dialects.marquez.runs import RunViews
from headwater.dialects.marquez.runs import facets as shown_facets
from headwater.dialects.marquez.tags import own_tags
from headwater.dialects.marquez.times import iso
from headwater.event import Gist
from headwater.ids import Key, NodeId
from headwater.records import Content
from headwater.store import NodeDetail, RunRow

LATEST = 10
TYPES = {"STREAMING": "STREAM", "STREAM": "STREAM", "SERVICE": "SERVICE"}


class JobViews:
    """Makes the jobs of one answer."""

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        self._browser = asked.browser
        self.runs = RunViews(asked)

    async def jobs(self, details: Sequence[NodeDetail]) -> list[Job]:
        """Jobs as lists show them: runs without their facets and dataset versions."""
        kept = self._asked.memory.jobs
        portraits = await kept.fresh(self._browser, [each.row.key for each in details])
        missing = [each for each in details if each.row.key not in portraits]
        if missing:
            position = await self._browser.position()
            for key, portrait in (await self._portraits(missing, whole=False)).items():
                portraits[key] = portrait
                if portrait.settled:
                    kept.keep(position, key, portrait, portrait.weight)
        return await self._made(details, portraits)

    async def job(self, detail: NodeDetail) -> Job:
        """A job with all that is known of its runs."""
        portraits = await self._portraits([detail], whole=True)
        return (await self._made([detail], portraits))[0]

    async def _portraits(
        self, details: Sequence[NodeDetail], *, whole: bool
    ) -> dict[Key, KnownJob]:
        keys = [detail.row.key for detail in details]
        rows = await self._browser.newest_runs(keys, LATEST)
        near = await self._browser.neighbours(keys, now=True)
        said = await shelf.facets(
            self._browser, self._asked.log, {each.row.key: each.row.node for each in details}
        )
        make = self.runs.whole if whole else self.runs.brief
        await self.runs.learn_versions([row for each in rows.values() for row in each])
        found: dict[Key, KnownJob] = {}
        for detail in details:
            mine = rows.get(detail.row.key, [])
            found[detail.row.key] = KnownJob(
                Parent(detail.row.node, mine[0].parent_job if mine else None),
                tuple(await make(mine)),
                shown_facets({n: s.facet.body for n, s in said[detail.row.node].items()}),
                await self._current(detail, mine),
                near[detail.row.key],
                all(row.record.newest is not None for row in mine),
            )
        return found

    async def _made(
        self, details: Sequence[NodeDetail], portraits: Mapping[Key, KnownJob]
    ) -> list[Job]:
        ends = {key for each in portraits.values() for side in each.near for key in side}
        rows = await self._browser.nodes(ends)
        shown = {key: _id(row.node) for key, row in rows.items() if row.hidden_at is None}
        return [_job(each, portraits[each.row.key], shown) for each in details]

    async def _current(self, detail: NodeDetail, rows: Iterable[RunRow]) -> str | None:
        """The version of the newest run that has one; else of what is declared."""
        for row in rows:
            version = self.runs.version(row)
            if version is not None:
                return version
        stated = (await self._browser.stated((detail.row.key,), None)).get(detail.row.key, ())
        for each in stated:
            if each.declared:
                inputs, outputs = await self._nodes(each.content)
                return identity.job_version(detail.row.node, inputs, outputs)
        return None

    async def _nodes(self, content: Content) -> tuple[list[NodeId], list[NodeId]]:
        nodes = await self._browser.nodes({*content.inputs, *content.outputs})
        inputs, outputs = (
            [nodes[key].node for key in side] for side in (content.inputs, content.outputs)
        )
        return inputs, outputs

    async def versions(self, detail: NodeDetail) -> list[JobVersion]:
        """All versions of a job, newest first."""
        key, node = detail.row.key, detail.row.node
        streaming = type_of(detail.gist) == "STREAM"
        ask = self._browser.versions if streaming else self._browser.ended_versions
        stated: list[tuple[int, Content, RunRow | None]] = []
        rows = await ask(key)
        contents = await self._browser.contents((key, digest) for digest, *_ in rows)
        for digest, _, first, _ in rows:
            run = await self._browser.newest_run_of(key, digest)
            stated.append((first, contents[key, digest], run))
        declared = (await self._browser.stated((key,), None)).get(key, ())
        stated += [(detail.last or 0, each.content, None) for each in declared if each.declared]
        found: dict[str, JobVersion] = {}
        for time, content, row in sorted(stated, key=lambda item: item[0]):
            inputs, outputs = await self._nodes(content)
            version = identity.job_version(node, inputs, outputs)
            runs = await self.runs.whole([] if row is None else [row])
            known = found.get(version)
            found[version] = JobVersion(
                id=VersionId(node.namespace, node.name, version),
                name=node.name,
                created_at=iso(time) if known is None else known.created_at,
                version=version,
                namespace=node.namespace,
                location=detail.gist.location,
                inputs=_sorted({_id(each) for each in inputs}),
                outputs=_sorted({_id(each) for each in outputs}),
                latest_run=runs[0] if runs else known.latest_run if known is not None else None,
            )
        return list(found.values())[::-1]


def _job(
    detail: NodeDetail,
    portrait: KnownJob,
    shown: Mapping[Key, EntityId],
) -> Job:
    node, gist, runs = detail.row.node, detail.gist, portrait.runs
    created, updated = times(detail, runs)
    inputs, outputs = (
        _sorted(shown[key] for key in side if key in shown) for side in portrait.near
    )
    return Job(
        id=_id(node),
        type=type_of(gist),
        name=node.name,
        simple_name=portrait.parent.simple_name,
        parent_job_name=portrait.parent.name,
        parent_job_uuid=portrait.parent.uuid,
        created_at=created,
        updated_at=updated,
        namespace=node.namespace,
        inputs=inputs,
        outputs=outputs,
        location=gist.location,
        description=gist.description,
        latest_run=runs[0] if runs else None,
        latest_runs=runs or None,
        facets=portrait.facets,
        current_version=portrait.version,
        labels=tuple(label for label in (gist.type, gist.integration) if label),
        tags=own_tags(gist.tags),
    )


def times(detail: NodeDetail, runs: Sequence[Run]) -> tuple[str, str]:
    """When a job was first and last stated; one that only others name, by its runs."""
    if detail.first is not None and detail.last is not None:
        return iso(detail.first), iso(detail.last)
    created = min((run.created_at for run in runs), default=iso(0))
    return created, max((run.updated_at for run in runs), default=iso(0))


def type_of(gist: Gist) -> str:
    return TYPES.get(gist.processing or "", "BATCH")


def _id(node: NodeId) -> EntityId:
    return EntityId(node.namespace, node.name)


def _sorted(ids: Iterable[EntityId]) -> tuple[EntityId, ...]:
    return tuple(sorted(ids, key=lambda each: (each.namespace, each.name)))
