"""Compression dictionaries: trained beside the writer, named by each row, of use."""

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zstandard

from headwater.stores.sqlite import SqliteStore, dictionaries, open_store
from headwater.stores.sqlite.connection import Connection
from tests.contract import feeding
from tests.contract.events import dataset, encoded, run_event, schema

pytestmark = pytest.mark.anyio
MILESTONES = (200, 400)
STEP = 100


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionaries, "MILESTONES", MILESTONES)


def bodies(start: int, count: int) -> list[bytes]:
    """Events of one site: what differs between them is short."""
    columns = schema(*(f"a_rather_long_column_name_{at}" for at in range(20)))
    return [
        encoded(
            run_event(
                "COMPLETE",
                number,
                run=f"01935b2a-0000-7000-8000-{number:012x}",
                outputs=(dataset(f"table_{number % 7}", columns),),
            )
        )
        for number in range(start, start + count)
    ]


async def grow(store: SqliteStore, events: Sequence[bytes]) -> None:
    for at in range(0, len(events), STEP):
        await feeding.feed(store, [events[at : at + STEP]])


def written(path: Path) -> dict[int, tuple[int, float]]:
    """Of each dictionary, how many rows were written with it and their mean size."""
    with closing(Connection(str(path), read_only=True)) as db:
        rows = db.query(
            "SELECT dictionary_id, count(*), avg(length(body)) FROM event_body GROUP BY 1"
        )
        return {identity: (count, size) for identity, count, size in rows}


async def grown_to(store: SqliteStore, path: Path, dictionary: int, start: int) -> int:
    """Adds events until some are written with the dictionary; the number of the next."""
    while dictionary not in written(path):
        await grow(store, bodies(start, STEP))
        start += STEP
        assert start < 50_000, "it is never trained"
    return start


async def test_rows_of_every_dictionary_stay_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_store(path)
    at = await grown_to(store, path, 1, 0)
    at = await grown_to(store, path, 2, at)
    await store.close()
    store = await open_store(path)
    await grow(store, bodies(at, STEP))
    assert [each.body async for each in store.log()] == bodies(0, at + STEP)
    await store.close()
    found = written(path)
    assert found.keys() == {0, 1, 2}
    assert found[2][0] >= 2 * STEP, "a store that is opened again goes on with the newest"
    assert found[1][1] < found[0][1] / 2
    assert found[2][1] < found[0][1] / 2


async def test_training_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    train = zstandard.train_dictionary

    def slow(size: int, samples: Any) -> zstandard.ZstdCompressionDict:
        begun.set()
        assert go_on.wait(60)
        return train(size, samples)

    monkeypatch.setattr(zstandard, "train_dictionary", slow)
    path = tmp_path / "a.db"
    store = await open_store(path)
    await grow(store, bodies(0, 300))
    assert begun.wait(60)
    await grow(store, bodies(300, 500))  # while it is being trained
    assert written(path).keys() == {0}
    go_on.set()
    await grown_to(store, path, 1, 800)
    await store.close()


async def test_events_with_too_little_in_common_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(size: int, samples: Any) -> zstandard.ZstdCompressionDict:
        raise zstandard.ZstdError("cannot train dict")

    monkeypatch.setattr(zstandard, "train_dictionary", none)
    path = tmp_path / "a.db"
    for start in (0, 600):
        store = await open_store(path)
        await grow(store, bodies(start, 600))
        assert [each.body async for each in store.log()] == bodies(0, start + 600)
        await store.close()
    assert written(path).keys() == {0}
