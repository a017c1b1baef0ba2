"""Promise 3 over generated events: what is derived is a function of the set of events.

A few names and a few minutes make collisions the rule.
"""

import asyncio
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.event import Event
from headwater.stores.sqlite import open_store
from tests.contract import feeding
from tests.property.generated import bounded, events

FACTS = (
    "parent", "root", "nominal", "lineage", "snapshot", "columns", "symlinks", "schema",
    "renamed_from",
)  # fmt: skip

Batches = list[list[bytes]]


@st.composite
def posted(draw: st.DrawFn) -> tuple[list[bytes], Batches]:
    """Events, and a way in which they come: shuffled, some of them twice, in batches."""
    bodies = draw(events)
    again = draw(st.lists(st.sampled_from(bodies), max_size=3))
    order = draw(st.permutations(bodies + again))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=4)) | {0, len(order)})
    return bodies, [order[a:b] for a, b in itertools.pairwise(cuts)]


def _state(folder: Path, name: str, batches: Sequence[Sequence[bytes]]) -> feeding.State:
    return asyncio.run(feeding.state_of(open_store, folder / name, batches))


@bounded
@given(posted())
def test_order_repetition_and_batches_decide_nothing(sent: tuple[list[bytes], Batches]) -> None:
    bodies, batches = sent
    with tempfile.TemporaryDirectory() as folder:
        expected = _state(Path(folder), "a.db", [[body] for body in bodies])
        assert _state(Path(folder), "b.db", batches) == expected


@bounded
@given(events, events)
def test_a_reopened_store_goes_on_where_it_was(first: list[bytes], rest: list[bytes]) -> None:
    """What a store remembers in memory decides nothing either."""
    with tempfile.TemporaryDirectory() as folder:
        expected = _state(Path(folder), "a.db", [[*first, *rest]])
        _state(Path(folder), "b.db", [first])
        assert _state(Path(folder), "b.db", [[body] for body in rest]) == expected


def test_the_generator_makes_what_it_should() -> None:
    """No generated event is refused, and facts of all kinds come up."""
    seen: set[str] = set()

    @settings(bounded, database=None, derandomize=True)
    @given(events)
    def look(bodies: list[bytes]) -> None:
        for body in bodies:
            seen.update(_facts(feeding.received(body).event))

    look()
    assert seen == {
        "columns", "dataset", "far", "job", "lineage", "nominal", "parent", "renamed_from", "root",
        "run", "schema", "snapshot", "symlinks",
    }  # fmt: skip


def _facts(event: Event) -> set[str]:
    found = {event.kind.value}
    found.update(["far"] if event.time > feeding.RECEIVED_AT else [])
    for holder in (event.run, event.job and event.job.facts, *_dataset_facts(event)):
        found.update(name for name in FACTS if getattr(holder, name, None))
    return found


def _dataset_facts(event: Event) -> list[object]:
    return [use.statement.facts for use in (*event.inputs, *event.outputs)]
