"""Datasets and their versions, numbered as the acceptance list."""

from pathlib import Path
from typing import Any

from tests.unit.dialects.marquez.asking import (
    Marquez,
    at,
    dataset,
    dataset_event,
    event,
    facet,
    run_id,
    schema,
    tell,
)


def test_19_dataset_events_make_versions(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(dataset_event("t", 0, **schema("id")))
        found = await marquez.dataset("t")
        assert [field["name"] for field in found["fields"]] == ["id"]
        first = await marquez.versions("t")
        assert (first["totalCount"], first["versions"][0]["version"]) == (
            1,
            found["currentVersion"],
        )
        await marquez.post(dataset_event("t", 1, **schema("id")))
        assert (await marquez.versions("t"))["totalCount"] == 1
        await marquez.post(dataset_event("t", 2, **schema("id", "x")))
        second = await marquez.versions("t")
        assert second["totalCount"] == 2
        assert [len(each["fields"]) for each in second["versions"]] == [2, 1]
        current = (await marquez.dataset("t"))["currentVersion"]
        assert current == second["versions"][0]["version"]

    tell(tmp_path, story)


def test_21_22_a_dataset(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, writes=(dataset("t", facets=schema("id")),)))
        found = await marquez.dataset("t")
        assert found["fields"] == [{"name": "id", "type": "TEXT", "tags": [], "description": None}]
        assert (found["deleted"], found["columnLineage"]) == (False, None)
        dropped = {"lifecycleStateChange": facet(lifecycleStateChange="DROP")}
        await marquez.post(event(2, minute=1, writes=(dataset("t", facets=dropped),)))
        found = await marquez.dataset("t")
        assert (found["deleted"], found["lastLifecycleState"]) == (True, "DROP")
        listed = (await marquez.ask("namespaces/pg/datasets"))["datasets"]
        assert [each["name"] for each in listed] == ["t"]

    tell(tmp_path, story)


def test_23_datasets_are_paged_by_name(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, reads=tuple(f"d{n}" for n in range(5))))
        found = await marquez.ask("namespaces/pg/datasets", limit=2, offset=2)
        assert [each["name"] for each in found["datasets"]] == ["d2", "d3"]
        assert found["totalCount"] == 5
        for bad in ("limit=-1", "offset=-1", "limit=x"):
            said = await marquez.ask(f"namespaces/pg/datasets?{bad}", status=400)
            assert said["errors"][0].startswith(bad.split("=")[0])

    tell(tmp_path, story)


def test_24_25_a_version_for_each_run_that_writes(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        table = dataset("t", facets={**schema("id"), "documentation": facet(description="x")})
        for number in (1, 2):
            await marquez.post(
                event(number, "START", 2 * number), event(number, "COMPLETE", 2 * number + 1,
                                                          writes=(table,))
            )  # fmt: skip
        found = await marquez.versions("t")
        assert found["totalCount"] == 2
        assert [each["createdByRun"]["id"] for each in found["versions"]] == [run_id(2), run_id(1)]
        assert found["versions"][0]["facets"]["schema"]["fields"][0]["name"] == "id"
        assert found["versions"][0]["description"] == "x"
        assert len({each["version"] for each in found["versions"]}) == 2
        assert len({each["currentSchemaVersion"] for each in found["versions"]}) == 1
        for each in found["versions"]:
            where = f"namespaces/pg/datasets/t/versions/{each['version']}"
            assert await marquez.ask(where) == each
        await marquez.ask(f"namespaces/pg/datasets/t/versions/{run_id(1)}", status=404)
        assert (await marquez.versions("t", limit=1, offset=1))["versions"] == [
            found["versions"][1]
        ]
        assert (await marquez.versions("t", offset=2))["versions"] == []

    tell(tmp_path, story)


def test_26_only_a_complete_run_moves_the_current_version(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, "START", 0, writes=("t",)))
        assert (await marquez.dataset("t"))["currentVersion"] is None
        await marquez.post(event(1, "COMPLETE", 1))
        before = (await marquez.dataset("t"))["currentVersion"]
        assert before == (await marquez.versions("t"))["versions"][0]["version"]
        await marquez.post(event(2, "FAIL", 2, writes=("t",)))
        assert (await marquez.dataset("t"))["currentVersion"] == before
        await marquez.post(event(3, "COMPLETE", 3, writes=("t",)))
        found = await marquez.versions("t")
        assert found["totalCount"] == 3
        assert (await marquez.dataset("t"))["currentVersion"] == found["versions"][0]["version"]

    tell(tmp_path, story)


