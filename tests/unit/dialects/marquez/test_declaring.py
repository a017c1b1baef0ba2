"""Namespaces, sources, tags, datasets and jobs that clients declare; acceptance rows by number."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.unit.dialects.marquez.asking import event
from tests.unit.dialects.marquez.writing import FIELDS, Writer, write


def test_2_a_namespace_and_its_next_owner(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        made = await client.put("namespaces/ns", ownerName="a")
        assert (made["name"], made["ownerName"], made["description"]) == ("ns", "a", None)
        assert made["isHidden"] is False
        made = await client.put("namespaces/ns", ownerName="b", description="of b")
        assert (made["ownerName"], made["description"]) == ("b", "of b")
        assert made["createdAt"] < made["updatedAt"]
        made = await client.put("namespaces/ns", ownerName="c")
        assert (made["ownerName"], made["description"]) == ("c", None)
        assert await client.ask("namespaces/ns") == made
        assert (await client.get("namespaces"))["items"] == []

    write(tmp_path, story)


def test_3_an_unknown_namespace(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        said = {"code": 404, "message": "Namespace 'none' not found."}
        assert await client.ask("namespaces/none", 404) == said
        assert await client.delete("namespaces/none", 404) == said

    write(tmp_path, story)


@pytest.mark.parametrize("name", ["s3://bucket", "postgres://h:5432", "a;b=c/d@e+f"])
def test_4_any_name_that_a_namespace_may_have(tmp_path: Path, name: str) -> None:
    async def story(client: Writer) -> None:
        made = await client.put(f"namespaces/{quote(name, safe='')}", ownerName="me")
        assert made["name"] == name
        assert await client.ask(f"namespaces/{quote(name, safe='')}") == made
        listed = (await client.ask("namespaces"))["namespaces"]
        assert [each["name"] for each in listed] == sorted(["default", name])

    write(tmp_path, story)


@pytest.mark.parametrize("name", ["a b", "ä", "headwater:tags", "x" * 1025])
def test_names_that_a_namespace_may_not_have(tmp_path: Path, name: str) -> None:
    async def story(client: Writer) -> None:
        said = await client.put(f"namespaces/{quote(name, safe='')}", 400, ownerName="me")
        assert said["errors"][0].startswith("namespace ")
        assert (await client.get("stats"))["counts"]["events"] == 0

    write(tmp_path, story)


def test_30_a_tag_and_what_it_means(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        assert await client.put("tags/T", description="x") == {"name": "T", "description": "x"}
        await client.put("tags/A", description="first")
        await client.put("tags/T", description="y")
        await client.put("tags/A")
        assert await client.ask("tags") == {
            "tags": [{"name": "A", "description": None}, {"name": "T", "description": "y"}]
        }

    write(tmp_path, story)


def test_a_source(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        url = "jdbc:postgresql://me:secret@db/shop"
        made = await client.put("sources/db", type="POSTGRESQL", connectionUrl=url)
        assert (made["type"], made["name"], made["description"]) == ("POSTGRESQL", "db", None)
        assert "secret" not in made["connectionUrl"]
        moved = await client.put("sources/db", type="MYSQL", connectionUrl="mysql://x/y")
        assert (moved["type"], moved["connectionUrl"]) == ("MYSQL", "mysql://x/y")
        listed = (await client.ask("sources"))["sources"]
        assert [each["name"] for each in listed] == ["db", "default"]

    write(tmp_path, story)


def test_a_dataset(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        made = await client.table("orders", description="all of them", tags=["gold"])
        assert (made["type"], made["physicalName"]) == ("DB_TABLE", "public.orders")
        assert (made["sourceName"], made["description"]) == ("db", "all of them")
        assert made["tags"] == ["gold"]
        assert [(f["name"], f["type"], f["description"]) for f in made["fields"]] == [
            ("id", "BIGINT", "which"),
            ("mail", "TEXT", None),
        ]
        assert made["currentVersion"] is not None
        assert set(made["facets"]) == {"schema", "dataSource", "documentation"}
        assert await client.shown("datasets/orders") == made
        again = await client.table("orders", fields=FIELDS[:1])
        assert again["currentVersion"] != made["currentVersion"]
        assert (await client.shown("datasets/orders/versions"))["totalCount"] == 2
        assert again["description"] == "all of them"
        assert (await client.ask("tags"))["tags"] == [{"name": "gold", "description": None}]

    write(tmp_path, story)


def test_a_stream(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        made = await client.table("clicks", type="STREAM", schemaLocation="http://schemas/7")
        assert (made["type"], made["schemaLocation"]) == ("STREAM", "http://schemas/7")
        assert (await client.table("clicks"))["type"] == "DB_TABLE"

    write(tmp_path, story)


def test_a_job(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        made = await client.load(location="http://git/1", description="sums", tags=["core"])
        assert (made["type"], made["location"], made["description"]) == (
            "BATCH", "http://git/1", "sums",
        )  # fmt: skip
        assert made["inputs"] == [{"namespace": "shop", "name": "orders"}]
        assert made["outputs"] == [{"namespace": "shop", "name": "totals"}]
        assert (made["tags"], made["latestRun"], made["latestRuns"]) == (["core"], None, None)
        graph = await client.lineage("job:shop:load")
        assert set(graph) == {"job:shop:load", "dataset:shop:orders", "dataset:shop:totals"}
        second = await client.load(type="STREAM", outputs=[])
        assert (second["type"], second["outputs"], second["location"]) == (
            "STREAM", [], "http://git/1",
        )  # fmt: skip
        third = await client.load(inputs=[], outputs=[])
        assert (third["inputs"], third["outputs"]) == ([], [])
        assert (await client.load())["inputs"] == made["inputs"]

    write(tmp_path, story)


def test_what_a_producer_said_of_a_job_stays(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        kind = {"_producer": "https://x", "_schemaURL": "https://x/y", "processingType": "BATCH"}
        told = {"jobType": {**kind, "integration": "DBT", "jobType": "MODEL"}}
        await client.post(event(1, job_facets=told))
        assert (await client.load(type="SERVICE"))["labels"] == ["MODEL", "DBT"]

    write(tmp_path, story)


def test_64_names_that_nobody_knows(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        before = (await client.get("stats"))["counts"]["events"]
        stranger = "11111111-1111-7111-8111-111111111111"
        nothing = [{"namespace": "shop", "name": "x"}]
        for answer, said in (
            (await client.table("t", 404, sourceName="x"), "Source 'x' not found."),
            (await client.table("t", 404, runId=stranger), f"Run '{stranger}' not found."),
            (await client.load(404, inputs=nothing), "Dataset 'x' not found."),
            (await client.load(404, outputs=nothing), "Dataset 'x' not found."),
            (await client.load(404, runId=stranger), f"Run '{stranger}' not found."),
            (await client.made("namespaces/shop/jobs/x/runs", 404), "Job 'x' not found."),
            (await client.made("namespaces/no/jobs/x/runs", 404), "Namespace 'no' not found."),
            (await client.told(f"jobs/runs/{stranger}/start", 404), f"Run '{stranger}' not found."),
            (await client.put("namespaces/no/jobs/x", 404, type="BATCH"),
             "Namespace 'no' not found."),
        ):  # fmt: skip
            assert answer == {"code": 404, "message": said}
        assert (await client.get("stats"))["counts"]["events"] == before

    write(tmp_path, story)


def test_bodies_that_say_too_little_or_nonsense(tmp_path: Path) -> None:
    async def story(client: Writer) -> None:
        await client.shop()
        before = (await client.get("stats"))["counts"]["events"]
        said = await client.put("namespaces/ns", 422)
        assert said["errors"] == ["ownerName must not be null"]
        said = await client.put("sources/s", 422, type=" ")
        assert said["errors"] == ["type must not be blank", "connectionUrl must not be null"]
        said = await client.table("t", 422, fields=[{"type": "TEXT"}])
        assert said["errors"] == ["fields[0].name must not be null"]
        said = await client.load(422, inputs=[{"namespace": "shop"}])
        assert said["errors"] == ["inputs[0].name must not be null"]
        assert (await client.put("namespaces/shop/jobs/j", 422))["errors"] == [
            "type must not be null"
        ]
        assert (await client.load(400, type="X"))["errors"][0].startswith("type 'X'")
        assert (await client.load(400, type=7))["code"] == 400
        for bad in (b"", b"{", b"[]", b"7", b'"\xff"', b"[" * 100_000):
            for path in ("namespaces/n", "sources/s", "tags/t", "namespaces/shop/datasets/d"):
                answer = await client.client.put(f"/api/v1/{path}", content=bad)
                assert answer.status_code == 400, (path, bad[:9], answer.text)
                assert answer.json()["code"] == 400
        assert (await client.get("stats"))["counts"]["events"] == before

    write(tmp_path, story)


def test_what_is_declared_shows_only_where_it_belongs(tmp_path: Path) -> None:
    """The hidden datasets that declarations stand in are in no list, search, graph or count."""

    async def story(client: Writer) -> None:
        await client.put("namespaces/ns", ownerName="me")
        await client.put("sources/secretive", type="X", connectionUrl="x://y")
        await client.put("tags/secretive", description="secretive")
        assert (await client.get("datasets"))["items"] == []
        assert (await client.get("search", q="secretive"))["items"] == []
        assert (await client.ask("search", q="secretive"))["totalCount"] == 0
        for namespace in ("headwater:sources", "headwater:tags", "headwater:namespaces"):
            await client.ask(f"namespaces/{namespace}", 404)
            await client.put(f"namespaces/{namespace}/jobs/j", 404, type="BATCH")
            await client.dataset("secretive", namespace, 404)
        assert [each["name"] for each in (await client.ask("namespaces"))["namespaces"]] == [
            "default", "ns",
        ]  # fmt: skip

    write(tmp_path, story)
