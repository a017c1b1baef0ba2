"""The order cases by name: each a few events, posted in every order, with one true answer."""

import itertools
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater import history
from headwater import lineage as questions
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import EventKind
from headwater.fold import Origin
from headwater.history import RunDetail
from headwater.ids import FieldId, NodeId, NodeKind, digest_of, event_id
from headwater.ids import dataset as dataset_id
from headwater.ids import job as job_id
from headwater.lineage.graph import Graph
from headwater.lineage.rollup import job_parents
from headwater.records import Content, stamp_of, stamp_time
from headwater.store import Direction, EventFilter, Moment, Page, Reader, RunFilter, RunRow
from tests.contract import feeding
from tests.contract.conftest import STORES, Opener
from tests.contract.events import (
    NAMESPACE,
    RUN,
    at,
    column_lineage,
    dataset,
    dataset_event,
    documentation,
    encoded,
    entry,
    facet,
    job_event,
    job_type,
    lineage,
    parent,
    run_event,
    schema,
    symlinks,
)

pytestmark = pytest.mark.anyio

DOMAIN = "default"
OTHER_RUN = "01935b2a-0000-7000-8000-000000000002"
THIRD_RUN = "01935b2a-0000-7000-8000-000000000003"
ORDERS = 24

Event = dict[str, Any]
Ask = Callable[[Reader], Awaitable[object]]


async def holds(
    opener: Opener, folder: Path, events: list[Event], expected: dict[str, tuple[Ask, object]]
) -> None:
    """Every question has its answer, in whatever order and batches the events come.

    What another process writes is merged by the same code: of it, a fifth of the orders is asked,
    for a process takes ten times as long to start as to answer.
    """
    bodies = [encoded(event) for event in events]
    assert len(set(bodies)) == len(bodies)
    orders = list(enumerate(_orders(len(bodies))))
    for number, order in orders[:: 5 if opener is STORES["sqlite-apart"] else 1]:
        ordered = [bodies[at] for at in order]
        batches = [ordered] if number % 4 == 3 else [[body] for body in ordered]
        if number % 2:
            batches.append(ordered[::-1])  # all of it once more
        store = await opener(folder / f"{number}.db")
        try:
            await feeding.feed(store, batches)
            answers = {name: await store.read(ask) for name, (ask, _) in expected.items()}
        finally:
            await store.close()
        assert answers == {name: answer for name, (_, answer) in expected.items()}, order


def _orders(count: int) -> list[tuple[int, ...]]:
    """All orders, or some of them where there are too many; the sent one is the first."""
    if count <= 4:
        return list(itertools.permutations(range(count)))
    chance = random.Random(count)
    sent = tuple(range(count))
    return [sent, sent[::-1], *(tuple(chance.sample(sent, count)) for _ in range(ORDERS - 2))]


# Questions, with answers that read well.


def _clock(time: int | None) -> str | None:
    if time is None:
        return None
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time):%H:%M}"


def _origin(origin: Origin) -> str:
    return "+".join(str(part.name).lower() for part in Origin if part in origin)


def _edges(graph: Graph) -> list[str]:
    assert not graph.truncated
    return sorted(
        f"{_name(edge.source)} > {_name(edge.target)} {_origin(edge.origin)}"
        for edge in graph.edges
    )


def _name(ref: NodeId | FieldId) -> str:
    return f"{ref.dataset.name}.{ref.name}" if isinstance(ref, FieldId) else ref.name


def table(name: str, way: Direction, as_of: int | None = None) -> Ask:
    """The edges of table-level lineage."""
    moment = None if as_of is None else Moment(at(as_of))

    async def ask(reader: Reader) -> object:
        start = dataset_id(NAMESPACE, name)
        return _edges(await questions.lineage(reader, DOMAIN, start, way, 20, moment))

    return ask


def columns(name: str, field: str, way: Direction) -> Ask:
    """The edges of column-level lineage."""

    async def ask(reader: Reader) -> object:
        start = FieldId(dataset_id(NAMESPACE, name), field)
        return _edges(await questions.column_lineage(reader, DOMAIN, start, way, 20, None, 1_000))

    return ask


