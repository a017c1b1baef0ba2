"""Small OpenLineage events for tests, written short. Minutes count from eight in the morning."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

PRODUCER = "https://example.com/shop"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
NAMESPACE = "shop"
RUN = "01935b2a-0000-7000-8000-000000000001"
_EIGHT = datetime(2026, 11, 1, 8, tzinfo=UTC)

Members = dict[str, Any]


def at(minute: int) -> int:
    """A minute in microseconds since 1970."""
    return round(_EIGHT.timestamp()) * 1_000_000 + minute * 60_000_000


def written(minute: int) -> str:
    """A minute as an event writes it."""
    return f"{_EIGHT + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"


def facet(**members: Any) -> Members:
    return {"_producer": PRODUCER, "_schemaURL": "https://example.com/facet.json", **members}


def schema(*columns: str) -> Members:
    return {"schema": facet(fields=[{"name": name, "type": "TEXT"} for name in columns])}


def symlinks(*names: str) -> Members:
    identifiers = [{"namespace": NAMESPACE, "name": name, "type": "TABLE"} for name in names]
    return {"symlinks": facet(identifiers=identifiers)}


def documentation(text: str) -> Members:
    return {"documentation": facet(description=text)}


def column_lineage(**columns: list[tuple[str, str]]) -> Members:
    """Each output column with the (dataset, field) pairs that it is made of."""
    fields = {
        column: {
            "inputFields": [
                {"namespace": NAMESPACE, "name": name, "field": field} for name, field in sources
            ]
        }
        for column, sources in columns.items()
    }
    return {"columnLineage": facet(fields=fields)}


def entry(name: str, inputs: list[str], fields: Members | None = None) -> Members:
    """An entry of the explicit lineage facet whose target and inputs are datasets."""
    said: Members = {"type": "DATASET", "namespace": NAMESPACE, "name": name}
    said["inputs"] = [{"type": "DATASET", "namespace": NAMESPACE, "name": each} for each in inputs]
    return said if fields is None else said | {"fields": fields}


def lineage(*entries: Members) -> Members:
    return {"lineage": facet(entries=list(entries))}


def parent(job: str, run: str, root: tuple[str, str] | None = None) -> Members:
    """The parent facet; the root is (job, run)."""

    def link(name: str, run_id: str) -> Members:
        return {"run": {"runId": run_id}, "job": {"namespace": NAMESPACE, "name": name}}

    return {"parent": facet(**link(job, run), **({} if root is None else {"root": link(*root)}))}


def job_type(processing: str, mode: str | None = None, integration: str = "FLINK") -> Members:
    said: Members = {"processingType": processing, "integration": integration, "jobType": "JOB"}
    if mode is not None:
        said["emissionPattern"] = {"eventTrigger": "PERIODIC", "eventContentMode": mode}
    return {"jobType": facet(**said)}


def dataset(name: str, facets: Members | None = None, **more: Any) -> Members:
    return {"namespace": NAMESPACE, "name": name, "facets": facets or {}, **more}


def uses(names: tuple[str | Members, ...]) -> list[Members]:
    return [dataset(each) if isinstance(each, str) else each for each in names]


def run_event(
    kind: str | None,
    minute: int,
    *,
    job: str = "load",
    run: str = RUN,
    inputs: tuple[str | Members, ...] = (),
    outputs: tuple[str | Members, ...] = (),
    run_facets: Members | None = None,
    job_facets: Members | None = None,
) -> Members:
    event: Members = {
        "eventTime": written(minute),
        "producer": PRODUCER,
        "schemaURL": SPEC + "RunEvent",
        "run": {"runId": run, "facets": run_facets or {}},
        "job": {"namespace": NAMESPACE, "name": job, "facets": job_facets or {}},
        "inputs": uses(inputs),
        "outputs": uses(outputs),
    }
    return event if kind is None else {"eventType": kind, **event}


def job_event(
    minute: int,
    *,
    job: str = "load",
    inputs: tuple[str | Members, ...] = (),
    outputs: tuple[str | Members, ...] = (),
    job_facets: Members | None = None,
) -> Members:
    return {
        "eventTime": written(minute),
        "producer": PRODUCER,
        "schemaURL": SPEC + "JobEvent",
        "job": {"namespace": NAMESPACE, "name": job, "facets": job_facets or {}},
        "inputs": uses(inputs),
        "outputs": uses(outputs),
    }


def dataset_event(minute: int, name: str, facets: Members) -> Members:
    return {
        "eventTime": written(minute),
        "producer": PRODUCER,
        "schemaURL": SPEC + "DatasetEvent",
        "dataset": dataset(name, facets),
    }


def encoded(event: object) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
