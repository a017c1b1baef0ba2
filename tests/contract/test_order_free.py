"""Promise 3: the derived state is a function of the set of events, row by row."""

import random
from pathlib import Path

import pytest

from tests.contract import feeding
from tests.contract.conftest import Opener

pytestmark = pytest.mark.anyio


def _difference(a: feeding.State, b: feeding.State) -> list[str]:
    left, right = set(a), set(b)
    rows = [f"only first: {row}" for row in left - right]
    return rows + [f"only second: {row}" for row in right - left]


@pytest.mark.parametrize(
    "names",
    [
        ("dbt-artifacts",),
        ("airflow-localexecutor",),
        ("spark-column-lineage", "spark-bigquery", "simple-run"),
        ("openlineage-examples",),
        ("explicit-lineage",),
        ("edge-cases",),
        (),
    ],
    ids=lambda names: "+".join(names) or "all together",
)
async def test_shuffled_repeated_and_split(
    opener: Opener, names: tuple[str, ...], tmp_path: Path
) -> None:
    bodies = feeding.lines(*names)
    expected = await feeding.state_of(opener, tmp_path / "0.db", [[body] for body in bodies])
    assert len(expected) > len(bodies)
    for seed in range(1, 9):
        chance = random.Random(seed)
        shuffled = bodies + chance.choices(bodies, k=len(bodies) // 3)
        chance.shuffle(shuffled)
        batches = []
        while shuffled:
            size = chance.choice((1, 1, 2, 5, 40))
            batches.append(shuffled[:size])
            shuffled = shuffled[size:]
        state = await feeding.state_of(opener, tmp_path / f"{seed}.db", batches)
        assert _difference(expected, state) == [], f"seed {seed}"


async def test_reversed_in_one_batch(opener: Opener, tmp_path: Path) -> None:
    bodies = feeding.lines()
    expected = await feeding.state_of(opener, tmp_path / "a.db", [bodies])
    backward = await feeding.state_of(opener, tmp_path / "b.db", [bodies[::-1]])
    assert _difference(expected, backward) == []


async def test_repeated_events_are_one(opener: Opener, tmp_path: Path) -> None:
    bodies = feeding.lines("dbt-artifacts")
    store = await opener(tmp_path / "a.db")
    try:
        projector_batches = [bodies, bodies[:5] * 2, bodies[::-1]]
        await feeding.feed(store, projector_batches)
        counts = await store.read(lambda reader: reader.counts("default"))
        assert counts["events"] == len(set(bodies))
    finally:
        await store.close()
