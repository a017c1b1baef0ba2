"""Questions to the graph."""

from headwater import lineage
from headwater.auth.principal import Scope
from headwater.dialects.native import asked, differences, encode, graphs, params, reach, written
from headwater.dialects.native.asked import Asked
from headwater.dialects.native.differences import ContentDiffAnswer, DiffAnswer
from headwater.dialects.native.reach import RollupAnswer, RunGraphAnswer
from headwater.errors import InvalidParameter
from headwater.http.context import Context
from headwater.http.message import Request, Response, Route
from headwater.ids import FieldId, NodeId, NodeKind, RunRef
from headwater.lineage.graph import Graph
from headwater.store import Direction, Moment, Reader

PATHS = 100
"""How many paths an answer has where no limit is asked for."""


class Lineage:
    """Answers where data comes from and where it goes."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._clock = context.clock
        self._most = context.settings.graph_nodes

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                "GET",
                "/api/v2/lineage",
                self.lineage,
                "lineage",
                Scope.READ,
                "The lineage of a job, a dataset, a column or a run",
                params=asked.LINEAGE_PARAMS,
                answer=(graphs.GraphAnswer, RunGraphAnswer, RollupAnswer),
            ),
            Route(
                "GET",
                "/api/v2/impact",
                self.impact,
                "impact",
                Scope.READ,
                "All that a node reaches, as a flat list, nearest first",
                params=asked.IMPACT_PARAMS,
                answer=reach.ImpactAnswer,
            ),
            Route(
                "GET",
                "/api/v2/paths",
                self.paths,
                "paths",
                Scope.READ,
                "The ways from one node to another, with the evidence of each edge",
                params=asked.PATHS_PARAMS,
                answer=reach.PathsAnswer,
            ),
            Route(
                "GET",
                "/api/v2/diff",
                self.diff,
                "diff",
                Scope.READ,
                "What changed between two times, two runs or two job versions",
                params=asked.DIFF_PARAMS,
                answer=(DiffAnswer, ContentDiffAnswer),
            ),
        )

    def _read(self, request: Request, default: Direction = Direction.BOTH) -> Asked:
        return Asked.read(request, self._most, self._clock(), default)

    async def lineage(self, request: Request) -> Response:
        ask, text = self._read(request), asked.written(request, "node")
        columns, by = request.flag("columns"), asked.group(request)
        whose = params.node_text(request, "job")

        async def question(reader: Reader) -> bytes:
            start = await lineage.resolve(reader, ask.domain, text)
            if isinstance(start, RunRef):
                job = None
                if whose is not None:
                    job = await params.look_up(reader, ask.domain, whose, "job")
                run = (start.run_id, ask.direction, ask.depth, ask.limit, job)
                return encode.written(
                    reach.run_graph(await lineage.run_lineage(reader, ask.domain, *run))
                )
            found = await _graph(reader, ask, start, columns)
            if by is None:
                return written.graph(found)
            jobs = [
                node.ref
                for node in found.nodes
                if isinstance(node.ref, NodeId) and node.ref.kind is NodeKind.JOB
            ]
            parents = await lineage.job_parents(reader, ask.domain, jobs if by == "parent" else ())
            return encode.written(reach.rollup(lineage.rollup(found, by, parents)))

        return Response(200, await self._store.read(question))

    async def impact(self, request: Request) -> Response:
        ask, text = self._read(request, Direction.DOWN), asked.written(request, "node")

        async def question(reader: Reader) -> bytes:
            start = await asked.place(reader, ask.domain, text, "node")
            found = await lineage.impact(reader, ask.domain, start, *ask[1:])
            return encode.written(reach.impact(found))

        return Response(200, await self._store.read(question))

    async def paths(self, request: Request) -> Response:
        ask = self._read(request)
        limit = request.number("limit", min(PATHS, self._most), 1, self._most)
        source, target = (asked.written(request, name) for name in ("from", "to"))

        async def question(reader: Reader) -> reach.PathsAnswer:
            ends = (
                await asked.place(reader, ask.domain, source, "from"),
                await asked.place(reader, ask.domain, target, "to"),
            )
            if any(isinstance(end, FieldId) for end in ends):
                asked.need_columns(ends[0], "from")
                asked.need_columns(ends[1], "to")
            found = await lineage.paths(reader, ask.domain, *ends, ask.depth, ask.moment, limit)
            return reach.paths(found)

        return encode.answer(await self._store.read(question))

    async def diff(self, request: Request) -> Response:
        ask = self._read(request)
        runs, versions = asked.pair(request, "runs"), asked.pair(request, "versions")
        if runs is not None:
            return await self._diff_runs(request, ask, runs)
        if versions is not None:
            return await self._diff_versions(request, ask, versions)
        text, before = asked.written(request, "node"), params.time(request, "from")
        after = params.time(request, "to")
        if before is None:
            raise InvalidParameter("from", "is required, or `runs`, or `versions`")
        moments = (Moment(before), None if after is None else Moment(after))

        async def question(reader: Reader) -> DiffAnswer:
            start = await asked.place(reader, ask.domain, text, "node")
            around = (start, ask.direction, ask.depth, *moments, ask.limit)
            return differences.difference(await lineage.difference(reader, ask.domain, *around))

        return encode.answer(await self._store.read(question))

    async def _diff_runs(self, request: Request, ask: Asked, runs: tuple[str, str]) -> Response:
        whose = params.node_text(request, "job")

        async def question(reader: Reader) -> ContentDiffAnswer:
            job = None
            if whose is not None:
                job = await params.look_up(reader, ask.domain, whose, "job")
            found = await lineage.run_difference(reader, ask.domain, *runs, job, ask.limit)
            return differences.content(found)

        return encode.answer(await self._store.read(question))

    async def _diff_versions(
        self, request: Request, ask: Asked, versions: tuple[str, str]
    ) -> Response:
        text = asked.written(request, "node")
        a, b = map(asked.version, versions)

        async def question(reader: Reader) -> ContentDiffAnswer:
            job = await params.look_up(reader, ask.domain, text, "node")
            found = await lineage.version_difference(reader, ask.domain, job, a, b, ask.limit)
            return differences.content(found)

        return encode.answer(await self._store.read(question))


async def _graph(reader: Reader, ask: Asked, start: NodeId | FieldId, columns: bool) -> Graph:
    if columns or isinstance(start, FieldId):
        asked.need_columns(start, "columns")
        return await lineage.column_lineage(reader, ask.domain, start, *ask[1:])
    return await lineage.lineage(reader, ask.domain, start, *ask[1:])
