"""The bundled demo events are what the generator writes, and hold what the demo promises."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from headwater import samples
from scripts import make_samples

Json = dict[str, Any]
Name = tuple[str, str]
Column = tuple[Name, str]

DASHBOARD: Name = ("looker://shop", "dashboards.revenue_overview")
PAYMENTS: Name = ("postgres://shop-db:5432", "shop.public.payments")


@pytest.fixture(scope="module")
def raw() -> bytes:
    (path,) = samples.paths()
    return path.read_bytes()


@pytest.fixture(scope="module")
def events(raw: bytes) -> list[Json]:
    return [json.loads(line) for line in raw.splitlines()]


def name(item: Json) -> Name:
    return item["namespace"], item["name"]


def used(event: Json) -> list[Json]:
    return [*event.get("inputs", []), *event.get("outputs", [])]


def facets(event: Json) -> Iterator[tuple[str, Json]]:
    for part in (event.get("run"), event.get("job"), event.get("dataset"), *used(event)):
        for place in ("facets", "inputFacets", "outputFacets"):
            yield from (part or {}).get(place, {}).items()


def kind(event: Json) -> str:
    return next(word for word in ("run", "dataset", "job") if word in event)


def aliases(events: list[Json]) -> dict[Name, Name]:
    return {
        name(alias): name(item)
        for event in events
        for item in used(event)
        for alias in item.get("facets", {}).get("symlinks", {}).get("identifiers", [])
    }


def column_sources(events: list[Json]) -> dict[Column, set[Column]]:
    """Per column, the columns that flow straight into it; aliases resolved."""
    same, found = aliases(events), dict[Column, set[Column]]()
    for event in events:
        for item in [*used(event), event.get("dataset", {})]:
            made = item.get("facets", {})
            for field, entry in made.get("columnLineage", {}).get("fields", {}).items():
                inputs = {(same.get(name(i), name(i)), i["field"]) for i in entry["inputFields"]}
                found.setdefault((name(item), field), set()).update(inputs)
            for field, entry in made.get("lineage", {}).get("fields", {}).items():
                inputs = {(same.get(name(i), name(i)), i["field"]) for i in entry["inputs"]}
                found.setdefault((name(item), field), set()).update(inputs)
    return found


def upstream(starts: set[Column], sources: dict[Column, set[Column]]) -> list[set[Column]]:
    """Level by level, what is reached for the first time."""
    seen, levels = set(starts), [starts]
    while levels[-1]:
        reached = {source for column in levels[-1] for source in sources.get(column, ())} - seen
        seen |= reached
        levels.append(reached)
    return levels[:-1]


def test_the_generator_writes_the_committed_bytes(raw: bytes) -> None:
    assert make_samples.render() == raw


def test_the_file_is_small_and_has_no_line_twice(raw: bytes) -> None:
    lines = raw.splitlines()
    assert len(raw) < 1_200_000
    assert len(set(lines)) == len(lines)


def test_every_kind_of_event_is_there(events: list[Json]) -> None:
    kinds = Counter(kind(event) for event in events)
    assert kinds.total() >= 180
    assert kinds["run"] >= 150
    assert kinds["dataset"] >= 10
    assert kinds["job"] >= 4
    types = {event["eventType"] for event in events if "run" in event}
    assert types == {"START", "RUNNING", "COMPLETE", "FAIL", "ABORT"}


@pytest.mark.parametrize("integration", ["AIRFLOW", "SPARK", "DBT", "FLINK", "LOOKER"])
def test_every_integration_is_there(events: list[Json], integration: str) -> None:
    jobs = [event["job"]["facets"] for event in events if "job" in event]
    assert any(made.get("jobType", {}).get("integration") == integration for made in jobs)


def test_the_facets_promised_are_there(events: list[Json]) -> None:
    seen = {word for event in events for word, _ in facets(event)}
    assert seen >= set(make_samples.CUSTOM)
    assert seen >= {word.partition("@")[0] for word in make_samples.STANDARD}


def test_producers_and_schemas_are_named(events: list[Json]) -> None:
    for event in events:
        assert event["producer"].startswith("https://")
        assert event["schemaURL"].endswith(("RunEvent", "JobEvent", "DatasetEvent"))
        for word, facet in facets(event):
            assert {"_producer", "_schemaURL"} <= facet.keys(), word


def test_the_events_span_eight_days(events: list[Json]) -> None:
    days = {event["eventTime"][:10] for event in events}
    assert days == {f"2026-11-{day}" for day in range(13, 21)}


def test_the_oddities_are_there_once(raw: bytes, events: list[Json]) -> None:
    naive = [event for event in events if datetime.fromisoformat(event["eventTime"]).tzinfo is None]
    assert len(naive) == 1
    run_ids = {event["run"]["runId"] for event in events if "run" in event}
    assert [run_id for run_id in run_ids if len(run_id) != 36] == ["inventory-2026-11-19"]
    first: dict[str, str] = {}
    for event in events:
        if "run" in event:
            first.setdefault(event["run"]["runId"], event["eventType"])
    assert Counter(first.values())["COMPLETE"] == 1
    assert b"etl_reader:not-a-real-password@" in raw


def test_lifecycles_and_declarations(events: list[Json]) -> None:
    changes = [
        made["lifecycleStateChange"]
        for event in events
        for word, made in facets(event)
        if word == "lifecycleStateChange"
    ]
    assert {"CREATE", "ALTER", "RENAME", "DROP", "TRUNCATE", "OVERWRITE"} == set(changes)
    jobs = Counter(name(event["job"]) for event in events if kind(event) == "job")
    assert jobs["looker://shop", "revenue_overview"] == 2
    streaming = [
        event["eventType"]
        for event in events
        if "run" in event and event["job"]["name"] == "clickstream_to_lake"
    ]
    assert streaming == ["START"] + ["RUNNING"] * 7


def test_column_lineage_names_only_the_inputs_of_its_event(events: list[Json]) -> None:
    for event in events:
        inputs = {name(item) for item in event.get("inputs", [])}
        for item in event.get("outputs", []):
            lineage = item.get("facets", {}).get("columnLineage")
            if lineage:
                fields = [i for entry in lineage["fields"].values() for i in entry["inputFields"]]
                assert {name(i) for i in [*fields, *lineage.get("dataset", [])]} == inputs


def test_schemas_have_five_to_twenty_five_columns(events: list[Json]) -> None:
    sizes = [
        len(made["fields"]) for event in events for word, made in facets(event) if word == "schema"
    ]
    assert min(sizes) >= 5
    assert max(sizes) <= 25


def test_the_dashboard_is_fed_by_the_raw_payments(events: list[Json]) -> None:
    levels = upstream({(DASHBOARD, "revenue")}, column_sources(events))
    assert (PAYMENTS, "amount") in levels[-1]
    assert len(levels) >= 7


def test_the_tree_above_the_dashboard_is_deep_and_wide(events: list[Json]) -> None:
    sources: dict[Column, set[Column]] = {}
    for (dataset, _), found in column_sources(events).items():
        sources.setdefault((dataset, ""), set()).update((source, "") for source, _ in found)
    levels = upstream({(DASHBOARD, "")}, sources)
    assert len(levels) - 1 >= 5
    assert sum(map(len, levels[1:])) >= 15