def test_versions_of_both_kinds_stand_in_one_order(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        for number in range(6):
            facets = schema(f"c{number}")
            table = dataset("t", facets=facets)
            stated = dataset_event("t", number, **facets)
            written = event(number, minute=number, writes=(table,))
            await marquez.post(stated if number % 2 else written)
        every = await marquez.versions("t")
        names = [each["fields"][0]["name"] for each in every["versions"]]
        assert (names, every["totalCount"]) == ([f"c{n}" for n in range(5, -1, -1)], 6)
        for offset in range(7):
            for limit in range(1, 4):
                part = await marquez.versions("t", limit=limit, offset=offset)
                assert part["versions"] == every["versions"][offset : offset + limit]

    tell(tmp_path, story)


def test_assertions_of_its_readers_stand_with_a_dataset(tmp_path: Path) -> None:
    passed: dict[str, Any] = facet(
        assertions=[{"assertion": "not_null", "success": True, "column": "id"}]
    )

    async def story(marquez: Marquez) -> None:
        checked = dataset("t", inputFacets={"dataQualityAssertions": passed})
        await marquez.post(event(1, reads=(checked,)), event(2, minute=1, job="x", reads=("t",)))
        found = await marquez.dataset("t")
        assert found["facets"]["dataQualityAssertions"]["assertions"][0]["success"] is True

    tell(tmp_path, story)


def test_sources_are_those_that_datasets_name(tmp_path: Path) -> None:
    source = {"dataSource": facet(name="warehouse", uri="postgres://u:secret@db:5432/shop")}

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, minute=3, writes=(dataset("t", facets=source),)))
        assert (await marquez.dataset("t"))["sourceName"] == "warehouse"
        found = (await marquez.ask("sources"))["sources"]
        assert [each["name"] for each in found] == ["default", "warehouse"]
        assert found[1]["connectionUrl"] == "postgres://u:***@db:5432/shop"
        assert (found[1]["type"], found[1]["createdAt"]) == ("POSTGRESQL", at(3))

    tell(tmp_path, story)


def test_tags_of_datasets_and_fields(tmp_path: Path) -> None:
    tags = [{"key": "gold"}, {"key": "PII", "field": "id"}]

    async def story(marquez: Marquez) -> None:
        facets = {**schema("id", "x"), "tags": facet(tags=tags)}
        await marquez.post(event(1, writes=(dataset("t", facets=facets),)))
        found = await marquez.dataset("t")
        assert found["tags"] == ["gold"]
        assert [field["tags"] for field in found["fields"]] == [["PII"], []]
        assert [each["name"] for each in (await marquez.ask("tags"))["tags"]] == ["PII", "gold"]

    tell(tmp_path, story)


def test_a_run_may_take_back_that_it_wrote(tmp_path: Path) -> None:
    """The number of versions follows, although the event that says so names only the job."""
    alone = {"eventTrigger": "PERIODIC", "eventContentMode": "COMPLETE_SNAPSHOT"}
    kind = {"jobType": facet(processingType="BATCH", integration="FLINK", emissionPattern=alone)}

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, "COMPLETE", 0, "steady", writes=("t",)))
        await marquez.post(event(2, "START", 1, "moody", writes=("t",), job_facets=kind))
        both = await marquez.versions("t")
        assert (both["totalCount"], len(both["versions"])) == (2, 2)
        await marquez.post(event(2, "COMPLETE", 2, "moody", writes=("u",), job_facets=kind))
        left = await marquez.versions("t")
        assert (left["totalCount"], len(left["versions"])) == (1, 1)

    tell(tmp_path, story)
