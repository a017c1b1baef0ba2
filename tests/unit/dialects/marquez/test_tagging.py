"""Tags of datasets, fields and jobs; acceptance rows by number."""

import asyncio
from pathlib import Path
from typing import Any

from tests.unit.dialects.marquez.asking import dataset, event, facet, parent, run_id, schema
from tests.unit.dialects.marquez.writing import Writer, write

TABLE = "namespaces/shop/datasets/orders"


def field_tags(table: dict[str, Any]) -> dict[str, list[str]]:
    return {field["name"]: field["tags"] for field in table["fields"]}


def test_28_tags_of_a_dataset_and_its_fields(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        before = await client.ask(TABLE)
        assert (await client.told(f"{TABLE}/tags/PII"))["tags"] == ["PII"]
        found = await client.told(f"{TABLE}/fields/mail/tags/pii")
        assert (found["tags"], field_tags(found)) == (["PII"], {"id": [], "mail": ["PII"]})
        assert (await client.told(f"{TABLE}/tags/b%2Fc"))["tags"] == ["PII", "b/c"]
        versions = (await client.ask(f"{TABLE}/versions"))["versions"]
        assert (versions[0]["tags"], field_tags(versions[0])["mail"]) == (["PII", "b/c"], ["PII"])
        names = [tag["name"] for tag in (await client.ask("tags"))["tags"]]
        assert names == ["PII", "b/c"]
        await client.delete(f"{TABLE}/tags/b%2Fc")
        found = await client.delete(f"{TABLE}/fields/mail/tags/pii")
        assert (found["tags"], field_tags(found)) == (["PII"], {"id": [], "mail": []})
        after = await client.delete(f"{TABLE}/tags/PII")
        assert after["tags"] == []
        assert after["currentVersion"] == before["currentVersion"]
        assert after["facets"] == before["facets"]
        assert (await client.told(f"{TABLE}/tags/PII"))["tags"] == ["PII"]

    write(tmp_path, story)


def test_28_unknown_names(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        for method in ("POST", "DELETE"):
            for path, said in (
                (f"{TABLE}/fields/none/tags/x", "Field 'none' not found."),
                ("namespaces/shop/datasets/none/tags/x", "Dataset 'none' not found."),
                ("namespaces/shop/jobs/none/tags/x", "Job 'none' not found."),
            ):
                answer = await client.send(method, path, status=404)
                assert answer == {"code": 404, "message": said}
        assert (await client.ask("tags"))["tags"] == []
        assert (await client.told(f"{TABLE}/tags/%20", 400))["errors"] == ["tag must not be blank"]

    write(tmp_path, story)


def test_29_only_the_job_named_is_tagged(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        up = parent("dag", run_id(9))
        await client.post(event(1, job="dag.task", run_facets=up))
        await client.post(event(2, job="task"))
        before = await client.shown("jobs/dag.task")
        assert (await client.told("namespaces/shop/jobs/dag.task/tags/core"))["tags"] == ["core"]
        for other in ("dag", "task"):
            assert (await client.shown(f"jobs/{other}"))["tags"] == []
        after = await client.shown("jobs/dag.task")
        for same in ("latestRuns", "currentVersion", "facets", "parentJobName"):
            assert after[same] == before[same]
        assert (await client.delete("namespaces/shop/jobs/dag.task/tags/core"))["tags"] == []

    write(tmp_path, story)


def test_tags_given_at_once_are_all_kept(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        tags = [f"t{number:02}" for number in range(20)]
        paths = [f"/api/v1/{TABLE}/tags/{tag}" for tag in tags]
        answers = await asyncio.gather(*(client.client.post(path) for path in paths))
        assert [each.status_code for each in answers] == [200] * 20
        for path, answer in zip(paths, answers, strict=True):
            assert path.rpartition("/")[2] in answer.json()["tags"]
        assert (await client.ask(TABLE))["tags"] == tags
        halves = [client.client.delete(path) for path in paths[:10]]
        await asyncio.gather(*halves)
        assert (await client.ask(TABLE))["tags"] == tags[10:]

    write(tmp_path, story)


def test_a_tag_of_a_producer_is_kept_and_may_be_taken_away(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        said = [{"key": "raw", "value": "true", "source": "x"},
                {"key": "pii", "value": "true", "source": "x", "field": "id"}]  # fmt: skip
        facets = {**schema("id"), "tags": facet(tags=said)}
        job_facets = {"tags": facet(tags=said[:1])}
        events = [
            event(n, minute=n, writes=(dataset("t", "shop", facets=facets),), job_facets=job_facets)
            for n in (1, 2)
        ]
        await client.post(events[0])
        table = "namespaces/shop/datasets/t"
        found = await client.told(f"{table}/tags/gold")
        assert (found["tags"], field_tags(found)) == (["gold", "raw"], {"id": ["pii"]})
        found = await client.delete(f"{table}/fields/id/tags/pii")
        assert (found["tags"], field_tags(found)) == (["gold", "raw"], {"id": []})
        assert (await client.delete(f"{table}/tags/raw"))["tags"] == ["gold"]
        await client.post(events[1])
        assert (await client.ask(table))["tags"] == ["gold"]
        job = "namespaces/shop/jobs/load"
        assert (await client.told(f"{job}/tags/core"))["tags"] == ["core", "raw"]
        assert (await client.delete(f"{job}/tags/raw"))["tags"] == ["core"]

    write(tmp_path, story)


def test_every_dialect_knows_the_tags(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.told(f"{TABLE}/tags/crown-jewel")
        await client.told(f"{TABLE}/fields/mail/tags/pii")
        shown = await client.get("datasets/shop/orders")
        tags = {(tag["key"], tag["field"]) for tag in shown["tags"]}
        assert tags == {("crown-jewel", None), ("PII", "mail")}
        found = (await client.get("search", q="crown-jewel"))["items"]
        assert [each["name"] for each in found] == ["orders"]
        await client.delete(f"{TABLE}/tags/crown-jewel")
        assert (await client.get("search", q="crown-jewel"))["items"] == []
        assert [tag["key"] for tag in (await client.get("datasets/shop/orders"))["tags"]] == ["PII"]

    write(tmp_path, story)


def test_what_is_so_already_is_not_written_again(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        await client.told(f"{TABLE}/tags/x")
        before = (await client.get("stats"))["counts"]["events"]
        await client.told(f"{TABLE}/tags/x")
        await client.delete(f"{TABLE}/tags/y")
        assert (await client.get("stats"))["counts"]["events"] == before

    write(tmp_path, story)