def runs(where: RunFilter | None = None) -> Ask:
    """(job, run, state, start, end) of every listed run."""

    async def ask(reader: Reader) -> object:
        rows = await reader.list_runs(DOMAIN, where or RunFilter(), Page(100))
        return sorted(map(_run, rows))

    return ask


def _run(row: RunRow) -> tuple[str, str, str, str | None, str | None]:
    record = row.record
    short = record.run_id[-1]
    return row.job.name, short, record.state, _clock(record.started), _clock(record.ended)


def run_detail(job: str = "load", run: str = RUN) -> Callable[[Reader], Awaitable[RunDetail]]:
    async def ask(reader: Reader) -> RunDetail:
        positions = await reader.run_events(job_id(NAMESPACE, job).key(DOMAIN), run)
        logged = (await reader.bodies(positions)).values()
        events = [(each, Decoder().decode(each.body)) for each in logged]
        return history.fold_run(
            (stamp_of(event, digest_of(each.body), each.received_at), event)
            for each, event in events
        )

    return ask


def run_uses(job: str = "load", run: str = RUN) -> Ask:
    """The names of what a run reads and writes, as its page and as its job version say it."""

    async def ask(reader: Reader) -> object:
        detail = await run_detail(job, run)(reader)
        key = job_id(NAMESPACE, job).key(DOMAIN)
        said = await reader.run_stated(key, run)
        assert said is not None
        names = {row.key: row.node.name for row in (await reader.nodes(_keys(said))).values()}
        page = [use.node.name for use in detail.inputs], [use.node.name for use in detail.outputs]
        assert page == (
            sorted(names[key] for key in said.inputs),
            sorted(names[key] for key in said.outputs),
        )
        return page

    return ask


def _keys(said: Content) -> list[bytes]:
    return [*said.inputs, *said.outputs]


def facets(node: NodeId) -> Ask:
    """(name, stated at, deleted) of each facet, and what lists show of the node."""

    async def ask(reader: Reader) -> object:
        key = node.key(DOMAIN)
        states = await reader.facets(key)
        detail = (await reader.details([key]))[key]
        owners = [owner.name for owner in detail.gist.owners]
        shown = (detail.gist.description, owners, detail.gist.columns)
        said = sorted(
            (name, _clock(stamp_time(state.stamp)), state.deleted) for name, state in states.items()
        )
        return said, shown

    return ask


def events(where: EventFilter | None = None) -> Ask:
    """(type, time) of every event that is kept."""

    async def ask(reader: Reader) -> object:
        rows = await reader.list_events(DOMAIN, where or EventFilter(), Page(100), "asc")
        assert all(row.failure is None for row in rows)
        return [(row.type.value if row.type else row.kind.value, _clock(row.time)) for row in rows]

    return ask


def names(kind: NodeKind) -> Ask:
    """What a list shows; a name in brackets is only named by others."""

    async def ask(reader: Reader) -> object:
        details = await reader.list_nodes(DOMAIN, kind, None, Page(100))
        return [
            each.row.node.name if each.first is not None else f"({each.row.node.name})"
            for each in details
        ]

    return ask


UP, DOWN, BOTH = Direction.UP, Direction.DOWN, Direction.BOTH


# Runs


async def test_complete_before_start(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("COMPLETE", 10, outputs=("orders",)),
        run_event("START", 0, outputs=("orders",)),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (runs(), [("load", "1", "COMPLETE", "08:00", "08:10")]),
            "events": (events(), [("START", "08:00"), ("COMPLETE", "08:10")]),
        },
    )


async def test_only_complete(opener: Opener, tmp_path: Path) -> None:
    sent = [run_event("COMPLETE", 10, outputs=("orders",))]
    listed: list[object] = [("load", "1", "COMPLETE", None, "08:10")]
    await holds(opener, tmp_path, sent, {"runs": (runs(), listed)})


async def test_start_retried_after_complete(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("START", 0, inputs=("raw",)),
        run_event("COMPLETE", 10, outputs=("orders",)),
        run_event("START", 20, inputs=("raw",)),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (runs(), [("load", "1", "COMPLETE", "08:00", "08:10")]),
            "table": (table("orders", UP), ["load > orders inferred", "raw > load inferred"]),
        },
    )


