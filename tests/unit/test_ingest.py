"""Group commit: an event that cannot be merged is kept as failed, and harms no other."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from headwater.errors import Unavailable
from headwater.event import Received
from headwater.ingest import Ingest
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
    ingest = Ingest(store, Telemetry(), queue_events=3)
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
