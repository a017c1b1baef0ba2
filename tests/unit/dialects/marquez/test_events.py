"""Events, search and counts, numbered as the acceptance list."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.dialects.openlineage import numbered
from tests.unit.dialects.marquez.asking import (
    Marquez,
    at,
    dataset,
    dataset_event,
    event,
    facet,
    made_of,
    parent,
    run_id,
    schema,
    tell,
)


def test_58_events_of_a_span(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        sent = [event(n, minute=n) for n in range(5)]
        await marquez.post(*sent, dataset_event("t", 2))
        found = await marquez.ask("events/lineage", after=at(1), before=at(4), limit=2)
        assert found == {"events": [sent[3], sent[2]], "totalCount": 3}
        up = await marquez.ask("events/lineage", sortDirection="ASC", limit=1, offset=1)
        assert (up["events"], up["totalCount"]) == ([sent[1]], 5)
        for bad in ("sortDirection=asdf", "after=x", "before=2026-13-01T00:00:00Z", "limit=-1"):
            await marquez.ask(f"events/lineage?{bad}", status=400)

    tell(tmp_path, story)


def test_totals_count_across_quarters_of_an_hour(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(*(event(n, minute=7 * n) for n in range(20)))
        for first in range(0, 20, 3):
            for last in range(first, 20, 4):
                found = await marquez.ask(
                    "events/lineage", after=at(7 * first), before=at(7 * last), limit=0
                )
                assert found == {"events": [], "totalCount": last - first}

    tell(tmp_path, story)


@pytest.mark.parametrize(
    "path",
    ["events/lineage", "namespaces/shop/jobs/load/runs", "namespaces/pg/datasets/o/versions"],
)
def test_an_answer_that_would_be_too_large_says_to_ask_for_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """One of them alone is always given, however large."""
    monkeypatch.setattr(numbered, "LARGEST", 10_000)

    async def story(marquez: Marquez) -> None:
        for n in range(3):
            plan = {"spark.logicalPlan": facet(plan=f"{n}" * 20_000)}
            said = event(n, minute=n, writes=("o",))
            said["run"]["facets"] = plan
            await marquez.post(said)
        for n in range(3):
            found = await marquez.ask(path, limit=1, offset=n)
            assert len(next(each for each in found.values() if isinstance(each, list))) == 1
        refused = await marquez.ask(path, status=400)
        assert "10000 bytes: ask for fewer" in refused["message"]

    tell(tmp_path, story)


def test_68_events_as_the_python_client_lists_them(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1), {**event(2, minute=1), "job": {"namespace": "x", "name": "y"}})
        found = await marquez.ask("events", limit=10, offset=0)
        assert [each["run"]["runId"] for each in found["events"]] == [run_id(2), run_id(1)]
        assert found["totalCount"] == 2
        of = await marquez.ask("events/x", limit=10, offset=0)
        assert ([each["run"]["runId"] for each in of["events"]], of["totalCount"]) == (
            [run_id(2)],
            1,
        )
        extracted = await marquez.ask("events", start=0, end=4_000_000_000, limit=1)
        assert extracted[0]["run_state"] == "COMPLETE"
        said = await marquez.ask("events", status=400)
        assert said["code"] == "invalid_parameter"

    tell(tmp_path, story)


def test_59_search(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, minute=1, job="b_part", writes=("z_part",)),
            event(2, minute=2, job="a_part", reads=(dataset("part%x", "other"),)),
        )

        async def found(**params: Any) -> list[str]:
            answer = await marquez.ask("search", **params)
            assert answer["totalCount"] == len(answer["results"])
            return [each["name"] for each in answer["results"]]

        assert await found(q="part") == ["a_part", "b_part", "part%x", "z_part"]
        assert await found(q="part", filter="JOB") == ["a_part", "b_part"]
        assert await found(q="part", namespace="other") == ["part%x"]
        assert (await found(q="part", sort="UPDATE_AT"))[0] in ("a_part", "part%x")
        assert await found(q="part", limit=1) == ["a_part"]
        assert await found(q="rt%x") == ["part%x"]
        assert await found(q="p_rt") == []
        assert await found(q="part", after="2026-11-13") == []
        assert len(await found(q="part", after="2026-11-12", before="2026-11-14")) == 4
        (job, *_) = (await marquez.ask("search?q=a_part"))["results"]
        assert job["nodeId"] in await marquez.lineage(job["nodeId"])
        for bad in ("", "q=", "q=%20", "q=x&filter=RUN", "q=x&before=2026", "q=x&sort=Z"):
            await marquez.ask(f"search?{bad}", status=400)

    tell(tmp_path, story)


def test_59_what_only_others_name_is_dated_by_them(tmp_path: Path) -> None:
    """Marquez' web UI showed them as updated 57 years ago: in 1970."""

    async def story(marquez: Marquez) -> None:
        made = dataset("totals", facets={**schema("n"), **made_of(n=(("unseen", "n"),))})
        more = parent("unseen_dag", run_id(9))
        await marquez.post(event(1, minute=5, writes=(made,), run_facets=more))
        found = (await marquez.ask("search", q="unseen", sort="UPDATE_AT"))["results"]
        dated = {each["name"]: each["updatedAt"] for each in found}
        assert dated == {"unseen": at(5), "unseen_dag": at(5)}
        listed = (await marquez.ask("namespaces/pg/datasets"))["datasets"]
        assert {each["updatedAt"] for each in listed} == {at(5)}
        assert (await marquez.job("unseen_dag"))["updatedAt"] == at(5)
        days: dict[str, Any] = {"after": "2026-11-12", "before": "2026-11-14"}
        assert len((await marquez.ask("search", q="unseen", **days))["results"]) == 2

    tell(tmp_path, story)


