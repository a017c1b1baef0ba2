"""Jobs and runs. The numbers are those of the acceptance list that this dialect was built by."""

import uuid
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dialects.marquez.asking import (
    Marquez,
    at,
    dataset,
    event,
    facet,
    job_event,
    parent,
    run_id,
    schema,
    tell,
)


@pytest.mark.parametrize(
    ("kinds", "state", "ended"),
    [
        ((None,), "NEW", False),  # 6
        (("START",), "RUNNING", False),  # 7
        (("START", "COMPLETE"), "COMPLETED", True),  # 8
        (("START", "FAIL"), "FAILED", True),
        (("START", "ABORT"), "ABORTED", True),
        (("START", "RUNNING"), "RUNNING", False),
        (("OTHER",), "RUNNING", False),
        (("start", "complete"), "COMPLETED", True),
    ],
)
def test_6_7_8_states(
    tmp_path: Path, kinds: tuple[str | None, ...], state: str, ended: bool
) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*(event(1, kind, minute) for minute, kind in enumerate(kinds)))
        run = await marquez.run()
        assert run["state"] == state
        started = bool(kinds[0]) and str(kinds[0]).upper() == "START"
        assert run["startedAt"] == (at(0) if started else None)
        assert run["endedAt"] == (at(1) if ended else None)
        assert run["durationMs"] == (60_000 if ended else None)

    tell(tmp_path, story)


