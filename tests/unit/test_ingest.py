"""Group commit: an event that cannot be merged is kept as failed, and harms no other."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from headwater.errors import Unavailable
from headwater.event import Received
from headwater.ingest import BATCH_EVENTS, OUTSIDE_EVENTS, Ingest
from headwater.records import Projected
from headwater.store import EventFilter, EventRow, Page, Reader, Receipt
from headwater.stores.sqlite import SqliteStore, open_store
from headwater.telemetry import Telemetry
from tests.building import DOMAIN, received, run_event

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Stumbling(SqliteStore):
    """The real store, that trips over the events of one job, as a bug in a merge would."""

    async def commit(
        self,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None = None,
    ) -> list[Receipt]:
        for item, projected in batch:
            if projected is not None and item.event.job and item.event.job.node.name == "bad":
                raise TypeError("as a bug would")
        return await super().commit(batch, positions)


async def _events(store: SqliteStore) -> list[EventRow]:
    async def question(reader: Reader) -> list[EventRow]:
        return await reader.list_events(DOMAIN, EventFilter(), Page(100), "asc")

    return await store.read(question)


async def _count(store: SqliteStore) -> int:
    async def question(reader: Reader) -> int:
        return (await reader.counts(DOMAIN))["events"]

    return await store.read(question)


def _items(count: int, bad: int) -> list[Received]:
    names = ["bad" if number == bad else f"good-{number}" for number in range(count)]
    return [
        received(run_event(name, f"r-{name}", number, ["a"], ["b"]))
        for number, name in enumerate(names)
    ]


async def test_one_that_cannot_be_merged_is_kept_as_failed(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    store.__class__ = Stumbling
    ingest = Ingest(store, Telemetry())
    waiting = [ingest.enqueue(item) for item in _items(40, bad=17)]
    ingest.start()
    receipts = [await one for one in waiting]
    assert not any(receipt.repeated for receipt in receipts)
    rows = await _events(store)
    assert len(rows) == 40
    assert [row.failure for row in rows if row.failure] == ["merge failed: TypeError"]
    await ingest.close()
    await store.close()


async def test_a_full_queue_refuses(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    ingest = Ingest(store, Telemetry(), queue_events=3, queue_wait=0)
    waiting = [ingest.enqueue(item) for item in _items(3, bad=-1)]
    with pytest.raises(Unavailable):
        _ = ingest.enqueue(_items(4, bad=-1)[3])
    began = time.monotonic()
    ingest.start()
    assert len([await one for one in waiting]) == 3
    assert time.monotonic() - began < 30
    await ingest.close()
    with pytest.raises(Unavailable):
        _ = ingest.enqueue(_items(5, bad=-1)[4])
    await store.close()


async def test_a_burst_waits_outside_and_is_taken_in_order(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    ingest = Ingest(store, Telemetry(), queue_events=3, queue_wait=60)
    items = _items(20, bad=-1)
    waiting = [ingest.enqueue(item) for item in items]
    assert ingest.depth == 20
    ingest.start()
    assert len([await one for one in waiting]) == 20
    logged = [event.body async for event in store.log()]
    assert logged == [item.body for item in items]
    await ingest.close()
    await store.close()


async def test_who_waits_outside_in_vain_is_told_so(tmp_path: Path) -> None:
    """Nothing is committed meanwhile, as with a disk that hangs."""
    store = await open_store(tmp_path / "a.db")
    ingest = Ingest(store, Telemetry(), queue_events=1, queue_wait=0.05)
    first, *late = [ingest.enqueue(item) for item in _items(5, bad=-1)]
    refused = await asyncio.gather(*late, return_exceptions=True)
    assert [type(each) for each in refused] == [Unavailable] * 4
    assert not first.done()
    later = ingest.enqueue(_items(6, bad=-1)[5])
    ingest.start()
    assert [(await one).repeated for one in (first, later)] == [False, False]
    await ingest.close()
    await store.close()


async def test_a_stop_takes_what_waits_outside(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    ingest = Ingest(store, Telemetry(), queue_events=2, queue_wait=60)
    waiting = [ingest.enqueue(item) for item in _items(9, bad=-1)]
    ingest.start()
    await ingest.close()
    assert len([await one for one in waiting]) == 9
    await store.close()


@pytest.mark.parametrize("bound", ["events", "bytes"])
async def test_only_so_many_wait_outside(tmp_path: Path, bound: str) -> None:
    store = await open_store(tmp_path / "a.db")
    item = _items(1, bad=-1)[0]
    queue_bytes = 256 << 20 if bound == "events" else len(item.body) * 10
    ingest = Ingest(store, Telemetry(), 500, queue_bytes, queue_wait=60)
    waiting = [
        ingest.enqueue(item) for _ in range(OUTSIDE_EVENTS + 500 if bound == "events" else 20)
    ]
    with pytest.raises(Unavailable):
        _ = ingest.enqueue(item)
    ingest.start()
    assert len([await one for one in waiting]) == len(waiting)
    await ingest.close()
    await store.close()


async def test_the_events_of_a_request_wait_outside_together(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    ingest = Ingest(store, Telemetry(), queue_events=2, queue_wait=60)
    items = _items(12, bad=-1)
    waiting = [ingest.enqueue(item) for item in items[:3]]
    waiting += ingest.enqueue_all(items[3:11])
    waiting.append(ingest.enqueue(items[11]))
    ingest.start()
    assert len([await one for one in waiting]) == 12
    assert [event.body async for event in store.log()] == [item.body for item in items]
    await ingest.close()
    await store.close()


async def test_the_events_of_a_request_wait_together_or_not_at_all(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db")
    ingest = Ingest(store, Telemetry(), queue_events=3, queue_wait=0)
    first = [ingest.enqueue(item) for item in _items(2, bad=-1)]
    several = ingest.enqueue_all(_items(7, bad=-1)[2:])
    with pytest.raises(Unavailable):
        _ = ingest.enqueue_all(_items(9, bad=-1)[7:])
    ingest.start()
    assert len([await one for one in (*first, *several)]) == 7
    assert len(await _events(store)) == 7
    await ingest.close()
    await store.close()


class Failing(SqliteStore):
    """The real store on a disk that takes one commit."""

    left = 1

    async def commit(
        self,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None = None,
    ) -> list[Receipt]:
        if self.left == 0:
            raise Unavailable("the disk is full")
        self.left -= 1
        return await super().commit(batch, positions)


async def test_the_events_of_a_request_are_one_commit(tmp_path: Path) -> None:
    """However many they are, and whatever waits beside them."""
    store = await open_store(tmp_path / "a.db")
    store.__class__ = Failing
    ingest = Ingest(store, Telemetry())
    items = _items(2 * BATCH_EVENTS + 20, bad=-1)
    kept = [ingest.enqueue(item) for item in items[: BATCH_EVENTS - 10]]
    kept += ingest.enqueue_all(items[BATCH_EVENTS - 10 : BATCH_EVENTS + 10])
    lost = ingest.enqueue_all(items[BATCH_EVENTS + 10 :])
    ingest.start()
    assert len([await one for one in kept]) == BATCH_EVENTS + 10
    for one in lost:
        with pytest.raises(Unavailable):
            await one
    await ingest.close()
    store.__class__ = SqliteStore
    assert await _count(store) == BATCH_EVENTS + 10
    await store.close()


async def test_a_request_with_an_event_that_cannot_be_merged_keeps_the_others(
    tmp_path: Path,
) -> None:
    store = await open_store(tmp_path / "a.db")
    store.__class__ = Stumbling
    ingest = Ingest(store, Telemetry())
    waiting = ingest.enqueue_all(_items(9, bad=4))
    waiting += ingest.enqueue_all(_items(20, bad=-1)[9:])
    ingest.start()
    assert len([await one for one in waiting]) == 20
    assert [row.failure for row in await _events(store) if row.failure] == [
        "merge failed: TypeError"
    ]
    await ingest.close()
    await store.close()
