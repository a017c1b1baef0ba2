"""Jobs and their versions in Marquez' shape."""

from collections.abc import Iterable, Sequence

from headwater.dialects.marquez import identity, shelf
from headwater.dialects.marquez.objects import EntityId, Job, JobVersion, Run, VersionId
from headwater.dialects.marquez.runs import RunViews
from headwater.dialects.marquez.runs import facets as shown_facets
from headwater.dialects.marquez.times import iso
from headwater.dialects.openlineage.log import Log
from headwater.event import Gist
from headwater.ids import Key, NodeId, is_job
from headwater.records import Content
from headwater.slices import Browser
from headwater.store import Direction, NodeDetail, RunRow

LATEST = 10
TYPES = {"STREAMING": "STREAM", "STREAM": "STREAM", "SERVICE": "SERVICE"}


class Parent:
    """What the parent of a job makes of its name."""

    def __init__(self, job: NodeId, parent: NodeId | None) -> None:
        self.job: NodeId | None = parent
        self.simple_name = job.name
        if parent is None:
            return
        name = parent.name
        if parent.name == job.name:  # such a facet means the part before the last dot
            name = job.name.rpartition(".")[0]
            self.job = NodeId(job.kind, parent.namespace, name) if name else None
        if name and job.name.startswith(f"{name}.") and len(job.name) > len(name) + 1:
            self.simple_name = job.name[len(name) + 1 :]

    @property
    def name(self) -> str | None:
        return None if self.job is None else self.job.name

    @property
    def uuid(self) -> str | None:
        return None if self.job is None else identity.entity_uuid(self.job)


class JobViews:
    """Makes the jobs of one answer."""

    def __init__(self, browser: Browser, log: Log, domain: str) -> None:
        self._browser = browser
        self._log = log
        self._domain = domain
        self.runs = RunViews(browser, log, domain)

    async def jobs(self, details: Sequence[NodeDetail], *, whole: bool) -> list[Job]:
        """Args: whole: runs with their facets and dataset versions."""
        keys = [detail.row.key for detail in details]
        rows = await self._browser.newest_runs(keys, LATEST)
        sides = await self.sides(keys)
        said = await shelf.facets(
            self._browser, self._log, {each.row.key: each.row.node for each in details}
        )
        make = self.runs.whole if whole else self.runs.brief
        await self.runs.learn_versions([row for each in rows.values() for row in each])
        found = []
        for detail in details:
            mine = rows.get(detail.row.key, [])
            runs = await make(mine)
            facets = {name: each.facet.body for name, each in said[detail.row.node].items()}
            version = await self._current(detail, mine)
            found.append(self._job(detail, mine, runs, sides[detail.row.key], facets, version))
        return found

    def _job(
        self,
        detail: NodeDetail,
        rows: Sequence[RunRow],
        runs: Sequence[Run],
        sides: tuple[tuple[EntityId, ...], tuple[EntityId, ...]],
        facets: dict[str, bytes],
        version: str | None,
    ) -> Job:
        node, gist = detail.row.node, detail.gist
        parent = Parent(node, rows[0].parent_job if rows else None)
        created, updated = times(detail, runs)
        return Job(
            id=EntityId(node.namespace, node.name),
            type=type_of(gist),
            name=node.name,
            simple_name=parent.simple_name,
            parent_job_name=parent.name,
            parent_job_uuid=parent.uuid,
            created_at=created,
            updated_at=updated,
            namespace=node.namespace,
            inputs=sides[0],
            outputs=sides[1],
            location=gist.location,
            description=gist.description,
            latest_run=runs[0] if runs else None,
            latest_runs=tuple(runs) or None,
            facets=shown_facets(facets),
            current_version=version,
            labels=tuple(label for label in (gist.type, gist.integration) if label),
            tags=tuple(sorted({tag.key for tag in gist.tags})),
        )

    async def sides(
        self, jobs: Sequence[Key]
    ) -> dict[Key, tuple[tuple[EntityId, ...], tuple[EntityId, ...]]]:
        """What each job reads and writes now, by name."""
        wanted = set(jobs)
        edges = await self._browser.edges(jobs, Direction.BOTH, None)
        ends = {key for edge in edges for key in (edge.source, edge.target) if not is_job(key)}
        nodes = await self._browser.nodes(ends)
        reads: dict[Key, set[EntityId]] = {key: set() for key in jobs}
        writes: dict[Key, set[EntityId]] = {key: set() for key in jobs}
        for edge in edges:
            for side, near, far in (
                (reads, edge.target, edge.source),
                (writes, edge.source, edge.target),
            ):
                if near in wanted and far in nodes and nodes[far].hidden_at is None:
                    side[near].add(_id(nodes[far].node))
        return {key: (_sorted(reads[key]), _sorted(writes[key])) for key in jobs}

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
