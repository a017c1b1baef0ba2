"""Runs that clients announce and tell the states of; acceptance rows by number."""

import asyncio
from pathlib import Path
from typing import Any

from tests.unit.dialects.marquez.asking import run_id
from tests.unit.dialects.marquez.writing import Writer, write

RUNS = "namespaces/shop/jobs/load/runs"


def test_63_the_legacy_flow(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load()
        answer = await client.client.post(
            f"/api/v1/{RUNS}",
            json={
                "id": run_id(1),
                "nominalStartTime": "2026-11-13T08:00:00+02:00",
                "nominalEndTime": "2026-11-13T07:00:00.5Z",
                "args": {"mail": "a@b", "tries": 3, "dry": False, "none": None},
            },
        )
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/api/v1/jobs/runs/{run_id(1)}"
        made = answer.json()
        assert (made["id"], made["state"]) == (run_id(1), "NEW")
        assert (made["startedAt"], made["endedAt"], made["jobVersion"]) == (None, None, None)
        assert made["nominalStartTime"] == "2026-11-13T06:00:00Z"
        assert made["nominalEndTime"] == "2026-11-13T07:00:00.500Z"
        given = {"mail": "a@b", "tries": "3", "dry": "false"}
        assert given.items() <= made["args"].items()
        assert "none" not in made["args"]
        assert set(made["facets"]) == {"nominalTime"}

        started = await client.told(f"jobs/runs/{run_id(1)}/start?at=2026-11-13T08:00:00Z")
        assert (started["state"], started["startedAt"]) == ("RUNNING", "2026-11-13T08:00:00Z")
        await client.table("totals", runId=run_id(1))
        ended = await client.told(f"jobs/runs/{run_id(1)}/complete?at=2026-11-13T08:01:00Z")
        assert (ended["state"], ended["durationMs"]) == ("COMPLETED", 60_000)
        assert given.items() <= ended["args"].items()
        reads, writes = ended["inputDatasetVersions"], ended["outputDatasetVersions"]
        assert [each["datasetVersionId"]["name"] for each in reads] == ["orders"]
        assert [each["datasetVersionId"]["name"] for each in writes] == ["totals"]

        job = await client.shown("jobs/load")
        assert (job["latestRun"]["id"], job["latestRun"]["state"]) == (run_id(1), "COMPLETED")
        assert job["currentVersion"] == ended["jobVersion"]["version"]
        table = await client.shown("datasets/totals")
        version = writes[0]["datasetVersionId"]["version"]
        found = await client.shown(f"datasets/totals/versions/{version}")
        assert found["createdByRun"]["id"] == run_id(1)
        assert found["fields"] == table["fields"]
        assert (found["physicalName"], found["sourceName"]) == ("public.totals", "db")
        assert table["fields"][0]["name"] == "id"

    write(tmp_path, story)


def test_a_run_writes_what_its_job_declares_and_the_version_knows_the_schema(
    tmp_path: Path,
) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load()
        run = await client.made(RUNS)
        await client.told(f"jobs/runs/{run['id']}/start")
        await client.told(f"jobs/runs/{run['id']}/complete")
        table = await client.shown("datasets/totals")
        version = await client.shown(f"datasets/totals/versions/{table['currentVersion']}")
        assert version["createdByRun"]["id"] == run["id"]
        assert version["fields"] == table["fields"] != []
        assert version["sourceName"] == "db"

    write(tmp_path, story)


def test_the_ends_of_runs(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load()
        run: dict[str, Any] = {}
        for word, state in (("fail", "FAILED"), ("abort", "ABORTED"), ("complete", "COMPLETED")):
            run = await client.made(RUNS)
            await client.told(f"jobs/runs/{run['id']}/start")
            assert (await client.told(f"jobs/runs/{run['id']}/{word}"))["state"] == state
            listed = await client.ask(RUNS, limit=1)
            assert (listed["runs"][0]["id"], listed["runs"][0]["state"]) == (run["id"], state)
        assert (await client.ask(RUNS))["totalCount"] == 3
        await client.told(f"jobs/runs/{run['id']}/start?at=yesterday", 400)
        await client.told(f"jobs/runs/{run['id']}/pause", 404)

    write(tmp_path, story)


def test_64_a_run_is_announced_once(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load()
        path = f"/api/v1/{RUNS}"
        answers = await asyncio.gather(
            *(client.client.post(path, json={"id": run_id(2)}) for _ in range(8))
        )
        assert sorted(each.status_code for each in answers) == [201] + [400] * 7
        said = await client.made(RUNS, 400, id=run_id(2).upper())
        assert said == {"code": 400, "message": f"Run '{run_id(2)}' already exists."}
        assert (await client.made(RUNS, 400, id="x"))["errors"][0].startswith("id ")
        bad: dict[str, Any] = {"nominalStartTime": "soon"}
        assert (await client.made(RUNS, 400, **bad))["errors"][0].startswith("nominalStartTime ")
        assert (await client.made(RUNS, 400, args=7))["code"] == 400
        assert (await client.ask(RUNS))["totalCount"] == 1

    write(tmp_path, story)


def test_a_job_that_is_declared_for_a_run(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load(inputs=[])
        run = await client.made(RUNS)
        await client.load(runId=run["id"])
        found = await client.ask(f"jobs/runs/{run['id']}")
        assert found["state"] == "NEW"
        assert [each["datasetVersionId"]["name"] for each in found["inputDatasetVersions"]] == [
            "orders"
        ]

    write(tmp_path, story)


def test_runs_of_a_stream_count_while_they_run(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.load(type="STREAM")
        run = await client.made(RUNS)
        started = await client.told(f"jobs/runs/{run['id']}/start")
        assert started["jobVersion"] is not None

    write(tmp_path, story)
