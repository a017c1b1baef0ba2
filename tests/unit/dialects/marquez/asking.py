"""A client of Marquez' reads that fails loudly, and events written short."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headwater.app import App
from tests.unit.dialects.serving import (
    PRODUCER,
    SPEC,
    Server,
    dataset,
    facet,
    run_event,
    schema,
    serving,
)

NAMESPACE, STOCK = "shop", "pg"
HOUR = 3600


def run_id(number: int) -> str:
    return f"{number:08d}-1111-7111-8111-111111111111"


def at(minutes: float) -> str:
    """A time so many minutes after 2026-11-13T08:00:00Z."""
    seconds = round(minutes * 60)
    return f"2026-11-13T{8 + seconds // HOUR:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}Z"


def event(
    number: int = 1,
    kind: str | None = "COMPLETE",
    minute: float = 0,
    job: str = "load",
    reads: tuple[Any, ...] = (),
    writes: tuple[Any, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """A run event; datasets may be given by name."""
    inputs, outputs = (
        tuple(dataset(each) if isinstance(each, str) else each for each in side)
        for side in (reads, writes)
    )
    made = run_event(run_id(number), kind or "", at(minute), job, inputs, outputs, **more)
    if kind is None:
        del made["eventType"]
    return made


def dataset_event(name: str, minute: float = 0, **facets: Any) -> dict[str, Any]:
    return {
        "eventTime": at(minute),
        "producer": PRODUCER,
        "schemaURL": SPEC + "DatasetEvent",
        "dataset": dataset(name, facets=facets),
    }


def job_event(
    name: str, minute: float = 0, reads: tuple[str, ...] = (), writes: tuple[str, ...] = (),
    **facets: Any,
) -> dict[str, Any]:  # fmt: skip
    return {
        "eventTime": at(minute),
        "producer": PRODUCER,
        "schemaURL": SPEC + "JobEvent",
        "job": {"namespace": NAMESPACE, "name": name, "facets": facets},
        "inputs": [dataset(each) for each in reads],
        "outputs": [dataset(each) for each in writes],
    }


def parent(job: str, run: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    return {"parent": facet(run={"runId": run}, job={"namespace": namespace, "name": job})}


def made_of(**columns: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """A column lineage facet: of each column the (dataset, column) pairs it is made of."""
    return {
        "columnLineage": facet(
            fields={
                name: {
                    "inputFields": [
                        {**dataset(source), "field": field, "transformations": [DIRECT]}
                        for source, field in sources
                    ]
                }
                for name, sources in columns.items()
            }
        )
    }


DIRECT = {"type": "DIRECT", "subtype": "IDENTITY", "description": "as it is", "masking": False}


class Marquez(Server):
    """Asks what Marquez' clients ask."""

    async def ask(self, path: str, status: int = 200, **params: Any) -> Any:
        response = await self.client.get(f"/api/v1/{path}", params=params or None)
        assert response.status_code == status, (path, response.status_code, response.text)
        return response.json() if response.content else None

    async def job(self, name: str = "load", status: int = 200) -> Any:
        return await self.ask(f"namespaces/{NAMESPACE}/jobs/{quote(name, safe='')}", status)

    async def runs(self, job: str = "load", **params: Any) -> Any:
        where = f"namespaces/{NAMESPACE}/jobs/{quote(job, safe='')}/runs"
        return await self.ask(where, **params)

    async def run(self, number: int = 1) -> Any:
        return await self.ask(f"jobs/runs/{run_id(number)}")

    async def dataset(self, name: str, namespace: str = STOCK, status: int = 200) -> Any:
        where = f"namespaces/{quote(namespace, safe='')}/datasets/{quote(name, safe='')}"
        return await self.ask(where, status)

    async def versions(self, name: str, **params: Any) -> Any:
        return await self.ask(f"namespaces/{STOCK}/datasets/{name}/versions", **params)

    async def lineage(self, node: str, status: int = 200, **params: Any) -> Any:
        answer = await self.ask("lineage", status, nodeId=node, **params)
        return answer if status != 200 else {each["id"]: each for each in answer["graph"]}

    async def columns(self, node: str, status: int = 200, **params: Any) -> Any:
        answer = await self.ask("column-lineage", status, nodeId=node, **params)
        return answer if status != 200 else {each["id"]: each for each in answer["graph"]}


def tell(folder: Path, story: Callable[[Marquez], Awaitable[None]], **settings: object) -> App:
    async def run() -> App:
        async with serving(folder, **settings) as (app, client):
            await story(Marquez(client))
            return app

    return asyncio.run(run())


__all__ = [
    "DIRECT", "NAMESPACE", "STOCK", "Marquez", "at", "dataset", "dataset_event", "event", "facet",
    "job_event", "made_of", "parent", "run_id", "schema", "tell",
]  # fmt: skip