async def test_two_starts_count_from_the_earliest(opener: Opener, tmp_path: Path) -> None:
    sent = [run_event("START", 3), run_event("START", 1), run_event("RUNNING", 4)]
    listed = [("load", "1", "RUNNING", "08:01", None)]
    await holds(opener, tmp_path, sent, {"runs": (runs(), listed)})


async def test_inputs_in_start_and_outputs_in_complete(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("START", 0, inputs=("orders", "customers")),
        run_event("RUNNING", 5),
        run_event("COMPLETE", 10, outputs=("mart",)),
    ]
    edges = [
        "customers > load inferred",
        "load > mart inferred",
        "orders > load inferred",
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "up": (table("mart", UP), edges),
            "down": (table("orders", DOWN), ["load > mart inferred", "orders > load inferred"]),
            "uses": (run_uses(), (["customers", "orders"], ["mart"])),
        },
    )


async def test_complete_with_empty_lists(opener: Opener, tmp_path: Path) -> None:
    complete = run_event("COMPLETE", 10)
    assert complete["inputs"] == complete["outputs"] == []
    sent = [
        run_event("START", 0, inputs=("orders",), outputs=("mart",)),
        {key: value for key, value in run_event("RUNNING", 5).items() if key != "inputs"},
        complete,
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "up": (table("mart", UP), ["load > mart inferred", "orders > load inferred"]),
            "uses": (run_uses(), (["orders"], ["mart"])),
            "runs": (runs(), [("load", "1", "COMPLETE", "08:00", "08:10")]),
        },
    )


@pytest.mark.parametrize(("first", "last"), [("COMPLETE", "FAIL"), ("FAIL", "COMPLETE")])
async def test_fail_after_complete(opener: Opener, tmp_path: Path, first: str, last: str) -> None:
    """The newest terminal event decides, and both are kept."""
    sent = [
        run_event("START", 0, inputs=("orders",)),
        run_event(first, 10, outputs=("mart",)),
        run_event(last, 20),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (runs(), [("load", "1", last, "08:00", "08:20")]),
            "events": (events(), [("START", "08:00"), (first, "08:10"), (last, "08:20")]),
            "up": (table("mart", UP), ["load > mart inferred", "orders > load inferred"]),
        },
    )


async def test_spark_says_of_a_failed_query_too_that_it_has_ended(
    opener: Opener, tmp_path: Path
) -> None:
    """What its listener sends of a query whose job fails; the next one is well."""
    spark = job_type("BATCH", integration="SPARK")
    sent = [
        run_event("START", 0, inputs=("orders",), outputs=("mart",), job_facets=spark),
        run_event("FAIL", 10, inputs=("orders",), outputs=("mart",), job_facets=spark),
        run_event("COMPLETE", 11, inputs=("orders",), outputs=("mart",), job_facets=spark),
        run_event("START", 20, run=OTHER_RUN, inputs=("orders",), job_facets=spark),
        run_event("COMPLETE", 30, run=OTHER_RUN, outputs=("mart",), job_facets=spark),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (
                runs(),
                [
                    ("load", "1", "FAIL", "08:00", "08:10"),
                    ("load", "2", "COMPLETE", "08:20", "08:30"),
                ],
            ),
            "up": (table("mart", UP), ["load > mart inferred", "orders > load inferred"]),
        },
    )


async def test_a_failure_never_hides_what_is_known(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("COMPLETE", 10, inputs=("orders",), outputs=("mart",)),
        run_event("START", 20, run=OTHER_RUN, inputs=("refunds",)),
        run_event("FAIL", 30, run=OTHER_RUN),
    ]
    edges = ["load > mart inferred", "orders > load inferred", "refunds > load inferred"]
    before = ["load > mart inferred", "orders > load inferred"]
    await holds(
        opener,
        tmp_path,
        sent,
        {"now": (table("mart", UP), edges), "before": (table("mart", UP, as_of=15), before)},
    )


async def test_other_before_start_and_after_complete(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("OTHER", -5, run_facets={"a": facet(n=1)}),
        run_event("START", 0),
        run_event("COMPLETE", 10),
        run_event("OTHER", 20, run_facets={"b": facet(n=2)}),
    ]

    async def names_of_facets(reader: Reader) -> object:
        return list((await run_detail()(reader)).run_facets)

    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (runs(), [("load", "1", "COMPLETE", "08:00", "08:10")]),
            "facets": (names_of_facets, ["a", "b"]),
        },
    )


