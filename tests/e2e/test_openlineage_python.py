"""The real openlineage-python client, with both of its HTTP transports, against a real server."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_metrics_dataset,
    documentation_job,
    error_message_run,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    sql_job,
    symlinks_dataset,
)
from openlineage.client.transport.async_http import AsyncHttpTransport
from openlineage.client.uuid import generate_new_uuid

from tests.e2e.serving import Server

NAMESPACE = "etl"
WAREHOUSE = "postgres://wh:5432"
PRODUCER = "https://example.com/etl"
DAG_RUN = "01935b2a-0000-7000-8000-00000000aaaa"

Event = RunEvent | JobEvent | DatasetEvent


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("OPENLINEAGE") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server(hw: Server) -> tuple[Server, str]:
    """A server that is asked with an admin's key, and the token of a key that may only write."""
    made = {}
    for scope in ("admin", "write"):
        out = hw.command("keys", "create", "--scope", scope, "--format", "json")
        made[scope] = json.loads(out)["token"]
    hw.client.headers["authorization"] = f"Bearer {made['admin']}"
    return hw, made["write"]


def client_of(server: Server, kind: str, token: str, gzip: bool = False) -> OpenLineageClient:
    transport: dict[str, Any] = {
        "type": kind,
        "url": server.url,
        "auth": {"type": "api_key", "apiKey": token},
    }
    if gzip:
        transport["compression"] = "gzip"
    return OpenLineageClient(config={"transport": transport})


def column(name: str, field: str, *how: str) -> column_lineage_dataset.InputField:
    transformations = [column_lineage_dataset.Transformation(how[0], how[1])] if how else []
    return column_lineage_dataset.InputField(WAREHOUSE, name, field, transformations)


def run_event(
    kind: RunState,
    at: str,
    run: Run,
    job: Job,
    inputs: list[InputDataset] | None = None,
    outputs: list[OutputDataset] | None = None,
) -> RunEvent:
    return RunEvent(
        eventType=kind,
        eventTime=f"2026-11-01T{at}:00Z",
        run=run,
        job=job,
        inputs=inputs or [],
        outputs=outputs or [],
        producer=PRODUCER,
    )


def events_of_a_run(run_id: str) -> list[Event]:
    parent = parent_run.ParentRunFacet(
        run=parent_run.Run(DAG_RUN), job=parent_run.Job(NAMESPACE, "dag")
    )
    window = nominal_time_run.NominalTimeRunFacet("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    run = Run(run_id, {"parent": parent, "nominalTime": window})
    job = Job(NAMESPACE, "dag.load", {"sql": sql_job.SQLJobFacet("insert into mart select …")})
    fields = [schema_dataset.SchemaDatasetFacetFields(name, "INT") for name in ("id", "amount")]
    orders = InputDataset(
        WAREHOUSE,
        "shop.orders",
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(fields),
            "dataQualityMetrics": data_quality_metrics_dataset.DataQualityMetricsDatasetFacet(
                columnMetrics={
                    "amount": data_quality_metrics_dataset.ColumnMetrics(
                        sum=float("nan"), max=float("inf")
                    )
                }
            ),
        },
    )
    lineage = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            "total": column_lineage_dataset.Fields(
                [column("shop.orders", "amount", "DIRECT", "AGGREGATION")]
            )
        },
        dataset=[column("shop.orders", "id", "INDIRECT", "FILTER")],
    )
    mart = OutputDataset(
        WAREHOUSE,
        "shop.mart",
        facets={"columnLineage": lineage},
        outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=12
            )
        },
    )
    return [
        run_event(RunState.START, "08:00", run, job, inputs=[orders]),
        run_event(RunState.COMPLETE, "08:10", run, job, outputs=[mart]),
    ]


def static_events() -> list[Event]:
    names = symlinks_dataset.SymlinksDatasetFacet(
        [symlinks_dataset.Identifier("s3://lake", "mart", "TABLE")]
    )
    said = documentation_job.DocumentationJobFacet("publishes the mart")
    publish = Job(NAMESPACE, "publish", {"documentation": said})
    return [
        DatasetEvent(
            eventTime="2026-11-01T09:00:00Z",
            dataset=StaticDataset(WAREHOUSE, "shop.mart", facets={"symlinks": names}),
            producer=PRODUCER,
        ),
        JobEvent(
            eventTime="2026-11-01T09:00:00Z",
            job=publish,
            producer=PRODUCER,
            inputs=[InputDataset("s3://lake", "mart")],
            outputs=[OutputDataset("looker://shop", "board")],
        ),
    ]


