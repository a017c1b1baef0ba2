"""The native API over a real database: what is posted is what is answered."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from headwater.auth.apikeys import create_key, token_of
from headwater.auth.principal import Scope
from tests.unit.dialects.serving import (
    Server,
    dataset,
    encoded,
    facet,
    run_event,
    schema,
    serving,
    tell,
)

RUN = "22222222-2222-7222-8222-222222222222"
ODD = "a/b:c%d?e#f g 日"


def start() -> dict[str, Any]:
    return run_event(
        RUN,
        "START",
        "2026-11-13T08:00:00Z",
        inputs=(dataset("raw", facets=schema("id"), inputFacets={"rows": facet(rowCount=3)}),),
        run_facets={"nominalTime": facet(nominalStartTime="2026-11-13T00:00:00Z")},
    )


def complete() -> dict[str, Any]:
    return run_event(
        RUN,
        "COMPLETE",
        "2026-11-13T08:00:30Z",
        outputs=(dataset("orders", facets=schema("id", "total")),),
        job_facets={"sql": facet(query="select 1")},
    )


def test_a_run_is_folded_from_its_events(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(complete(), start())
        run = await server.get(f"runs/{RUN.upper()}")
        assert (run["state"], run["duration"], run["events"]) == ("COMPLETE", 30.0, 2)
        assert run["started_at"] == "2026-11-13T08:00:00.000000Z"
        assert run["nominal_start"] == "2026-11-13T00:00:00.000000Z"
        assert list(run["facets"]) == ["nominalTime"]
        assert run["job_facets"]["sql"]["query"] == "select 1"
        (used,) = run["inputs"]
        assert used["id"] == "dataset:pg:raw"
        assert used["use_facets"]["rows"]["rowCount"] == 3
        assert [one["name"] for one in run["outputs"]] == ["orders"]
        assert run["truncated"] is False
        assert run["version"]
        cut = await server.get(f"runs/{RUN}", events=1)
        assert cut["truncated"] is True
        await server.get("runs/unknown", status=404)

    tell(tmp_path, story)


def test_one_run_id_under_two_jobs(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(run_event(RUN, job="one"), run_event(RUN, job="two"))
        run = await server.get(f"runs/{RUN}")
        assert {run["name"], run["others"][0]["name"]} == {"one", "two"}
        chosen = await server.get(f"runs/{RUN}", job="job:shop:two")
        assert chosen["name"] == "two"

    tell(tmp_path, story)


def test_parents_and_their_children(tmp_path: Path) -> None:
    parent = {"run": {"runId": "up"}, "job": {"namespace": "shop", "name": "dag"}}

    async def story(server: Server) -> None:
        await server.post(run_event(RUN, run_facets={"parent": facet(**parent)}))
        run = await server.get(f"runs/{RUN}")
        assert run["parent"] == {"run_id": "up", "job": "job:shop:dag"}
        above = await server.get("runs/up")
        assert above["placeholder"] is True
        below = await server.client.get(above["children"])
        assert [one["run_id"] for one in below.json()["items"]] == [RUN]

    tell(tmp_path, story)


def test_lists_are_paged_and_filtered(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(
            *(
                run_event(f"r{number}", "FAIL" if number == 2 else "COMPLETE",
                          f"2026-11-13T08:0{number}:00Z", f"job-{number}",
                          outputs=(dataset(f"d{number}"),))
                for number in range(5)
            )
        )  # fmt: skip
        for path, key, wanted in (
            ("jobs", "name", [f"job-{n}" for n in range(5)]),
            ("datasets", "name", [f"d{n}" for n in range(5)]),
            ("runs", "run_id", [f"r{n}" for n in (4, 3, 2, 1, 0)]),
            ("events", "run_id", [f"r{n}" for n in (4, 3, 2, 1, 0)]),
            ("namespaces", "name", ["pg", "shop"]),
        ):
            walked: list[str] = []
            cursor: str | None = ""
            while cursor is not None:
                page = await server.get(path, limit=2, cursor=cursor)
                assert 0 < len(page["items"]) <= 2
                walked += [item[key] for item in page["items"]]
                cursor = page["next"]
            assert walked == wanted, path
        failed = await server.get("runs", state="fail")
        assert [run["run_id"] for run in failed["items"]] == ["r2"]
        of_job = await server.get("runs", job="job:shop:job-3")
        assert [run["run_id"] for run in of_job["items"]] == ["r3"]
        window = await server.get("runs", since="2026-11-13T08:01:00Z", until=1_794_556_980)
        assert [run["run_id"] for run in window["items"]] == ["r2", "r1"]
        stated = await server.get("events", node="dataset:pg:d1", order="asc")
        assert [event["run_id"] for event in stated["items"]] == ["r1"]
        typed = await server.get("events", type="FAIL", kind="run", run="r2", failed="false")
        assert len(typed["items"]) == 1
        assert (await server.get("jobs", namespace="none"))["items"] == []

    tell(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("jobs?limit=0", "limit"),
        ("datasets?cursor=x", "cursor"),
        ("runs?cursor=gqFhoWI", "cursor"),
        ("runs?state=DONE", "state"),
        ("runs?since=noon", "since"),
        ("runs?job=nothing", "job"),
        ("events?order=up", "order"),
        ("events?kind=x", "kind"),
        ("events/x", "id"),
        ("lineage", "node"),
        ("lineage?node=dataset:a", "node"),
        ("lineage?node=dataset:a:b&direction=left", "direction"),
        ("lineage?node=dataset:a:b&depth=-1", "depth"),
        ("lineage?node=dataset:a:b&limit=999999999", "limit"),
        ("lineage?node=dataset:a:b&as_of=noon", "as_of"),
        ("search", "q"),
        ("search?q=x&kind=run", "kind"),
        ("search?q=" + "x" * 1001, "q"),
        ("node", "node"),
    ],
)
def test_a_bad_parameter_is_named(tmp_path: Path, path: str, named: str) -> None:
    async def story(server: Server) -> None:
        said = await server.get(path, status=400)
        assert said["code"] == "invalid_parameter"
        assert said["errors"][0]["parameter"] == named

    tell(tmp_path, story)


def test_a_dataset_with_its_neighbours_and_its_past(tmp_path: Path) -> None:
    later = run_event(
        "later", time="2026-11-14T08:00:00Z", outputs=(dataset("orders", facets=schema("id")),)
    )
    reader = run_event("r", job="report", inputs=(dataset("orders"),))

    async def story(server: Server) -> None:
        await server.post(start(), complete(), later, reader)
        orders = await server.get("datasets/pg/orders")
        assert [field["name"] for field in orders["fields"]] == ["id"]
        assert orders["fields"][0]["id"] == "field:pg:orders:id"
        assert len(orders["schemas"]) == 2
        assert [one["id"] for one in orders["producers"]] == ["job:shop:load"]
        assert [one["id"] for one in orders["consumers"]] == ["job:shop:report"]
        assert orders["stated"]["schema"] == {
            "at": "2026-11-14T08:00:00.000000Z",
            "node": "dataset:pg:orders",
        }
        assert orders["truncated"] is False
        past = await server.get("datasets/pg/orders", as_of="2026-11-13T12:00:00Z")
        assert [field["name"] for field in past["fields"]] == ["id", "total"]
        before = await server.get("datasets/pg/orders", as_of="2026-01-01")
        assert (before["facets"], before["fields"]) == ({}, [])

    tell(tmp_path, story)


def test_a_job_with_its_versions_and_runs(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(start(), complete())
        job = await server.get("jobs/shop/load")
        assert job["facets"]["sql"]["query"] == "select 1"
        assert [one["id"] for one in job["inputs"]] == ["dataset:pg:raw"]
        assert [one["id"] for one in job["outputs"]] == ["dataset:pg:orders"]
        assert [run["run_id"] for run in job["runs"]] == [RUN]
        assert [one["version"] for one in job["versions"]] == [job["runs"][0]["version"]]
        await server.get("jobs/shop/unknown", status=404)
        await server.get("datasets/shop/load", status=404)

    tell(tmp_path, story)


def test_any_name_fits_into_every_path(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(run_event(RUN, job=ODD, outputs=(dataset(ODD, namespace=ODD),)))
        segment = quote(ODD, safe="")
        shown = await server.get(f"datasets/{segment}/{segment}")
        assert (shown["namespace"], shown["name"]) == (ODD, ODD)
        assert (await server.get("node", node=shown["id"]))["id"] == shown["id"]
        graph = await server.get("lineage", node=shown["id"], direction="up")
        assert {node["name"] for node in graph["nodes"]} == {ODD}
        assert graph["edges"][0]["target"] == shown["id"]
        assert (await server.get(f"jobs/shop/{segment}"))["name"] == ODD
        listed = await server.get("events", node=shown["id"])
        assert len(listed["items"]) == 1

    tell(tmp_path, story)


def test_aliases_are_one_dataset(tmp_path: Path) -> None:
    names = facet(identifiers=[{"namespace": "glue", "name": "orders", "type": "TABLE"}])
    event = run_event(outputs=(dataset("orders", facets={**schema("id"), "symlinks": names}),))

    async def story(server: Server) -> None:
        await server.post(event)
        one, other = (
            await server.get("datasets/pg/orders"),
            await server.get("datasets/glue/orders"),
        )
        assert one["aliases"] == ["dataset:glue:orders"]
        assert other["aliases"] == ["dataset:pg:orders"]
        assert one["canonical"] == other["canonical"]
        for shown in (one, other):
            assert [field["name"] for field in shown["fields"]] == ["id"]
            assert [job["id"] for job in shown["producers"]] == ["job:shop:load"]

    tell(tmp_path, story)


def test_table_lineage(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(start(), complete())
        graph = await server.get("lineage", node="dataset:pg:orders", direction="up")
        assert [node["id"] for node in graph["nodes"]] == [
            "dataset:pg:orders",
            "job:shop:load",
            "dataset:pg:raw",
        ]
        assert [node["hops"] for node in graph["nodes"]] == [0, 1, 2]
        edge = graph["edges"][1]
        assert (edge["source"], edge["target"]) == ("job:shop:load", "dataset:pg:orders")
        assert edge["origins"] == ["inferred"]
        assert (edge["runs"], edge["last_run"]) == (1, RUN)
        assert edge["last_seen"] == "2026-11-13T08:00:30.000000Z"
        assert graph["truncated"] is False
        near = await server.get("lineage", node="dataset:pg:orders", direction="up", depth=1)
        assert near["nodes"][-1]["missing"] == 1
        cut = await server.get("lineage", node="dataset:pg:orders", limit=1)
        assert (cut["truncated"], cut["limit"]) == (True, 1)
        await server.get("lineage", node="dataset:pg:unknown", status=404)

    tell(tmp_path, story)


def test_search_and_counts(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(start(), complete())
        found = await server.get("search", q="orders")
        assert [hit["id"] for hit in found["items"]] == ["dataset:pg:orders"]
        column = await server.get("search", q="total")
        assert column["items"][0]["id"] == "field:pg:orders:total"
        jobs = await server.get("search", q="load", kind="job")
        assert [hit["kind"] for hit in jobs["items"]] == ["job"]
        counts = (await server.get("stats"))["counts"]
        assert counts == {"events": 2, "runs": 1, "jobs": 1, "datasets": 2, "namespaces": 2}

    tell(tmp_path, story)


def test_what_is_hidden_comes_back_with_a_newer_event(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await server.post(start(), complete())
        for path in ("datasets/pg/orders", "jobs/shop/load"):
            gone = await server.client.delete(f"/api/v2/{path}")
            assert gone.json()["hidden"] is True
            unknown = await server.client.delete(f"/api/v2/{path}x")
            assert unknown.status_code == 404
            event = await server.get(f"events/{gone.json()['id']}")
            assert event["dialect"] == "native"
        assert [one["name"] for one in (await server.get("datasets"))["items"]] == ["raw"]
        assert (await server.get("jobs"))["items"] == []
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        await server.post(run_event("new", time=soon, outputs=(dataset("orders"),)))
        assert [one["name"] for one in (await server.get("datasets"))["items"]] == ["orders", "raw"]
        assert [one["name"] for one in (await server.get("jobs"))["items"]] == ["load"]
        gone = await server.client.delete("/api/v2/datasets/pg/orders")  # its clock runs ahead
        assert gone.status_code == 200
        assert [one["name"] for one in (await server.get("datasets"))["items"]] == ["raw"]
        hidden = await server.get("datasets/pg/orders", status=404)
        assert hidden["code"] == "not_found"

    tell(tmp_path, story)


def secret_event() -> dict[str, Any]:
    variables = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "HOME", "value": "/x"}]
    source = facet(name="pg", uri="postgres://user:hunter2@host/db?token=hunter2")
    return run_event(
        RUN,
        run_facets={"environmentVariables": facet(environmentVariables=variables)},
        outputs=(dataset("orders", facets={"dataSource": source}),),
    )


def test_secrets_are_masked_in_every_answer(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        (identity,) = await server.post(secret_event())
        for path in (
            f"events/{identity}",
            f"runs/{RUN}",
            "datasets/pg/orders",
            "datasets",
            "search?q=host",
            "search?q=hunter2",
        ):
            body = json.dumps(await server.get(path))
            assert "hunter2" not in body.replace("q=hunter2", ""), path
        run = await server.get(f"runs/{RUN}")
        shown = run["facets"]["environmentVariables"]["environmentVariables"]
        assert [one["value"] for one in shown] == ["***", "/x"]
        raw = await server.client.get(f"/api/v2/events/{identity}/raw")
        assert raw.content == encoded(secret_event())  # an open server
        assert raw.headers["x-headwater-masked"] == "false"

    tell(tmp_path, story)


def test_only_an_admin_sees_the_stored_bytes(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as (app, client):
            tokens = {}
            for scope in (Scope.ADMIN, Scope.READ, Scope.WRITE):
                key, secret = create_key("default", {scope}, scope.value, 1)
                await app.store.add_key(key)
                tokens[scope] = {"authorization": f"Bearer {token_of(key, secret)}"}
            await app.keys.refresh()
            posted = await client.post(
                "/api/v1/lineage", content=encoded(secret_event()), headers=tokens[Scope.WRITE]
            )
            path = f"/api/v2/events/{posted.json()['id']}/raw"
            admin = await client.get(path, headers=tokens[Scope.ADMIN])
            reader = await client.get(path, headers=tokens[Scope.READ])
            assert admin.content == encoded(secret_event())
            assert b"hunter2" not in reader.content
            assert reader.headers["x-headwater-masked"] == "true"
            window = "/api/v1/events?start=0&end=4000000000"
            for scope, shown in ((Scope.ADMIN, True), (Scope.READ, False)):
                extracted = await client.get(window, headers=tokens[scope])
                assert ("hunter2" in extracted.text) is shown
            gone = await client.delete("/api/v2/datasets/pg/orders", headers=tokens[Scope.READ])
            assert (gone.status_code, gone.json()["code"]) == (403, "forbidden")
            assert (await client.get(path)).json()["code"] == "unauthenticated"
            nobody = await client.post("/api/v1/lineage", content=b"{}")
            assert (nobody.status_code, nobody.content) == (401, b'{"error":"Unauthorized"}')

    asyncio.run(story())