async def test_a_run_id_shared_by_two_jobs(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("START", 0, job="load", outputs=("orders",)),
        run_event("COMPLETE", 10, job="load"),
        run_event("START", 1, job="send", inputs=("orders",)),
        run_event("FAIL", 5, job="send"),
    ]

    async def of_the_id(reader: Reader) -> object:
        return sorted(map(_run, await reader.runs(DOMAIN, RUN)))

    both = [
        ("load", "1", "COMPLETE", "08:00", "08:10"),
        ("send", "1", "FAIL", "08:01", "08:05"),
    ]
    edges = ["load > orders inferred", "orders > send inferred"]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "list": (runs(), both),
            "by id": (of_the_id, both),
            "table": (table("orders", BOTH), edges),
            "load": (run_uses("load"), ([], ["orders"])),
            "send": (run_uses("send"), (["orders"], [])),
        },
    )


# Streams


async def test_complete_snapshot_windows(opener: Opener, tmp_path: Path) -> None:
    """Each window stands alone: the newest is the run's state, and none is summed."""
    mode = job_type("STREAMING", "COMPLETE_SNAPSHOT")

    def window(minute: int, source: str, rows: int) -> Event:
        written = dataset("totals", outputFacets={"outputStatistics": facet(rowCount=rows)})
        return run_event("RUNNING", minute, inputs=(source,), outputs=(written,), job_facets=mode)

    async def rows_written(reader: Reader) -> object:
        detail = await run_detail()(reader)
        return [b'"rowCount":5' in use.use_facets["outputStatistics"] for use in detail.outputs]

    sent = [window(5, "orders", 10), window(10, "orders", 20), window(15, "returns", 5)]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "table": (table("totals", UP), ["load > totals inferred", "returns > load inferred"]),
            "uses": (run_uses(), (["returns"], ["totals"])),
            "rows": (rows_written, [True]),
            "windows": (
                events(EventFilter(run_id=RUN)),
                [("RUNNING", "08:05"), ("RUNNING", "08:10"), ("RUNNING", "08:15")],
            ),
        },
    )


async def test_accumulative_streams_unite(opener: Opener, tmp_path: Path) -> None:
    mode = job_type("STREAMING", "ACCUMULATIVE")
    sent = [
        run_event("RUNNING", 5, inputs=("orders",), outputs=("totals",), job_facets=mode),
        run_event("RUNNING", 15, inputs=("returns",), outputs=("totals",), job_facets=mode),
    ]
    await holds(opener, tmp_path, sent, {"uses": (run_uses(), (["orders", "returns"], ["totals"]))})


async def test_a_streaming_run_that_never_ends(opener: Opener, tmp_path: Path) -> None:
    mode = job_type("STREAMING")
    sent = [
        run_event("START", 0, inputs=("clicks",), outputs=("sessions",), job_facets=mode),
        run_event("RUNNING", 30, job_facets=mode),
        run_event("RUNNING", 60, inputs=("views",), job_facets=mode),
        run_event("COMPLETE", -30, job="reader", inputs=("sessions",), run=OTHER_RUN),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "up": (
                table("sessions", UP),
                ["clicks > load inferred", "load > sessions inferred", "views > load inferred"],
            ),
            "down": (
                table("views", DOWN),
                ["load > sessions inferred", "sessions > reader inferred", "views > load inferred"],
            ),
            "runs": (
                runs(RunFilter(states=("RUNNING",))),
                [("load", "1", "RUNNING", "08:00", None)],
            ),
        },
    )


# Declarations


async def test_a_job_event_replaced_by_a_newer_one_that_arrives_first(
    opener: Opener, tmp_path: Path
) -> None:
    sent = [
        job_event(0, inputs=("orders",), outputs=("mart",)),
        job_event(60, inputs=("refunds",), outputs=("report",)),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "now": (table("report", UP), ["load > report declared", "refunds > load declared"]),
            "gone": (table("mart", UP), []),
            "before": (
                table("mart", UP, as_of=30),
                ["load > mart declared", "orders > load declared"],
            ),
            "runs": (runs(), []),
        },
    )


