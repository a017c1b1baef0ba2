"""Liveness, readiness and metrics: open to all, so they name nothing that is stored."""

from headwater.errors import HeadwaterError
from headwater.http.context import Context
from headwater.http.message import Dialect, ErrorRenderer, Request, Response, Route, json_response
from headwater.ingest import Ingest
from headwater.store import Store
from headwater.telemetry import Telemetry

_METRICS = b"text/plain; version=0.0.4; charset=utf-8"
_NOT_CACHED = ((b"cache-control", b"no-store"),)


def dialect(context: Context, error: ErrorRenderer) -> Dialect:
    """The routes of operation, those that Marquez has on a port of its own among them."""
    health = _Health(context.store, context.ingest, context.telemetry)
    routes = (
        Route("GET", "/healthz", health.alive, "health", None, "Whether the process answers."),
        Route("GET", "/readyz", health.ready, "ready", None, "Whether events can be taken."),
        Route(
            "GET",
            "/healthcheck",
            health.check,
            "healthcheck",
            None,
            "Whether the database answers, as Marquez says it.",
        ),
        Route("GET", "/ping", health.ping, "ping", None, "Whether the process answers: `pong`."),
        Route("GET", "/metrics", health.metrics, "metrics", None, "Figures for Prometheus."),
    )
    return Dialect("health", routes, error)


class _Health:
    def __init__(self, store: Store, ingest: Ingest, telemetry: Telemetry) -> None:
        self._store = store
        self._ingest = ingest
        self._telemetry = telemetry

    async def alive(self, request: Request) -> Response:
        return json_response({"status": "alive"}, headers=_NOT_CACHED)

    async def ready(self, request: Request) -> Response:
        """200 when an event sent now would be taken; else 503, naming what is in the way."""
        checks = {"store": await self._store_state(), "queue": "ok"}
        if self._ingest.full:
            checks["queue"] = "full"
        ready = all(state == "ok" for state in checks.values())
        answer = {"status": "ready" if ready else "not ready", "checks": checks}
        headers = _NOT_CACHED if ready else (*_NOT_CACHED, (b"retry-after", b"1"))
        return json_response(answer, 200 if ready else 503, headers)

    async def check(self, request: Request) -> Response:
        state = await self._store_state()
        answer = {"store": {"healthy": state == "ok", "message": state}}
        return json_response(answer, 200 if state == "ok" else 500, _NOT_CACHED)

    async def ping(self, request: Request) -> Response:
        return Response(200, b"pong\n", b"text/plain; charset=utf-8", _NOT_CACHED)

    async def metrics(self, request: Request) -> Response:
        try:
            facts = await self._store.facts()
        except HeadwaterError:
            facts = {}  # what is counted here is told even while the database is away
        return Response(200, self._telemetry.render(facts), _METRICS, _NOT_CACHED)

    async def _store_state(self) -> str:
        try:
            await self._store.ping()
        except HeadwaterError as error:
            return error.message
        return "ok"
