"""Health: alive always, ready only when an event would be taken, metrics whatever happens."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import cast

from headwater.app import context_of
from headwater.errors import Unavailable
from headwater.http import health
from headwater.http.message import Request, Response, json_response
from headwater.ingest import Ingest
from headwater.settings import Settings
from headwater.store import Store
from headwater.stores.sqlite import codec, open_store
from headwater.telemetry import Telemetry


class Away:
    """A store whose database is away."""

    pack = staticmethod(codec.pack)

    async def ping(self) -> None:
        raise Unavailable("the disk is full")

    async def facts(self) -> Mapping[str, int]:
        raise Unavailable("the disk is full")


def error(request: Request, error: Exception) -> Response:
    return json_response({}, 500)


def ask(path: str, store: Store, queue_events: int = 10) -> Awaitable[Response]:
    telemetry = Telemetry()
    ingest = Ingest(store, telemetry, queue_events)
    context = context_of(Settings.load({}), store, ingest, telemetry)
    routes = {route.path: route for route in health.dialect(context, error).routes}
    assert routes[path].scope is None
    return routes[path].handler(Request("GET", path.encode(), b"", {}, "id"))


def with_store(folder: Path, story: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        store = await open_store(folder / "x.db")
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(run())


def test_a_working_server_is_ready(tmp_path: Path) -> None:
    async def story(store: Store) -> None:
        assert (await ask("/healthz", store)).status == 200
        ready = await ask("/readyz", store)
        assert (ready.status, json.loads(ready.body)["status"]) == (200, "ready")
        assert b"headwater_database_bytes" in (await ask("/metrics", store)).body

    with_store(tmp_path, story)


def test_a_full_queue_is_named(tmp_path: Path) -> None:
    async def story(store: Store) -> None:
        answer = await ask("/readyz", store, queue_events=0)
        assert answer.status == 503
        assert json.loads(answer.body)["checks"] == {"store": "ok", "queue": "full"}

    with_store(tmp_path, story)


def test_a_database_that_is_away_is_named() -> None:
    store = cast(Store, Away())
    assert asyncio.run(_status("/healthz", store)) == 200
    answer = asyncio.run(_answer("/readyz", store))
    assert (answer.status, dict(answer.headers)[b"retry-after"]) == (503, b"1")
    assert json.loads(answer.body)["checks"]["store"] == "the disk is full"
    assert asyncio.run(_status("/metrics", store)) == 200


async def _answer(path: str, store: Store) -> Response:
    return await ask(path, store)


async def _status(path: str, store: Store) -> int:
    return (await ask(path, store)).status
