"""Numbered pages: `slices.Browser` of every store."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Received
from headwater.ids import NodeKind, dataset, digest_of, job
from headwater.projection import Projector
from headwater.slices import QUARTER, Browser, Slice, Span, ask
from headwater.store import Direction, Store
from tests.contract.conftest import Opener
from tests.unit.dialects.marquez.asking import (
    STOCK,
    at,
    dataset_event,
    event,
    job_event,
    made_of,
    parent,
    run_id,
)
from tests.unit.dialects.serving import dataset as table
from tests.unit.dialects.serving import encoded, facet, schema

T = TypeVar("T")
NOW = 1_900_000_000_000_000
DOMAIN = "default"
EVER = Span(0, 1 << 55)


async def fill(store: Store, *events: dict[str, Any]) -> None:
    projector, decoder = Projector(), Decoder()
    batch = []
    for each in events:
        body = encoded(each)
        received = Received(DOMAIN, "openlineage", body, digest_of(body), decoder.decode(body), NOW)
        batch.append((received, projector.project(received)))
    await store.commit(batch)


Ask = Callable[[Callable[[Browser], Awaitable[T]]], Awaitable[T]]


@pytest.mark.anyio
async def test_the_latest_jobs_are_the_same_however_they_are_found(
    tmp_path: Path, opener: Opener
) -> None:
    """The order that is kept in memory, brought up to date, is the one that sorting gives."""
    chance = random.Random(7)
    store, fresh = await opener(tmp_path / "a.db"), await opener(tmp_path / "b.db")

    async def question(browser: Browser) -> tuple[list[str], int]:
        rows, total = await browser.slice_jobs(DOMAIN, None, (), Slice(100))
        return [row.row.node.name for row in rows], total

    sent = []
    for number in range(40):
        name = f"j{chance.randrange(12)}"
        minute = chance.randrange(60)
        made = (
            job_event(name, minute)
            if number % 3 == 0
            else event(number, job=name, minute=minute, run_facets=parent(f"p{number % 4}", "up"))
        )
        if number % 10 == 9:
            made["eventTime"] = "2990-01-01T00:00:00Z"
        sent.append(made)
        await fill(store, made)
        kept = await ask(store, question)
        assert kept[1] == len(kept[0])
    await fill(fresh, *chance.sample(sent, len(sent)))
    assert await ask(fresh, question) == await ask(store, question)
    for each in (store, fresh):
        await each.close()


@pytest.mark.anyio
async def test_the_state_of_the_last_run_is_known_after_each_event(
    tmp_path: Path, opener: Opener
) -> None:
    """However often it was asked for before, and whoever named the run first."""
    chance = random.Random(5)
    store = await opener(tmp_path / "a.db")

    async def question(browser: Browser) -> dict[str, int]:
        rows, _ = await browser.slice_jobs(DOMAIN, None, (), Slice(100))
        keys = [row.row.key for row in rows]
        runs = await browser.newest_runs(keys, 1)
        assert runs == {key: each[:1] for key, each in (await browser.newest_runs(keys, 3)).items()}
        counts = {}
        for state in ("NEW", "RUNNING", "COMPLETE", "FAIL", "ABORT"):
            found, _ = await browser.slice_jobs(DOMAIN, None, (state,), Slice(100))
            assert [each.row for each in found] == [
                each.row
                for each in rows
                if each.row.key in runs and runs[each.row.key][0].record.state == state
            ]
            counts[state] = len(found)
        return counts

    seen: Counter[str] = Counter()
    for number in range(60):
        kind = chance.choice(("START", "COMPLETE", "FAIL", "ABORT"))
        name, minute = f"j{chance.randrange(9)}", chance.randrange(600)
        above = parent(f"j{chance.randrange(12)}", run_id(200 + number % 5))
        made = event(number % 40, kind, minute, name, run_facets=above)
        await fill(store, job_event(name, minute) if number % 5 == 0 else made)
        seen.update(await ask(store, question))
    assert len(+seen) == 5, seen
    await store.close()


@pytest.mark.anyio
async def test_events_are_counted_as_they_are_paged(tmp_path: Path, opener: Opener) -> None:
    store = await opener(tmp_path / "a.db")
    await fill(
        store,
        *(event(n, "START" if n % 2 else "FAIL", 11 * n) for n in range(12)),
        dataset_event("t", 3),
        job_event("x", 4),
    )

    async def question(browser: Browser) -> None:
        whole, total = await browser.slice_events(DOMAIN, EVER, Slice(100), descending=False)
        assert (len(whole), total) == (12, 12)
        down, _ = await browser.slice_events(DOMAIN, EVER, Slice(100), descending=True)
        assert down == whole[::-1]
        part, _ = await browser.slice_events(DOMAIN, EVER, Slice(3, 4), descending=False)
        assert part == whole[4:7]
        tallies = await browser.tallies(DOMAIN, Span(0, NOW // QUARTER * QUARTER))
        assert sum(tally.events for tally in tallies) == 12
        assert {tally.type.value for tally in tallies if tally.type} == {"START", "FAIL"}
        of, count = await browser.slice_events_of(DOMAIN, "shop", Slice(2))
        assert (of, count) == (down[:2], 12)

    await ask(store, question)
    await store.close()


@pytest.mark.anyio
async def test_who_wrote_a_dataset(tmp_path: Path, opener: Opener) -> None:
    store = await opener(tmp_path / "a.db")
    await fill(
        store,
        event(1, minute=1, writes=("t",)),
        event(2, "FAIL", 2, writes=("t",)),
        event(3, minute=3, reads=("t",)),
        event(4, minute=4, job="other", writes=("t", "u")),
        event(5, "START", 5, reads=("x",)),
        event(5, "RUNNING", 6, writes=("t",)),
        dataset_event("t", 7, **schema("id")),
    )
    key = dataset("pg", "t").key(DOMAIN)

    async def question(browser: Browser) -> None:
        rows = await browser.slice_writes(key, Slice(10))
        assert [row.record.run_id for row in rows] == [run_id(n) for n in (5, 4, 2, 1)]
        assert [row.record.run_id for row in await browser.slice_writes(key, Slice(1, 2))] == [
            run_id(2)
        ]
        assert await browser.count_writes(key) == 4
        alone = dataset("pg", "u").key(DOMAIN)
        assert await browser.count_writes(alone) == 1
        assert await browser.count_writes(dataset("pg", "x").key(DOMAIN)) == 0
        whole = await browser.newest_whole_write(key)
        assert whole is not None
        assert whole.record.run_id == run_id(4)
        (stated,) = await browser.statings(key)
        assert (stated.writes, stated.kind.value) == (False, "dataset")
        near = await browser.neighbours([key], now=False)
        assert len(near[key][0]) == 2

    await ask(store, question)
    await store.close()


@pytest.mark.anyio
async def test_what_is_unchanged(tmp_path: Path, opener: Opener) -> None:
    store = await opener(tmp_path / "a.db")
    await fill(store, event(1, reads=("a",)), event(2, job="other", reads=("b",)))
    keys = [job("shop", "load").key(DOMAIN), dataset("pg", "b").key(DOMAIN)]

    async def position(browser: Browser) -> int:
        return await browser.position()

    before = await ask(store, position)

    async def unchanged(browser: Browser) -> list[bool]:
        found = await browser.unchanged(dict.fromkeys(keys, before))
        return [key in found for key in keys]

    assert await ask(store, unchanged) == [True, True]
    await fill(store, event(3, minute=1))
    assert await ask(store, unchanged) == [False, True]
    await fill(store, event(4, minute=2, job="third", run_facets=parent("load", "up")))
    await fill(store, event(5, minute=3, job="third", writes=("b",)))
    assert await ask(store, unchanged) == [False, False]
    await store.close()


@pytest.mark.anyio
async def test_when_nodes_were_first_seen(tmp_path: Path, opener: Opener) -> None:
    store = await opener(tmp_path / "a.db")
    await fill(store, event(1, minute=5, job="a"), event(2, minute=9, job="b"))
    await fill(store, event(3, minute=1, job="b"))
    start = Decoder().decode(encoded(event(1, minute=0))).time
    minutes = [start + minute * 60_000_000 for minute in (1, 2, 5, 6)]

    async def question(browser: Browser) -> list[int]:
        return await browser.first_seen(DOMAIN, NodeKind.JOB, minutes)

    assert await ask(store, question) == [0, 1, 1, 2]

    async def tables(browser: Browser) -> tuple[list[int], int]:
        found = await browser.first_seen(DOMAIN, NodeKind.DATASET, minutes)
        return found, (await browser.slice_nodes(DOMAIN, NodeKind.DATASET, None, Slice(1)))[1]

    # One is stated, a column of it is made of another's, and a third name is an alias.
    link = {"namespace": STOCK, "name": "alias", "type": "TABLE"}
    made = table("made", facets=made_of(id=(("source", "id"),)))
    await fill(store, event(4, minute=3, job="b", writes=(made,)))
    assert await ask(store, tables) == ([0, 0, 2, 2], 2)
    await fill(store, dataset_event("made", 4, symlinks=facet(identifiers=[link])))
    assert await ask(store, tables) == ([1, 1, 3, 3], 3)
    assert at(1) < at(5)
    await store.close()


@pytest.mark.anyio
async def test_what_has_no_lineage(tmp_path: Path, opener: Opener) -> None:
    """It is what no end of an edge is found for, whichever names, links and deletions there are."""
    chance = random.Random(11)
    tables = [f"t{number}" for number in range(40)]
    events = [dataset_event(name, chance.randrange(60)) for name in tables]
    for number in range(9):
        job, reads, writes = f"j{number}", *(chance.sample(tables, 2) for _ in range(2))
        events.append(event(number, job=job, reads=tuple(reads), writes=tuple(writes)))
    for number in range(8):
        one, other = chance.sample(tables, 2)
        link = {"namespace": STOCK, "name": other, "type": "TABLE"}
        events.append(dataset_event(one, 70 + number, symlinks=facet(identifiers=[link])))
    one, other = chance.sample(tables, 2)
    entry = {"inputs": [{"type": "DATASET", "namespace": STOCK, "name": other}]}
    events.append(dataset_event(one, 80, lineage=facet(**entry)))
    hidden = chance.sample(tables, 6)
    events += (dataset_event(name, 90, headwater_hidden=facet()) for name in hidden)
    events += (job_event(f"j{number}", 95, headwater_hidden=facet()) for number in (2, 5))
    store = await opener(tmp_path / "a.db")
    await fill(store, *events)

    async def question(browser: Browser) -> tuple[list[str], list[str]]:
        details, total = await browser.slice_nodes(DOMAIN, NodeKind.DATASET, None, Slice(1_000))
        assert total == len(details) == len(tables) - 6
        alone = []
        for row in (detail.row for detail in details):
            names = [row.key]
            if row.alias_of is not None:
                members = await browser.members([row.alias_of])
                names = [member.key for member in members[row.alias_of]]
            ends = [await browser.ends(names, way) for way in (Direction.UP, Direction.DOWN)]
            if not any(ends):
                alone.append(row.node.name)
        page, _ = await browser.slice_nodes(DOMAIN, NodeKind.DATASET, None, Slice(5, 7))
        assert [each.row for each in page] == [each.row for each in details[7:12]]
        found = [node.name async for node in browser.unlinked(DOMAIN)]
        return found, alone

    found, alone = await ask(store, question)
    assert found == alone
    assert 5 < len(found) < 25
    await store.close()


@pytest.mark.anyio
async def test_the_events_of_many_runs(tmp_path: Path, opener: Opener) -> None:
    """As those of each run alone: of two jobs, with an id of any form, and of one that is named
    only."""
    names = ("nightly", "a\0b", "\N{SNOWMAN}")
    texts = [
        {**event(9, minute=n), "run": {"runId": name, "facets": {}}} for n, name in enumerate(names)
    ]
    store = await opener(tmp_path / "a.db")
    await fill(
        store,
        event(1, "START", 1),
        event(2, "START", 2, run_facets=parent("dag", run_id(7))),
        event(1, "COMPLETE", 3),
        event(1, "COMPLETE", 4, job="other"),
        *texts,
    )
    ours, other, dag = (job("shop", name).key(DOMAIN) for name in ("load", "other", "dag"))

    async def question(browser: Browser) -> None:
        runs = [(ours, run_id(1)), (ours, run_id(2)), (other, run_id(1)), (dag, run_id(7))]
        runs += [(ours, name) for name in names]
        runs += [(ours, run_id(3)), (other, "nightly"), (job("x", "y").key(DOMAIN), run_id(1))]
        found = await browser.run_places(runs)
        assert {run: sorted(places) for run, places in found.items()} == {
            run: await browser.run_events(*run) for run in runs
        }
        assert [len(found[run]) for run in runs] == [2, 1, 1, 0, 1, 1, 1, 0, 0, 0]
        assert await browser.run_places([]) == {}

    await ask(store, question)
    await store.close()


@pytest.mark.anyio
@pytest.mark.parametrize("failed", [0.0, 0.01, 0.9])
async def test_far_pages_of_runs(tmp_path: Path, opener: Opener, failed: float) -> None:
    """Runs with few, none and many among them that are not complete; some have no start at all."""
    chance = random.Random(failed)
    total = 1_200
    said = [
        event(n, "FAIL" if chance.random() < failed else "COMPLETE", n // 3 / 60)
        for n in range(total)
    ]
    named = [
        event(n, minute=1, job="child", run_facets=parent("load", run_id(n)))
        for n in range(5_000, 5_000 + (3 if failed else 0))
    ]
    store = await opener(tmp_path / "a.db")
    await fill(store, *said, *named)
    key = job("shop", "load").key(DOMAIN)

    async def question(browser: Browser) -> None:
        whole = await browser.slice_runs(key, Slice(2_000))
        runs = [row.record.run_id for row in whole]
        assert len(runs) == total + len(named)
        starts = [row.record.at for row in whole if row.record.at is not None]
        assert starts == sorted(starts, reverse=True)
        for offset in (999, 1_000, 1_001, 1_050, total - 1, total, total + 2, total + 9):
            page = await browser.slice_runs(key, Slice(20, offset))
            assert [row.record.run_id for row in page] == runs[offset : offset + 20], offset

    await ask(store, question)
    await store.close()


@pytest.mark.anyio
async def test_facets_by_name(tmp_path: Path, opener: Opener) -> None:
    store = await opener(tmp_path / "a.db")
    sql = {"sql": facet(query="select 1")}
    code = {"sourceCode": facet(sourceCode="x"), "documentation": facet(description="y")}
    many = [event(100 + n, job=f"z{n:03}", job_facets=sql) for n in range(600)]
    await fill(
        store,
        event(1, minute=1, job="b", job_facets=sql | code),
        event(2, minute=1, job="a", job_facets=sql),
        event(3, minute=1, job="gone", job_facets=sql),
        event(3, minute=2, job="gone", job_facets={"sql": facet(_deleted=True)}),
        event(4, minute=1, job="hidden", job_facets=sql),
        event(4, minute=2, job="hidden", job_facets={"headwater_hidden": facet()}),
        event(5, minute=1, job="mute", writes=(table("t", facets=sql),)),
        *many,
    )

    async def question(browser: Browser) -> None:
        async def found(*names: str, kind: NodeKind = NodeKind.JOB, but: bytes = b"") -> list[str]:
            parts = [
                [(keys[each.node], each.name) for each in part]
                async for part in browser.stated_facets(DOMAIN, kind, names, but.__eq__)
            ]
            assert all(parts)
            return [f"{node} {name}" for part in parts for node, name in part]

        nodes = [job("shop", name) for name in ("a", "b", *(f"z{n:03}" for n in range(600)))]
        nodes.append(dataset(STOCK, "t"))
        keys = {node.key(DOMAIN): node.name for node in nodes}
        ours = await found("sql")
        assert ours == ["a sql", "b sql", *(f"z{n:03} sql" for n in range(600))]
        assert (await found("sourceCode", "sql"))[:3] == ["a sql", "b sourceCode", "b sql"]
        assert await found("sql", kind=NodeKind.DATASET) == ["t sql"]
        assert await found("sql", but=digest_of(encoded(sql["sql"]))) == []
        assert await found("none") == []

    await ask(store, question)
    await store.close()