async def test_a_job_event_beside_runs(opener: Opener, tmp_path: Path) -> None:
    """What is declared and what is observed are united; an edge says both."""
    sent = [
        job_event(0, inputs=("orders",), outputs=("mart",)),
        run_event("COMPLETE", 10, inputs=("refunds",), outputs=("mart",)),
        job_event(60, job_facets=documentation("says nothing of lineage")),
    ]
    edges = [
        "load > mart inferred+declared",
        "orders > load declared",
        "refunds > load inferred",
    ]
    await holds(opener, tmp_path, sent, {"up": (table("mart", UP), edges)})


async def test_an_empty_declaration_is_the_explicit_one(opener: Opener, tmp_path: Path) -> None:
    """Empty lists say nothing of lineage; an explicit facet without entries ends what held."""
    sent = [
        job_event(0, inputs=("orders",), outputs=("mart",)),
        job_event(30, inputs=(), outputs=()),
        job_event(60, job_facets=lineage()),
    ]
    held = ["load > mart declared", "orders > load declared"]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "then": (table("mart", UP, as_of=45), held),
            "now": (table("mart", UP), []),
        },
    )


# Symlinks


async def test_symlinks_before_and_after_the_data_and_in_a_chain(
    opener: Opener, tmp_path: Path
) -> None:
    """`lake/orders`, `hive.orders` and `glue.orders` are one, whichever is heard of first."""
    sent = [
        run_event("COMPLETE", 0, job="write", outputs=("lake/orders",)),
        run_event("COMPLETE", 1, job="read", run=OTHER_RUN, inputs=("glue.orders",)),
        dataset_event(2, "lake/orders", symlinks("hive.orders")),
        dataset_event(3, "hive.orders", symlinks("glue.orders")),
    ]

    async def one_entity(reader: Reader) -> object:
        found = []
        for name in ("lake/orders", "hive.orders", "glue.orders"):
            start = dataset_id(NAMESPACE, name)
            graph = await questions.lineage(reader, DOMAIN, start, BOTH, 20)
            entities = [node for node in graph.nodes if node.ref.kind is NodeKind.DATASET]  # type: ignore[union-attr] # no fields at table level
            found.append([(_name(n.ref), sorted(map(_name, n.aliases))) for n in entities])
        return found

    entity = [("glue.orders", ["hive.orders", "lake/orders"])]
    edges = ["glue.orders > read inferred", "write > glue.orders inferred"]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "first": (table("lake/orders", BOTH), edges),
            "middle": (table("hive.orders", BOTH), edges),
            "last": (table("glue.orders", BOTH), edges),
            "entity": (one_entity, [entity, entity, entity]),
        },
    )


async def test_a_symlink_is_undone_by_a_newer_facet(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("COMPLETE", 0, job="write", outputs=("lake/orders",)),
        run_event("COMPLETE", 1, job="read", run=OTHER_RUN, inputs=("hive.orders",)),
        dataset_event(2, "lake/orders", symlinks("hive.orders")),
        dataset_event(3, "lake/orders", {"symlinks": facet(_deleted=True)}),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "one": (table("lake/orders", BOTH), ["write > lake/orders inferred"]),
            "other": (table("hive.orders", BOTH), ["hive.orders > read inferred"]),
        },
    )


async def test_an_alias_in_column_lineage(opener: Opener, tmp_path: Path) -> None:
    """The facet names `hive.orders`; its data, and the columns it came from, are `lake/orders`."""
    made = dataset("lake/orders", schema("id") | column_lineage(id=[("raw", "order_id")]))
    read = dataset("mart", column_lineage(key=[("hive.orders", "id")]))
    sent = [
        run_event("COMPLETE", 0, job="write", inputs=("raw",), outputs=(made,)),
        run_event(
            "COMPLETE", 1, job="read", run=OTHER_RUN, inputs=("hive.orders",), outputs=(read,)
        ),
        dataset_event(2, "lake/orders", symlinks("hive.orders")),
    ]
    edges = ["hive.orders.id > mart.key column", "raw.order_id > hive.orders.id column"]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "up": (columns("mart", "key", UP), edges),
            "down": (columns("raw", "order_id", DOWN), edges),
            "from the alias": (columns("lake/orders", "id", BOTH), edges),
        },
    )


