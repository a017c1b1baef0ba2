"""What the facets of jobs, datasets and runs state."""

import json
from typing import Any

import msgspec
import pytest

from headwater.dialects.openlineage.decode import Decoder
from headwater.event import DatasetFacts, Event, JobFacts, NodeStatement, Owner, SchemaField, Tag
from headwater.ids import dataset, job

FROM = {"_producer": "https://p.example", "_schemaURL": "https://p.example/1-0-0/X.json"}
NEWER = FROM | {"_schemaURL": "https://o.example/facets/9-0-0/X.json"}
HEAD: dict[str, Any] = {
    "eventTime": "2026-11-20T08:00:00Z",
    "producer": "https://p.example",
    "schemaURL": "https://p.example/schema",
}


def decode(**event: Any) -> Event:
    return Decoder().decode(json.dumps(HEAD | event).encode())


def of_dataset(**facets: Any) -> NodeStatement:
    named = {name: FROM | facet for name, facet in facets.items()}
    event = decode(dataset={"namespace": "db", "name": "t", "facets": named})
    assert event.dataset is not None
    return event.dataset


def of_job(**facets: Any) -> NodeStatement:
    named = {name: FROM | facet for name, facet in facets.items()}
    event = decode(job={"namespace": "etl", "name": "load", "facets": named})
    assert event.job is not None
    return event.job


def of_run(**facets: Any) -> Event:
    return decode(
        job={"namespace": "etl", "name": "load"},
        run={"runId": "019a9e00-0000-7000-8000-000000000001", "facets": facets},
    )


def stated(facts: Any) -> Any:
    """Without what is derived from the schema."""
    if isinstance(facts, DatasetFacts):
        return msgspec.structs.replace(facts, schema_digest=None, fields=())
    return facts


DATASET_CASES: list[tuple[str, dict[str, Any], DatasetFacts, dict[str, Any]]] = [
    (
        "schema",
        {
            "fields": [
                {"name": "id", "type": "int", "description": "key"},
                {
                    "name": "to",
                    "type": "struct",
                    "fields": [{"name": "zip"}, {"name": "at", "fields": [{"name": "lat"}]}],
                },
                {"name": "end", "ordinal_position": 3, "type": None},
            ]
        },
        DatasetFacts(
            schema=(
                SchemaField("id", "int", "key"),
                SchemaField("to", "struct"),
                SchemaField("to.zip"),
                SchemaField("to.at"),
                SchemaField("to.at.lat"),
                SchemaField("end"),
            )
        ),
        {"columns": 6},
    ),
    ("schema", {"fields": []}, DatasetFacts(schema=()), {"columns": 0}),
    ("schema", {}, DatasetFacts(), {}),
    (
        "symlinks",
        {
            "identifiers": [
                {"namespace": "s3://b", "name": "t", "type": "LOCATION"},
                {"namespace": "hive", "name": "d.t", "type": "TABLE"},
                {"namespace": "hive", "name": "d.t", "type": "TABLE"},
            ]
        },
        DatasetFacts(symlinks=(dataset("hive", "d.t"), dataset("s3://b", "t"))),
        {"aliases": [["hive", "d.t"], ["s3://b", "t"]]},
    ),
    (
        "lifecycleStateChange",
        {
            "lifecycleStateChange": "rename",
            "previousIdentifier": {"namespace": "db", "name": "old"},
        },
        DatasetFacts(lifecycle="RENAME", renamed_from=dataset("db", "old")),
        {"lifecycle": "RENAME"},
    ),
    (
        "lifecycleStateChange",
        {"lifecycleStateChange": "DROP", "previousIdentifier": {"namespace": "db", "name": "old"}},
        DatasetFacts(lifecycle="DROP"),
        {"lifecycle": "DROP"},
    ),
    (
        "documentation",
        {"description": "all orders", "contentType": "text/plain"},
        DatasetFacts(description="all orders"),
        {"description": "all orders"},
    ),
    (
        "ownership",
        {"owners": [{"name": "ann", "type": "OWNER"}, {"name": "bob"}]},
        DatasetFacts(owners=(Owner("ann", "OWNER"), Owner("bob"))),
        {"owners": [["ann", "OWNER"], ["bob", None]]},
    ),
    (
        "tags",
        {"tags": [{"key": "pii", "value": "yes", "field": "mail", "source": "x"}, {"key": "k"}]},
        DatasetFacts(tags=(Tag("pii", "yes", "mail"), Tag("k"))),
        {"tags": [["pii", "yes", "mail"], ["k", None, None]]},
    ),
    (
        "dataSource",
        {"name": "wh", "uri": "postgres://u:p@wh"},
        DatasetFacts(source_name="wh", source_uri="postgres://u:p@wh"),
        {"source_name": "wh", "source_uri": "postgres://u:p@wh"},
    ),
    (
        "datasetType",
        {"datasetType": "VIEW", "subType": "TEMPORARY"},
        DatasetFacts(type="VIEW"),
        {"type": "VIEW"},
    ),
    ("custom_thing", {"any": [1, {"x": None}]}, DatasetFacts(), {}),
]


