"""The requests that Marquez' own web UI sends, page by page, as its 0.51.1 was seen to send them to
a server of ours (bare colons, commas and slashes included), and what it reads in the answers.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from tests.e2e import marquez_story as story
from tests.e2e.marquez import put, write
from tests.e2e.serving import Server, serving

JOB, TABLE = "etl_drop_offs", "public.drop_offs"
RUN = story.run_id(list(story.JOBS).index(JOB))
STATS = "startInterval endInterval count"
COUNTS = "startInterval endInterval fail start complete abort"


class Seen(NamedTuple):
    """A request, the member that holds a list, and the keys that are read in each part of it."""

    path: str
    member: str = ""
    keys: str = ""
    rows: int | None = None


PAGES: dict[str, tuple[Seen, ...]] = {
    "every page": (
        Seen("/namespaces", "namespaces", "name isHidden", 3),
        Seen("/tags", "tags", "name description", 1),
    ),
    "dashboard": (
        Seen("/jobs?limit=10&offset=0", "jobs", "name namespace type latestRuns tags", 10),
        Seen("/jobs?limit=10&offset=0&lastRunStates=FAILED", "jobs", "name latestRuns", 1),
        Seen("/stats/lineage-events?period=DAY&timezone=Europe/Paris", "", COUNTS, 24),
        Seen("/stats/lineage-events?period=WEEK&timezone=Europe/Paris", "", COUNTS, 7),
        Seen("/stats/jobs?period=DAY&timezone=Europe/Paris", "", STATS, 24),
        Seen("/stats/jobs?period=WEEK&timezone=Europe/Paris", "", STATS, 7),
        Seen("/stats/datasets?period=DAY&timezone=Europe/Paris", "", STATS, 24),
        Seen("/stats/datasets?period=WEEK&timezone=Europe/Paris", "", STATS, 7),
        Seen("/stats/sources?period=DAY&timezone=Europe/Paris", "", STATS, 24),
        Seen("/stats/sources?period=WEEK&timezone=Europe/Paris", "", STATS, 7),
    ),
    "jobs": (
        Seen(
            "/namespaces/bakery/jobs?limit=20&offset=0",
            "jobs",
            "name namespace updatedAt latestRun latestRuns parentJobName",
            14,
        ),
        Seen("/namespaces/empty/jobs?limit=20&offset=0", "jobs", "", 0),
    ),
    "datasets": (
        Seen(
            "/namespaces/bakery/datasets?limit=20&offset=0",
            "datasets",
            "name namespace sourceName updatedAt facets columnLineage",
            12,
        ),
        Seen("/namespaces/empty/datasets?limit=20&offset=0", "datasets", "", 0),
    ),
    "events": (
        Seen(
            "/events/lineage?limit=50&before=2100-11-26T23:59:59.000Z"
            "&after=2026-01-01T00:00:00.000Z&offset=0&sortDirection=desc",
            "events",
            "eventType eventTime run job inputs outputs",
            26,
        ),
    ),
    "lineage of a job": (
        Seen(
            f"/lineage?nodeId=job:bakery:{JOB}&depth=2",
            "graph",
            "id type data inEdges outEdges",
            20,
        ),
        Seen("/lineage?nodeId=job:bakery:never_ran&depth=2", "graph", "id type data", 18),
        Seen(f"/namespaces/bakery/jobs/{JOB}", "", "name latestRun tags location facets labels"),
        Seen("/namespaces/bakery/jobs/never_ran", "", "name latestRun latestRuns"),
        Seen(
            f"/namespaces/bakery/jobs/{JOB}/runs?limit=14&offset=0",
            "runs",
            "id state createdAt startedAt endedAt durationMs facets",
            1,
        ),
        Seen("/namespaces/bakery/jobs/never_ran/runs?limit=14&offset=0", "runs", "", 0),
        Seen(f"/namespaces/bakery/jobs/{JOB}/runs?limit=10&offset=0", "runs", "id state", 1),
        Seen(f"/jobs/runs/{RUN}/facets?type=job", "", "runId facets"),
    ),
    "lineage of a dataset": (
        Seen(f"/lineage?nodeId=dataset:bakery:{TABLE}&depth=2", "graph", "id type data", 20),
        Seen(
            f"/namespaces/bakery/datasets/{TABLE}",
            "",
            "name fields facets tags columnLineage lastLifecycleState",
        ),
        Seen(
            f"/namespaces/bakery/datasets/{TABLE}/versions?limit=10&offset=0",
            "versions",
            "version createdAt fields facets createdByRun lifecycleState",
            1,
        ),
    ),
    "column lineage": (
        Seen(
            f"/column-lineage?nodeId=dataset:bakery:{TABLE}&depth=2&withDownstream=true",
            "graph",
            "id type data inEdges outEdges",
            36,
        ),
        Seen(
            "/column-lineage?nodeId=dataset:bakery:public.orders&depth=2&withDownstream=true",
            "graph",
            "id data",
            16,
        ),
    ),
    "search": (
        Seen(
            "/search?q=drop&sort=UPDATE_AT&limit=100",
            "results",
            "type name namespace nodeId updatedAt",
            7,
        ),
        Seen("/search?q=drop&sort=UPDATE_AT&limit=100&filter=JOB", "results", "type name", 4),
        Seen("/search?q=drop&sort=NAME&limit=100&filter=DATASET", "results", "type name", 3),
        Seen("/search?q=zzz%&sort=UPDATE_AT&limit=100", "results", "", 0),
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("ui")) as found:
        for event in story.events(datetime.now(UTC)):
            assert found.post(event).is_success
        put(found, {"ownerName": "ana"}, "namespaces", "empty")
        put(found, {"description": "About people."}, "tags", "PII")
        reads = [{"namespace": story.NAMESPACE, "name": "public.orders"}]
        job = {"type": "BATCH", "inputs": reads, "outputs": []}
        put(found, job, "namespaces", story.NAMESPACE, "jobs", "never_ran")
        yield found


def asked(server: Server, path: str) -> Any:
    """The JSON of a good answer to a path as it stands, which the UI does not encode either."""
    answer = server.client.get(f"/api/v1{path}")
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


@pytest.mark.parametrize("page", PAGES)
def test_pages(server: Server, page: str) -> None:
    for seen in PAGES[page]:
        answer = asked(server, seen.path)
        found = answer[seen.member] if seen.member else answer
        every = found if isinstance(found, list) else [found]
        assert seen.rows in {None, len(every)}, (seen.path, len(every))
        for each in every:
            assert each.keys() >= set(seen.keys.split()), seen.path


def test_what_blanks_a_page_when_it_is_otherwise(server: Server) -> None:
    never = asked(server, "/namespaces/bakery/jobs/never_ran")
    assert (never["latestRun"], never["latestRuns"]) == (None, None)
    jobs = asked(server, "/namespaces/bakery/jobs?limit=20&offset=0")
    assert jobs["totalCount"] == 14
    table = asked(server, f"/namespaces/bakery/datasets/{TABLE}")
    assertions = table["facets"]["dataQualityAssertions"]["assertions"]
    assert [each["success"] for each in assertions] == [True, False]
    node = next(
        each
        for each in asked(server, f"/column-lineage?nodeId=dataset:bakery:{TABLE}")["graph"]
        if each["id"] == f"datasetField:bakery:{TABLE}:price"
    )
    assert all(edge["origin"] == node["id"] for edge in node["inEdges"])
    missing = server.client.get("/api/v1/lineage?nodeId=job:bakery:nobody&depth=2")
    assert missing.status_code == 404
    assert missing.json().keys() >= {"code", "message"}


def test_what_the_drawers_write(server: Server) -> None:
    table = (story.NAMESPACE, "datasets", "public.riders")
    job = (story.NAMESPACE, "jobs", "etl_riders")
    put(server, {"description": "New."}, "tags", "NEW")
    for method, tags in (("POST", ["NEW"]), ("DELETE", [])):
        write(server, method, "namespaces", *table, "tags", "NEW")
        write(server, method, "namespaces", *table, "fields", "id", "tags", "NEW")
        write(server, method, "namespaces", *job, "tags", "NEW")
        shown = asked(server, "/namespaces/bakery/datasets/public.riders")
        fields = {each["name"]: each["tags"] for each in shown["fields"]}
        assert (shown["tags"], fields["id"]) == (tags, tags)
        assert asked(server, "/namespaces/bakery/jobs/etl_riders")["tags"] == tags


def test_a_deleted_node_is_gone_from_every_page(server: Server) -> None:
    for kind, name in (("jobs", "etl_bakes"), ("datasets", "public.bakes")):
        write(server, "DELETE", "namespaces", story.NAMESPACE, kind, name)
        page = asked(server, f"/namespaces/bakery/{kind}?limit=20&offset=0")
        assert name not in {each["name"] for each in page[kind]}
    assert asked(server, "/search?q=bakes&sort=UPDATE_AT&limit=100")["results"] == []


def test_the_advanced_search(server: Server) -> None:
    """As a build with REACT_APP_ADVANCED_SEARCH asks at each pause in typing."""
    for kind, words, count in (
        ("jobs", "dough", 10),
        ("datasets", "dough", 0),
        ("jobs", "from etl_r", 1),
        ("datasets", "rider", 1),
    ):
        answer = server.client.get(f"/api/v2beta/search/{kind}?q={words}")
        assert answer.status_code == 200, answer.text
        hits, highlights = answer.json()["hits"], answer.json()["highlights"]
        assert (len(hits), len(highlights)) == (count, count), words
        read = "run_id name namespace eventType facets"
        for hit, lights in zip(hits, highlights, strict=True):
            assert hit.keys() >= set(read.split())
            marked = [text for texts in lights.values() for text in texts]
            assert marked
            assert all(re.search("<em>.+</em>", text) for text in marked)