async def test_what_two_names_of_one_dataset_say_of_an_edge(opener: Opener, tmp_path: Path) -> None:
    """Where both were last seen at the same time, the greater run is the last one."""

    async def evidence(reader: Reader) -> object:
        start = dataset_id(NAMESPACE, "lake/orders")
        (edge,) = (await questions.lineage(reader, DOMAIN, start, DOWN, 1)).edges
        return edge.runs, edge.last_run, _origin(edge.origin)

    sent = [
        run_event("COMPLETE", 0, job="read", inputs=("lake/orders",)),
        run_event("FAIL", 0, job="read", run=OTHER_RUN, inputs=("hive.orders",)),
        dataset_event(2, "lake/orders", symlinks("hive.orders")),
    ]
    expected: dict[str, tuple[Ask, object]] = {"edge": (evidence, (2, OTHER_RUN, "inferred"))}
    await holds(opener, tmp_path, sent, expected)


# Flows


@pytest.mark.parametrize("together", [True, False], ids=["in one event", "in two"])
async def test_an_explicit_facet_beside_column_lineage(
    opener: Opener, tmp_path: Path, together: bool
) -> None:
    """The explicit facet beats the column lineage of the outputs that it names."""
    explicit = lineage(
        entry("prices", [], {"price": {"inputs": [_field("costs", "amount")]}}),
    )
    stated = dataset("prices", column_lineage(price=[("rates", "rate")]))
    other = dataset("audit", column_lineage(at=[("rates", "day")]))
    inputs = ("costs", "rates")
    if together:
        sent = [
            run_event("START", 0, inputs=inputs),
            run_event("COMPLETE", 1, inputs=inputs, outputs=(stated, other), job_facets=explicit),
        ]
    else:
        sent = [
            run_event("START", 0, inputs=inputs, outputs=(stated, other)),
            run_event("RUNNING", 1, job_facets=explicit),
            run_event("COMPLETE", 2),
        ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "explicit": (columns("prices", "price", UP), ["costs.amount > prices.price explicit"]),
            "column": (columns("audit", "at", UP), ["rates.day > audit.at column"]),
            "rates": (
                table("rates", DOWN),
                ["load > audit column", "rates > load column"],
            ),
            "prices": (
                table("prices", UP),
                ["costs > load explicit", "load > prices explicit"],
            ),
        },
    )


def _field(name: str, field: str) -> Event:
    return {"type": "DATASET", "namespace": NAMESPACE, "name": name, "field": field}


async def test_explicit_entries_accumulate_over_a_run(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("START", 0, inputs=("a", "b"), job_facets=lineage(entry("c", ["a"]))),
        run_event("COMPLETE", 1, outputs=("c", "d"), job_facets=lineage(entry("d", ["b"]))),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "a": (table("a", DOWN), ["a > load explicit", "load > c explicit"]),
            "d": (table("d", UP), ["b > load explicit", "load > d explicit"]),
        },
    )


async def test_inputs_empty_says_known_to_have_none(opener: Opener, tmp_path: Path) -> None:
    """No edge is inferred into a target of which `inputs: []` is stated, and it is a source."""
    sent = [
        run_event("START", 0, inputs=("settings",), outputs=("calendar",)),
        run_event("COMPLETE", 1, job_facets=lineage(entry("calendar", []))),
        run_event("COMPLETE", 2, job="plan", run=OTHER_RUN, inputs=("calendar",), outputs=("p",)),
    ]

    async def sources(reader: Reader) -> object:
        graph = await questions.lineage(reader, DOMAIN, dataset_id(NAMESPACE, "p"), UP, 20)
        return sorted(_name(node.ref) for node in graph.nodes if node.source)

    await holds(
        opener,
        tmp_path,
        sent,
        {
            "up": (
                table("p", UP),
                ["calendar > plan inferred", "load > calendar explicit", "plan > p inferred"],
            ),
            "sources": (sources, ["calendar"]),
            "still read": (table("settings", DOWN), ["settings > load inferred"]),
        },
    )


async def test_a_view_of_two_tables_then_of_one(opener: Opener, tmp_path: Path) -> None:
    def view(minute: int, *names: str) -> Event:
        inputs = [{"type": "DATASET", "namespace": NAMESPACE, "name": name} for name in names]
        return dataset_event(minute, "view", {"lineage": facet(inputs=inputs)})

    sent = [view(0, "orders", "customers"), view(10, "customers")]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "now": (table("view", UP), ["customers > view explicit+declared"]),
            "before": (
                table("view", UP, as_of=5),
                ["customers > view explicit+declared", "orders > view explicit+declared"],
            ),
        },
    )


