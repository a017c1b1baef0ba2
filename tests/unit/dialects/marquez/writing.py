"""A client of Marquez' writes that fails loudly."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from headwater import replay
from headwater.app import App
from headwater.dialects.openlineage.stored import StoredEvents
from headwater.stores.sqlite import open_store
from tests.unit.dialects.marquez.asking import Marquez
from tests.unit.dialects.serving import serving

FIELDS = [
    {"name": "id", "type": "BIGINT", "description": "which"},
    {"name": "mail", "type": "TEXT"},
]


class Writer(Marquez):
    """Sends what Marquez' clients send."""

    async def send(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        response = await self.client.request(method, f"/api/v1/{path}", json=body)
        assert response.status_code == status, (path, response.status_code, response.text)
        return response.json()

    async def put(self, path: str, status: int = 200, **body: Any) -> Any:
        return await self.send("PUT", path, body, status)

    async def made(self, path: str, status: int = 201, **body: Any) -> Any:
        return await self.send("POST", path, body, status)

    async def told(self, path: str, status: int = 200) -> Any:
        return await self.send("POST", path, status=status)

    async def delete(self, path: str, status: int = 200) -> Any:
        return await self.send("DELETE", path, status=status)

    async def shop(self) -> None:
        """A namespace with a source and two datasets."""
        await self.put("namespaces/shop", ownerName="me")
        await self.put("sources/db", type="POSTGRESQL", connectionUrl="jdbc:postgresql://db/shop")
        for name in ("orders", "totals"):
            await self.table(name)

    async def table(self, name: str, status: int = 200, **more: Any) -> Any:
        body = {"type": "DB_TABLE", "physicalName": f"public.{name}", "sourceName": "db"}
        return await self.put(
            f"namespaces/shop/datasets/{name}", status, **{**body, "fields": FIELDS, **more}
        )

    async def load(self, status: int = 200, **more: Any) -> Any:
        """A job that makes totals of orders."""
        inputs, outputs = ([{"namespace": "shop", "name": n}] for n in ("orders", "totals"))
        body = {"type": "BATCH", "inputs": inputs, "outputs": outputs, **more}
        return await self.put("namespaces/shop/jobs/load", status, **body)

    async def shown(self, path: str, status: int = 200, **params: Any) -> Any:
        return await self.ask(f"namespaces/shop/{path}", status, **params)


def write(folder: Path, story: Callable[[Writer], Awaitable[None]], **settings: object) -> App:
    """Tells a story, after which what the log implies equals what is stored."""

    async def run() -> App:
        async with serving(folder, **settings) as (app, client):
            await story(Writer(client))
            await _rebuilds(app, folder)
            return app

    return asyncio.run(run())


async def _rebuilds(app: App, folder: Path) -> None:
    decode = StoredEvents().decode
    verdict = await replay.verify(
        app.store, lambda _, body: decode(body), open_store, folder / "again.db", lambda *_: None
    )
    assert verdict.equal, verdict.differences
