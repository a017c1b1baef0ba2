"""Lists of runs, and one run with all that its events add up to."""

from collections.abc import Sequence

import msgspec

from headwater import history
from headwater.auth.principal import Scope
from headwater.dialects.native import encode, params, views
from headwater.dialects.openlineage.log import Log
from headwater.errors import InvalidParameter, NotFound
from headwater.http.context import Context
from headwater.http.message import Param, Request, Response, Route
from headwater.ids import fold_run_id
from headwater.store import Reader, RunFilter, RunRow

STATES = ("NEW", "RUNNING", "COMPLETE", "FAIL", "ABORT")
EVENTS = 10_000
"""How many events of a run are folded at most."""

_TEXT: dict[str, object] = {"type": "string"}
_STATE: dict[str, object] = {"type": "array", "items": {"type": "string", "enum": list(STATES)}}
_FOLDED: dict[str, object] = {
    "type": "integer", "minimum": 1, "maximum": 10 * EVENTS, "default": EVENTS
}  # fmt: skip


class Runs:
    """Answers what is known of runs."""

    def __init__(self, context: Context, log: Log) -> None:
        self._store = context.store
        self._log = log

    def routes(self) -> tuple[Route, ...]:
        # fmt: off
        return (
            Route("GET", "/api/v2/runs", self.list, "list_runs", Scope.READ,
                  "The runs, newest start first",
                  params=(
                      *params.LISTED, params.NAMESPACE, *params.WINDOW,
                      Param("job", _TEXT, "Only runs of this job."),
                      Param("state", _STATE, "Only runs in one of these states."),
                      Param("parent", _TEXT, "Only runs whose parent has this run id."),
                  ), answer=views.Page[views.RunItem]),
            Route("GET", "/api/v2/runs/{run_id}", self.show, "show_run", Scope.READ,
                  "A run with its facets, inputs and outputs",
                  params=(
                      Param("job", _TEXT, "Which job's run, where several share the id."),
                      Param("events", _FOLDED, "How many of its newest events to fold."),
                  ), answer=views.RunAnswer),
        )
        # fmt: on

    async def list(self, request: Request) -> Response:
        domain = params.domain_of(request)
        page = params.page(request, tuple[int, str, bytes])
        job = params.node_text(request, "job")
        parent = request.text("parent")
        where = RunFilter(
            namespace=request.text("namespace"),
            states=_states(request),
            parent=None if parent is None else fold_run_id(parent),
            since=params.time(request, "since"),
            until=params.time(request, "until"),
        )

        async def question(reader: Reader) -> Sequence[RunRow]:
            wanted = where
            if job is not None:
                ref = await params.look_up(reader, domain, job, "job")
                wanted = msgspec.structs.replace(where, job=ref.key(domain))
            return await reader.list_runs(domain, wanted, page)

        rows = await self._store.read(question)
        items = [encode.run(row) for row in rows]
        cursors = [(row.record.at or 0, row.record.run_id, row.record.job) for row in rows]
        return encode.answer(encode.page(items, page.limit - 1, cursors))

    async def show(self, request: Request) -> Response:
        domain, run_id = params.domain_of(request), fold_run_id(request.path[0])
        text = params.node_text(request, "job")
        most = request.number("events", EVENTS, 1, 10 * EVENTS)

        async def question(reader: Reader) -> views.RunAnswer:
            rows = await reader.runs(domain, run_id)
            job = None if text is None else await params.look_up(reader, domain, text, "job")
            wanted = [row for row in rows if job is None or row.job == job]
            if not wanted:
                raise NotFound(f"no run {run_id!r} is known")
            row = wanted[0]
            positions = await reader.run_events(row.record.job, run_id)
            newest = sorted(positions, reverse=True)[:most]
            events, whole = await self._log.events(reader, newest)
            return encode.run_detail(
                row,
                history.fold_run(events),
                len(positions),
                len(positions) > most or not whole,
                [other for other in rows if other is not row],
            )

        return encode.answer(await self._store.read(question))


def _states(request: Request) -> tuple[str, ...]:
    states = tuple(word.upper() for word in params.words(request, "state"))
    for state in states:
        if state not in STATES:
            raise InvalidParameter("state", f"{state!r} is not one of {', '.join(STATES)}")
    return states