# Facets


async def test_a_facet_with_deleted(opener: Opener, tmp_path: Path) -> None:
    owners = {"ownership": facet(owners=[{"name": "ann", "type": "OWNER"}])}
    sent = [
        dataset_event(0, "orders", documentation("the orders") | owners),
        dataset_event(5, "orders", documentation("all orders")),
        dataset_event(10, "orders", {"documentation": facet(_deleted=True)}),
        dataset_event(20, "orders", schema("id")),
    ]
    said = [
        ("documentation", "08:10", True),
        ("ownership", "08:00", False),
        ("schema", "08:20", False),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {"facets": (facets(dataset_id(NAMESPACE, "orders")), (said, (None, ["ann"], 1)))},
    )


async def test_a_facet_stated_again_after_its_deletion(opener: Opener, tmp_path: Path) -> None:
    sent = [
        job_event(0, job_facets=documentation("first")),
        job_event(1, job_facets={"documentation": facet(_deleted=True)}),
        job_event(2, job_facets=documentation("again")),
    ]
    said = [("documentation", "08:02", False)]
    await holds(
        opener,
        tmp_path,
        sent,
        {"facets": (facets(job_id(NAMESPACE, "load")), (said, ("again", [], None)))},
    )


async def test_an_older_event_arriving_late(opener: Opener, tmp_path: Path) -> None:
    """What is current stays; what was, is history. A facet that only the older one has, holds."""
    sent = [
        run_event("COMPLETE", 0, outputs=(dataset("orders", schema("a") | documentation("old")),)),
        run_event("COMPLETE", 30, run=OTHER_RUN, outputs=(dataset("orders", schema("a", "b")),)),
        run_event(
            "COMPLETE", 60, run=THIRD_RUN, outputs=(dataset("orders", schema("a", "b", "c")),)
        ),
    ]

    async def versions(reader: Reader) -> object:
        found = await reader.schemas(dataset_id(NAMESPACE, "orders").key(DOMAIN))
        return [_clock(stamp_time(stamp)) for _, stamp in found]

    said = [("documentation", "08:00", False), ("schema", "09:00", False)]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "facets": (facets(dataset_id(NAMESPACE, "orders")), (said, ("old", [], 3))),
            "schemas": (versions, ["08:00", "08:30", "09:00"]),
        },
    )


async def test_an_older_run_arriving_late_is_not_current(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("COMPLETE", 0, inputs=("legacy",), outputs=("mart",)),
        run_event("COMPLETE", 60, run=OTHER_RUN, inputs=("orders",), outputs=("mart",)),
    ]
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "now": (table("mart", UP), ["load > mart inferred", "orders > load inferred"]),
            "before": (
                table("mart", UP, as_of=30),
                ["legacy > load inferred", "load > mart inferred"],
            ),
        },
    )


@pytest.mark.parametrize("revived", [False, True])
async def test_what_is_deleted_comes_back_by_a_newer_event_only(
    opener: Opener, tmp_path: Path, revived: bool
) -> None:
    sent = [
        run_event("COMPLETE", 0, inputs=("orders",), outputs=("mart",)),
        run_event("COMPLETE", 1, job="send", run=OTHER_RUN, inputs=("mart",)),
        dataset_event(10, "mart", {"headwater_hidden": facet()}),
    ]
    if revived:
        sent.append(dataset_event(20, "mart", schema("id")))
    after = ["load > mart inferred"] if revived else []
    through = ["mart > send inferred"] if revived else []
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "down": (
                table("orders", DOWN),
                sorted([*after, *through, "orders > load inferred"]),
            ),
            "before": (
                table("mart", BOTH, as_of=5),
                ["load > mart inferred", "mart > send inferred", "orders > load inferred"],
            ),
            "datasets": (
                names(NodeKind.DATASET),
                ["mart", "orders"] if revived else ["orders"],
            ),
        },
    )


# Parents


