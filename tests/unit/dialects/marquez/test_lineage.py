"""Lineage of tables, columns and runs, numbered as the acceptance list."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.dialects.marquez.asking import (
    DIRECT,
    Marquez,
    at,
    dataset,
    dataset_event,
    event,
    facet,
    made_of,
    run_id,
    schema,
    tell,
)

CHAIN = (
    event(1, minute=1, job="J1", reads=("a",), writes=("b",)),
    event(2, minute=2, job="J2", reads=("b",), writes=("c",)),
)


def names(found: dict[str, Any]) -> str:
    return " ".join(sorted(name.rpartition(":")[2] for name in found))


def test_48_49_hops(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*CHAIN)
        found = await marquez.lineage("job:shop:J1", depth=0)
        assert names(found) == "J1 a b"
        assert list(found) == sorted(found)
        assert found["job:shop:J1"]["inEdges"] == [
            {"origin": "dataset:pg:a", "destination": "job:shop:J1"}
        ]
        assert found["dataset:pg:a"]["outEdges"] == found["job:shop:J1"]["inEdges"]
        assert found["job:shop:J1"]["data"]["outputs"] == [{"namespace": "pg", "name": "b"}]
        for depth, wanted in ((1, "J1 J2 a b c"), (20, "J1 J2 a b c")):
            assert names(await marquez.lineage("job:shop:J1", depth=depth)) == wanted
        assert names(await marquez.lineage("job:shop:J1")) == "J1 J2 a b c"
        assert names(await marquez.lineage("dataset:pg:b", depth=0)) == "J1 a b"
        assert names(await marquez.lineage("dataset:pg:b", depth=1)) == "J1 J2 a b c"
        assert names(await marquez.lineage("dataset:pg:a", depth=0)) == "J1 a b"

    tell(tmp_path, story)


def test_48_the_depth_is_20_where_none_is_asked(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        chain = [event(n, job=f"j{n}", reads=(f"d{n}",), writes=(f"d{n + 1}",)) for n in range(25)]
        await marquez.post(*chain)
        found = await marquez.lineage("job:shop:j0")
        assert len([node for node in found.values() if node["type"] == "JOB"]) == 21
        assert found == await marquez.lineage("job:shop:j0", depth=20)
        assert len(await marquez.lineage("job:shop:j0", depth=30)) == 51

    tell(tmp_path, story)


def test_directions_and_times(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*CHAIN, event(3, minute=2, job="J3", reads=("a",), writes=("d",)))
        up = await marquez.lineage("dataset:pg:c", direction="up")
        assert names(up) == "J1 J2 a b c"
        assert names(await marquez.lineage("dataset:pg:c", direction="down")) == "c"
        assert names(await marquez.lineage("job:shop:J1", direction="down", depth=0)) == "J1 b"
        assert names(await marquez.lineage("dataset:pg:a", asOf=at(1.5))) == "J1 a b"
        await marquez.lineage("dataset:pg:a", status=400, direction="sideways")
        await marquez.lineage("dataset:pg:a", status=400, asOf="yesterday")

    tell(tmp_path, story)


def test_50_every_producer_and_consumer_once(tmp_path: Path) -> None:
    consumers = [event(n, job=f"c{n}", reads=("hub",), writes=(f"o{n}",)) for n in range(20)]
    shapes = {
        "fan": (consumers, "hub", 41),
        "producers": (
            [event(n, job=f"p{n}", writes=("hub",)) for n in range(3)], "hub", 4,
        ),
        "cycle": (
            [event(1, job="x", reads=("a",), writes=("b",)),
             event(2, job="y", reads=("b",), writes=("a",))], "a", 4,
        ),
        "loop": ([event(1, job="x", reads=("a",), writes=("a",))], "a", 2),
        "diamond": (
            [event(1, job="w", writes=("a",)), event(2, job="x", reads=("a",), writes=("b",)),
             event(3, job="y", reads=("a",), writes=("c",)), event(4, job="z", reads=("b", "c"))],
            "a", 7,
        ),
    }  # fmt: skip

    for shape, (events, start, count) in shapes.items():

        async def story(
            marquez: Marquez, events: Any = events, start: str = start, count: int = count
        ) -> None:
            await marquez.post(*events)
            answer = await marquez.ask("lineage", nodeId=f"dataset:pg:{start}")
            ids = [node["id"] for node in answer["graph"]]
            assert len(ids) == len(set(ids)) == count

        (tmp_path / shape).mkdir()
        tell(tmp_path / shape, story)


def test_51_nodes_alone_and_nodes_unknown(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, job="idle"), dataset_event("alone", **schema("id")))
        (job,) = (await marquez.lineage("job:shop:idle")).values()
        (table,) = (await marquez.lineage("dataset:pg:alone")).values()
        assert job["inEdges"] == job["outEdges"] == table["inEdges"] == table["outEdges"] == []
        await marquez.lineage("job:shop:none", status=404)
        await marquez.ask("lineage", status=400)
        for bad in ("foo", f"run:{run_id(1)}", "job:", "dataset:x"):
            await marquez.lineage(bad, status=400)
        await marquez.lineage("job:shop:idle", status=400, depth=-1)

    tell(tmp_path, story)


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("postgres://h:5432", "db.t"),
        ("s3://b", "/p/x"),
        ("arn:aws:s3:::b", "k"),
        ("pg", "a#b"),
        ("pg", "50%25 off"),
        ("a:b", "c:d"),
    ],
)
def test_52_names_of_any_form(tmp_path: Path, namespace: str, name: str) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, reads=(dataset(name, namespace),)))
        node = f"dataset:{namespace}:{name}"
        assert node in await marquez.lineage(node)

    tell(tmp_path, story)


def test_53_edges_are_those_of_the_last_complete_run(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, minute=0, reads=("old",)), event(2, "START", 1, reads=("new",)))
        assert names(await marquez.lineage("job:shop:load")) == "load new old"
        await marquez.post(event(2, "COMPLETE", 2))
        assert names(await marquez.lineage("job:shop:load")) == "load new"
        assert names(await marquez.lineage("dataset:pg:old")) == "old"
        kafka = {"jobType": facet(processingType="STREAMING", integration="FLINK")}
        await marquez.post(
            event(3, "START", 3, "stream", ("topic",), ("sink",), job_facets=kafka),
            event(3, "RUNNING", 4, "stream", job_facets=kafka),
        )
        assert names(await marquez.lineage("job:shop:stream")) == "sink stream topic"
        await marquez.post(event(3, "COMPLETE", 5, "stream"))
        assert names(await marquez.lineage("job:shop:stream")) == "sink stream topic"
        assert (await marquez.job("stream"))["type"] == "STREAM"

    tell(tmp_path, story)


def test_hidden_nodes_are_left_out_and_passed_through(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*CHAIN)
        assert (await marquez.client.delete("/api/v2/datasets/pg/b")).status_code == 200
        found = await marquez.lineage("dataset:pg:a")
        assert names(found) == "J1 J2 a c"
        assert found["job:shop:J1"]["outEdges"] == []
        await marquez.dataset("b", status=404)

    tell(tmp_path, story)


def test_an_answer_follows_what_events_change(tmp_path: Path) -> None:
    """What is remembered of a node is made anew once an event names it."""

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, "START", 0, reads=("a",), writes=("b",)))
        before = await marquez.lineage("job:shop:load")
        assert before["job:shop:load"]["data"]["latestRun"]["state"] == "RUNNING"
        assert before["dataset:pg:b"]["data"]["fields"] == []
        await marquez.post(
            event(1, "COMPLETE", 1),
            event(2, minute=2, job="read", reads=(dataset("b", facets=schema("id")),)),
        )
        after = await marquez.lineage("job:shop:load")
        assert after["job:shop:load"]["data"]["latestRun"]["state"] == "COMPLETED"
        assert len(after["dataset:pg:b"]["data"]["fields"]) == 1
        assert "job:shop:read" in after
        assert (await marquez.dataset("b"))["fields"][0]["name"] == "id"
        assert (await marquez.ask("jobs"))["jobs"][1]["latestRun"]["state"] == "COMPLETED"

    tell(tmp_path, story)


# Columns

TABLES = (
    event(
        1, minute=1, job="J1", reads=(dataset("raw", facets=schema("id", "x")),),
        writes=(dataset("mid", facets={**schema("id"), **made_of(id=(("raw", "id"),))}),),
    ),
    event(
        2, minute=2, job="J2", reads=("mid",),
        writes=(dataset("top", facets={**schema("key"), **made_of(key=(("mid", "id"),))}),),
    ),
)  # fmt: skip
RAW, MID, TOP = "datasetField:pg:raw:id", "datasetField:pg:mid:id", "datasetField:pg:top:key"


def test_54_column_lineage_of_a_dataset(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*TABLES)
        found = await marquez.columns("dataset:pg:top")
        assert set(found) == {RAW, MID, TOP}
        assert found[TOP]["inEdges"] == [{"origin": TOP, "destination": MID}]
        assert found[MID]["outEdges"] == [{"origin": MID, "destination": TOP}]
        data = found[TOP]["data"]
        assert data["fieldType"] == "TEXT"
        (made,) = data["inputFields"]
        assert (made["dataset"], made["field"]) == ("mid", "id")
        assert made["transformationType"] == DIRECT["subtype"]
        assert made["transformationDescription"] == DIRECT["description"]
        assert made["datasetVersion"] == (await marquez.dataset("mid"))["currentVersion"]
        assert found[RAW]["data"]["inputFields"] == []
        assert found[RAW]["data"]["fieldType"] == ""

    tell(tmp_path, story)


def test_55_depths_downstream_and_versions(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*TABLES)
        assert set(await marquez.columns("dataset:pg:top", depth=1)) == {MID, TOP}
        assert set(await marquez.columns("dataset:pg:mid")) == {RAW, MID}
        assert set(await marquez.columns("dataset:pg:mid", withDownstream="true")) == {
            RAW,
            MID,
            TOP,
        }
        assert set(await marquez.columns("dataset:pg:raw", withDownstream="true")) == {
            RAW,
            MID,
            TOP,
        }
        assert set(await marquez.columns(MID)) == {RAW, MID}
        assert set(await marquez.columns("job:shop:J2")) == {RAW, MID, TOP}
        version = (await marquez.dataset("top"))["currentVersion"]
        found = await marquez.columns(f"dataset:pg:top#{version}")
        assert f"{TOP}#{version}" in found
        node = f"dataset:pg:top#{version}"
        await marquez.columns(node, status=400, withDownstream="true")
        await marquez.columns("dataset:pg:none", status=404)
        await marquez.columns(f"dataset:pg:top#{run_id(1)}", status=404)
        await marquez.columns("foo", status=400)

    tell(tmp_path, story)


def test_56_columns_that_no_schema_lists_and_whole_datasets(tmp_path: Path) -> None:
    lineage = made_of(total=(("raw", "amount"),))
    lineage["columnLineage"]["dataset"] = [
        {**dataset("raw"), "field": "day", "transformations": [{"type": "INDIRECT"}]}
    ]

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, reads=("raw",), writes=(dataset("sums", facets=lineage),)))
        found = await marquez.columns("dataset:pg:sums")
        inputs = found["datasetField:pg:sums:total"]["data"]["inputFields"]
        assert [each["field"] for each in inputs] == ["amount", "day"]

    tell(tmp_path, story)


# Runs


def test_57_runs_upstream(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*CHAIN, event(3, minute=3, job="J3", reads=("c",)))
        runs = (await marquez.ask(f"runlineage/upstream?runId={run_id(3)}"))["runs"]
        assert [each["run"]["id"] for each in runs] == [run_id(n) for n in (3, 2, 1)]
        assert runs[0]["inputs"][0]["producedByRunId"] == run_id(2)
        assert runs[0]["run"]["status"] == "COMPLETED"
        (source,) = runs[2]["inputs"]
        assert (source["name"], source["producedByRunId"]) == ("a", None)
        assert runs[2]["job"]["version"] == (await marquez.job("J1"))["currentVersion"]
        near = (await marquez.ask(f"runlineage/upstream?runId={run_id(3)}&depth=0"))["runs"]
        assert len(near) == 1
        await marquez.ask(f"runlineage/upstream?runId={run_id(9)}", status=404)
        await marquez.ask("runlineage/upstream", status=400)

    tell(tmp_path, story)