def test_9_10_order_and_repetition_change_nothing(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        orders = dataset("orders", facets=schema("id", "x"))
        start = event(1, "START", 0, reads=("raw",), writes=(orders,))
        done = event(1, "COMPLETE", 1, reads=("raw",), writes=(orders,))
        await marquez.post(done, start, done, start)
        assert [each["name"] for each in (await marquez.dataset("orders"))["fields"]] == ["id", "x"]
        assert (await marquez.versions("orders"))["totalCount"] == 1
        runs = await marquez.runs()
        assert runs["totalCount"] == 1
        assert runs["runs"][0]["state"] == "COMPLETED"
        assert runs["runs"][0]["startedAt"] == at(0)
        assert len(await marquez.lineage("job:shop:load")) == 3

    tell(tmp_path, story)


def test_11_a_run_id_that_is_no_uuid(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post({**event(), "run": {"runId": "manual__1", "facets": {}}})
        run = (await marquez.runs())["runs"][0]
        assert run["id"] == str(uuid.UUID(bytes=md5(b"manual__1").digest(), version=3))
        assert (await marquez.ask(f"jobs/runs/{run['id']}"))["id"] == run["id"]
        assert (await marquez.ask("jobs/runs/manual__1"))["id"] == run["id"]
        await marquez.ask(f"jobs/runs/{run_id(7)}", status=404)

    tell(tmp_path, story)


def test_12_times_of_every_form_are_one_instant(tmp_path: Path) -> None:
    forms = ("2026-11-13T08:00:00", "2026-11-13T18:00:00.123456789+10:00", "2026-11-13T08:00:00Z")

    async def story(marquez: Marquez) -> None:
        for number, form in enumerate(forms):
            await marquez.post({**event(number, "START"), "eventTime": form})
        started = [(await marquez.run(number))["startedAt"] for number in range(3)]
        assert started == [at(0), "2026-11-13T08:00:00.123456Z", at(0)]

    tell(tmp_path, story)


def test_16_names_of_any_script_round_trip(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        odd = event(1, job="ночь/день:日", reads=("a#b %c",))
        del odd["schemaURL"]
        await marquez.post(odd)
        assert (await marquez.job("ночь/день:日"))["inputs"] == [
            {"namespace": "pg", "name": "a#b %c"}
        ]
        assert (await marquez.dataset("a#b %c"))["name"] == "a#b %c"

    tell(tmp_path, story)


def test_17_a_namespace_with_semicolons(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        namespace = "sqlserver://h;database=d;x=1"
        await marquez.post(event(1, reads=(dataset("t", namespace),)))
        assert (await marquez.dataset("t", namespace))["namespace"] == namespace
        assert (await marquez.ask(f"namespaces/{namespace.replace('/', '%2F')}"))[
            "name"
        ] == namespace

    tell(tmp_path, story)


def test_20_a_job_event(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(job_event("view", 0, ("raw",), ("orders",), sql=facet(query="select 1")))
        job = await marquez.job("view")
        assert [each["name"] for each in (*job["inputs"], *job["outputs"])] == ["raw", "orders"]
        assert (job["latestRun"], job["latestRuns"]) == (None, None)
        assert job["facets"]["sql"]["query"] == "select 1"
        assert job["currentVersion"]
        assert "job:shop:view" in await marquez.lineage("job:shop:view")
        versions = (await marquez.ask("namespaces/shop/jobs/view/versions"))["versions"]
        assert [each["version"] for each in versions] == [job["currentVersion"]]

    tell(tmp_path, story)


def test_31_a_job_with_its_parent_and_labels(tmp_path: Path) -> None:
    facets = {
        "sql": facet(query="select 1"),
        "jobType": facet(processingType="BATCH", integration="AIRFLOW", jobType="TASK"),
        "sourceCodeLocation": facet(type="git", url="https://git.example/x"),
        "documentation": facet(description="loads"),
    }

    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, job="dag.load", job_facets=facets, run_facets=parent("dag", run_id(9)))
        )
        job = await marquez.job("dag.load")
        assert (job["simpleName"], job["parentJobName"]) == ("load", "dag")
        assert uuid.UUID(job["parentJobUuid"]).version == 3
        assert job["labels"] == ["TASK", "AIRFLOW"]
        assert (job["type"], job["location"]) == ("BATCH", "https://git.example/x")
        assert job["description"] == "loads"
        assert job["facets"]["sql"]["query"] == "select 1"

    tell(tmp_path, story)


def test_32_33_jobs_by_their_last_update(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(
            *(event(n, minute=n, job="often") for n in range(12)),
            job_event("never", 20),
            {**event(30, minute=5), "job": {"namespace": "other", "name": "once", "facets": {}}},
        )
        found = await marquez.ask("jobs", limit=10)
        assert [job["name"] for job in found["jobs"]] == ["never", "often", "once"]
        assert found["totalCount"] == 3
        never, often, _ = found["jobs"]
        assert (never["latestRun"], never["latestRuns"]) == (None, None)
        assert [run["id"] for run in often["latestRuns"]] == [run_id(n) for n in range(11, 1, -1)]
        assert often["latestRun"] == often["latestRuns"][0]
        assert (await marquez.ask("jobs", limit=1, offset=2))["jobs"][0]["name"] == "once"
        shop = await marquez.ask("namespaces/shop/jobs")
        assert [job["name"] for job in shop["jobs"]] == ["never", "often"]
        assert await marquez.ask("namespaces/none/jobs") == {"jobs": [], "totalCount": 0}
        await marquez.post(event(31, minute=30, job="late"))
        assert (await marquez.ask("jobs", limit=1))["jobs"][0]["name"] == "late"
        assert await marquez.ask("jobs", limit=0) == {"jobs": [], "totalCount": 4}

    tell(tmp_path, story)


def test_34_jobs_by_the_state_of_their_last_run(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, "FAIL", 0, "failed"),
            event(2, "ABORT", 1, "aborted"),
            event(3, "FAIL", 2, "mended"),
            event(4, "COMPLETE", 3, "mended"),
        )
        for states, names in (
            (["FAILED", "ABORTED"], ["aborted", "failed"]),
            (["failed"], ["failed"]),
            (["COMPLETED"], ["mended"]),
        ):
            found = await marquez.ask("jobs", lastRunStates=states)
            assert [job["name"] for job in found["jobs"]] == names
            assert found["totalCount"] == 3
        await marquez.ask("jobs?lastRunStates=LOST", status=400)

    tell(tmp_path, story)


def test_35_runs_are_paged(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, "START", 0), event(2, "START", 1), event(3, "FAIL", 0.5))
        found = await marquez.runs(limit=1, offset=1)
        assert (found["runs"][0]["id"], found["totalCount"]) == (run_id(3), 3)
        await marquez.ask("namespaces/shop/jobs/none/runs", status=404)
        await marquez.ask("namespaces/shop/jobs/load/runs?limit=-1", status=400)

    tell(tmp_path, story)


def test_36_what_a_run_read_and_wrote(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        written = dataset("orders", outputFacets={"outputStatistics": facet(rowCount=3)})
        await marquez.post(
            event(1, "COMPLETE", 0, "before", writes=("raw",)),
            event(2, "START", 1, reads=("raw", "source")),
        )
        assert (await marquez.run(2))["jobVersion"] is None
        await marquez.post(event(2, "COMPLETE", 2, writes=(written,)))
        run = await marquez.run(2)
        assert run["jobVersion"]["name"] == "load"
        reads = {each["datasetVersionId"]["name"]: each for each in run["inputDatasetVersions"]}
        (wrote,) = run["outputDatasetVersions"]
        assert wrote["facets"]["outputStatistics"]["rowCount"] == 3
        (raw,) = (await marquez.versions("raw"))["versions"]
        assert reads["raw"]["datasetVersionId"]["version"] == raw["version"]
        (source,) = (await marquez.versions("source"))["versions"]
        assert reads["source"]["datasetVersionId"]["version"] == source["version"]
        (orders,) = (await marquez.versions("orders"))["versions"]
        assert wrote["datasetVersionId"]["version"] == orders["version"]
        assert orders["facets"]["outputStatistics"]["rowCount"] == 3

    tell(tmp_path, story)


def test_37_38_facets_of_a_run(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, "START", 0, run_facets={"a": facet(x=1), "b": facet(x=1)}),
            event(
                1, "COMPLETE", 1, run_facets={"b": facet(x=2), "spark_unknown": facet()},
                job_facets={"sql": facet(query="select 1")},
            ),
        )  # fmt: skip
        where = f"jobs/runs/{run_id(1)}/facets"
        found = await marquez.ask(where, type="run")
        assert found["runId"] == run_id(1)
        assert {name: each["x"] for name, each in found["facets"].items()} == {"a": 1, "b": 2}
        assert list((await marquez.ask(where, type="JOB"))["facets"]) == ["sql"]
        assert (await marquez.ask(where, type="dataset"))["facets"] == {}
        await marquez.ask(where, status=400)
        await marquez.ask(f"jobs/runs/{run_id(2)}/facets?type=run", status=404)

    tell(tmp_path, story)


def test_39_nominal_times(tmp_path: Path) -> None:
    nominal = {"nominalTime": facet(nominalStartTime=at(0), nominalEndTime=at(60))}

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, "START", 0, run_facets=nominal), event(1, "COMPLETE", 1))
        run = await marquez.run()
        assert (run["nominalStartTime"], run["nominalEndTime"]) == (at(0), at(60))
        assert run["args"] == {"nominal_start_time": at(0), "nominal_end_time": at(60)}

    tell(tmp_path, story)


