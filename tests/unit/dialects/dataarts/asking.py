"""The dialect in process, on an open server."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from headwater.app import App
from tests.unit.dialects.serving import serving

PROJECT, WORKSPACE = "p1", "w1"
CREATE = f"/v1/{PROJECT}/lineage/lineage-info"
HEADERS = {"workspace": WORKSPACE, "instance": WORKSPACE}


class Desk:
    """A client of an application."""

    def __init__(self, app: App, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client

    async def ask(self, method: str, path: str, body: object = b"", **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.request(method, path, content=raw, headers=HEADERS | headers)

    async def create(self, body: object, status: int = 200, **headers: str) -> Any:
        answer = await self.ask("POST", CREATE, body, **headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        answer = await self.client.get(path, params=params, headers=HEADERS)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def guid(self, name: str) -> str:
        search = {"query": name, "type_names": [], "limit": 100}
        answer = await self.ask("POST", f"/v3/{PROJECT}/asset/entities/search", search)
        found = [each for each in answer.json()["entities"] if each["display_text"] == name]
        guid: str = found[0]["guid"]
        return guid

    async def stored(self) -> list[bytes]:
        """The bodies of the log, in its order."""
        return [event.body async for event in self.app.store.log()]


def tell(folder: Path, story: Callable[[Desk], Awaitable[None]], **settings: object) -> None:
    async def run() -> None:
        async with serving(folder, **settings) as (app, client):
            await story(Desk(app, client))

    asyncio.run(run())


def table(name: str) -> dict[str, Any]:
    return {"catalog": "", "database": "db", "schema": "", "table": name}


def column(name: str, field: str) -> dict[str, Any]:
    return {"database": "db", "schema": "", "table": name, "column": field}


def request(node: str, inputs: list[str], outputs: list[str], **more: Any) -> dict[str, Any]:
    lineage = {
        "input_tables": [table(name) for name in inputs],
        "output_tables": [table(name) for name in outputs],
        **more.pop("lineage", {}),
    }
    return {
        "job_id": "job",
        "node_name": node,
        "connection_id": "c1",
        "table_lineage": lineage,
    } | more
