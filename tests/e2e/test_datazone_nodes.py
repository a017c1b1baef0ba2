"""Lineage nodes, their versions and QueryGraph through boto3: numbers 21 to 35 of the wire."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.events import dataset_event, job_event
from tests.e2e.aws import RUN, Js, event, facet, schema
from tests.e2e.datazone import Dz, dz, js, open_server

__all__ = ["dz", "js", "open_server"]  # fixtures
EV = event()
RUN_SOURCE = f"ns.job/{RUN}"
ODD = "d.s.t ü%2F?#a//b"
ODD_NAMES = (
    ODD,
    "a/b:c%d#e?f+g;h(i)j*k",
    "plain name with  spaces",
    "emoji 🐟 and é",
    "..",
    "../..",
    "a/../b",
    "//",
    "%2e%2e/%25",
    "a.b/c",
    "&=@!$',~_-",
)


def at(minute: int, micro: int = 0) -> datetime:
    return datetime(2026, 11, 20, 8, minute, 0, micro, tzinfo=UTC)


def text(moment: datetime) -> str:
    return moment.isoformat()


def test_21_a_run(dz: Dz) -> None:
    dz.post(EV)
    run = dz.node(RUN_SOURCE)
    assert run["typeName"] == "amazon.datazone.JobRunLineageNodeType"
    assert run["sourceIdentifier"] == RUN_SOURCE
    assert run["eventTimestamp"] == datetime(2026, 11, 20, 8, 0, 0, 123456, tzinfo=UTC)
    (up,), (down,) = run["upstreamNodes"], run["downstreamNodes"]
    assert (up["eventTimestamp"], down["eventTimestamp"]) == (run["eventTimestamp"],) * 2
    assert dz.node(up["id"])["sourceIdentifier"] == "ns/in"
    assert dz.node(down["id"], eventTimestamp=down["eventTimestamp"])["sourceIdentifier"] == (
        "ns/out"
    )
    forms = {form["formName"]: json.loads(form["content"]) for form in run["formsOutput"]}
    assert forms["JobRunForm"]["state"] == "COMPLETE"
    assert forms["JobForm"] == {"namespace": "ns", "name": "job"}


def test_22_and_23_by_id_and_by_source(dz: Dz) -> None:
    dz.post(EV)
    for source, kind in ((RUN_SOURCE, "JobRun"), ("ns/out", "Dataset"), ("ns.job", "Job")):
        node = dz.node(source)
        assert node["typeName"] == f"amazon.datazone.{kind}LineageNodeType"
        assert node["typeRevision"] == "1"
        assert node["sourceIdentifier"] == source
        again = dz.node(node["id"])
        again.pop("ResponseMetadata")
        node.pop("ResponseMetadata")
        assert again == node
    (run,) = dz.ids("upstream", "ns/out")
    assert run == dz.node(RUN_SOURCE)["id"]
    assert dz.ids("downstream", "ns/out") == []
    assert dz.ids("downstream", "ns/in") == [run]
    assert dz.ids("upstream", "ns.job") == [dz.node("ns/in")["id"]]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_24_odd_names(dz: Dz, js: Js, name: str) -> None:
    namespace = "postgres://h:5432"
    dz.post(event(outputs=((namespace, name),)))
    source = f"{namespace}/{name}"
    node = dz.node(source)
    assert (node["name"], node["sourceIdentifier"]) == (name, source)
    assert dz.node(node["id"])["name"] == name
    assert len(dz.history(source)) == 1
    given = {"domainIdentifier": dz.domain, "identifier": source}
    assert js.call("GetLineageNode", **given)["id"] == node["id"]
    assert len(js.call("ListLineageNodeHistory", **given)["nodes"]) == 1


def test_25_a_dataset_called_history(dz: Dz) -> None:
    dz.post(event(outputs=(("ns", "history"),)))
    assert dz.node("ns/history")["name"] == "history"
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.history("ns")
    dz.post(event(outputs=(("ns", "history/history"),)))
    assert len(dz.history("ns/history/history")) == 1


GLUE = {"environment-properties": facet(**{
    "environment-properties": {"GLUE_VERSION": "3.0", "GLUE_COMMAND_CRITERIA": "glueetl",
                               "GLUE_PYTHON_VERSION": "3"}})}  # fmt: skip
GLUE_ARN = "arn:aws:glue:us-east-1:123456789012:table/testlfdb/testlftb-1"


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("arn:aws:glue:us-east-1:123456789012", "table/testlfdb/testlftb-1"),
        ("s3://testlf", "testlfdb.testlftb-1"),
    ],
)
def test_26_glue(dz: Dz, namespace: str, name: str) -> None:
    """Account and region of the older form come from the settings of this server."""
    links = {"symlinks": facet(identifiers=[{"namespace": namespace, "name": name,
                                             "type": "TABLE"}])}  # fmt: skip
    out = ("namespace.output", "output_name")
    dz.post(event(outputs=(out,), facets=links, run_facets=GLUE))
    node = dz.node(GLUE_ARN)
    assert node["sourceIdentifier"] == GLUE_ARN
    assert dz.ids("downstream", RUN_SOURCE) == [node["id"]]
    assert dz.node("namespace.output/output_name")["id"] == node["id"]
    (item,) = dz.query(RUN_SOURCE, "OUT", 1)
    assert item["sourceIdentifier"] == GLUE_ARN


def test_26_the_same_links_without_glue(dz: Dz) -> None:
    links = {"symlinks": facet(identifiers=[{"namespace": "hive://m", "name": "a.b",
                                             "type": "TABLE"}])}  # fmt: skip
    dz.post(event(outputs=(("s3://bucket", "path"),), facets=links))
    assert dz.node("s3://bucket/path")["sourceIdentifier"] == "hive://m/a.b"
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.node("arn:aws:glue:us-east-1:123456789012:table/a/b")


def test_26_a_plain_name_that_is_an_arn(dz: Dz) -> None:
    dz.post(event(outputs=(("arn:aws:glue:eu-west-1:210987654321:table", "db/t"),)))
    arn = "arn:aws:glue:eu-west-1:210987654321:table/db/t"
    assert dz.node(arn)["sourceIdentifier"] == arn


@pytest.mark.parametrize(
    ("namespace", "arn"),
    [
        ("redshift://cluster-20240715.123456789012.us-east-1.redshift.amazonaws.com:5439",
         "arn:aws:redshift:us-east-1:123456789012:table/cluster-20240715/tpcds_data/public/t_7"),
        ("redshift://workgroup-1.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439",
         "arn:aws:redshift-serverless:us-east-1:123456789012:table/workgroup-1/tpcds_data/public/t_7"),
    ],
)  # fmt: skip
def test_27_redshift(dz: Dz, namespace: str, arn: str) -> None:
    dz.post(event(outputs=((namespace, "tpcds_data.public.t_7"),)))
    node = dz.node(arn)
    assert node["sourceIdentifier"] == arn
    assert dz.ids("downstream", RUN_SOURCE) == [node["id"]]
    kind = {"datasetType": facet(datasetType="VIEW")}
    dz.post(event(outputs=((namespace, "tpcds_data.public.t_7"),), facets=kind))
    view = arn.replace(":table/", ":view/")
    assert dz.node(view)["sourceIdentifier"] == view


def schema_of(node: dict[str, Any]) -> list[str]:
    (form,) = [each for each in node["formsOutput"] if each["formName"] == "SchemaForm"]
    return [column["name"] for column in json.loads(form["content"])["fields"]]


def test_28_versions(dz: Dz) -> None:
    first, second = at(1, 500), at(3)
    other = RUN[:-1] + "f"
    dz.post(event(time=text(first), facets=schema("a")))
    dz.post(event(time=text(second), run=other, facets=schema("a", "b")))
    runs = [dz.node(f"ns.job/{run}")["id"] for run in (RUN, other)]
    for moment, columns, run in (
        (first, ["a"], runs[0]),
        (at(2), ["a"], runs[0]),
        (second, ["a", "b"], runs[1]),
        (at(9), ["a", "b"], runs[1]),
    ):
        node = dz.node("ns/out", eventTimestamp=moment)
        assert schema_of(node) == columns
        assert [each["id"] for each in node["upstreamNodes"]] == [run]
        assert node["eventTimestamp"] == (first if columns == ["a"] else second)
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.node("ns/out", eventTimestamp=first - timedelta(microseconds=1))
    assert schema_of(dz.node("ns/out")) == ["a", "b"]


def test_29_history(dz: Dz) -> None:
    moments = [at(minute, minute) for minute in range(7)]
    for moment in moments:
        dz.post(event(time=text(moment)))
    times = [node["eventTimestamp"] for node in dz.history("ns/out", PaginationConfig={"PageSize": 3})]  # noqa: E501 # fmt: skip
    assert times == moments[::-1]
    up = dz.history("ns/out", sortOrder="ASCENDING", PaginationConfig={"PageSize": 2})
    assert [node["eventTimestamp"] for node in up] == moments
    assert {node["id"] for node in up} == {dz.node("ns/out")["id"]}
    assert all("formsOutput" not in node and "upstreamNodes" not in node for node in up)
    window = {"eventTimestampGTE": moments[2], "eventTimestampLTE": moments[4]}
    for order in ("ASCENDING", "DESCENDING"):
        inside = dz.history("ns/out", sortOrder=order, **window)
        assert sorted(node["eventTimestamp"] for node in inside) == moments[2:5]
    assert len(dz.history("ns/out", direction="UPSTREAM")) == 7
    assert dz.history("ns/out", direction="DOWNSTREAM") == []
    assert dz.history("ns/in", direction="UPSTREAM") == []
    dz.post(event(time=text(at(5, 9)), run=RUN[:-1] + "0", job="other", inputs=(),
                  outputs=(("ns", "in"),)))  # fmt: skip
    late = dz.history("ns/in", direction="UPSTREAM", sortOrder="ASCENDING")
    assert [node["eventTimestamp"] for node in late] == [at(5, 9), moments[6]]


def test_30_a_late_event_without_inputs_takes_nothing_away(dz: Dz) -> None:
    dz.post(event(kind="START", time=text(at(1)), outputs=()))
    dz.post(event(time=text(at(2)), inputs=()))
    run = dz.node(RUN_SOURCE)
    assert [each["id"] for each in run["upstreamNodes"]] == [dz.node("ns/in")["id"]]
    assert [each["eventTimestamp"] for each in run["upstreamNodes"]] == [at(1)]
    assert [each["id"] for each in run["downstreamNodes"]] == [dz.node("ns/out")["id"]]
    assert len(dz.history(RUN_SOURCE)) == 2
    before = dz.node(RUN_SOURCE, eventTimestamp=at(1))
    assert before["downstreamNodes"] == []
    assert len(dz.history(RUN_SOURCE, direction="UPSTREAM")) == 2
    assert len(dz.history(RUN_SOURCE, direction="DOWNSTREAM")) == 1


def test_31_any_order_is_the_same(dz: Dz) -> None:
    posted = [event(kind="START", time=text(at(1)), outputs=()), event(time=text(at(2)), inputs=())]
    other = dz.client.create_domain(name=f"{dz.name}-reversed")["id"]
    for body in posted:
        dz.post(body)
    for body in reversed(posted):
        dz.post(body, domainIdentifier=other)
    for source in (RUN_SOURCE, "ns/in", "ns/out", "ns.job"):
        here, there = dz.node(source), dz.node(source, domainIdentifier=other)
        for side in ("upstreamNodes", "downstreamNodes"):
            assert [each["eventTimestamp"] for each in here[side]] == [
                each["eventTimestamp"] for each in there[side]
            ]
        assert here["eventTimestamp"] == there["eventTimestamp"]


def test_32_more_neighbours_than_the_model_has_room_for(dz: Dz) -> None:
    dz.post(event(inputs=tuple(("ns", f"in-{number:03d}") for number in range(150))))
    run = dz.node(RUN_SOURCE)
    assert len(run["upstreamNodes"]) == 100
    assert run["ResponseMetadata"]["HTTPHeaders"]["x-headwater-upstream-total"] == "150"
    found = dz.query(RUN_SOURCE, "IN", 1)
    assert len({node["id"] for node in found}) == len(found) == 150
    names = [node["name"] for node in found]
    assert names == sorted(names)
    (item,) = dz.query("ns/out", "IN", 1)
    assert len(item["upstreamLineageNodeIds"]) == 150


def test_33_query_graph(dz: Dz) -> None:
    dz.post(EV)
    dz.post(event(run=RUN[:-1] + "0", job="next", inputs=(("ns", "out"),), outputs=(("ns", "z"),)))
    run, dataset = dz.query("ns/out", "IN", 2)
    assert (run["sourceIdentifier"], dataset["sourceIdentifier"]) == (RUN_SOURCE, "ns/in")
    assert run["upstreamLineageNodeIds"] == [dataset["id"]]
    assert run["downstreamLineageNodeIds"] == [dz.node("ns/out")["id"]]
    assert dataset["downstreamLineageNodeIds"] == [run["id"]]
    assert [node["name"] for node in dz.query("ns/in", "OUT", 5)][-1] == "z"
    assert len(dz.query("ns/in", "OUT", 3)) == 3
    assert dz.query("ns/in", "IN", 5) == []
    relation = {"relationType": "LINEAGE", "relationDirection": "IN"}
    said = dz.client.query_graph(
        domainIdentifier=dz.domain,
        match=[
            {"relationPattern": relation},
            {"entityPattern": {"entityType": "LINEAGE_NODE", "identifier": "ns/z"}},
        ],
    )
    assert [item["lineageNode"]["typeName"] for item in said["items"]] == [run["typeName"]]


def test_33_filters(dz: Dz) -> None:
    dz.post(EV)
    runs = {"filter": {"attribute": "typeName", "value": "jobrun", "operator": "TEXT_SEARCH"}}
    late = {"filter": {"attribute": "eventTimestamp", "intValue": 1, "operator": "GT"}}
    named = {"filter": {"attribute": "name", "value": "in", "operator": "EQ"}}
    for clause, count in (
        (runs, 1),
        (named, 1),
        ({"or": [runs, named]}, 2),
        ({"and": [runs, named]}, 0),
        ({"and": [late, {"or": [runs, named]}]}, 2),
    ):
        found = dz.query("ns/out", "IN", 2, entity={"filters": clause})
        assert len(found) == count, clause
    for wrong in (
        {"filter": {"attribute": "nope", "value": "x"}},
        {"filter": {"attribute": "name", "value": "x" * 129}},
        {"filter": {"attribute": "name"}},
        {"and": [named] * 101},
        {"or": [{"filter": {"attribute": "name", "value": "x", "operator": "LIKE"}}]},
    ):
        with pytest.raises(dz.client.exceptions.ValidationException, match=r"ilter|perator"):
            dz.query("ns/out", "IN", 2, entity={"filters": wrong})


ENTITY = {"entityPattern": {"entityType": "LINEAGE_NODE", "identifier": "ns/out"}}
RELATION = {"relationPattern": {"relationType": "LINEAGE", "relationDirection": "IN"}}


@pytest.mark.parametrize(
    "match",
    [
        [ENTITY, RELATION, RELATION],
        [ENTITY, ENTITY],
        [RELATION, RELATION],
        [ENTITY, {"relationPattern": RELATION["relationPattern"] | {"maxPathLength": 6}}],
        [ENTITY, {"relationPattern": RELATION["relationPattern"] | {"relationDirection": "UP"}}],
        [{"entityPattern": ENTITY["entityPattern"] | {"entityType": "ASSET"}}, RELATION],
        [{"entityPattern": ENTITY["entityPattern"] | {"identifier": "x" * 2087}}, RELATION],
        [{"entityPattern": ENTITY["entityPattern"] | {"identifier": "unknown"}}, RELATION],
    ],
)
def test_34_queries_that_are_none(dz: Dz, match: list[Any]) -> None:
    dz.post(EV)
    with pytest.raises(dz.client.exceptions.ValidationException):
        dz.client.query_graph(domainIdentifier=dz.domain, match=match)


def test_34_one_clause_which_boto3_would_not_send(dz: Dz) -> None:
    answer = dz.server.client.post(f"/v2/domains/{dz.domain}/graph/query", json={"match": [ENTITY]})
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "ValidationException"
    assert "match" in answer.json()["message"]


def test_35_forms_are_asked_for(dz: Dz) -> None:
    dz.post(event(facets=schema("a")))
    assert all("formsOutput" not in node for node in dz.query(RUN_SOURCE, "OUT", 1))
    (node,) = dz.query(
        RUN_SOURCE, "OUT", 1, additionalAttributes={"formNames": ["SchemaForm", "Other"]}
    )
    assert [form["formName"] for form in node["formsOutput"]] == ["SchemaForm"]
    for names in (["9"], [f"F{number}" for number in range(11)]):
        with pytest.raises(dz.client.exceptions.ValidationException, match="formNames"):
            dz.query(RUN_SOURCE, "OUT", 1, additionalAttributes={"formNames": names})


def test_pages_of_a_query_are_all_of_it_once(dz: Dz) -> None:
    for number in range(3):
        outputs = tuple(("ns", f"out-{number}-{each}") for each in range(25))
        dz.post(event(run=RUN[:-1] + str(number), job=f"job-{number}", outputs=outputs))
    whole = [node["id"] for node in dz.query("ns/in", "OUT", 2)]
    assert len(set(whole)) == len(whole) == 78
    small = dz.query("ns/in", "OUT", 2, PaginationConfig={"PageSize": 7})
    assert [node["id"] for node in small] == whole


def test_nodes_of_other_dialects_are_nodes_here(dz: Dz) -> None:
    """A declared job has no run: it stands itself where its runs would."""
    ask = {"x-headwater-domain": dz.name}
    declared = json.dumps(job_event(1, job="declared")).encode()
    stated = json.dumps(dataset_event(2, "alone", {})).encode()
    for body in (declared, stated):
        answer = dz.server.client.post("/api/v1/lineage", content=body, headers=ask)
        assert answer.status_code == 200, answer.text
    namespace = json.loads(declared)["job"]["namespace"]
    job = dz.node(f"{namespace}.declared")
    for side, opposite in (("upstream", "downstream"), ("downstream", "upstream")):
        for identity in [each["id"] for each in job[f"{side}Nodes"]]:
            assert job["id"] in dz.ids(opposite, identity)
    assert dz.node(f"{json.loads(stated)['dataset']['namespace']}/alone")["name"] == "alone"


def test_a_hidden_node_is_none(dz: Dz) -> None:
    dz.post(EV)
    ask = {"x-headwater-domain": dz.name}
    assert dz.server.client.delete("/api/v2/datasets/ns/out", headers=ask).status_code == 200
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.node("ns/out")
    assert dz.ids("downstream", RUN_SOURCE) == []


@pytest.mark.parametrize("run", ["run_id", "x" * 300, "scheduled__2026-11-20T08:00:00/é"])
def test_run_ids_that_are_no_uuids(dz: Dz, run: str) -> None:
    dz.post(event(run=run))
    node = dz.node(f"ns.job/{run}")
    assert dz.node(node["id"])["sourceIdentifier"] == f"ns.job/{run}"


def test_one_run_id_of_two_jobs(dz: Dz) -> None:
    dz.post(EV)
    dz.post(event(job="other"))
    first, second = dz.node(RUN_SOURCE), dz.node(f"ns.other/{RUN}")
    assert first["id"] != second["id"]
    assert dz.node(second["id"])["sourceIdentifier"] == f"ns.other/{RUN}"


@pytest.mark.parametrize("identifier", ["x" * 2087, "nothing", "a/b", "0" * 36, "z" * 36])
def test_identifiers_of_nothing(dz: Dz, identifier: str) -> None:
    dz.post(EV)
    with pytest.raises(ClientError) as raised:
        dz.node(identifier)
    long = len(identifier) > 2086
    code = "ValidationException" if long else "ResourceNotFoundException"
    assert raised.value.response["Error"]["Code"] == code


def test_secrets_are_masked_in_forms(dz: Dz) -> None:
    source = {"dataSource": facet(name="db", uri="postgres://user:hunter2@h/db")}
    dz.post(event(facets=source))
    assert "hunter2" not in json.dumps(dz.node("ns/out"), default=str)
