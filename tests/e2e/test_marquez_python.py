"""The real marquez-python client, every method of it, against a real server."""

import json
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import marquez_client.client  # type: ignore[import-untyped]
import pytest
import requests
from marquez_client import MarquezClient
from marquez_client.errors import APIError  # type: ignore[import-untyped]
from marquez_client.models import DatasetId, DatasetType, JobType  # type: ignore[import-untyped]

from tests.contract.events import encoded
from tests.e2e.serving import Server

NAMESPACE = "s3://bucket"
"""A name that has to be encoded and read back as it is."""
ORDERS, TOTALS, JOB = "public/orders", "totals #1", "load %totals"
NOMINAL = "2026-11-13T08:00:00Z"
COLUMN = {"namespace": NAMESPACE, "name": ORDERS, "field": "id"}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("MARQUEZ") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def client(hw: Server) -> MarquezClient:
    return MarquezClient(hw.url)


def declare(client: MarquezClient) -> str:
    """What `examples/simple.py` of the client does, up to a run; the id of the run."""
    made = client.create_namespace(NAMESPACE, "me", "all of it")
    assert (made["name"], made["ownerName"]) == (NAMESPACE, "me")
    source = client.create_source("db", "postgresql", "jdbc:postgresql://db/shop", "the shop's")
    assert (source["type"], source["connectionUrl"]) == ("POSTGRESQL", "jdbc:postgresql://db/shop")
    fields = [{"name": "id", "type": "INTEGER", "tags": ["key"]}, {"name": "mail", "type": "TEXT"}]
    for name in (ORDERS, TOTALS):
        table = client.create_dataset(
            NAMESPACE, name, DatasetType.DB_TABLE, f"shop.{name}", "db", fields=fields, tags=["a"]
        )
        assert (table["name"], table["tags"]) == (name, ["a"])
        assert table["fields"][0]["tags"] == ["KEY"]
    job = client.create_job(
        NAMESPACE, JOB, JobType.BATCH, location="https://git/1", description="sums",
        inputs=[DatasetId(NAMESPACE, ORDERS)], outputs=[DatasetId(NAMESPACE, TOTALS)],
        context={"sql": "select 1"},
    )  # fmt: skip
    assert job["inputs"] == [{"namespace": NAMESPACE, "name": ORDERS}]
    run = client.create_job_run(
        NAMESPACE, JOB, run_id=str(uuid.uuid4()), nominal_start_time=NOMINAL,
        nominal_end_time=NOMINAL, run_args={"mail": "a@b"},
    )  # fmt: skip
    assert (run["state"], run["nominalStartTime"], run["args"]["mail"]) == ("NEW", NOMINAL, "a@b")
    identity: str = run["id"]
    return identity


def test_63_the_example_of_the_client(hw: Server, client: MarquezClient) -> None:
    run = declare(client)
    start = datetime.now(UTC)
    assert client.mark_job_run_as_started(run, at=start.isoformat())["state"] == "RUNNING"
    client.create_dataset(
        NAMESPACE, TOTALS, DatasetType.DB_TABLE, "shop.totals", "db", run_id=run,
        fields=[{"name": "sum", "type": "INTEGER"}],
    )  # fmt: skip
    ended = client.mark_job_run_as_completed(run, at=(start + timedelta(minutes=1)).isoformat())
    assert (ended["state"], ended["durationMs"]) == ("COMPLETED", 60_000)

    job = client.get_job(NAMESPACE, JOB)
    assert (job["latestRun"]["id"], job["latestRun"]["state"]) == (run, "COMPLETED")
    table = client.get_dataset(NAMESPACE, TOTALS)
    version = client.get_dataset_version(NAMESPACE, TOTALS, table["currentVersion"])
    assert version["createdByRun"]["id"] == run
    assert [field["name"] for field in version["fields"]] == ["sum"]
    rebuilt = hw.command("verify")
    assert rebuilt.startswith("Equal"), rebuilt


