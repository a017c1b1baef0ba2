"""Whatever the order of the events, the fold is the same."""

import itertools
from random import Random

import hypothesis.strategies as st
from hypothesis import given

from headwater.event import (
    DatasetFacts,
    DatasetUse,
    Event,
    EventKind,
    EventType,
    Facet,
    JobFacts,
    NodeStatement,
    SchemaField,
)
from headwater.history import fold_node, fold_run, schema_of, unite
from headwater.ids import dataset, digest_of, job
from headwater.records import Stamp, stamp_of

JOB, ORDERS, VIEW = job("shop", "load"), dataset("pg", "orders"), dataset("pg", "view")
Stamped = tuple[Stamp, Event]


def facet(name: str, body: str, deleted: bool = False) -> Facet:
    return Facet(name, body.encode(), deleted)


def use(
    facets: tuple[Facet, ...] = (), own: tuple[Facet, ...] = (), node: str = "orders"
) -> DatasetUse:
    return DatasetUse(NodeStatement(dataset("pg", node), b"", facets, DatasetFacts()), own)


def event(
    time: int,
    kind: EventType = EventType.RUNNING,
    run: tuple[Facet, ...] = (),
    of_job: tuple[Facet, ...] = (),
    inputs: tuple[DatasetUse, ...] = (),
    outputs: tuple[DatasetUse, ...] = (),
    snapshot: bool | None = None,
    producer: str = "",
) -> Stamped:
    said = Event(
        kind=EventKind.RUN,
        time=time,
        type=kind,
        producer=producer,
        job=NodeStatement(JOB, b"", of_job, JobFacts(snapshot=snapshot)),
        run_id="r",
        run_facets=run,
        inputs=inputs,
        outputs=outputs,
    )
    content = repr((run, of_job, inputs, outputs)).encode()
    return stamp_of(said, digest_of(content), received_at=10**6), said


def test_inputs_of_start_and_outputs_of_complete_are_united() -> None:
    detail = fold_run(
        [
            event(1, EventType.START, inputs=(use(),), producer="b"),
            event(2, EventType.COMPLETE, outputs=(use(node="view"),), producer="a"),
            event(3, EventType.OTHER),
        ]
    )
    assert [used.node for used in detail.inputs] == [ORDERS]
    assert [used.node for used in detail.outputs] == [VIEW]
    assert detail.producers == ("a", "b")


def test_a_facet_is_replaced_as_a_whole_and_stays_when_left_out() -> None:
    detail = fold_run(
        [
            event(1, run=(facet("a", "1"), facet("b", "1")), of_job=(facet("sql", "old"),)),
            event(2, run=(facet("b", "2"),), of_job=(facet("sql", "new"),)),
        ]
    )
    assert detail.run_facets == {"a": b"1", "b": b"2"}
    assert detail.job_facets == {"sql": b"new"}


def test_a_terminal_event_of_the_same_time_wins() -> None:
    early = event(1, EventType.START, run=(facet("a", "start"),))
    late = event(1, EventType.COMPLETE, run=(facet("a", "end"),))
    assert fold_run([late, early]).run_facets == {"a": b"end"}


def test_deleted_takes_a_facet_away_until_it_is_stated_again() -> None:
    stated, deleted = (
        event(1, of_job=(facet("a", "1"),)),
        event(2, of_job=(facet("a", "{}", True),)),
    )
    again = event(3, of_job=(facet("a", "3"),))
    assert fold_run([deleted, stated]).job_facets == {}
    assert fold_run([again, deleted, stated]).job_facets == {"a": b"3"}


def test_facets_of_a_use_belong_to_that_side_only() -> None:
    both = event(
        1, inputs=(use(own=(facet("in", "1"),)),), outputs=(use(own=(facet("out", "2"),)),)
    )
    detail = fold_run([both])
    assert detail.inputs[0].use_facets == {"in": b"1"}
    assert detail.outputs[0].use_facets == {"out": b"2"}


def test_of_one_event_that_states_a_dataset_twice_the_output_wins() -> None:
    both = event(1, inputs=(use((facet("a", "z"),)),), outputs=(use((facet("a", "b"),)),))
    assert fold_run([both]).inputs[0].facets == {"a": b"b"}
    assert fold_node([both], ORDERS)["a"].facet.body == b"b"