@pytest.mark.parametrize(("name", "facet", "facts", "gist"), DATASET_CASES)
def test_a_dataset(
    name: str, facet: dict[str, Any], facts: DatasetFacts, gist: dict[str, Any]
) -> None:
    statement = of_dataset(**{name: facet})
    assert stated(statement.facts) == facts
    assert statement.flags == ()
    assert [known.name for known in statement.facets] == [name]
    assert json.loads(statement.facets[0].gist or b"{}") == gist
    assert json.loads(statement.facets[0].body) == FROM | facet


@pytest.mark.parametrize(
    ("name", "facet", "facts", "gist"),
    [
        (
            "jobType",
            {"processingType": "streaming", "integration": "SPARK", "jobType": "JOB"},
            JobFacts(processing="STREAMING", integration="SPARK", type="JOB", snapshot=False),
            {"processing": "STREAMING", "integration": "SPARK", "type": "JOB"},
        ),
        (
            "jobType",
            {"emissionPattern": {"eventContentMode": "COMPLETE_SNAPSHOT"}},
            JobFacts(snapshot=True),
            {},
        ),
        ("sql", {"query": "select 1", "dialect": "ansi"}, JobFacts(sql="select 1"), {}),
        (
            "sourceCodeLocation",
            {"type": "git", "url": "https://git.example/x"},
            JobFacts(location="https://git.example/x"),
            {"location": "https://git.example/x"},
        ),
        ("lineage", {"entries": []}, JobFacts(lineage=()), {}),
        (
            "tags",
            {"tags": [{"key": "k"}]},
            JobFacts(tags=(Tag("k"),)),
            {"tags": [["k", None, None]]},
        ),
    ],
)
def test_a_job(name: str, facet: dict[str, Any], facts: JobFacts, gist: dict[str, Any]) -> None:
    statement = of_job(**{name: facet})
    assert statement.facts == facts
    assert statement.flags == ()
    assert json.loads(statement.facets[0].gist or b"{}") == gist


def test_a_deleted_facet_is_kept_and_states_nothing() -> None:
    statement = of_dataset(
        documentation={"_deleted": True, "description": "old"},
        mine={"_deleted": True},
        schema={"fields": "odd", "_deleted": True},
        tags={"_deleted": False, "tags": []},
    )
    assert statement.facts == DatasetFacts()
    assert {facet.name: facet.deleted for facet in statement.facets} == {
        "documentation": True,
        "mine": True,
        "schema": True,
        "tags": False,
    }
    assert all(facet.gist == b"" for facet in statement.facets)


