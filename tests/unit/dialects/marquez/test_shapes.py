"""Every object has exactly the keys that Marquez' has, with values of the same types."""

from pathlib import Path
from typing import Any

from tests.unit.dialects.marquez.asking import (
    Marquez,
    dataset,
    event,
    facet,
    made_of,
    parent,
    run_id,
    schema,
    tell,
)

ID = {"namespace": str, "name": str}
VERSION = {**ID, "version": str}
MAYBE = (str, type(None))
FIELD = {"name": str, "type": MAYBE, "tags": [str], "description": MAYBE}
TRANSFORMED = {"transformationDescription": MAYBE, "transformationType": MAYBE}
USE = {"datasetVersionId": VERSION, "facets": dict}
RUN = {
    "id": str, "createdAt": str, "updatedAt": str, "nominalStartTime": MAYBE,
    "nominalEndTime": MAYBE, "state": str, "startedAt": MAYBE, "endedAt": MAYBE,
    "durationMs": (int, type(None)), "args": dict, "jobVersion": VERSION,
    "inputDatasetVersions": [USE], "outputDatasetVersions": [USE], "facets": dict,
}  # fmt: skip
DATASET = {
    "id": ID, "type": str, "name": str, "physicalName": str, "createdAt": str, "updatedAt": str,
    "namespace": str, "sourceName": str, "fields": [FIELD], "tags": [str], "lastModifiedAt": MAYBE,
    "lastLifecycleState": MAYBE, "description": MAYBE, "currentVersion": MAYBE,
    "columnLineage": [{
        "name": str, **TRANSFORMED,
        "inputFields": [{"namespace": str, "dataset": str, "field": str, **TRANSFORMED}],
    }],
    "facets": dict, "deleted": bool,
}  # fmt: skip
DATASET_VERSION = {
    "id": ID, "type": str, "name": str, "physicalName": str, "createdAt": str, "version": str,
    "namespace": str, "sourceName": str, "fields": [FIELD], "tags": [str], "lifecycleState": MAYBE,
    "description": MAYBE, "currentSchemaVersion": MAYBE, "createdByRun": RUN, "facets": dict,
}  # fmt: skip
JOB = {
    "id": ID, "type": str, "name": str, "simpleName": str, "parentJobName": MAYBE,
    "parentJobUuid": MAYBE, "createdAt": str, "updatedAt": str, "namespace": str, "inputs": [ID],
    "outputs": [ID], "location": MAYBE, "description": MAYBE, "latestRun": RUN,
    "latestRuns": [RUN], "facets": dict, "currentVersion": MAYBE, "labels": [str], "tags": [str],
}  # fmt: skip
JOB_VERSION = {
    "id": VERSION, "name": str, "createdAt": str, "version": str, "namespace": str,
    "location": MAYBE, "inputs": [ID], "outputs": [ID], "latestRun": RUN,
}  # fmt: skip
EDGE = {"origin": str, "destination": str}
NODE: dict[str, Any] = {"id": str, "type": str, "inEdges": [EDGE], "outEdges": [EDGE]}
JOB_NODE = {**NODE, "data": {
    "id": ID, "type": str, "name": str, "simpleName": str, "parentJobName": MAYBE,
    "parentJobUuid": MAYBE, "currentRunUuid": MAYBE, "createdAt": str, "updatedAt": str,
    "namespace": str, "inputs": [ID], "outputs": [ID], "location": MAYBE, "description": MAYBE,
    "latestRun": RUN,
}}  # fmt: skip
DATASET_NODE = {**NODE, "data": {
    name: kind for name, kind in DATASET.items()
    if name not in {"currentVersion", "columnLineage", "facets", "deleted"}
}}  # fmt: skip
COLUMN = {
    "namespace": str, "dataset": str, "datasetVersion": MAYBE, "field": str, **TRANSFORMED
}  # fmt: skip
COLUMN_NODE = {**NODE, "data": {**COLUMN, "fieldType": str, "inputFields": [COLUMN]}}
NAMESPACE = {
    "name": str, "createdAt": str, "updatedAt": str, "ownerName": str, "description": MAYBE,
    "isHidden": bool,
}  # fmt: skip
SOURCE = {
    "type": str, "name": str, "createdAt": str, "updatedAt": str, "connectionUrl": str,
    "description": MAYBE,
}  # fmt: skip
UPSTREAM = {
    "job": {"namespace": str, "name": str, "version": MAYBE},
    "run": {"id": str, "start": MAYBE, "end": MAYBE, "status": str},
    "inputs": [{"namespace": str, "name": str, "version": str, "producedByRunId": MAYBE}],
}
RESULT = {"type": str, "name": str, "updatedAt": str, "namespace": str, "nodeId": str}
COUNTED = {"startInterval": str, "endInterval": str}


