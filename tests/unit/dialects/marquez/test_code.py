"""Jobs by what they run: acceptance 60, as Marquez finds them where it has OpenSearch."""

import json
from pathlib import Path
from typing import Any

from tests.unit.dialects.marquez.asking import Marquez, event, facet, job_event, run_id, tell

QUERY = """
SELECT order_id, SUM(amount)  -- revenue
FROM   lake.Orders
GROUP  BY order_id
"""


async def found(marquez: Marquez, words: str, kind: str = "jobs") -> dict[str, Any]:
    """The highlights by the name of the job."""
    answer = await marquez.client.get(f"/api/v2beta/search/{kind}", params={"q": words})
    assert answer.status_code == 200, answer.text
    hits, highlights = answer.json()["hits"], answer.json()["highlights"]
    assert len(hits) == len(highlights)
    return dict(zip([hit["name"] for hit in hits], highlights, strict=True))


def sql(query: str) -> dict[str, Any]:
    return {"sql": facet(query=query)}


def test_60_jobs_by_their_sql(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, job="revenue", job_facets=sql(QUERY)),
            job_event("orders", **sql("select 1 from lake.orders")),
            event(2, job="other", job_facets=sql("select 2")),
        )
        assert await found(marquez, "lake.orders") == {
            "orders": {"facets.sql.query": ["select 1 from <em>lake.orders</em>"]},
            "revenue": {"facets.sql.query": [QUERY.replace("lake.Orders", "<em>lake.Orders</em>")]},
        }
        assert await found(marquez, "orders") == {  # one of them by its name too, and so first
            "orders": {
                "name": ["<em>orders</em>"],
                "facets.sql.query": ["select 1 from lake.<em>orders</em>"],
            },
            "revenue": {"facets.sql.query": [QUERY.replace("Orders", "<em>Orders</em>")]},
        }
        over_lines = await found(marquez, "-- Revenue from LAKE.orders group by")
        (light,) = over_lines["revenue"]["facets.sql.query"]
        marked = ("--", "revenue", "FROM", "lake.Orders", "GROUP", "BY")
        assert light.replace("</em>", "<em>").split("<em>")[1::2] == list(marked)
        assert await found(marquez, "lake_orders") == await found(marquez, "lake%") == {}
        assert await found(marquez, "lake.orders", "datasets") == {}

    tell(tmp_path, story)


def test_60_a_hit_shows_the_newest_run(tmp_path: Path) -> None:
    """The web UI makes the state and the integration of it."""
    engine = {"processing_engine": facet(name="spark", version="3.5")}

    async def story(marquez: Marquez) -> None:
        await marquez.post(
            event(1, "FAIL", 1, job_facets=sql("select 1"), run_facets={"old": facet()}),
            event(2, "START", 2, run_facets=engine),
            job_event("never", 3, **sql("select 1")),
        )
        answer = await marquez.client.get("/api/v2beta/search/jobs?q=select 1")
        load, never = answer.json()["hits"]
        assert (load["run_id"], load["eventType"]) == (run_id(2), "RUNNING")
        assert load["runFacets"] == engine
        assert load["facets"]["sql"]["query"] == "select 1"
        assert (never["run_id"], never["eventType"], never["runFacets"]) == (None, None, {})

    tell(tmp_path, story)


def test_60_jobs_by_their_source_code(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        lines = "\n".join(f"print('line {n}')" for n in range(200))
        code = {"sourceCode": facet(language="python", sourceCode=lines)}
        await marquez.post(event(1, job_facets=code | sql("call line(7)")))
        lights = (await found(marquez, "print"))["load"]
        assert list(lights) == ["facets.sourceCode.sourceCode"]
        parts = [part.replace("<em>", "") for part in lights["facets.sourceCode.sourceCode"]]
        plain = [part.replace("</em>", "") for part in parts]
        assert len(plain) == 5
        assert lines.startswith("".join(plain))
        assert all(
            len(part) == 100 and "</em>" in marked
            for part, marked in zip(plain, parts, strict=True)
        )
        (alone,) = (await found(marquez, "line 150"))["load"].values()
        assert alone[0].index("<em>line</em> <em>150</em>") > 40

    tell(tmp_path, story)


def test_60_what_holds_now_is_searched(tmp_path: Path) -> None:
    """Whatever was searched before, in any order of events."""

    async def story(marquez: Marquez) -> None:
        await marquez.post(event(1, minute=1, job_facets=sql("select a from before")))
        assert list(await found(marquez, "from before")) == ["load"]
        await marquez.post(event(2, minute=5, job_facets=sql("select a from after")))
        assert await found(marquez, "from before") == {}
        assert list(await found(marquez, "from after")) == ["load"]
        await marquez.post(event(3, minute=3, job_facets=sql("select a from between")))
        assert await found(marquez, "from between") == {}
        await marquez.post(event(4, minute=6))
        assert list(await found(marquez, "from after")) == ["load"]
        await marquez.post(event(5, minute=7, job_facets={"sql": facet(_deleted=True)}))
        assert await found(marquez, "from after") == {}
        await marquez.post(event(6, minute=8, job_facets=sql("select a from after")))
        assert list(await found(marquez, "from after")) == ["load"]
        assert (await marquez.client.delete("/api/v1/namespaces/shop/jobs/load")).status_code == 200
        assert await found(marquez, "from after") == {}

    tell(tmp_path, story)


def test_60_code_that_is_odd(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        odd = json.dumps(event(1, job="odd", job_facets=sql("select odd_one") | {"x": facet(n=0)}))
        body = odd.replace('"n": 0', '"n": NaN')
        assert body != odd
        await marquez.client.post("/api/v1/lineage", content=body.encode())
        for n, query in enumerate((7, None, ["select odd_one"], {"a": "odd_one"})):
            await marquez.post(event(2 + n, job=f"no{n}", job_facets={"sql": facet(query=query)}))
        secret = "copy t from 's3://b?password=hunter22&x=odd_one'"
        await marquez.post(event(8, job="secret", job_facets=sql(secret)))
        assert list(await found(marquez, "odd_one")) == ["odd", "secret"]
        assert await found(marquez, "hunter22") == {}

    tell(tmp_path, story)


def test_60_as_many_as_opensearch_gives_and_names_first(tmp_path: Path) -> None:
    async def story(marquez: Marquez) -> None:
        said = [event(n, job=f"job_{n:02}", job_facets=sql("select 1 from raw")) for n in range(15)]
        said += [event(90 + n, job=f"raw_{n}") for n in range(4)]
        await marquez.post(*said)
        hits = await found(marquez, "raw")
        assert list(hits) == [f"raw_{n}" for n in range(4)] + [f"job_{n:02}" for n in range(6)]

    tell(tmp_path, story)
