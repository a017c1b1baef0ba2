"""Bodies are what they were after they were compressed, at once or beside the writer."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.stores.sqlite.bodies import APART_BYTES, Bodies
from headwater.stores.sqlite.connection import Connection

LARGE = 64
ROOM = APART_BYTES // LARGE + 1


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Bodies]:
    with closing(Connection(str(tmp_path / "bodies.db"), create=True)) as db:
        yield Bodies(db)


def rows(first: int, size: int) -> list[tuple[int, memoryview]]:
    """As many as are compressed apart, where each is of `ROOM`."""
    return [
        (first + at, memoryview(f"{first + at:08x}".encode() * size)[:size]) for at in range(LARGE)
    ]


@pytest.mark.parametrize("size", [100, ROOM])
def test_what_was_begun_is_given_in_its_order(kept: Bodies, size: int) -> None:
    given = rows(1, size)
    done = kept.begin(given)()
    assert [position for position, _, _ in done] == [position for position, _ in given]
    assert [kept.restore(dictionary, body) for _, dictionary, body in done] == [
        bytes(body) for _, body in given
    ]


@pytest.mark.parametrize("size", [100, ROOM])
def test_what_nobody_asks_for_any_more_does_not_disturb_the_next(kept: Bodies, size: int) -> None:
    """So it is after a commit that failed."""
    given = rows(1_000_000, size)
    for first in range(0, 100 * LARGE, LARGE):
        kept.begin(rows(first, ROOM))
    assert [kept.restore(number, body) for _, number, body in kept.begin(given)()] == [
        bytes(body) for _, body in given
    ]


def test_nothing_is_nothing(kept: Bodies) -> None:
    assert kept.begin([])() == []
