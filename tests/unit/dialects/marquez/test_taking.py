"""What `POST /api/v1/lineage` takes and refuses, where Marquez' acceptance list speaks of it."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from headwater.dialects.marquez.identity import name_uuid
from tests.unit.dialects.marquez.asking import Marquez, dataset, event, facet, run_id, tell
from tests.unit.dialects.serving import encoded

JSON = {"content-type": "application/json"}
NO_FIELD_NAME = dataset("t", facets={"schema": facet(fields=[{"type": "INT"}])})
NO_PARENT_RUN = {"parent": facet(run={}, job={"namespace": "x", "name": "y"})}
SMILE = "s3://\N{GRINNING FACE}"


def said(**members: Any) -> dict[str, Any]:
    return {**event(1, reads=("a",)), **members}


async def stored(marquez: Marquez) -> int:
    return int((await marquez.get("stats"))["counts"]["events"])


@pytest.mark.parametrize(
    ("odd", "pointer"),
    [
        (said(eventTime="2021-11-03"), "/eventTime"),  # 13
        (said(inputs=[{"namespace": "pg", "name": None}]), "/inputs/0/name"),  # 14
        (said(job={"namespace": "x", "name": None}), "/job/name"),
        (said(run={"runId": None}), "/run/runId"),
    ],
)
def test_13_14_what_cannot_be_identified(tmp_path: Path, odd: Any, pointer: str) -> None:
    async def story(marquez: Marquez) -> None:
        answer = await marquez.client.post("/api/v1/lineage", content=encoded(odd))
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
        assert pointer in answer.json()["message"]
        assert await stored(marquez) == 0

    tell(tmp_path, story)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "odd",
    [
        said(inputs=[NO_FIELD_NAME]),
        said(run={"runId": run_id(1), "facets": NO_PARENT_RUN}),
        {name: value for name, value in said().items() if name != "producer"},
    ],
)
def test_14_what_marquez_refuses_and_can_be_identified(
    tmp_path: Path, odd: Any, strict: bool
) -> None:
    """It is taken and flagged, unless the server is strict."""

    async def story(marquez: Marquez) -> None:
        body = encoded(odd)
        answer = await marquez.client.post("/api/v1/lineage", content=body, headers=JSON)
        assert answer.status_code == (422 if strict else 200), answer.text
        assert await stored(marquez) == (0 if strict else 1)
        if not strict:
            (kept,) = (await marquez.get("events"))["items"]
            assert (await marquez.get(f"events/{kept['id']}"))["flags"]

    tell(tmp_path, story, strict=strict)


def test_15_any_character_in_a_namespace(tmp_path: Path) -> None:
    """Ours: Marquez refuses such an event, and for jobs writes `_` instead."""

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, reads=(dataset("t", SMILE),)))
        assert (await marquez.dataset("t", SMILE))["namespace"] == SMILE
        node = f"dataset:{SMILE}:t"
        assert node in await marquez.lineage(node)

    tell(tmp_path, story)


@pytest.mark.parametrize("size", [16_000, 220_000])
def test_18_large_bodies_and_small_ones_of_gzip(tmp_path: Path, size: int) -> None:
    async def story(marquez: Marquez) -> None:
        for number, headers in enumerate((JSON, {**JSON, "content-encoding": "gzip"})):
            facets = {"sql": facet(query="x" * size)}
            body = encoded(event(number, job=f"j{number}", job_facets=facets))
            sent = gzip.compress(body) if number else body
            answer = await marquez.client.post("/api/v1/lineage", content=sent, headers=headers)
            assert answer.status_code == 200, answer.text
            assert (await marquez.job(f"j{number}"))["facets"]["sql"]["query"] == "x" * size

    tell(tmp_path, story)


def test_11_uuids_of_names_are_those_of_java() -> None:
    """`UUID.nameUUIDFromBytes`, as its documentation and MD5 have it."""
    assert name_uuid("hello") == "5d41402a-bc4b-3a76-b971-9d911017c592"
    assert name_uuid("") == "d41d8cd9-8f00-3204-a980-0998ecf8427e"
    assert name_uuid("a", "b") == name_uuid("a:b")
