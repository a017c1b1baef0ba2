"""Of a node with many events all but the newest few stand apart, in whatever order they came."""

import random
from collections import Counter
from pathlib import Path

import pytest

from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Received
from headwater.ids import digest_of, job
from headwater.projection import Projector
from headwater.records import LAST_STAMP
from headwater.store import Reader
from headwater.stores.sqlite import SqliteStore, open_store
from headwater.stores.sqlite.connection import Connection
from headwater.stores.sqlite.facets import EVENTS_TOGETHER
from tests.unit.dialects.marquez.asking import NAMESPACE, event
from tests.unit.dialects.serving import encoded

pytestmark = pytest.mark.anyio
DOMAIN = "default"


async def feed(store: SqliteStore, bodies: list[bytes], most: int, chance: random.Random) -> None:
    """In batches of any size; the last events of each come once more in the next."""
    projector, decoder = Projector(), Decoder()
    at = 0
    while at < len(bodies):
        size = chance.randint(1, most)
        batch = []
        for body in bodies[max(at - 2, 0) : at + size]:
            made = Received(DOMAIN, "openlineage", body, digest_of(body), decoder.decode(body), 1)
            batch.append((made, projector.project(made)))
        await store.commit(batch)
        at += size


async def state(store: SqliteStore) -> list[tuple[str, tuple[object, ...]]]:
    return [(row[0], row[1]) async for row in store.state()]


@pytest.mark.parametrize("most", [1, 7, 90])
async def test_the_order_of_events_decides_nothing(tmp_path: Path, most: int) -> None:
    chance = random.Random(most)
    bodies = [
        encoded(event(n // 2, ("START", "COMPLETE")[n % 2], n, f"j{n % 7 // 3}", ("hub",), ("t",)))
        for n in range(90)
    ]
    straight, mixed = await open_store(tmp_path / "a.db"), await open_store(tmp_path / "b.db")
    await feed(straight, bodies, 20, chance)
    await feed(mixed, chance.sample(bodies, len(bodies)), most, chance)
    assert await state(mixed) == await state(straight)

    async def question(reader: Reader) -> list[bytes]:
        key = job(NAMESPACE, "j0").key(DOMAIN)
        return [stamp for stamp, _ in await reader.node_events(key, LAST_STAMP, 100)]

    told = await mixed.read(question)
    assert told == await straight.read(question) == sorted(told, reverse=True)
    assert len(told) > 2 * EVENTS_TOGETHER
    for store in (straight, mixed):
        await store.close()
    db = Connection(str(tmp_path / "b.db"), read_only=True)
    kept = Counter(row[0] for row in db.query("SELECT node_id FROM node_event"))
    assert max(kept.values()) <= EVENTS_TOGETHER
    newest = "SELECT node_id, max(stamp) FROM {} GROUP BY node_id ORDER BY node_id"
    assert db.query(newest.format("node_event")) == db.query(newest.format("node_event_all"))
    whole = db.query(
        "SELECT count(*), count(DISTINCT node_id || ':' || position) FROM node_event_all"
    )
    assert whole[0][0] == whole[0][1] == 3 * len(bodies)
    db.close()
