"""Idempotency tokens: committed with their event, and held against whatever comes with them."""

from pathlib import Path

import msgspec
import pytest

from headwater.errors import Conflict
from headwater.event import Received
from headwater.ids import digest_of
from headwater.projection import Projector
from headwater.records import Projected
from tests.contract import feeding
from tests.contract.conftest import Opener
from tests.contract.events import encoded, run_event

pytestmark = pytest.mark.anyio

FIRST, SECOND = encoded(run_event("COMPLETE", 1)), encoded(run_event("COMPLETE", 2))


def with_token(body: bytes, token: str | None, domain: str = "default") -> Received:
    plain = feeding.received(body, domain)
    return msgspec.structs.replace(plain, token=token, digest=digest_of(body, token))


def projected(*events: Received) -> list[tuple[Received, Projected]]:
    return [(event, Projector().project(event)) for event in events]


async def test_the_same_token_and_bytes_are_one_event(opener: Opener, tmp_path: Path) -> None:
    store = await opener(tmp_path / "hw.db")
    try:
        said = projected(with_token(FIRST, "t"))
        (first,) = await store.commit(said)
        again = await store.commit([*said, *said])
        assert not first.repeated
        assert [(each.id, each.position, each.repeated) for each in again] == [
            (first.id, first.position, True)
        ] * 2
    finally:
        await store.close()


async def test_other_bytes_contradict_the_token_and_nothing_of_them_stays(
    opener: Opener, tmp_path: Path
) -> None:
    store = await opener(tmp_path / "hw.db")
    try:
        await store.commit(projected(with_token(FIRST, "t")))
        before = [row async for row in store.state()]
        with pytest.raises(Conflict, match="token"):
            await store.commit(projected(with_token(SECOND, "t")))
        with pytest.raises(Conflict, match="token"):
            await store.commit(projected(with_token(FIRST, "u"), with_token(SECOND, "u")))
        assert [row async for row in store.state()] == before
        assert (await store.facts())["events"] == 1
    finally:
        await store.close()


async def test_tokens_are_exact_and_of_one_domain(opener: Opener, tmp_path: Path) -> None:
    store = await opener(tmp_path / "hw.db")
    try:
        await store.create_domain("other", 0)
        receipts = await store.commit(
            projected(
                with_token(FIRST, "t"),
                with_token(FIRST, "T"),
                with_token(FIRST, None),
                with_token(SECOND, "t", "other"),
            )
        )
        assert len({receipt.id for receipt in receipts}) == 4
        assert not any(receipt.repeated for receipt in receipts)
    finally:
        await store.close()