def test_snapshots_stand_alone_but_for_the_facets_of_run_and_job() -> None:
    events = [
        event(1, snapshot=True, run=(facet("a", "1"),), inputs=(use(),)),
        event(2, inputs=(use(node="view"),)),
    ]
    detail = fold_run(events)
    assert [used.node for used in detail.inputs] == [VIEW]
    assert detail.run_facets == {"a": b"1"}
    assert len(fold_run([*events, event(0, snapshot=False)]).inputs) == 1
    assert len(fold_run([*events, event(3, snapshot=False)]).inputs) == 2


def test_a_run_without_events_is_empty() -> None:
    detail = fold_run([])
    assert (detail.run_facets, detail.inputs, detail.outputs) == ({}, (), ())


def test_a_node_is_folded_from_all_its_parts() -> None:
    events = [
        event(1, inputs=(use((facet("a", "1"), facet("b", "1"))),)),
        event(2, outputs=(use((facet("a", "2"),)), use((facet("a", "no"),), node="view"))),
        event(3, of_job=(facet("a", "no"),)),
    ]
    folded = fold_node(events, ORDERS)
    assert {name: said.facet.body for name, said in folded.items()} == {"a": b"2", "b": b"1"}
    assert {name: said.facet.body for name, said in fold_node(events, JOB).items()} == {"a": b"no"}


def test_a_node_of_several_names_has_the_newest_statement_of_any() -> None:
    mine = fold_node([event(1, inputs=(use((facet("a", "1"),)),))], ORDERS)
    other = fold_node(
        [event(2, inputs=(use((facet("a", "2"), facet("b", "2", True)), node="view"),))], VIEW
    )
    for parts in ([mine, other], [other, mine]):
        united = unite(parts)
        assert {name: said.facet.body for name, said in united.items()} == {"a": b"2"}


def test_the_schema_that_holds() -> None:
    facts = DatasetFacts(schema=(SchemaField("id", "INT"),))
    statement = NodeStatement(ORDERS, b"", (facet("schema", "{}"),), facts)
    folded = fold_node([event(1, inputs=(DatasetUse(statement),))], ORDERS)
    assert schema_of(folded) is facts
    assert schema_of({}) is None


facets = st.lists(
    st.builds(facet, st.sampled_from("abc"), st.sampled_from("123"), st.booleans()),
    unique_by=lambda one: one.name,
    max_size=3,
).map(tuple)
uses = st.lists(
    st.builds(use, facets, facets, st.sampled_from(["orders", "view"])),
    unique_by=lambda one: one.statement.node,
    max_size=2,
).map(tuple)
events = st.lists(
    st.builds(
        event,
        st.integers(0, 5),
        st.sampled_from(EventType),
        facets,
        facets,
        uses,
        uses,
        st.sampled_from([None, True, False]),
    ),
    max_size=5,
    unique_by=lambda one: one[0],
)


@given(events, st.randoms())
def test_neither_order_nor_repetition_matters(stated: list[Stamped], random: Random) -> None:
    shuffled = [*stated, *stated[:2]]
    random.shuffle(shuffled)
    assert fold_run(shuffled) == fold_run(stated)
    whole = fold_node(stated, ORDERS)
    parts = fold_node(shuffled[1:], ORDERS, fold_node(shuffled[:1], ORDERS))
    for name, said in whole.items():
        assert (parts[name].stamp, parts[name].facet) == (said.stamp, said.facet)
    assert whole.keys() == parts.keys()


def test_the_order_cases_by_all_permutations() -> None:
    stated = [
        event(1, EventType.START, run=(facet("a", "1"),), inputs=(use(),)),
        event(2, EventType.COMPLETE, run=(facet("a", "2"),), outputs=(use(node="view"),)),
        event(3, EventType.OTHER, of_job=(facet("a", "{}", True),)),
        event(0, EventType.OTHER, of_job=(facet("a", "0"),)),
    ]
    folded = [fold_run(order) for order in itertools.permutations(stated)]
    assert all(one == folded[0] for one in folded)
