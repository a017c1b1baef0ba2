"""The derived state comes in one order, so that two of them compare in a walk over both."""

from pathlib import Path

import pytest

from headwater import replay
from tests.contract import feeding
from tests.contract.conftest import Opener

pytestmark = pytest.mark.anyio


async def test_rows_come_in_the_order_that_is_compared(opener: Opener, tmp_path: Path) -> None:
    bodies = feeding.lines()
    state = await feeding.state_of(opener, tmp_path / "a.db", [bodies[::-1]])
    assert state == sorted(state, key=replay.row_order)
    assert len(set(state)) == len(state)


async def test_a_snapshot_stays_as_it_is(opener: Opener, tmp_path: Path) -> None:
    """`verify` compares it with its own log, beside a server that goes on writing."""
    first, *rest = feeding.lines()
    store = await opener(tmp_path / "a.db")
    try:
        await feeding.feed(store, [[first]])
        before = [row async for row in store.state()]
        snapshot = await store.snapshot()
        await feeding.feed(store, [rest])
        assert [row async for row in snapshot.rows] == before
        assert (await anext(store.log())).position == snapshot.last
        assert (await store.snapshot()).last > snapshot.last
    finally:
        await store.close()


async def test_what_only_one_side_has_is_counted(opener: Opener, tmp_path: Path) -> None:
    bodies = feeding.lines("simple-run", "explicit-lineage", "dbt-artifacts")
    a, b = await opener(tmp_path / "a.db"), await opener(tmp_path / "b.db")
    try:
        await feeding.feed(a, [bodies[:-3]])
        await feeding.feed(b, [bodies[2:]])
        left = {row async for row in a.state()}
        right = {row async for row in b.state()}
        verdict = await replay.compare(a.state(), b.state())
        assert verdict.rows == len(left)
        assert verdict.total == len(left ^ right) > replay.SHOWN == len(verdict.differences)
        assert {found.side for found in verdict.differences} == {"stored", "derived"}
        same = await replay.compare(a.state(), a.state())
        assert (same.equal, same.rows) == (True, len(left))
    finally:
        await a.close()
        await b.close()
