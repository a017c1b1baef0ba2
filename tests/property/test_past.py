"""Lineage at a past time, over generated events: it is what lineage was then."""

import asyncio
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headwater import lineage
from headwater.ids import NodeKind, dataset, job
from headwater.lineage.graph import Graph
from headwater.store import Direction, Moment, Reader
from headwater.stores.sqlite import open_store
from tests.contract import feeding
from tests.contract.events import NAMESPACE, at, encoded, job_event, run_event
from tests.contract.events import dataset as use
from tests.property.generated import (
    DATASETS,
    JOBS,
    KINDS,
    bounded,
    columns,
    events,
    explicit,
    jobs,
    merged,
    names,
)

NODES = (*(job(NAMESPACE, name) for name in JOBS), *(dataset(NAMESPACE, n) for n in DATASETS))
LATE = Moment(at(100_000_000))
MINUTES = 4

uses = st.lists(st.builds(use, names, merged(columns)), max_size=2).map(tuple)
settled = st.fixed_dictionaries(
    {
        "minute": st.integers(0, MINUTES),
        "kind": st.sampled_from([*KINDS, "JOB"]),
        "job": jobs,
        "inputs": uses,
        "outputs": uses,
        "job_facets": merged(explicit),
    }
)
"""Events that later ones leave as they are: every run has one, and no dataset a second name."""


def _encoded(number: int, said: dict[str, Any]) -> bytes:
    how = {name: said[name] for name in ("job", "inputs", "outputs", "job_facets")}
    if said["kind"] == "JOB":
        return encoded(job_event(said["minute"], **how))
    run = f"01935b2a-0000-7000-8000-{number:012x}"
    return encoded(run_event(said["kind"], said["minute"], run=run, **how))


async def _ask(path: Path, bodies: list[bytes], moments: Sequence[Moment | None]) -> list[Graph]:
    """For each moment the lineage of every node that is shown, and of the columns of every dataset,
    every way, to several depths."""

    async def question(reader: Reader) -> list[Graph]:
        rows = (await reader.nodes([node.key("default") for node in NODES])).values()
        shown = [row.node for row in rows if row.hidden_at is None]
        found = []
        for moment, node, way, depth in itertools.product(moments, shown, Direction, (1, 2, 20)):
            ask = (reader, "default", node, way, depth, moment)
            found.append(await lineage.lineage(*ask))
            if node.kind is NodeKind.DATASET:
                found.append(await lineage.column_lineage(*ask, limit=1_000))
        return found

    store = await open_store(path)
    try:
        await feeding.feed(store, [bodies])
        return await store.read(question)
    finally:
        await store.close()


def _said(graph: Graph) -> object:
    """An answer without what is known of its edges later: when they were last seen."""
    edges = [(edge.source, edge.target, edge.origin) for edge in graph.edges]
    return graph.start, graph.direction, graph.depth, graph.nodes, edges


@bounded
@given(events)
def test_long_after_all_events_it_is_what_it_is_now(bodies: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(_ask(Path(folder) / "a.db", bodies, (None, LATE)))
    now, late = found[: len(found) // 2], found[len(found) // 2 :]
    assert [msgspec.structs.replace(graph, moment=None) for graph in late] == now


@bounded
@given(st.lists(settled, min_size=2, max_size=10), st.integers(0, MINUTES))
def test_it_is_what_a_store_with_the_events_until_then_says(
    said: list[dict[str, Any]], minute: int
) -> None:
    bodies = [_encoded(number, event) for number, event in enumerate(said)]
    early = [body for body, event in zip(bodies, said, strict=True) if event["minute"] <= minute]
    with tempfile.TemporaryDirectory() as folder:
        then = asyncio.run(_ask(Path(folder) / "then.db", early, (None,)))
        now = asyncio.run(_ask(Path(folder) / "now.db", bodies, (Moment(at(minute)),)))
    known = {graph.start for graph in then}
    assert [_said(graph) for graph in now if graph.start in known] == [_said(g) for g in then]
