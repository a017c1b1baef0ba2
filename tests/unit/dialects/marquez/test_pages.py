"""Pages of runs hold what each run alone holds, wherever they begin."""

from pathlib import Path
from random import Random
from typing import Any

from tests.unit.dialects.marquez.asking import Marquez, event, facet, tell
from tests.unit.dialects.serving import encoded


def test_35_36_a_run_of_a_page_is_the_run_alone(tmp_path: Path) -> None:
    """Also where its producers ran seldom, often, or long before it."""
    random = Random("runs")
    said: list[dict[str, Any]] = []
    for n in range(260):
        facets = {"processing_engine": facet(name="x", version=str(n))}
        reads = ("stage", "raw") if n % 7 else ("stage",)
        said += [
            event(n, "START", 2 * n, reads=reads, run_facets=facets),
            event(n, random.choice(("COMPLETE", "FAIL")), 2 * n + 1, writes=("mart",)),
        ]
        said += [event(n, "RUNNING", 2 * n + 1, reads=("late",))] * (n % 11 == 0)
        for m in range(random.choice((0, 0, 1, 9))):
            made = ("stage",) if random.random() < 0.3 else ("aside",)
            number = 1_000 + 10 * n + m
            said.append(event(number, minute=2 * n + m / 10, job="extract", writes=made))
    said += [
        event(n, minute=-n / 60, job="extract", writes=("aside",)) for n in range(8_000, 9_200)
    ]
    said.append(event(9_999, minute=-300, job="extract", writes=("raw",)))
    random.shuffle(said)

    async def story(marquez: Marquez) -> None:
        sent = await marquez.client.post("/api/v1/lineage/batch", content=encoded(said))
        assert sent.json()["summary"]["failed"] == 0, sent.text
        listed = (await marquez.runs(limit=300))["runs"]
        assert len(listed) == 260
        for each in random.sample(listed, 60) + listed[-3:]:
            assert each == await marquez.ask(f"jobs/runs/{each['id']}")
        made = {use["datasetVersionId"]["name"] for use in listed[0]["inputDatasetVersions"]}
        assert made <= {"stage", "raw", "late"}

    tell(tmp_path, story)
