"""Feeds real events to a store, in any order and any batches, and reads the derived state back."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Received
from headwater.ids import digest_of
from headwater.projection import Projector

EVENTS = Path(__file__).parents[1] / "fixtures" / "events"
RECEIVED_AT = 1_800_000_000_000_000

State = list[tuple[str, tuple[object, ...]]]


def lines(*names: str) -> list[bytes]:
    """The events of the named fixture files, or of all of them, one for each line."""
    files = [EVENTS / f"{name}.ndjson" for name in names] or sorted(EVENTS.glob("*.ndjson"))
    return [line for file in files for line in file.read_bytes().splitlines() if line.strip()]


def received(body: bytes, domain: str = "default") -> Received:
    return Received(
        domain=domain,
        dialect="openlineage",
        body=body,
        digest=digest_of(body),
        event=Decoder().decode(body),
        received_at=RECEIVED_AT,
    )


async def feed(store: Any, batches: Sequence[Sequence[bytes]]) -> None:
    """Each event is decoded and projected anew: nothing carries over but what is stored."""
    projector = Projector()
    for batch in batches:
        items = [received(body) for body in batch]
        await store.commit([(item, projector.project(item)) for item in items])


async def state_of(
    opener: Callable[[Path], Awaitable[Any]], path: Path, batches: Sequence[Sequence[bytes]]
) -> State:
    store = await opener(path)
    try:
        await feed(store, batches)
        return [row async for row in store.state()]
    finally:
        await store.close()
