"""A whole application over a database in a folder, asked without a socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from headwater.app import App, create_app
from headwater.settings import Settings

PRODUCER = "https://example.com/shop"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"


@asynccontextmanager
async def serving(folder: Path, **settings: object) -> AsyncIterator[tuple[App, httpx.AsyncClient]]:
    """The application and a client of it."""
    loaded = Settings.load({}, database=str(folder / "hw.db"), access_log=False, **settings)
    app = await create_app(loaded)
    transport = httpx.ASGITransport(app=app.asgi)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://hw") as client:
            yield app, client
    finally:
        await app.close()


def run_event(
    run: str = "11111111-1111-7111-8111-111111111111",
    kind: str = "COMPLETE",
    time: str = "2026-11-13T08:30:00Z",
    job: str = "load",
    inputs: tuple[dict[str, Any], ...] = (),
    outputs: tuple[dict[str, Any], ...] = (),
    **more: Any,
) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventTime": time,
        "producer": PRODUCER,
        "schemaURL": SPEC + "RunEvent",
        "run": {"runId": run, "facets": more.pop("run_facets", {})},
        "job": {"namespace": "shop", "name": job, "facets": more.pop("job_facets", {})},
        "inputs": list(inputs),
        "outputs": list(outputs),
        **more,
    }


def facet(**members: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": "https://example.com/facet.json", **members}


def dataset(name: str, namespace: str = "pg", **more: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, **more}


def schema(*columns: str) -> dict[str, Any]:
    return {"schema": facet(fields=[{"name": name, "type": "TEXT"} for name in columns])}


def encoded(event: object) -> bytes:
    return json.dumps(event).encode()


class Server:
    """A client that fails loudly."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def post(self, *events: object) -> list[str]:
        ids = []
        for event in events:
            response = await self.client.post("/api/v1/lineage", content=encoded(event))
            assert response.status_code == 200, response.text
            ids.append(response.json()["id"])
        return ids

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        response = await self.client.get(f"/api/v2/{path}", params=params or None)
        assert response.status_code == status, response.text
        return response.json()


def tell(folder: Path, story: Callable[[Server], Awaitable[None]], **settings: object) -> None:
    async def run() -> None:
        async with serving(folder, **settings) as (_, client):
            await story(Server(client))

    asyncio.run(run())
