"""POST of runs and of their transitions."""

import uuid
from typing import NamedTuple

from headwater.auth.principal import Scope
from headwater.dialects.marquez import bodies, params, statements, times
from headwater.dialects.marquez.entities import JOB, show_run
from headwater.dialects.marquez.objects import Run
from headwater.dialects.marquez.questions import Asker, Question
from headwater.dialects.marquez.writes import declared_sides, require_namespace
from headwater.dialects.openlineage.authored import Author
from headwater.errors import Conflict, InvalidRequest
from headwater.http.message import Handler, Param, Request, Response, Route, json_response
from headwater.ids import NodeId

RUNS = "/api/v1/jobs/runs"
TRANSITIONS = {"start": "START", "complete": "COMPLETE", "fail": "FAIL", "abort": "ABORT"}
_AT = Param("at", params.TEXT, "When it happened, ISO-8601; now, where it is left out.")


class _Going(NamedTuple):
    """A run, and what its job says that every run of it reads and writes."""

    job: NodeId
    run_id: str
    processing: str | None
    inputs: tuple[NodeId, ...]
    outputs: tuple[NodeId, ...]


class Running:
    """Takes what Marquez' clients tell of runs."""

    def __init__(self, ask: Asker, author: Author) -> None:
        self._ask = ask
        self._author = author

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        moves = tuple(
            Route("POST", f"{RUNS}/{{id}}/{word}", self._mover(kind), f"marquez_{word}_run",
                  Scope.WRITE, f"A run's {kind} event", params=(_AT,), answer=Run)
            for word, kind in TRANSITIONS.items()
        )
        return (
            Route("POST", f"{JOB}/runs", self.create, "marquez_create_run", Scope.WRITE,
                  "Announce a run; it is NEW until it starts", body=True, answer=Run,
                  request_type=bodies.RunBody),
            *moves,
        )
        # fmt: on

    async def create(self, request: Request) -> Response:
        namespace, name = request.path
        body = bodies.read(request, bodies.RunBody) if request.body else bodies.RunBody()
        run_id = str(uuid.uuid4()) if body.id is None else bodies.run_id(body.id)
        facets = statements.run_facets(body)

        async def before(asked: Question) -> _Going:
            await require_namespace(asked, namespace)
            found = await asked.job(namespace, name)
            if await asked.browser.runs(asked.domain, run_id):
                raise _exists(run_id)
            return _Going(found.row.node, run_id, found.gist.processing, (), ())

        going = await self._ask(request, before)
        said = statements.RunSaid(going.job, run_id, going.processing)
        event = said.event(self._author.now(), facets=facets)
        await self._announce(params.domain_of(request), run_id, event)
        run = await self._shown(request, run_id)
        location = (b"location", f"{RUNS}/{run_id}".encode())
        return json_response(run, 201, (location,))

    async def _announce(self, domain: str, run_id: str, event: statements.Event) -> None:
        """Of several that announce the same run at once, one succeeds."""
        try:
            (receipt,) = await self._author.write(domain, event, token=f"marquez-run-{run_id}")
        except Conflict as error:
            raise _exists(run_id) from error
        if receipt.repeated:
            raise _exists(run_id)

    def _mover(self, kind: str) -> Handler:
        async def move(request: Request) -> Response:
            (text,) = request.path
            at = request.text("at")
            time = self._author.now() if at is None else times.parse(at, "at")

            async def before(asked: Question) -> _Going:
                row = await asked.run(text)
                job = (await asked.browser.details((row.record.job,))).get(row.record.job)
                sides = await declared_sides(asked, row.job)
                processing = None if job is None else job.gist.processing
                return _Going(row.job, row.record.run_id, processing, *sides)

            going = await self._ask(request, before)
            said = statements.RunSaid(going.job, going.run_id, going.processing)
            event = said.event(time, kind, going.inputs, going.outputs)
            await self._author.write(params.domain_of(request), event)
            return json_response(await self._shown(request, going.run_id))

        return move

    async def _shown(self, request: Request, run_id: str) -> Run:
        async def question(asked: Question) -> Run:
            return await show_run(asked, run_id)

        return await self._ask(request, question)


def _exists(run_id: str) -> InvalidRequest:
    return InvalidRequest(f"Run '{run_id}' already exists.")