@pytest.mark.parametrize(
    ("facet", "facts", "flags"),
    [
        ({"schema": FROM | {"fields": "x"}}, DatasetFacts(), ["/facets/schema/fields"]),
        (
            {"schema": FROM | {"fields": [{"name": "a"}, {"type": "b"}]}},
            DatasetFacts(schema=(SchemaField("a"),)),
            ["/facets/schema/fields/1/name"],
        ),
        ({"schema": 5}, DatasetFacts(), ["/facets/schema"]),
        ({"a/b": [1]}, DatasetFacts(), ["/facets/a~1b"]),
        ({"documentation": {"description": "d"}}, DatasetFacts(description="d"), [
            "/facets/documentation"
        ]),
        (
            {"documentation": NEWER | {"description": "d"}},
            DatasetFacts(description="d"),
            ["/facets/documentation"],
        ),
        ({"columnLineage": FROM | {"fields": {"x": 1}}}, DatasetFacts(), [
            "/facets/columnLineage/fields/x"
        ]),
        ({"documentation": FROM | {"_producer": 5}}, DatasetFacts(), [
            "/facets/documentation/_producer", "/facets/documentation"
        ]),
        ({"lineage": FROM | {"inputs": [5]}}, DatasetFacts(), ["/facets/lineage/inputs/0"]),
    ],
)  # fmt: skip
def test_what_is_odd_is_kept_and_flagged(
    facet: dict[str, Any], facts: DatasetFacts, flags: list[str]
) -> None:
    event = decode(dataset={"namespace": "db", "name": "t", "facets": facet})
    assert event.dataset is not None
    assert stated(event.dataset.facts) == facts
    assert [flag.pointer for flag in event.dataset.flags] == flags
    assert [flag.pointer for flag in event.flags] == ["/dataset" + flag for flag in flags]
    assert [json.loads(known.body) for known in event.dataset.facets] == list(facet.values())


def test_facet_bodies_are_verbatim() -> None:
    odd = b'{ "_producer":"p:p" ,"_schemaURL":"p:s", "n":12345678901234567890123, "x":1e400 }'
    body = json.dumps(HEAD).encode()[:-1]
    body += b', "job": {"namespace": "n", "name": "j", "facets": {"z": %s, "a": %s}}}' % (odd, odd)
    event = Decoder().decode(body)
    assert event.job is not None
    assert [(facet.name, facet.body) for facet in event.job.facets] == [("a", odd), ("z", odd)]
    assert event.flags == ()


def test_equal_statements_have_equal_digests() -> None:
    one = of_dataset(tags={"tags": []}, schema={"fields": []})
    assert of_dataset(tags={"tags": []}, schema={"fields": []}).digest == one.digest
    assert of_dataset(tags={"tags": [], "x": 1}, schema={"fields": []}).digest != one.digest
    assert of_dataset(tags={"tags": []}).digest != one.digest
    assert of_job().digest != of_dataset().digest


def test_a_schema_is_known_by_its_columns() -> None:
    def schema(*fields: dict[str, Any], **more: Any) -> DatasetFacts:
        facts = of_dataset(schema={"fields": list(fields), **more}).facts
        assert isinstance(facts, DatasetFacts)
        return facts

    one = schema({"name": "a", "type": "int"}, {"name": "b"})
    assert one.fields == ("a", "b")
    again = schema({"type": "int", "name": "a"}, {"name": "b", "ordinal_position": 2}, x=1)
    assert again.schema_digest == one.schema_digest is not None
    other = schema({"name": "a", "type": "text"}, {"name": "b"})
    assert other.schema_digest != one.schema_digest


def test_nested_columns_cannot_grow_beyond_measure() -> None:
    inner = [{"name": "x"}] * 10_000
    nested = [{"name": "n" * 10_000, "fields": inner}]
    statement = of_dataset(schema={"fields": nested})
    assert isinstance(statement.facts, DatasetFacts)
    assert statement.facts.schema is not None
    assert 1_000 < len(statement.facts.schema) < 2_000
    assert [flag.pointer for flag in statement.flags] == ["/facets/schema/fields"]


def test_pointers_stay_short() -> None:
    statement = of_dataset(columnLineage={"fields": {"c" * 100_000: 5}})
    assert [len(flag.pointer) < 300 for flag in statement.flags] == [True]