def all_arrived(server: Server, run_id: str) -> None:
    mart = f"dataset:{WAREHOUSE}:shop.mart"
    assert server.edges(mart) == {
        ("shop.orders", "dag.load", "column"),
        ("dag.load", "mart", "column"),
        ("mart", "publish", "declared"),
        ("publish", "board", "declared"),
    }
    total = server.ask("/api/v2/lineage", node=f"field:{WAREHOUSE}:shop.mart:total", direction="up")
    assert {
        (edge["source"].rpartition(":")[2], edge["whole"], edge["transformations"][0]["subtype"])
        for edge in total["edges"]
    } == {("amount", False, "AGGREGATION"), ("id", True, "FILTER")}
    run = server.ask(f"/api/v2/runs/{run_id}")
    assert (run["state"], run["duration"], run["events"]) == ("COMPLETE", 600.0, 2)
    assert (run["nominal_start"] or "").startswith("2026-11-01T00:00:00")
    assert run["parent"] == {"run_id": DAG_RUN, "job": f"job:{NAMESPACE}:dag"}
    assert {"parent", "nominalTime", "tags"} <= run["facets"].keys()
    assert run["job_facets"]["sql"]["query"] == "insert into mart select …"
    (orders,), (written,) = run["inputs"], run["outputs"]
    metrics = orders["facets"]["dataQualityMetrics"]["columnMetrics"]["amount"]
    assert (metrics["sum"], metrics["max"]) == (None, None)
    assert written["use_facets"]["outputStatistics"]["rowCount"] == 12
    shown = server.ask("/api/v2/node", node=f"dataset:{WAREHOUSE}:shop.orders")
    assert [(each["name"], each["type"]) for each in shown["fields"]] == [
        ("id", "INT"),
        ("amount", "INT"),
    ]
    publish = server.ask(f"/api/v2/jobs/{NAMESPACE}/publish")
    assert publish["description"] == "publishes the mart"
    (edge,) = server.ask("/api/v2/lineage", node=f"job:{NAMESPACE}:dag.load", direction="up")[
        "edges"
    ]
    assert (edge["runs"], edge["last_run"]) == (1, run_id)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", ["http", "async_http"])
def test_events_and_facets_arrive(server: tuple[Server, str], kind: str, gzip: bool) -> None:
    hw, token = server
    run_id = str(generate_new_uuid())
    client = client_of(hw, kind, token, gzip)
    for event in (*events_of_a_run(run_id), *static_events()):
        client.emit(event)
    assert client.close(timeout=20)
    stats = hw.stats()
    assert (stats["events"], stats["jobs"], stats["datasets"]) == (4, 3, 4)
    all_arrived(hw, run_id)
    for listed in hw.ask("/api/v2/events")["items"]:
        raw = hw.stored(listed["id"])
        assert listed["size"] == len(raw)
        said = json.loads(raw)
        assert said["producer"] == PRODUCER
        flagged = hw.ask(f"/api/v2/events/{listed['id']}")["flags"]
        assert [flag["pointer"] for flag in flagged] == ([""] if b"NaN" in raw else [])


@pytest.mark.parametrize("kind", ["http", "async_http"])
def test_a_failure_is_told(server: tuple[Server, str], kind: str) -> None:
    hw, token = server
    run_id = str(generate_new_uuid())
    error = error_message_run.ErrorMessageRunFacet("no such table", "PYTHON", "Traceback …")
    job = Job(NAMESPACE, "broken")
    client = client_of(hw, kind, token)
    client.emit(run_event(RunState.START, "08:00", Run(run_id), job))
    failed = Run(run_id, {"errorMessage": error})
    client.emit(run_event(RunState.FAIL, "08:01", failed, job))
    assert client.close(timeout=20)
    run = hw.ask(f"/api/v2/runs/{run_id}")
    assert run["state"] == "FAIL"
    assert run["facets"]["errorMessage"]["message"] == "no such table"


def test_http_learns_of_a_key_that_does_not_hold(server: tuple[Server, str]) -> None:
    hw, token = server
    client = client_of(hw, "http", token + "x")
    with pytest.raises(requests.HTTPError, match="401"):
        client.emit(events_of_a_run(str(generate_new_uuid()))[0])
    client.close()
    assert hw.stats()["events"] == 0


def test_async_http_counts_what_was_refused(server: tuple[Server, str]) -> None:
    hw, token = server
    client = client_of(hw, "async_http", token + "x")
    client.emit(events_of_a_run(str(generate_new_uuid()))[0])
    assert client.close(timeout=20)
    assert isinstance(client.transport, AsyncHttpTransport)
    assert client.transport.get_stats() == {"pending": 0, "success": 0, "failed": 1}
    assert hw.stats()["events"] == 0


def test_many_events_at_once(server: tuple[Server, str]) -> None:
    """A hundred requests in flight, in no order across runs: all are there, none twice."""
    hw, token = server
    client = client_of(hw, "async_http", token, gzip=True)
    runs = [str(generate_new_uuid()) for _ in range(300)]
    for run_id in runs:
        for event in events_of_a_run(run_id):
            client.emit(event)
    assert client.close(timeout=60)
    assert isinstance(client.transport, AsyncHttpTransport)
    assert client.transport.get_stats() == {"pending": 0, "success": 600, "failed": 0}
    stats = hw.stats()
    assert (stats["events"], stats["runs"], stats["datasets"]) == (600, 300, 2)
    (producer,) = hw.ask("/api/v2/node", node=f"dataset:{WAREHOUSE}:shop.mart")["producers"]
    assert producer["runs"] == 300
    listed = hw.ask("/api/v2/runs", state="COMPLETE", limit=1000)["items"]
    assert {each["run_id"] for each in listed} == set(runs)
