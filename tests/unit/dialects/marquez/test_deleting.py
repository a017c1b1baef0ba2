"""Deletes; acceptance rows by number."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headwater.auth.apikeys import create_key, token_of
from headwater.auth.principal import Scope
from tests.unit.dialects.marquez.asking import NAMESPACE, dataset_event, event, run_id
from tests.unit.dialects.marquez.writing import Writer, write
from tests.unit.dialects.serving import dataset, run_event, serving


async def names(client: Writer, kind: str) -> list[str]:
    return [each["name"] for each in (await client.shown(kind))[kind]]


async def told_again(client: Writer, job: str, *writes: str) -> None:
    """An event of now, which is after all that was deleted."""
    outputs = tuple(dataset(each, NAMESPACE) for each in writes)
    await client.post(run_event(run_id(7), "START", soon(), job, outputs=outputs))


def soon(minutes: int = 1) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_5_a_namespace(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load()
        shown = await client.delete("namespaces/shop")
        assert (shown["name"], shown["ownerName"], shown["isHidden"]) == ("shop", "me", False)
        listed = {each["name"]: each for each in (await client.ask("namespaces"))["namespaces"]}
        assert listed["shop"]["isHidden"] is True
        assert listed["shop"]["ownerName"] == "me"
        assert await client.shown("jobs") == {"jobs": [], "totalCount": 0}
        assert await client.shown("datasets") == {"datasets": [], "totalCount": 0}
        await client.shown("datasets/orders", 404)
        assert (await client.get("namespaces"))["items"] == []

        await told_again(client, "load", "totals")
        assert (await client.ask("namespaces/shop"))["isHidden"] is False
        assert await names(client, "jobs") == ["load"]
        assert await names(client, "datasets") == ["totals"]
        await client.shown("datasets/orders", 404)

        await client.delete("namespaces/shop")
        made = await client.put("namespaces/shop", ownerName="you")
        assert (made["isHidden"], made["ownerName"]) == (False, "you")
        assert await names(client, "datasets") == []

    write(tmp_path, story)


def test_5_a_namespace_that_only_events_named(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.post(event(1, writes=("a", "b")), dataset_event("c"))
        assert (await client.delete("namespaces/pg"))["ownerName"] == "anonymous"
        assert (await client.ask("namespaces/pg"))["isHidden"] is True
        assert (await client.ask("namespaces/pg/datasets"))["totalCount"] == 0
        assert (await client.job())["outputs"] == []

    write(tmp_path, story)


def test_41_a_job(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        before = await client.load()
        run = await client.made("namespaces/shop/jobs/load/runs")
        before = await client.shown("jobs/load")
        assert await client.delete("namespaces/shop/jobs/load") == before
        said = {"code": 404, "message": "Job 'load' not found."}
        assert await client.shown("jobs/load", 404) == said
        assert await client.delete("namespaces/shop/jobs/load", 404) == said
        assert await names(client, "jobs") == []
        assert (await client.ask("jobs"))["totalCount"] == 0
        assert (await client.ask("search", q="load"))["results"] == []
        await client.lineage("job:shop:load", 404)
        assert set(await client.lineage("dataset:shop:orders")) == {"dataset:shop:orders"}

        await client.told(f"jobs/runs/{run['id']}/start")
        after = await client.shown("jobs/load")
        assert (after["latestRun"]["state"], after["inputs"]) == ("RUNNING", [])
        assert await names(client, "jobs") == ["load"]
        await client.load()
        assert "job:shop:load" in await client.lineage("dataset:shop:orders")

    write(tmp_path, story)


def test_a_dataset(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load()
        before = await client.shown("datasets/orders")
        assert await client.delete("namespaces/shop/datasets/orders") == before
        await client.shown("datasets/orders", 404)
        assert await names(client, "datasets") == ["totals"]
        assert (await client.ask("search", q="orders"))["results"] == []
        graph = await client.lineage("job:shop:load")
        assert set(graph) == {"job:shop:load", "dataset:shop:totals"}
        await client.load(404)
        await client.told("namespaces/shop/datasets/orders/tags/x", 404)
        again = await client.table("orders")
        assert again["fields"] == before["fields"]
        assert await names(client, "datasets") == ["orders", "totals"]
        assert "dataset:shop:orders" in await client.lineage("job:shop:load")

    write(tmp_path, story)


def test_what_a_fast_clock_stated_is_deleted_too(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.post(run_event(run_id(1), "START", soon(60), "load"))
        await client.delete("namespaces/shop/jobs/load")
        await client.shown("jobs/load", 404)

    write(tmp_path, story)


def test_deletes_need_an_admin_and_writes_a_key_that_reads(tmp_path: Path) -> None:
    async def run() -> None:
        async with serving(tmp_path) as (app, client):
            await client.put("/api/v1/namespaces/shop", json={"ownerName": "me"})
            await client.put("/api/v1/namespaces/shop/jobs/load", json={"type": "BATCH"})
            bearers = {}
            for name, scopes in (("both", {Scope.WRITE, Scope.READ}), ("write", {Scope.WRITE})):
                key, secret = create_key("default", scopes, name, 1)
                await app.store.add_key(key)
                bearers[name] = {"authorization": f"Bearer {token_of(key, secret)}"}

            async def status(method: str, path: str, who: str = "both") -> int:
                where = f"/api/v1/namespaces{path}"
                answer = await client.request(method, where, headers=bearers[who])
                return answer.status_code

            for path in ("", "/jobs/load", "/datasets/orders"):
                assert await status("DELETE", f"/shop{path}") == 403
            assert await status("POST", "/shop/jobs/load/tags/x") == 200
            assert await status("DELETE", "/shop/jobs/load/tags/x") == 200
            assert await status("POST", "/shop/jobs/load/tags/x", "write") == 403

    asyncio.run(run())