def test_68_every_method(hw: Server, client: MarquezClient) -> None:
    first = declare(client)
    client.mark_job_run_as_started(first)
    client.mark_job_run_as_failed(first)
    second = client.create_job_run(NAMESPACE, JOB, mark_as_running=True)
    assert second["state"] == "RUNNING"
    assert client.mark_job_run_as_aborted(second["id"])["state"] == "ABORTED"
    third = client.create_job_run(NAMESPACE, JOB)["id"]
    client.mark_job_run_as_started(third)
    client.mark_job_run_as_completed(third)
    hw.taken(_column_event())

    def columns(answer: Any) -> int:
        return len(answer["graph"])

    def names(answer: Any, kind: str) -> list[str]:
        return [each["name"] for each in answer[kind]]

    versions = client.list_dataset_versions(NAMESPACE, TOTALS)["versions"]
    tagged = client.tag_dataset_field(NAMESPACE, ORDERS, "mail", "pii")["fields"]
    runs = client.list_job_runs(NAMESPACE, JOB)["runs"]
    lineage = client.get_column_lineage_by_dataset_field(NAMESPACE, TOTALS, "sum")
    answers = {
        "get_namespace": client.get_namespace(NAMESPACE)["name"] == NAMESPACE,
        "list_namespaces": NAMESPACE in names(client.list_namespaces(), "namespaces"),
        "get_source": client.get_source("db")["description"] == "the shop's",
        "list_sources": names(client.list_sources(), "sources") == ["db", "default"],
        "get_dataset": client.get_dataset(NAMESPACE, ORDERS)["sourceName"] == "db",
        "list_datasets": client.list_datasets(NAMESPACE)["totalCount"] == 2,
        "list_dataset_versions": versions[0]["createdByRun"]["id"] == third,
        "get_job": client.get_job(NAMESPACE, JOB)["description"] == "sums",
        "list_jobs": names(client.list_jobs(NAMESPACE), "jobs") == [JOB],
        "list_job_runs": [run["state"] for run in runs] == ["COMPLETED", "ABORTED", "FAILED"],
        "get_job_run": client.get_job_run(third)["state"] == "COMPLETED",
        "list_events": client.list_events()["totalCount"] == 10
        and client.list_events("shop")["totalCount"] == 1,
        "create_tag": client.create_tag("PII", "personal")["description"] == "personal",
        "tag_dataset": client.tag_dataset(NAMESPACE, ORDERS, "PII")["tags"] == ["PII", "a"],
        "tag_dataset_field": tagged[1]["tags"] == ["PII"],
        "list_tags": names(client.list_tags(), "tags") == ["KEY", "PII", "a"],
        "get_column_lineage_by_dataset": columns(
            client.get_column_lineage_by_dataset(NAMESPACE, TOTALS)
        )
        == 2,
        "get_column_lineage_by_dataset_field": columns(lineage) == 2,
        "get_column_lineage_by_job": columns(client.get_column_lineage_by_job("shop", "columns"))
        == 2,
    }
    assert [name for name, right in answers.items() if not right] == []
    assert _methods() - answers.keys() == {
        "create_dataset", "create_job", "create_job_run", "create_namespace", "create_source",
        "get_dataset_version", "mark_job_run_as_aborted", "mark_job_run_as_completed",
        "mark_job_run_as_failed", "mark_job_run_as_started",
    }  # fmt: skip


def test_names_that_nobody_knows_are_errors_to_the_client(client: MarquezClient) -> None:
    asked: tuple[Callable[[], Any], ...] = (
        lambda: client.get_namespace("none"),
        lambda: client.get_dataset("none", "x"),
        lambda: client.create_job(NAMESPACE, "j", JobType.BATCH),
        lambda: client.mark_job_run_as_started(str(uuid.uuid4())),
    )
    for ask in asked:
        with pytest.raises(APIError) as caught:
            ask()
        cause = caught.value.__cause__
        assert isinstance(cause, requests.HTTPError)
        assert cause.response is not None
        assert cause.response.status_code == 404


def test_a_key_is_sent_as_marquez_own_are(hw: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    said = hw.command("keys", "create", "--scope", "read", "--scope", "write", "--format", "json")
    strange = requests.put(f"{hw.url}/api/v1/namespaces/n", json={"ownerName": "x"}, timeout=30)
    assert strange.status_code == 401
    # The client keeps a key in a dict that all its instances share.
    monkeypatch.setattr(marquez_client.client, "_HEADERS", {})
    client = MarquezClient(hw.url, api_key=json.loads(said)["token"])
    assert client.create_namespace("n", "me")["ownerName"] == "me"


def _methods() -> set[str]:
    return {
        name
        for name, each in vars(MarquezClient).items()
        if callable(each) and not name.startswith("_")
    }


def _column_event() -> bytes:
    facet = {"_producer": "https://example.com", "_schemaURL": "https://example.com/f.json"}
    flows = {"sum": {"inputFields": [COLUMN]}}
    return encoded(
        {
            "eventType": "RUNNING",
            "eventTime": "2026-11-13T09:00:00Z",
            "producer": "https://example.com",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": str(uuid.uuid4())},
            "job": {"namespace": "shop", "name": "columns"},
            "outputs": [
                {
                    "namespace": NAMESPACE,
                    "name": TOTALS,
                    "facets": {"columnLineage": {**facet, "fields": flows}},
                }
            ],
        }
    )
