"""Whom events name, and what Marquez lists them as."""

import msgspec

from headwater.ids import dataset, job
from headwater.importing.names import Names
from tests.contract.events import Members


def event(name: str, parent: tuple[str, str] | None = None, **members: object) -> bytes:
    facets: Members = {}
    if parent is not None:
        facets["parent"] = {"job": {"namespace": parent[0], "name": parent[1]}}
    found = {"run": {"facets": facets}, "job": {"namespace": "ns", "name": name}, **members}
    return msgspec.json.encode(found)


def names(*bodies: bytes) -> Names:
    found = Names()
    found.learn(bodies)
    return found


def test_a_page_tells_only_what_is_new() -> None:
    found = Names()
    body = event("load", inputs=[{"namespace": "db", "name": "raw"}])
    assert set(found.learn([body, body]).own) == {job("ns", "load"), dataset("db", "raw")}
    assert found.learn([body]).own == ()
    assert found.ours(job("ns", "load")) == {job("ns", "load")}
    assert found.ours(job("ns", "other")) == set()


def test_a_job_below_a_parent() -> None:
    found = names(event("load", ("ns", "dag")))
    assert found.ours(job("ns", "dag.load")) == {job("ns", "load")}
    assert found.ours(job("ns", "dag")) == {job("ns", "dag")}
    assert job("ns", "dag") not in found.own


def test_a_job_whose_name_begins_with_its_parent() -> None:
    found = names(event("dag.load", ("airflow", "dag")))
    assert found.ours(job("ns", "dag.load")) == {job("ns", "dag.load")}
    assert found.ours(job("ns", "dag")) == {job("airflow", "dag")}


def test_a_parent_of_the_same_name_is_the_part_before_the_dot() -> None:
    found = names(event("dag.load", ("ns", "dag.load")))
    assert found.ours(job("ns", "dag")) == {job("ns", "dag")}
    assert found.ours(job("ns", "dag.load")) == {job("ns", "dag.load")}


def test_characters_that_marquez_replaces_in_the_namespace_of_a_job() -> None:
    found = names(msgspec.json.encode({"job": {"namespace": "a;b c", "name": "load"}}))
    assert found.ours(job("a_b_c", "load")) == {job("a;b c", "load")}


def test_an_alias_is_the_dataset_that_states_it() -> None:
    table = {
        "namespace": "s3://b",
        "name": "t",
        "facets": {"symlinks": {"identifiers": [{"namespace": "hive", "name": "db.t"}]}},
    }
    found = names(event("load", outputs=[table]))
    assert found.ours(dataset("hive", "db.t")) == {dataset("s3://b", "t")}
    assert dataset("hive", "db.t") not in found.own


def test_the_dataset_of_a_dataset_event_but_not_of_a_run_event() -> None:
    stray = {"namespace": "db", "name": "t"}
    assert names(msgspec.json.encode({"dataset": stray})).own == {dataset("db", "t")}
    assert names(event("load", dataset=stray)).own == {job("ns", "load")}


def test_facets_of_another_shape_do_not_hide_the_names() -> None:
    run = {"facets": {"parent": ["odd"]}}
    table = {"namespace": "db", "name": "t", "facets": {"symlinks": 1}}
    found = names(event("load", run=run, outputs=[table]))
    assert found.own == {job("ns", "load"), dataset("db", "t")}
    assert names(b"{}", b"[]", b"nonsense", b'{"job": 1}').own == set()
