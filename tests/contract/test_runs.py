"""The runs of one job, complete or not, are listed as those of all jobs are."""

import random
from itertools import product
from pathlib import Path

import pytest

from headwater.ids import job
from headwater.store import Page, Reader, RunFilter, RunRow
from tests.contract.conftest import Opener
from tests.contract.test_slices import DOMAIN, fill
from tests.unit.dialects.marquez.asking import NAMESPACE, event, parent, run_id

STATES: tuple[tuple[str, ...], ...] = ((), ("COMPLETE",), ("FAIL", "RUNNING"))


async def paged(reader: Reader, where: RunFilter, limit: int) -> list[RunRow]:
    """All pages of a list, one after the other."""
    found: list[RunRow] = []
    page = Page(limit)
    while rows := await reader.list_runs(DOMAIN, where, page):
        found += rows
        last = rows[-1]
        assert last.record.at is not None
        page = Page(limit, (last.record.at, last.record.run_id, last.job.key(DOMAIN)))
    return found


@pytest.mark.anyio
async def test_the_runs_of_a_job_are_those_of_all_jobs_that_are_its(
    tmp_path: Path, opener: Opener
) -> None:
    chance = random.Random(11)
    store = await opener(tmp_path / "a.db")
    names = ("a", "b", "c")
    for number in range(60):
        kind = chance.choice(("START", "RUNNING", "COMPLETE", "FAIL", "ABORT"))
        above = parent("a", run_id(500 + number % 3))
        made = event(number % 40, kind, chance.randrange(9), chance.choice(names), run_facets=above)
        await fill(store, made)

    async def question(reader: Reader) -> None:
        whole = await paged(reader, RunFilter(), 1_000)
        assert len(whole) > 40
        for name, states, parents in product(names, STATES, (None, run_id(501))):
            key = job(NAMESPACE, name).key(DOMAIN)
            where = RunFilter(job=key, states=states, parent=parents)
            expected = [
                row
                for row in await paged(reader, RunFilter(states=states, parent=parents), 1_000)
                if row.job.name == name
            ]
            assert await paged(reader, where, 1_000) == expected
            assert await paged(reader, where, 3) == expected
        within = RunFilter(job=job(NAMESPACE, "b").key(DOMAIN), since=whole[-1].record.at)
        assert await paged(reader, within, 2) == [row for row in whole if row.job.name == "b"]

    await store.read(question)
    await store.close()