def is_like(value: Any, shape: Any, where: str) -> None:
    """A value has the shape: the same keys, and the types of their values."""
    if isinstance(shape, dict):
        assert set(value) == set(shape), where
        for name, inner in shape.items():
            is_like(value[name], inner, f"{where}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for each in value:
            is_like(each, shape[0], f"{where}[]")
    else:
        assert isinstance(value, shape), (where, value)


def events() -> list[dict[str, Any]]:
    orders = dataset(
        "orders",
        facets={
            **schema("id"), **made_of(id=(("raw", "id"),)),
            "dataSource": facet(name="warehouse", uri="postgres://db:5432/shop"),
        },
    )  # fmt: skip
    facets = {"documentation": facet(description="loads"), "tags": facet(tags=[])}
    run_facets = parent("dag", run_id(9)) | {
        "nominalTime": facet(nominalStartTime="2026-11-13T08:00:00Z")
    }
    return [
        event(1, "START", 0, "dag.load", ("raw",), job_facets=facets, run_facets=run_facets),
        event(1, "COMPLETE", 1, "dag.load", ("raw",), (orders,), run_facets=run_facets),
        event(2, "START", 2, "report", ("orders",), ("board",)),
        event(2, "COMPLETE", 3, "report", ("orders",), ("board",)),
    ]


def test_every_object_has_its_keys(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*events())
        for path, shape in (
            ("namespaces", {"namespaces": [NAMESPACE]}),
            ("namespaces/shop", NAMESPACE),
            ("sources", {"sources": [SOURCE]}),
            ("sources/warehouse", SOURCE),
            ("tags", {"tags": [{"name": str, "description": MAYBE}]}),
            ("namespaces/pg/datasets/orders", DATASET),
            (
                "namespaces/pg/datasets/orders/versions",
                {"versions": [DATASET_VERSION], "totalCount": int},
            ),
            ("namespaces/shop/jobs/dag.load", JOB),
            ("namespaces/shop/jobs/dag.load/versions", {"versions": [JOB_VERSION]}),
            ("namespaces/shop/jobs/dag.load/runs", {"runs": [RUN], "totalCount": int}),
            (f"jobs/runs/{run_id(1)}", RUN),
            (f"jobs/runs/{run_id(1)}/facets?type=run", {"runId": str, "facets": dict}),
            ("events/lineage", {"events": [dict], "totalCount": int}),
            (f"runlineage/upstream?runId={run_id(2)}", {"runs": [UPSTREAM]}),
            ("search?q=ord", {"totalCount": int, "results": [RESULT]}),
            (
                "stats/lineage-events?period=DAY",
                [{**COUNTED, "fail": int, "start": int, "complete": int, "abort": int}],
            ),
            ("stats/jobs?period=DAY", [{**COUNTED, "count": int}]),
            ("stats/sources?period=DAY", [{**COUNTED, "count": int}]),
        ):
            is_like(await marquez.ask(path), shape, path)

    tell(tmp_path, story)


def test_lists_hold_the_same_objects(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*events())
        (datasets,) = [await marquez.ask("namespaces/pg/datasets")]
        assert set(datasets) == {"datasets", "totalCount"}
        assert [set(each) == set(DATASET) for each in datasets["datasets"]] == [True] * 3
        jobs = await marquez.ask("jobs")
        assert set(jobs) == {"jobs", "totalCount"}
        assert all(set(each) == set(JOB) for each in jobs["jobs"])
        assert all(set(run) == set(RUN) for each in jobs["jobs"] for run in each["latestRuns"])

    tell(tmp_path, story)


def test_nodes_of_graphs_have_their_keys(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*events())
        for node in (await marquez.lineage("dataset:pg:orders")).values():
            is_like(node, JOB_NODE if node["type"] == "JOB" else DATASET_NODE, node["id"])
        found = await marquez.columns("dataset:pg:raw", withDownstream="true")
        assert len(found) == 2
        for node in found.values():
            assert node["type"] == "DATASET_FIELD"
            is_like(node, COLUMN_NODE, node["id"])

    tell(tmp_path, story)


def test_hits_of_the_second_search_have_their_keys(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*events())
        jobs = (await marquez.client.get("/api/v2beta/search/jobs?q=load")).json()
        is_like(
            jobs["hits"],
            [{
                "run_id": MAYBE, "name": str, "namespace": str, "eventType": MAYBE, "type": str,
                "facets": dict, "runFacets": dict,
            }],
            "jobs",
        )  # fmt: skip
        assert jobs["highlights"] == [{"name": ["dag.<em>load</em>"]}]
        datasets = (await marquez.client.get("/api/v2beta/search/datasets?q=ord")).json()
        assert {
            "run_id", "name", "namespace", "eventType", "inputFacets", "facets"
        } == set(datasets["hits"][0])  # fmt: skip

    tell(tmp_path, story)
