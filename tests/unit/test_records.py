"""The merge laws: every merge commutes, associates, and changes nothing when repeated."""

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from headwater.event import Event, EventKind, EventType
from headwater.ids import event_id
from headwater.records import (
    FUTURE,
    Mode,
    RunLinks,
    RunRecord,
    credible,
    merge_runs,
    stamp_ceiling,
    stamp_of,
    stamp_time,
)

T = TypeVar("T")

times = st.integers(min_value=-(10**6), max_value=10**6)
ranks = st.sampled_from([None, *EventType])


@st.composite
def stamps(draw: st.DrawFn) -> bytes:
    event = Event(EventKind.RUN, draw(times), draw(ranks))
    return stamp_of(event, draw(st.sampled_from([bytes([n]) * 16 for n in range(4)])), 0)


def _of(stamp: bytes, choices: int) -> int:
    """A value that belongs to a stamp: one event says one thing."""
    return sum(stamp) % choices


@st.composite
def runs(draw: st.DrawFn) -> RunRecord:
    stamp = draw(stamps())
    kind = list(EventType)[_of(stamp, 6)]
    time = stamp_time(stamp)
    terminal = (stamp, kind) if kind.value in ("COMPLETE", "FAIL", "ABORT") else None
    record = RunRecord(
        job=b"j" * 16,
        run_id="r",
        first=time,
        newest=stamp,
        started=time if kind is EventType.START else None,
        terminal=terminal,
        running=terminal is None,
        nominal=(stamp, time, None) if _of(stamp, 2) else None,
        links=(stamp, RunLinks(stamp, str(time))) if _of(stamp, 3) else None,
        mode=(stamp, Mode(bool(_of(stamp, 2)), bool(_of(stamp, 3)))) if _of(stamp, 5) else None,
        said={bytes([_of(stamp, 3)]) * 16: stamp},
        final=kind is EventType.FAIL and bool(_of(stamp, 7)),
    )
    placeholder = RunRecord(job=b"j" * 16, run_id="r")
    return draw(st.sampled_from([record, record, record, placeholder]))


def hold(merge: Callable[[T, T], T], a: T, b: T, c: T) -> None:
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a
    assert merge(merge(a, b), b) == merge(a, b)


@given(runs(), runs(), runs())
def test_runs(a: RunRecord, b: RunRecord, c: RunRecord) -> None:
    hold(merge_runs, a, b, c)


@given(st.lists(runs(), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_run(records: list[RunRecord], random: Any) -> None:
    shuffled = records + random.choices(records, k=2)
    random.shuffle(shuffled)
    assert reduce(merge_runs, shuffled) == reduce(merge_runs, records)


@given(times, times, ranks, ranks)
def test_stamps_order_by_time_then_rank(a: int, b: int, x: Any, y: Any) -> None:
    order = {None: 1, EventType.START: 0, EventType.RUNNING: 1, EventType.OTHER: 1}
    first = stamp_of(Event(EventKind.RUN, a, x), bytes(16), 0)
    second = stamp_of(Event(EventKind.RUN, b, y), bytes(16), 0)
    expected = (a, order.get(x, 2)) < (b, order.get(y, 2))
    assert (first < second) == expected
    assert stamp_time(first) == a
    assert first <= stamp_ceiling(a)
    assert not first <= stamp_ceiling(a - 1)


def test_a_time_far_ahead_is_not_believed() -> None:
    today = stamp_of(Event(EventKind.RUN, 1000), bytes(16), 1000)
    ahead = stamp_of(Event(EventKind.RUN, 1001 + FUTURE), bytes(16), 1000)
    assert credible(today)
    assert not credible(ahead)
    assert ahead < today
    assert stamp_time(ahead) == 1001 + FUTURE


@given(times, times, st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_event_ids_sort_by_time(a: int, b: int, x: bytes, y: bytes) -> None:
    if max(a, 0) < max(b, 0):
        assert event_id(a, x) < event_id(b, y)
    assert event_id(a, x)[6] >> 4 == 8
    assert event_id(a, x)[8] >> 6 == 2
