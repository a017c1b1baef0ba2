"""Every store passes the same suite: a test here takes `opener` and runs once for each."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headwater.event import Received
from headwater.records import Projected
from headwater.store import Receipt
from headwater.stores.sqlite import SqliteStore, open_store
from headwater.stores.sqlite.connection import Connection

Opener = Callable[[Path], Awaitable[Any]]


class Old(SqliteStore):
    """As a store is after many events: of every node, all events but the newest are past ones."""

    async def commit(
        self,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None = None,
    ) -> list[Receipt]:
        receipts = await super().commit(batch, positions)
        db = Connection(self._file)
        try:
            db.begin()
            for row in db.query("SELECT node_id, max(stamp) FROM node_event GROUP BY node_id"):
                db.run("put_past", *row)
                db.run("drop_past", *row)
            db.commit()
        finally:
            db.close()
        return receipts


async def open_old(path: Path) -> SqliteStore:
    store = Old(path, read_only=False, apart=False)
    store.start(create=True, progress=print)
    return store


STORES: dict[str, Opener] = {
    "sqlite": open_store,
    "sqlite-apart": partial(open_store, apart=True),
    "sqlite-old": open_old,
}


@pytest.fixture(params=sorted(STORES))
def opener(request: pytest.FixtureRequest) -> Opener:
    return STORES[request.param]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