def test_40_versions_of_a_job(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, minute=0, reads=("a",)),
            event(2, minute=1, reads=("a",)),
            event(3, minute=2, reads=("a", "b")),
        )
        found = (await marquez.ask("namespaces/shop/jobs/load/versions"))["versions"]
        assert [len(each["inputs"]) for each in found] == [2, 1]
        assert [each["latestRun"]["id"] for each in found] == [run_id(3), run_id(2)]
        for each in found:
            assert each["id"]["version"] == each["version"]
            same = await marquez.ask(f"namespaces/shop/jobs/load/versions/{each['version']}")
            assert same == each
        assert (await marquez.run(3))["jobVersion"]["version"] == found[0]["version"]
        assert (await marquez.job())["currentVersion"] == found[0]["version"]
        await marquez.ask(f"namespaces/shop/jobs/load/versions/{run_id(1)}", status=404)

    tell(tmp_path, story)


def test_41_a_deleted_job_is_gone_until_it_is_named_again(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, reads=("raw",)))
        await marquez.client.delete("/api/v2/jobs/shop/load")
        await marquez.job(status=404)
        assert (await marquez.ask("jobs"))["totalCount"] == 0
        assert (await marquez.ask("search?q=load"))["totalCount"] == 0
        await marquez.lineage("job:shop:load", status=404)
        assert set(await marquez.lineage("dataset:pg:raw")) == {"dataset:pg:raw"}
        later = event(2, reads=("raw",))
        later["eventTime"] = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        await marquez.post(later)
        assert (await marquez.job())["name"] == "load"

    tell(tmp_path, story)


def test_42_43_tasks_and_their_parent(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        for number, task in enumerate(("team.dag.t1", "team.dag.group.t2"), start=1):
            facets = parent("team.dag", run_id(9))
            await marquez.post(
                event(number, "START", number, task, run_facets=facets),
                event(number, "COMPLETE", number + 1, task, run_facets=facets),
            )
        first, second = [await marquez.job(f"team.dag.{task}") for task in ("t1", "group.t2")]
        assert (first["simpleName"], first["parentJobName"]) == ("t1", "team.dag")
        assert (second["simpleName"], second["parentJobName"]) == ("group.t2", "team.dag")
        assert first["parentJobUuid"] == second["parentJobUuid"]
        dag = await marquez.job("team.dag")
        runs = await marquez.runs("team.dag")
        assert (runs["totalCount"], runs["runs"][0]["id"]) == (1, run_id(9))
        assert dag["latestRun"]["state"] == "COMPLETED"
        assert (dag["createdAt"], dag["updatedAt"]) == (at(1), at(3))
        assert (await marquez.ask("jobs"))["totalCount"] == 3

    tell(tmp_path, story)


def test_44_a_job_keeps_the_name_that_its_events_say(tmp_path: Path) -> None:
    """Ours: Marquez makes `P.J` of it, and splits it where an event leaves the parent out."""

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, "START", 0, "J", run_facets=parent("P", run_id(9))))
        assert (await marquez.ask("jobs"))["jobs"][1]["latestRun"]["state"] == "RUNNING"
        await marquez.post(event(1, "COMPLETE", 1, "J"))
        assert (await marquez.ask("jobs"))["jobs"][1]["latestRun"]["state"] == "COMPLETED"
        job = await marquez.job("J")
        assert (job["name"], job["simpleName"], job["parentJobName"]) == ("J", "J", "P")
        names = [each["name"] for each in (await marquez.ask("jobs"))["jobs"]]
        assert sorted(names) == ["J", "P"]

    tell(tmp_path, story)