async def test_parents_never_heard_of(opener: Opener, tmp_path: Path) -> None:
    """A placeholder under its own name, in no list of runs, that knows its child."""
    sent = [
        run_event("START", 0, job="dag.task", run_facets=parent("dag", OTHER_RUN)),
        run_event("COMPLETE", 10, job="dag.task"),
    ]

    async def placeholder(reader: Reader) -> object:
        rows = await reader.runs(DOMAIN, OTHER_RUN)
        return [(row.job.name, row.record.state, row.record.newest) for row in rows]

    task = ("dag.task", "1", "COMPLETE", "08:00", "08:10")
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (runs(), [task]),
            "children": (runs(RunFilter(parent=OTHER_RUN)), [task]),
            "parent": (placeholder, [("dag", "NEW", None)]),
            "jobs": (names(NodeKind.JOB), ["(dag)", "dag.task"]),
        },
    )


async def test_a_parent_is_filled_by_its_own_events(opener: Opener, tmp_path: Path) -> None:
    facets_of_child = parent("dag", OTHER_RUN, root=("trigger", THIRD_RUN))
    sent = [
        run_event("START", 0, job="dag.task", run_facets=facets_of_child),
        run_event("COMPLETE", 10, job="dag.task"),
        run_event("START", -1, job="dag", run=OTHER_RUN),
        run_event("COMPLETE", 11, job="dag", run=OTHER_RUN),
    ]

    async def links(reader: Reader) -> object:
        (row,) = await reader.runs(DOMAIN, RUN)
        assert row.record.links is not None
        link = row.record.links[1]
        return (
            row.parent_job and row.parent_job.name,
            link.parent_run,
            row.root_job and row.root_job.name,
            link.root_run,
        )

    task = ("dag.task", "1", "COMPLETE", "08:00", "08:10")
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (runs(), [("dag", "2", "COMPLETE", "07:59", "08:11"), task]),
            "children": (runs(RunFilter(parent=OTHER_RUN)), [task]),
            "links": (links, ("dag", OTHER_RUN, "trigger", THIRD_RUN)),
            "jobs": (names(NodeKind.JOB), ["dag", "dag.task", "(trigger)"]),
        },
    )


async def test_parent_cycles(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("START", 0, job="a", run_facets=parent("b", OTHER_RUN), outputs=("x",)),
        run_event("START", 1, job="b", run=OTHER_RUN, run_facets=parent("a", RUN), inputs=("x",)),
        run_event("START", 2, job="self", run=THIRD_RUN, run_facets=parent("self", THIRD_RUN)),
    ]

    async def parents(reader: Reader) -> object:
        jobs = [job_id(NAMESPACE, name) for name in ("a", "b", "self")]
        found = await job_parents(reader, DOMAIN, jobs)
        return {child.name: above.name for child, above in found.items()}

    a, b = ("a", "1", "RUNNING", "08:00", None), ("b", "2", "RUNNING", "08:01", None)
    alone = ("self", "3", "RUNNING", "08:02", None)
    await holds(
        opener,
        tmp_path,
        sent,
        {
            "runs": (runs(), [a, b, alone]),
            "under a": (runs(RunFilter(parent=RUN)), [b]),
            "under b": (runs(RunFilter(parent=OTHER_RUN)), [a]),
            "under itself": (runs(RunFilter(parent=THIRD_RUN)), [alone]),
            "table": (table("x", BOTH), ["a > x inferred", "x > b inferred"]),
            "parents": (parents, {"a": "b", "b": "a"}),
        },
    )


# The log


async def test_every_event_is_kept_under_its_own_id(opener: Opener, tmp_path: Path) -> None:
    sent = [
        run_event("START", 0),
        run_event("START", 0, run_facets={"a": facet(n=1)}),
        dataset_event(0, "orders", schema("id")),
    ]
    bodies = sorted(map(encoded, sent))

    async def kept(reader: Reader) -> object:
        rows = await reader.list_events(DOMAIN, EventFilter(), Page(10))
        stored = await reader.bodies([row.position for row in rows])
        assert {row.id for row in rows} == {
            event_id(at(0), digest_of(each.body)) for each in stored.values()
        }
        return sorted(each.body for each in stored.values())

    only = EventFilter(kind=EventKind.DATASET)
    await holds(
        opener,
        tmp_path,
        sent,
        {"bodies": (kept, bodies), "datasets": (events(only), [("dataset", "08:00")])},
    )
