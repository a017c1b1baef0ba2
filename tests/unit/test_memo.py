"""A memo keeps what is newest, within its budget."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.memo import Memo

PUT = st.tuples(st.integers(0, 30), st.integers(0, 12))


@given(st.integers(1, 40), st.lists(PUT, max_size=200))
def test_it_holds_the_newest_within_its_budget(budget: int, puts: list[tuple[int, int]]) -> None:
    memo: Memo[int, int] = Memo(budget)
    latest: dict[int, tuple[int, int]] = {}
    for at, (key, weight) in enumerate(puts):
        assert memo.put(key, at, weight) == at
        latest.pop(key, None)
        if weight <= budget:
            latest[key] = (at, weight)
            assert memo.get(key) == at
        kept = [key for key in latest if memo.get(key) is not None]
        assert [memo.get(key) for key in kept] == [latest[key][0] for key in kept]
        assert sum(latest[key][1] for key in kept) <= budget
        assert kept == list(latest)[len(latest) - len(kept) :], "one was forgotten before an older"
        assert len(memo) == len(kept)


def test_few_are_forgotten_at_a_time() -> None:
    memo: Memo[int, int] = Memo(1_600)
    for key in range(10_000):
        memo.put(key, key)
        assert len(memo) >= min(key + 1, 1_500)


def test_what_is_too_heavy_takes_the_place_of_nothing() -> None:
    memo: Memo[str, int] = Memo(3)
    memo.put("a", 1, 3)
    memo.put("b", 2, 4)
    assert (memo.get("a"), memo.get("b"), len(memo)) == (1, None, 1)
    memo.put("a", 3, 4)
    assert memo.get("a") is None
    memo.put("c", 1)
    memo.drop("c")
    memo.drop("nothing")
    memo.put("d", 1)
    memo.clear()
    assert len(memo) == 0
