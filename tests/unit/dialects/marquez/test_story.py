"""A whole story read back through every endpoint, compared with files that were read by people.

To make a file anew, delete it and run the test: it writes what is missing, and fails.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.unit.dialects.marquez.asking import Marquez, run_id
from tests.unit.dialects.marquez.story import JOBS, PARENT, STEPS, STOCK, events
from tests.unit.dialects.serving import serving

GOLDEN = Path(__file__).parent / "golden"
_NODE = f"dataset:{STOCK}:public.orders_week"
_STOCK, _JOB = f"namespaces/{quote(STOCK, safe='')}", f"namespaces/{JOBS}/jobs/{PARENT}."

QUESTIONS = {
    "namespaces": "/api/v1/namespaces",
    "namespace": f"/api/v1/{_STOCK}",
    "sources": "/api/v1/sources",
    "tags": "/api/v1/tags",
    "datasets": f"/api/v1/{_STOCK}/datasets?limit=3",
    "dataset": f"/api/v1/{_STOCK}/datasets/public.costs",
    "checked-dataset": f"/api/v1/{_STOCK}/datasets/public.orders",
    "dataset-versions": f"/api/v1/{_STOCK}/datasets/public.orders_week/versions",
    "jobs": "/api/v1/jobs?limit=2",
    "jobs-of-namespace": f"/api/v1/namespaces/{JOBS}/jobs?limit=1&offset=12",
    "job": f"/api/v1/{_JOB}margins",
    "parent-job": f"/api/v1/namespaces/{JOBS}/jobs/{PARENT}",
    "job-versions": f"/api/v1/{_JOB}margins/versions",
    "runs": f"/api/v1/{_JOB}top_breads/runs",
    "run": f"/api/v1/jobs/runs/{run_id(11)}",
    "run-facets": f"/api/v1/jobs/runs/{run_id(11)}/facets?type=run",
    "run-job-facets": f"/api/v1/jobs/runs/{run_id(11)}/facets?type=job",
    "lineage": f"/api/v1/lineage?nodeId={quote(_NODE)}&depth=0",
    "column-lineage": f"/api/v1/column-lineage?nodeId={quote(_NODE)}&withDownstream=true&depth=1",
    "run-upstream": f"/api/v1/runlineage/upstream?runId={run_id(10)}",
    "events": "/api/v1/events/lineage?limit=1&before=2026-11-20T01:00:00Z",
    "search": "/api/v1/search?q=week",
    "search-jobs": "/api/v2beta/search/jobs?q=loaf",
    "search-datasets": "/api/v2beta/search/datasets?q=margin",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with serving(tmp_path_factory.mktemp("story")) as (_, client):
            await Marquez(client).post(*events())
            found: dict[str, Any] = {}
            for name, path in QUESTIONS.items():
                answer = await client.get(path)
                assert answer.status_code == 200, (path, answer.text)
                found[name] = answer.json()
            lineage = await client.get(f"/api/v1/lineage?nodeId={quote(_NODE)}")
            found["whole lineage"] = lineage.json()
            return found

    return asyncio.run(ask())


def test_the_story_has_the_shape_of_the_demonstration() -> None:
    told = list(events())
    assert (len(told), len(STEPS)) == (26, 13)
    text = json.dumps(told)
    assert len(re.findall('"columnLineage"', text)) == 5
    assert "dataQualityAssertions" in text


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_as_it_was_read(answers: dict[str, Any], name: str) -> None:
    golden = GOLDEN / f"{name}.json"
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(json.dumps(answers[name], indent=1, ensure_ascii=False) + "\n")
        pytest.fail(f"{golden.name} was missing and is written: read it")
    assert answers[name] == json.loads(golden.read_text())


def test_the_graph_holds_the_whole_story(answers: dict[str, Any]) -> None:
    nodes = {node["id"] for node in answers["whole lineage"]["graph"]}
    assert {f"job:{JOBS}:{PARENT}.{job}" for job in STEPS} <= nodes
    assert len(nodes) == len(STEPS) + len(set(_tables()))


def _tables() -> Iterator[str]:
    for reads, writes, _ in STEPS.values():
        yield from reads
        if writes is not None:
            yield writes
