"""`GET /runlineage/upstream`: the runs that made what a run read, and so on."""

from headwater import history
from headwater.auth.principal import Scope
from headwater.dialects.marquez import identity, params
from headwater.dialects.marquez.graphs import (
    UpstreamAnswer,
    UpstreamInput,
    UpstreamJob,
    UpstreamRun,
    UpstreamRunData,
)
from headwater.dialects.marquez.questions import Asker, Question, required
from headwater.dialects.marquez.runs import STATES, RunViews
from headwater.dialects.marquez.times import maybe
from headwater.http.message import Param, Request, Response, Route, json_response
from headwater.ids import Key
from headwater.store import RunRow

MOST = 10_000


class Upstream:
    """Answers which runs fed a run."""

    def __init__(self, ask: Asker) -> None:
        self._ask = ask

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/api/v1/runlineage/upstream", self.upstream, "marquez_run_upstream",
                  Scope.READ, "The runs that made what a run read, by depth",
                  params=(Param("runId", params.TEXT, "The run.", required=True), params.DEPTHS),
                  answer=UpstreamAnswer),
        )
        # fmt: on

    async def upstream(self, request: Request) -> Response:
        run_id, depth = required(request, "runId"), params.depth(request)

        async def question(asked: Question) -> UpstreamAnswer:
            frontier = [await asked.run(run_id)]
            views = RunViews(asked)
            seen = {_name(row) for row in frontier}
            found: list[UpstreamRun] = []
            for _ in range(depth + 1):
                following: list[RunRow] = []
                await views.learn_versions(frontier)
                for row in frontier:
                    run, makers = await _upstream(views, row)
                    found.append(run)
                    for maker in makers:
                        if _name(maker) not in seen and len(seen) < MOST:
                            seen.add(_name(maker))
                            following.append(maker)
                frontier = following
            return UpstreamAnswer(tuple(found))

        return json_response(await self._ask(request, question))


async def _upstream(views: RunViews, row: RunRow) -> tuple[UpstreamRun, list[RunRow]]:
    detail = history.fold_run(await views.events(row))
    inputs: list[UpstreamInput] = []
    makers: list[RunRow] = []
    for use in detail.inputs:
        version, made = await views.read_version(row, use.node)
        maker = None if made is None else identity.run_uuid(made.record.run_id)
        inputs.append(UpstreamInput(use.node.namespace, use.node.name, version, maker))
        if made is not None:
            makers.append(made)
    record = row.record
    run = UpstreamRun(
        UpstreamJob(row.job.namespace, row.job.name, views.version(row)),
        UpstreamRunData(
            identity.run_uuid(record.run_id),
            maybe(record.started),
            maybe(record.ended),
            STATES[record.state],
        ),
        tuple(inputs),
    )
    return run, makers


def _name(row: RunRow) -> tuple[Key, str]:
    return row.record.job, row.record.run_id