def test_60_the_search_that_needs_no_other_server(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        facets = {"documentation": facet(description="daily revenue by shop")}
        await marquez.post(event(1, job_facets=facets, writes=("t",)))
        for kind, words in (("jobs", "revenue"), ("datasets", "t"), ("jobs", "nothing")):
            answer = await marquez.client.get(f"/api/v2beta/search/{kind}", params={"q": words})
            assert answer.status_code == 200
            assert len(answer.json()["hits"]) == len(answer.json()["highlights"])
        answer = await marquez.client.get("/api/v2beta/search/jobs?q=revenue")
        assert answer.json()["hits"][0]["name"] == "load"
        (light,) = answer.json()["highlights"][0].values()
        assert "<em>revenue</em>" in light[0]
        assert (await marquez.client.get("/api/v2beta/search/jobs")).status_code == 400

    tell(tmp_path, story)


def test_61_62_counts_over_time(tmp_path: Path) -> None:
    now = datetime.now(UTC)

    async def story(marquez: Marquez) -> None:
        for number, (kind, ago) in enumerate((("START", 0), ("FAIL", 0), ("COMPLETE", 30))):
            made = event(number, kind, job=f"j{number}", reads=("t",))
            made["eventTime"] = (now - timedelta(hours=ago)).isoformat()
            await marquez.post(made)
        hours = await marquez.ask("stats/lineage-events?period=DAY&timezone=UTC")
        assert len(hours) == 24
        assert [each["startInterval"] for each in hours[1:]] == [
            each["endInterval"] for each in hours[:-1]
        ]
        assert (hours[-1]["start"], hours[-1]["fail"]) == (1, 1)
        assert sum(each["complete"] for each in hours) == 0
        days = await marquez.ask("stats/lineage-events?period=week&timezone=Europe/Paris")
        assert len(days) == 7
        assert sum(each["complete"] for each in days) == 1
        for of, last in (("jobs", 3), ("datasets", 1), ("sources", 1)):
            week = await marquez.ask(f"stats/{of}?period=WEEK&timezone=Europe/Paris")
            counts = [each["count"] for each in week]
            assert len(counts) == 7
            assert counts == sorted(counts)
            assert counts[-1] == last
        hours = await marquez.ask("stats/jobs?period=DAY")
        assert (hours[0]["count"], hours[-1]["count"]) == (1, 3)
        for bad in (
            "period=WEEK",
            "period=X",
            "",
            "period=DAY&timezone=Mars",
            "period=DAY&timezone=..",
        ):
            await marquez.ask(f"stats/jobs?{bad}", status=400)

    tell(tmp_path, story)