def test_45_a_parent_run_id_in_two_namespaces(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        for number, namespace in enumerate(("one", "two"), start=1):
            facets = parent("dag", run_id(9), namespace)
            made = event(number, job="dag.t", run_facets=facets)
            made["job"]["namespace"] = namespace
            await marquez.post(made)
        for namespace in ("one", "two"):
            runs = await marquez.ask(f"namespaces/{namespace}/jobs/dag/runs")
            assert (runs["totalCount"], runs["runs"][0]["state"]) == (1, "COMPLETED")

    tell(tmp_path, story)


def test_46_47_the_latest_run_of_a_child_is_its_own(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        facets = {"parentRun": parent("dag.t", run_id(8))["parent"]}
        await marquez.post(
            event(8, "START", 0, "dag.t", run_facets=parent("dag", run_id(9))),
            event(1, "COMPLETE", 1, "dag.t.spark", ("raw",), run_facets=facets),
        )
        job = await marquez.job("dag.t.spark")
        assert (job["simpleName"], job["parentJobName"]) == ("spark", "dag.t")
        node = (await marquez.lineage("job:shop:dag.t.spark"))["job:shop:dag.t.spark"]
        assert node["data"]["latestRun"]["id"] == run_id(1)
        assert node["data"]["currentRunUuid"] == run_id(1)

    tell(tmp_path, story)


def test_65_a_dataset_by_its_other_name(tmp_path: Path) -> None:
    """27 and 65: an alias answers under its own name, with what is known of the dataset."""
    link = {"symlinks": facet(identifiers=[{"namespace": "hive", "name": "t", "type": "TABLE"}])}

    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, job="make", writes=(dataset("/lake/t", facets={**schema("id"), **link}),)),
            event(2, minute=1, job="use", reads=(dataset("t", "hive"),)),
        )
        alias = await marquez.dataset("t", "hive")
        assert alias["id"] == {"namespace": "hive", "name": "t"}
        assert [field["name"] for field in alias["fields"]] == ["id"]
        found = await marquez.lineage("dataset:hive:t")
        assert {"job:shop:make", "job:shop:use", "dataset:hive:t"} == set(found)
        assert (await marquez.versions("%2Flake%2Ft"))["totalCount"] == 1

    tell(tmp_path, story)


def test_3_what_is_unknown(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        said: Any = await marquez.ask("namespaces/none", status=404)
        assert said == {"code": 404, "message": "Namespace 'none' not found."}
        for path, kind in (
            ("namespaces/shop/jobs/none", "Job"),
            ("namespaces/shop/datasets/none", "Dataset"),
            ("jobs/runs/none", "Run"),
            ("sources/none", "Source"),
        ):
            said = await marquez.ask(path, status=404)
            assert said["message"] == f"{kind} 'none' not found."
        await marquez.ask("namespaces/none/datasets", status=404)

    tell(tmp_path, story)


def test_1_4_namespaces(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        (only,) = (await marquez.ask("namespaces"))["namespaces"]
        assert (only["name"], only["ownerName"], only["isHidden"]) == (
            "default",
            "anonymous",
            False,
        )
        await marquez.post(event(1, minute=5, reads=(dataset("x", "s3://bucket"),)))
        names = [each["name"] for each in (await marquez.ask("namespaces"))["namespaces"]]
        assert names == ["default", "s3://bucket", "shop"]
        found = await marquez.ask("namespaces/s3%3A%2F%2Fbucket")
        assert (found["name"], found["createdAt"]) == ("s3://bucket", at(5))

    tell(tmp_path, story)


def test_70_health(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        assert (await marquez.client.get("/ping")).text == "pong\n"
        assert (await marquez.client.get("/healthcheck")).json()["store"]["healthy"] is True
        metrics = await marquez.client.get("/metrics")
        assert "# TYPE" in metrics.text

    tell(tmp_path, story)
