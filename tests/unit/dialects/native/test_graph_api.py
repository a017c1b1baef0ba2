"""The questions to the graph, as they are asked and answered over HTTP.

What the answers hold is tested with the questions themselves; here is how they read.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.dialects.serving import Server, dataset, facet, run_event, schema, tell

FIRST, SECOND = "2026-11-13T08:00:00Z", "2026-11-14T08:00:00Z"


def column(name: str, field: str) -> dict[str, Any]:
    return {"namespace": "pg", "name": name, "field": field, "transformations": []}


def orders(*sources: str) -> dict[str, Any]:
    fields = {"total": {"inputFields": [column(name, "amount") for name in sources]}}
    return dataset("orders", facets={**schema("total"), "columnLineage": facet(fields=fields)})


def load(run: str, time: str, *sources: str) -> dict[str, Any]:
    inputs = tuple(dataset(name, facets=schema("amount")) for name in sources)
    return run_event(run, "COMPLETE", time, "load", inputs, (orders(*sources),))


def report(run: str, time: str) -> dict[str, Any]:
    return run_event(run, "COMPLETE", time, "report", (dataset("orders"),), (dataset("board"),))


async def fill(server: Server) -> None:
    await server.post(
        load("a", FIRST, "raw"),
        report("r", "2026-11-13T09:00:00Z"),
        load("b", SECOND, "raw", "extra"),
    )


def test_column_lineage(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        graph = await server.get("lineage", node="field:pg:orders:total", direction="up")
        assert {node["id"] for node in graph["nodes"]} == {
            "field:pg:orders:total",
            "field:pg:raw:amount",
            "field:pg:extra:amount",
        }
        first = graph["nodes"][0]
        assert (first["kind"], first["field"], first["hops"]) == ("field", "total", 0)
        assert all(edge["job"] == "job:shop:load" for edge in graph["edges"])
        assert all(edge["origins"] == ["column"] for edge in graph["edges"])
        whole = await server.get(
            "lineage", node="dataset:pg:orders", columns="true", direction="up"
        )
        assert "field:pg:raw:amount" in {node["id"] for node in whole["nodes"]}
        said = await server.get("lineage", node="job:shop:load", columns="true", status=400)
        assert said["errors"][0]["parameter"] == "columns"

    tell(tmp_path, story)


def test_columns_of_a_table_that_has_more_than_the_limit(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        fields = {
            name: {"inputFields": [column("raw", "amount")]} for name in ("net", "total", "tax")
        }
        made = dataset("orders", facets={"columnLineage": facet(fields=fields)})
        await server.post(run_event("a", "COMPLETE", FIRST, "load", (dataset("raw"),), (made,)))
        graph = await server.get(
            "lineage", node="dataset:pg:orders", columns="true", direction="up", limit=2
        )
        assert [node["field"] for node in graph["nodes"]] == ["net", "tax"]
        assert graph["truncated"]
        assert not graph["edges"]

    tell(tmp_path, story)


def test_lineage_of_the_past(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        past = await server.get(
            "lineage", node="dataset:pg:orders", direction="up", as_of="2026-11-13T12:00:00Z"
        )
        assert past["as_of"] == "2026-11-13T12:00:00.000000Z"
        assert "dataset:pg:extra" not in {node["id"] for node in past["nodes"]}

    tell(tmp_path, story)


def test_run_lineage(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        graph = await server.get("lineage", node="run:r", direction="up")
        assert [(node["id"], node["hops"]) for node in graph["nodes"]] == [
            ("run:r", 0),
            ("run:a", 1),
        ]
        assert {
            "source": "run:a",
            "target": "run:r",
            "dataset": "dataset:pg:orders",
            "produced_by": "job:shop:load",
            "consumed_by": "job:shop:report",
        } in graph["edges"]
        chosen = await server.get("lineage", node="run:a", job="job:shop:load", direction="down")
        assert [node["run_id"] for node in chosen["nodes"]] == ["a", "r"]
        await server.get("lineage", node="run:unknown", status=404)

    tell(tmp_path, story)


def test_impact(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        found = await server.get("impact", node="dataset:pg:raw")
        assert [(item["id"], item["hops"]) for item in found["items"]] == [
            ("job:shop:load", 1),
            ("dataset:pg:orders", 2),
            ("job:shop:report", 3),
            ("dataset:pg:board", 4),
        ]
        assert found["items"][1]["via"] == "job:shop:load"
        cut = await server.get("impact", node="dataset:pg:raw", limit=1)
        assert (len(cut["items"]), cut["total"], cut["truncated"]) == (1, 4, True)

    tell(tmp_path, story)


def test_paths(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        asked = {"from": "dataset:pg:raw", "to": "dataset:pg:board"}
        found = await server.get("paths", 200, **asked)
        (path,) = found["paths"]
        assert path["nodes"] == [
            "dataset:pg:raw",
            "job:shop:load",
            "dataset:pg:orders",
            "job:shop:report",
            "dataset:pg:board",
        ]
        assert [edge["source"] for edge in path["edges"]] == path["nodes"][:-1]
        said = await server.get(
            "paths", 400, **{"from": "job:shop:load", "to": "field:pg:orders:total"}
        )
        assert said["errors"][0]["parameter"] == "from"

    tell(tmp_path, story)


def test_differences(tmp_path: Path) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        asked = {"node": "dataset:pg:orders", "from": FIRST, "direction": "up"}
        between = await server.get("diff", 200, **asked)
        assert [node["id"] for node in between["added_nodes"]] == ["dataset:pg:extra"]
        assert (between["removed_nodes"], between["after"]) == ([], None)
        runs = await server.get("diff", runs="a,b")
        assert runs["added_inputs"] == ["dataset:pg:extra"]
        (flow,) = runs["added_flows"]
        assert flow["target"] == "field:pg:orders:total"
        assert [source["id"] for source in flow["sources"]] == ["field:pg:extra:amount"]
        job = await server.get("jobs/shop/load")
        pair = ",".join(one["version"] for one in job["versions"])
        versions = await server.get("diff", node="job:shop:load", versions=pair)
        assert versions["added_inputs"] or versions["removed_inputs"]
        await server.get("diff", runs="a,unknown", status=404)

    tell(tmp_path, story)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("diff", "node"),
        ("diff?node=dataset:pg:orders", "from"),
        ("diff?runs=a", "runs"),
        ("diff?runs=a,b&job=x", "job"),
        ("diff?versions=a,b", "node"),
        ("diff?versions=a,b&node=job:shop:load", "versions"),
        ("paths?from=dataset:a:b", "to"),
        ("paths?from=x&to=dataset:a:b", "from"),
        ("impact?node=run:a", "node"),
        ("lineage?node=dataset:pg:orders&group=0", "group"),
        ("lineage?node=dataset:pg:orders&group=x", "group"),
    ],
)
def test_a_bad_parameter_is_named(tmp_path: Path, path: str, named: str) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        said = await server.get(path, status=400)
        assert said["errors"][0]["parameter"] == named

    tell(tmp_path, story)


@pytest.mark.parametrize("group", ["namespace", "parent", "1"])
def test_roll_ups(tmp_path: Path, group: str) -> None:
    async def story(server: Server) -> None:
        await fill(server)
        found = await server.get("lineage", node="dataset:pg:raw", direction="down", group=group)
        if group == "namespace":
            assert [
                (node["group"]["kind"], node["group"]["namespace"]) for node in found["nodes"]
            ] == [
                ("namespace", "pg"),
                ("namespace", "shop"),
            ]
            assert [node["datasets"] for node in found["nodes"]] == [3, 0]
        assert found["edges"]

    tell(tmp_path, story)


def test_a_job_that_is_reached_twice_counts_its_runs_once(tmp_path: Path) -> None:
    """From `raw` directly, and over `extra`, which is made of it."""

    async def story(server: Server) -> None:
        make = run_event("m", "COMPLETE", FIRST, "make", (dataset("raw"),), (dataset("extra"),))
        await server.post(make, load("b", SECOND, "raw", "extra"))
        graph = await server.get("lineage", node="dataset:pg:raw", direction="down")
        runs = {(edge["source"], edge["target"]): edge["runs"] for edge in graph["edges"]}
        assert runs["job:shop:load", "dataset:pg:orders"] == 1

    tell(tmp_path, story)
