import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.dialects.serving import dataset, encoded, facet, run_event, serving

MEMBERS = [
    "id",
    "parent_run_id",
    "parent_job_namespace",
    "parent_job_name",
    "run_id",
    "run_state",
    "received_at",
    "job_name",
    "job_namespace",
    "inputs",
    "outputs",
    "event_time",
    "event_schema",
    "event_schema_version",
    "event_size_in_bytes",
    "event_raw",
    "produced_by",
    "integration",
    "integration_version",
]
SPARK = "https://github.com/OpenLineage/OpenLineage/tree/1.19.0/integration/spark"


def events() -> list[dict[str, Any]]:
    """One a minute, from 08:00 on."""
    kinds = ["START", "RUNNING", "COMPLETE", "START", "FAIL"]
    made = [
        run_event(
            run=f"run-{number // 3}",
            kind=kind,
            time=f"2026-11-13T08:0{number}:00Z",
            job=f"job-{number // 3}",
            inputs=tuple(dataset(f"in-{one}") for one in range(5 - number)),
            outputs=(dataset("orders"),),
        )
        for number, kind in enumerate(kinds)
    ]
    made[0]["producer"] = SPARK
    parent = {"run": {"runId": "up"}, "job": {"namespace": "shop", "name": "dag"}}
    made[1]["run"]["facets"] = {"parent": facet(**parent)}
    made[2]["job"]["facets"] = {"jobType": facet(integration="DBT", processingType="BATCH")}
    return made


START, END = 1_794_556_800, 1_794_556_800 + 300  # 2026-11-13T08:00:00Z


def ask(folder: Path, *queries: str, posted: Iterable[object] = ()) -> list[httpx.Response]:
    async def story() -> list[httpx.Response]:
        async with serving(folder) as (_, client):
            for event in posted or events():
                assert (await client.post("/api/v1/lineage", content=encoded(event))).is_success
            return [await client.get(f"/api/v1/events?{query}") for query in queries]

    return asyncio.run(story())


def times(response: httpx.Response) -> list[str]:
    return [event["event_time"][14:16] for event in response.json()]


def test_an_event_has_exactly_the_members_of_oleander(tmp_path: Path) -> None:
    (response,) = ask(tmp_path, f"start={START}&end={END}")
    found = response.json()
    assert response.status_code == 200
    assert all(list(event) == MEMBERS for event in found)
    assert times(response) == ["00", "01", "02", "03", "04"]
    first, second, third = found[:3]
    assert first["event_raw"] == events()[0]
    assert first["event_size_in_bytes"] == len(encoded(events()[0]))
    assert first["event_time"] == "2026-11-13T08:00:00.000000Z"
    assert first["event_schema_version"] == "2-0-2"
    assert (first["integration"], first["integration_version"]) == ("SPARK", "1.19.0")
    assert first["inputs"][0] == {"namespace": "pg", "name": "in-0"}
    assert first["outputs"] == [{"namespace": "pg", "name": "orders"}]
    assert (first["job_namespace"], first["job_name"]) == ("shop", "job-0")
    assert (first["run_id"], first["run_state"]) == ("run-0", "START")
    assert second["parent_run_id"] == "up"
    assert (second["parent_job_namespace"], second["parent_job_name"]) == ("shop", "dag")
    assert third["integration"] == "DBT"


def test_start_is_included_and_end_is_not(tmp_path: Path) -> None:
    one, fraction = ask(
        tmp_path, f"start={START + 60}&end={START + 120}", f"start={START + 59.5}&end={START + 120}"
    )
    assert times(one) == times(fraction) == ["01"]


@pytest.mark.parametrize(
    ("query", "minutes"),
    [
        ("order=DESC", ["04", "03", "02", "01", "00"]),
        ("sort_by=event_time&order=asc", ["00", "01", "02", "03", "04"]),
        ("run_id=run-1", ["03", "04"]),
        ("run_state=start,FAIL", ["00", "03", "04"]),
        ("run_state=START&run_state=COMPLETE", ["00", "02", "03"]),
        ("job_name=job-1", ["03", "04"]),
        ("job_namespace=shop&job_name=job-1", ["03", "04"]),
        ("job_namespace=shop", ["00", "01", "02", "03", "04"]),
        ("job_namespace=other", []),
        ("integrations=spark", ["00"]),
        ("integration=SPARK,dbt", ["00", "02"]),
        ("limit=2&offset=1", ["01", "02"]),
        ("page=2&page_size=2", ["02", "03"]),
        ("integrations=spark,dbt&offset=1", ["02"]),
    ],
)
def test_sorting_filters_and_pages(tmp_path: Path, query: str, minutes: list[str]) -> None:
    (response,) = ask(tmp_path, f"start={START}&end={END}&{query}")
    assert times(response) == minutes


def test_by_size(tmp_path: Path) -> None:
    (response,) = ask(tmp_path, f"start={START}&end={END}&sort_by=EVENT_SIZE_IN_BYTES&order=DESC")
    sizes = [event["event_size_in_bytes"] for event in response.json()]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == 5


@pytest.mark.parametrize(
    "query", ["", "order=DESC", "sort_by=EVENT_SIZE_IN_BYTES", "integrations=SPARK,DBT"]
)
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_cursors_lead_through_every_event_once(tmp_path: Path, query: str, limit: int) -> None:
    async def story() -> tuple[list[str], list[str]]:
        async with serving(tmp_path) as (_, client):
            for event in events():
                await client.post("/api/v1/lineage", content=encoded(event))
            where = f"/api/v1/events?start={START}&end={END}&{query}"
            whole = [event["id"] for event in (await client.get(where)).json()]
            walked: list[str] = []
            cursor: str | None = ""
            while cursor is not None:
                page = await client.get(f"{where}&limit={limit}&cursor={cursor}")
                assert len(page.json()) <= limit
                walked += [event["id"] for event in page.json()]
                cursor = page.headers.get("x-next-cursor")
            return whole, walked

    whole, walked = asyncio.run(story())
    assert walked == whole
    assert walked


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("end=1", "start"),
        ("start=1", "end"),
        ("start=x&end=1", "start"),
        ("start=NaN&end=1", "start"),
        ("start=1e99&end=1", "start"),
        ("start=2&end=1", "end"),
        ("start=1&end=2&sort_by=x", "sort_by"),
        ("start=1&end=2&order=x", "order"),
        ("start=1&end=2&run_state=DONE", "run_state"),
        ("start=1&end=2&cursor=x", "cursor"),
        ("start=1&end=2&cursor=" + "0" * 32 + "&sort_by=EVENT_SIZE_IN_BYTES", "cursor"),
        ("start=1&end=2&limit=0", "limit"),
        ("start=1&end=2&offset=-1", "offset"),
        ("start=1&end=2&page=999&limit=1000", "page"),
    ],
)
def test_a_bad_parameter_is_named(tmp_path: Path, query: str, named: str) -> None:
    (response,) = ask(tmp_path, query)
    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == named


def test_job_and_dataset_events_have_no_run(tmp_path: Path) -> None:
    declared = {key: run_event()[key] for key in ("eventTime", "producer", "schemaURL", "job")}
    viewed = {"eventTime": "2026-11-13T08:31:00Z", "dataset": dataset("orders")}
    (response,) = ask(tmp_path, f"start={START}&end={START + 3600}", posted=[declared, viewed])
    job, data = response.json()
    assert (job["run_id"], job["job_name"], job["run_state"]) == (None, "load", None)
    assert (data["run_id"], data["job_name"], data["event_schema"]) == (None, None, None)