def test_explicit_lineage_is_a_datasets_own_only_where_the_event_is_about_it() -> None:
    facets: dict[str, Any] = {"lineage": FROM | {"inputs": []}}
    named = {"namespace": "db", "name": "t", "facets": facets}
    subject = decode(dataset=named).dataset
    used = decode(job={"namespace": "etl", "name": "load"}, outputs=[named])
    assert subject is not None
    assert isinstance(subject.facts, DatasetFacts)
    assert subject.facts.lineage is not None
    statement = used.outputs[0].statement
    assert isinstance(statement.facts, DatasetFacts)
    assert statement.facts.lineage is None
    assert statement.digest != subject.digest
    assert [flag.pointer for flag in used.flags] == ["/outputs/0/facets/lineage"]


PARENT: dict[str, Any] = {
    "run": {"runId": "019A9E00-0000-7000-8000-00000000000A"},
    "job": {"namespace": "etl", "name": "dag"},
}
LINK = (job("etl", "dag"), "019a9e00-0000-7000-8000-00000000000a")


@pytest.mark.parametrize("name", ["parent", "parentRun"])
@pytest.mark.parametrize("root", [None, PARENT])
def test_parent_and_root(name: str, root: dict[str, Any] | None) -> None:
    event = of_run(**{name: FROM | PARENT | {"root": root}})
    assert event.run.parent == LINK
    assert event.run.root == (LINK if root else None)
    assert event.flags == ()


def test_the_parent_facet_goes_before_its_old_name() -> None:
    other = FROM | PARENT | {"job": {"namespace": "etl", "name": "other"}}
    assert of_run(parentRun=other, parent=FROM | PARENT).run.parent == LINK
    assert of_run(parentRun=FROM | PARENT, parent=FROM | {"run": 5}).run.parent == LINK


@pytest.mark.parametrize(
    ("parent", "flag"),
    [
        (5, "/run/facets/parent"),
        (FROM | {"job": PARENT["job"]}, "/run/facets/parent/run"),
        (FROM | PARENT | {"run": {"runId": 5}}, "/run/facets/parent/run/runId"),
    ],
)
def test_an_odd_parent_is_flagged_and_ignored(parent: Any, flag: str) -> None:
    event = of_run(parent=parent)
    assert event.run.parent is None
    assert [problem.pointer for problem in event.flags] == [flag]
    assert len(event.run_facets) == 1


def test_an_odd_root_leaves_the_parent() -> None:
    event = of_run(parent=FROM | PARENT | {"root": {"run": {}}})
    assert event.run.parent == LINK
    assert event.run.root is None
    assert {flag.pointer for flag in event.flags} == {
        "/run/facets/parent/root/run/runId",
        "/run/facets/parent/root/job",
    }


def test_nominal_time_and_error() -> None:
    event = of_run(
        nominalTime=FROM | {"nominalStartTime": "1970-01-01T00:00:01Z", "nominalEndTime": "soon"},
        errorMessage=FROM | {"message": "no", "programmingLanguage": "py"},
        mine=FROM | {"_deleted": True},
    )
    assert event.run.nominal == (1_000_000, None)
    assert event.run.error == "no"
    assert [flag.pointer for flag in event.flags] == ["/run/facets/nominalTime/nominalEndTime"]
    assert not any(facet.deleted for facet in event.run_facets)


def test_facets_of_a_use_are_kept_wherever_they_stand() -> None:
    named = {
        "namespace": "db",
        "name": "t",
        "inputFacets": {"a": FROM | {"x": 1}, "both": FROM | {"x": 2}},
        "outputFacets": {"b": FROM | {"x": 3}, "both": FROM | {"x": 4}},
    }
    event = decode(job={"namespace": "etl", "name": "load"}, inputs=[named], outputs=[named])

    def shown(side: Any) -> dict[str, int]:
        return {facet.name: msgspec.json.decode(facet.body)["x"] for facet in side[0].facets}

    assert shown(event.inputs) == {"a": 1, "b": 3, "both": 2}
    assert shown(event.outputs) == {"a": 1, "b": 3, "both": 4}
    assert event.flags == ()
