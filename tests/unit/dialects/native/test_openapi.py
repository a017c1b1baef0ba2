import asyncio
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from headwater.app import DIALECTS
from headwater.http.message import Dialect
from tests.unit.dialects.serving import (
    Server,
    dataset,
    facet,
    run_event,
    schema,
    serving,
    tell,
)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    async def story() -> dict[str, Any]:
        async with serving(tmp_path_factory.mktemp("hw")) as (_, client):
            found: dict[str, Any] = (await client.get("/openapi.json")).json()
            return found

    return asyncio.run(story())


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_it_is_openapi_3_1_of_this_version(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    assert described["info"]["version"]


def test_every_schema_is_valid_and_every_reference_leads_somewhere(
    described: dict[str, Any],
) -> None:
    schemas = described["components"]["schemas"]
    for declared in schemas.values():
        jsonschema.Draft202012Validator.check_schema(declared)
    for reference in references(described):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_operations_are_told_apart_and_complete(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(names) == len(set(names))
    for path, _, operation in operations(described):
        assert operation["summary"]
        written = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert written == set(re.findall(r"\{(\w+)\}", path))
        for parameter in operation["parameters"]:
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])
        assert "200" in operation["responses"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/lineage",
        "/api/v1/lineage/batch",
        "/api/v1/events",
        "/api/v2/lineage",
        "/api/v2/events",
        "/api/v2/events/{id}",
        "/api/v2/events/{id}/raw",
        "/api/v2/runs",
        "/api/v2/runs/{run_id}",
        "/api/v2/jobs",
        "/api/v2/jobs/{namespace}/{name}",
        "/api/v2/datasets",
        "/api/v2/datasets/{namespace}/{name}",
        "/api/v2/namespaces",
        "/api/v2/search",
        "/api/v2/stats",
        "/api/v1/namespaces/{namespace}/jobs/{job}",
        "/api/v1/jobs/runs/{id}/facets",
        "/api/v1/column-lineage",
        "/api/v2beta/search/datasets",
    ],
)
def test_what_is_served_is_described(described: dict[str, Any], path: str) -> None:
    assert path in described["paths"]


def test_what_is_left_out_is_said_to_be_described_elsewhere(tmp_path: Path) -> None:
    """Each dialect of which a route is left out; aliases and pages of our own apart."""

    async def story() -> tuple[str, list[Dialect]]:
        async with serving(tmp_path) as (app, client):
            found = (await client.get("/openapi.json")).json()
            dialects = [import_module(name).dialect(app.context) for name in DIALECTS]
            return found["info"]["description"], dialects

    text, dialects = asyncio.run(story())
    for dialect in dialects:
        left_out = any(route.answer is None for route in dialect.routes)
        guide = re.search(r"docs/[\w/-]+\.md", dialect.described)
        assert (guide is not None) == (left_out and dialect.name not in ("openlineage", "native"))
        if guide is not None:
            assert dialect.described in text
            assert Path(guide[0]).is_file()


PAGES = ("/", "/docs")


@pytest.mark.parametrize("path", PAGES)
def test_the_pages_load_nothing_from_elsewhere(tmp_path: Path, path: str) -> None:
    async def story() -> tuple[str, str, str]:
        async with serving(tmp_path) as (_, client):
            response = await client.get(path)
            assert response.status_code == 200
            headers = response.headers
            return response.text, headers["content-type"], headers["content-security-policy"]

    text, kind, policy = asyncio.run(story())
    assert kind == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "unsafe" not in policy
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\son\w+=| style=", text
    )
    assert json.dumps(text)  # one document, in UTF-8


def test_answers_are_as_described(tmp_path: Path) -> None:
    """Every GET of the description, asked for what the sample event makes."""
    columns = {"id": {"inputFields": [{**dataset("raw"), "field": "id", "transformations": []}]}}
    event = run_event(
        "r",
        inputs=(dataset("raw", facets=schema("id")),),
        outputs=(
            dataset("orders", facets={**schema("id"), "columnLineage": facet(fields=columns)}),
        ),
        run_facets={"parent": facet(run={"runId": "up"}, job={"namespace": "shop", "name": "dag"})},
    )
    questions = {
        "/api/v1/events": ["?start=0&end=4000000000", "?limit=2"],
        "/api/v1/lineage": ["?nodeId=dataset:pg:orders"],
        "/api/v1/column-lineage": ["?nodeId=dataset:pg:orders"],
        "/api/v1/runlineage/upstream": ["?runId=r"],
        "/api/v1/search": ["?q=orders"],
        "/api/v2beta/search/jobs": ["?q=load"],
        "/api/v2beta/search/datasets": ["?q=orders"],
        "/api/v1/jobs/runs/{id}/facets": ["?type=run"],
        **{
            f"/api/v1/stats/{of}": ["?period=DAY"]
            for of in ("lineage-events", "jobs", "datasets", "sources")
        },
        "/api/v2/lineage": [
            "?node=dataset:pg:orders",
            "?node=field:pg:orders:id",
            "?node=run:r",
            "?node=dataset:pg:orders&group=namespace",
        ],
        "/api/v2/impact": ["?node=dataset:pg:raw"],
        "/api/v2/paths": ["?from=dataset:pg:raw&to=dataset:pg:orders"],
        "/api/v2/diff": ["?runs=r,r", "?node=dataset:pg:raw&from=2020-01-01"],
        "/api/v2/search": ["?q=orders"],
        "/api/v2/node": ["?node=job:shop:load"],
    }
    places = {"run_id": "r", "namespace": "pg", "name": "orders", "dataset": "orders"}
    marquez = {"job": "load", "source": "default", "id": "r"}

    async def story(server: Server) -> None:
        (places["id"],) = await server.post(event)
        described = (await server.client.get("/openapi.json")).json()
        for path, method, operation in operations(described):
            if method != "get":
                continue
            owner = {"namespace": "shop", "name": "load"} if "/jobs/" in path else {}
            if path.startswith("/api/v1/"):
                owner |= marquez
            if path.endswith("/versions/{version}"):
                versions = await server.client.get(
                    path.removesuffix("/{version}").format(**{**places, **owner})
                )
                owner["version"] = versions.json()["versions"][0]["version"]
            where = path.format(**{**places, **owner})
            answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
            rooted = {**answer, "components": described["components"]}
            for query in questions.get(path, [""]):
                response = await server.client.get(where + query)
                assert response.status_code == 200, (where + query, response.text)
                jsonschema.Draft202012Validator(rooted).validate(response.json())

    tell(tmp_path, story)
