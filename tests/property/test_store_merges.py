"""The laws of a merge, asked of the embedded store's own code, which merges in SQL and in memory.

`writer` with nothing between: sets of events are its elements, a commit is the merge.
"""

from collections.abc import Sequence
from contextlib import closing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.projection import Projector
from headwater.stores.sqlite import state
from headwater.stores.sqlite.connection import Connection
from headwater.stores.sqlite.migrations import migrate
from headwater.stores.sqlite.writer import Item, Writer
from tests.contract import feeding
from tests.property.generated import bounded, events

State = dict[str, list[tuple[object, ...]]]


def items(bodies: Sequence[bytes]) -> list[Item]:
    projector = Projector()
    received = [feeding.received(body) for body in bodies]
    return [(each, projector.project(each)) for each in received]


def merged(*batches: Sequence[bytes], stumbling: bool = False) -> State:
    """The state after these commits.

    Args:
        stumbling: each is preceded by one that fails at its last event, and so leaves nothing.
    """
    with closing(Connection(":memory:", create=True)) as db:
        migrate(db, print)
        writer = Writer(db)
        for batch in batches:
            if stumbling:
                with pytest.raises(KeyError):
                    writer.commit([*items(batch), stumbling_block()])
            writer.commit(items(batch))
        return {table: [row for rows in state.rows(db, table) for row in rows] for table in TABLES}


def stumbling_block() -> Item:
    """An event whose merge fails once all before it are merged, as by a bug."""
    ((received, projected),) = items([LAST])
    assert projected is not None
    return received, msgspec.structs.replace(projected, owner=b"\0" * 16)


TABLES = tuple(state.TABLES)
LAST = (
    b'{"eventTime":"2026-11-01T08:00:00Z","job":{"namespace":"shop","name":"last"},'
    b'"inputs":[{"namespace":"shop","name":"a"}]}'
)


@bounded
@given(events, events)
def test_merging_commutes(a: list[bytes], b: list[bytes]) -> None:
    assert merged(a, b) == merged(b, a)


@bounded
@given(events, events, events)
def test_merging_associates(a: list[bytes], b: list[bytes], c: list[bytes]) -> None:
    """What is merged before it meets the database is as what met it one after the other."""
    assert merged([*a, *b], c) == merged(a, [*b, *c])


@bounded
@given(events, events)
def test_merging_again_changes_nothing(a: list[bytes], b: list[bytes]) -> None:
    assert merged(a, a) == merged(a)
    assert merged(a, b, a) == merged(a, b)


@bounded
@given(st.lists(events, min_size=1, max_size=3))
def test_a_commit_that_fails_leaves_nothing_in_the_file_or_in_memory(
    batches: list[list[bytes]],
) -> None:
    assert merged(*batches, stumbling=True) == merged(*batches)
