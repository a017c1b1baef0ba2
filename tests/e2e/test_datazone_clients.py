"""Programs as they come: openlineage-python, the aws command, an old botocore, JavaScript."""

import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)

from tests.e2e.aws import (
    ANY_KEY,
    DOMAIN,
    RUN,
    JsError,
    aws_variables,
    boto,
    code_of,
    event,
    javascript,
    run_in,
)
from tests.e2e.datazone import Dz, dz, open_server
from tests.e2e.serving import Server

__all__ = ["dz", "open_server"]  # fixtures
EV = event()


def test_42_openlineage_python(dz: Dz, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ANY_KEY[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ANY_KEY[1])
    transport = {
        "type": "amazon_datazone_api",
        "domainId": dz.domain,
        "endpointOverride": dz.server.url,
    }
    client = OpenLineageClient(config={"transport": transport})
    now = datetime.now(UTC).isoformat()
    said = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=now,
        run=Run(runId=RUN),
        job=Job(namespace="ol", name="job"),
        producer="https://example.com/etl",
        inputs=[InputDataset(namespace="ol", name="in")],
        outputs=[OutputDataset(namespace="ol", name="out")],
    )
    client.emit(said)
    (item,) = dz.events()
    stored = dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=item["id"])
    assert json.loads(stored["event"].read())["run"]["runId"] == RUN
    assert dz.ids("upstream", f"ol.job/{RUN}") == [dz.node("ol/in")["id"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client.emit(
            DatasetEvent(
                eventTime=now,
                dataset=StaticDataset(namespace="ol", name="lost"),
                producer="https://example.com/etl",
            )
        )
    assert len(dz.events()) == 1  # the transport sends run events only


def test_43_the_aws_command(dz: Dz, tmp_path: Path) -> None:
    variables = aws_variables(dz.server.url)
    (tmp_path / "ev.json").write_bytes(EV)
    place = ("--domain-identifier", dz.domain)

    def aws(*words: str) -> Any:
        out = run_in(".venv-aws", tmp_path, "aws", "datazone", *words, *place, **variables)
        return json.loads(out)

    posted = aws("post-lineage-event", "--event", "fileb://ev.json")
    said = aws("get-lineage-event", "--identifier", posted["id"], "back.json")
    assert (tmp_path / "back.json").read_bytes() == EV
    assert said["processingStatus"] == "SUCCESS"
    assert [item["id"] for item in aws("list-lineage-events")["items"]] == [posted["id"]]
    node = aws("get-lineage-node", "--identifier", "ns/out")
    assert node["upstreamNodes"]
    assert len(aws("list-lineage-node-history", "--identifier", node["id"])["nodes"]) == 1


def test_44_an_endpoint_with_a_path(dz: Dz) -> None:
    client = boto(f"{dz.server.url}/api/dz")
    identity = client.post_lineage_event(domainIdentifier=dz.domain, event=EV)["id"]
    assert [item["id"] for item in dz.events()] == [identity]
    assert dz.domain in {each["id"] for each in client.list_domains()["items"]}
    given = {"domainIdentifier": dz.domain}
    assert client.get_lineage_node(identifier="ns/out", **given)["id"]
    with pytest.raises(ClientError) as raised:
        client.list_projects(**given)
    assert code_of(raised.value) == "UnknownOperationException"


OLD = """
import botocore, botocore.session
assert botocore.__version__ == "1.35.60"
client = botocore.session.Session().create_client("datazone", region_name="us-east-1")
for _ in range(2):
    said = client.post_lineage_event(domainIdentifier={domain!r}, event={body!r}, clientToken="x")
    said.pop("ResponseMetadata")
    assert said == {{}}, said
client.post_lineage_event(domainIdentifier={domain!r}, event={body!r})
node = client.get_lineage_node(domainIdentifier={domain!r}, identifier="ns/out")
assert node["upstreamNodes"], node
"""


def test_45_an_old_botocore(dz: Dz, tmp_path: Path) -> None:
    """It sends the token in the query, and expects an empty answer."""
    program = OLD.format(domain=dz.domain, body=EV)
    run_in(".venv-botocore", tmp_path, "python", "-c", program, **aws_variables(dz.server.url))
    assert len(dz.events()) == 2
    first = dz.post(EV, clientToken="x")  # where the token came does not matter
    assert first in {item["id"] for item in dz.events()}
    assert len(dz.events()) == 2


def test_46_domains(dz: Dz) -> None:
    said = dz.client.get_domain(identifier=dz.domain)
    assert (said["id"], said["status"], said["name"]) == (dz.domain, "AVAILABLE", dz.name)
    assert said["arn"] == f"arn:aws:datazone:us-east-1:123456789012:domain/{dz.domain}"
    assert said["domainExecutionRole"].startswith("arn:aws:iam::123456789012:role/")
    pages = list(dz.client.get_paginator("list_domains").paginate(PaginationConfig={"PageSize": 2}))
    found = [item for page in pages for item in page["items"]]
    assert {DOMAIN, dz.domain} <= {item["id"] for item in found}
    assert len(found) == len({item["id"] for item in found})
    assert all(item["managedAccountId"] == "123456789012" for item in found)


def test_46_a_domain_comes_and_goes(dz: Dz) -> None:
    given: dict[str, Any] = {"name": f"{dz.name}-new", "clientToken": "t"}
    role = "arn:aws:iam::123456789012:role/service-role/dz"
    made = dz.client.create_domain(**given, domainExecutionRole=role, tags={"team": "data"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert dz.client.create_domain(**given)["id"] == made["id"]
    with pytest.raises(dz.client.exceptions.ConflictException):
        dz.client.create_domain(name=given["name"])
    said = dz.client.get_domain(identifier=made["id"])
    assert (said["domainExecutionRole"], said["tags"]) == (role, {"team": "data"})
    dz.post(EV, domainIdentifier=made["id"])
    gone = dz.client.delete_domain(identifier=made["id"])
    assert (gone["status"], gone["ResponseMetadata"]["HTTPStatusCode"]) == ("DELETED", 202)
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.client.get_domain(identifier=made["id"])
    with pytest.raises(dz.client.exceptions.ResourceNotFoundException):
        dz.post(EV, domainIdentifier=made["id"])
    # Nothing of it is lost, and making it again opens it again.
    assert dz.client.create_domain(name=given["name"])["id"] == made["id"]
    assert len(dz.events(domainIdentifier=made["id"])) == 1
    with pytest.raises(dz.client.exceptions.ConflictException):
        dz.client.delete_domain(identifier=DOMAIN)


def test_47_what_there_is_not(dz: Dz) -> None:
    calls: list[Any] = [
        lambda: dz.client.list_projects(domainIdentifier=dz.domain),
        lambda: dz.client.update_domain(identifier=dz.domain, description="x"),
        lambda: dz.client.search(domainIdentifier=dz.domain, searchScope="ASSET"),
        lambda: dz.client.list_tags_for_resource(resourceArn="arn:aws:datazone:x"),
        lambda: dz.client.get_asset(domainIdentifier=dz.domain, identifier="abc"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as raised:
            call()
        said = raised.value.response["ResponseMetadata"]
        assert code_of(raised.value) == "UnknownOperationException"
        assert (said["HTTPStatusCode"], said["RetryAttempts"]) == (501, 0)
        assert raised.value.response["Error"]["Message"]


def test_47_types(dz: Dz) -> None:
    given = {"domainIdentifier": dz.domain, "searchScope": "LINEAGE_NODE_TYPE", "managed": True}
    said = dz.client.search_types(**given)
    names = [item["lineageNodeTypeItem"]["name"] for item in said["items"]]
    assert names == [
        f"amazon.datazone.{kind}LineageNodeType" for kind in ("Dataset", "Job", "JobRun")
    ]
    assert said["totalMatchCount"] == 3
    assert len(dz.client.search_types(**given, searchText="jobrun")["items"]) == 1
    with pytest.raises(dz.client.exceptions.ValidationException):
        dz.client.search_types(**given | {"searchScope": "NOPE"})


def test_48_javascript(dz: Dz, tmp_path: Path) -> None:
    """It reads times and errors more strictly than boto3."""
    place = {"domainIdentifier": dz.domain}
    moment = datetime(2026, 11, 20, 8, 0, 0, 123_000, tzinfo=UTC)
    with javascript(dz.server.url, tmp_path) as js:
        posted = js.call("PostLineageEvent", **place, event=EV)
        said = js.call("GetLineageEvent", **place, identifier=posted["id"])
        assert said["event"] == EV
        assert said["eventTime"] == moment.replace(microsecond=0)
        assert isinstance(said["createdAt"], datetime)
        (item,) = js.call("ListLineageEvents", **place)["items"]
        assert item["eventTime"] == moment  # it knows no microseconds
        assert isinstance(item["createdAt"], datetime)
        node = js.call("GetLineageNode", **place, identifier=f"ns.job/{RUN}")
        (up,) = node["upstreamNodes"]
        # What it was given, it gives back without the microseconds, and finds the same version.
        given = {"identifier": up["id"], "eventTimestamp": up["eventTimestamp"]}
        assert js.call("GetLineageNode", **place, **given)["name"] == "in"
        history = js.call("ListLineageNodeHistory", **place, identifier="ns/out")
        assert [each["eventTimestamp"] for each in history["nodes"]] == [moment]
        match = [
            {"entityPattern": {"entityType": "LINEAGE_NODE", "identifier": "ns/out"}},
            {"relationPattern": {"relationType": "LINEAGE", "relationDirection": "IN"}},
        ]
        found = js.call("QueryGraph", **place, match=match)["items"]
        assert found[0]["lineageNode"]["eventTimestamp"] == moment
        assert js.call("GetDomain", identifier=dz.domain)["status"] == "AVAILABLE"
        for operation, given, name, status in (
            ("GetLineageNode", {"identifier": "x"}, "ResourceNotFoundException", 404),
            ("GetLineageEvent", {"identifier": "short"}, "ValidationException", 400),
            ("ListProjects", {}, "UnknownOperationException", 501),
        ):
            with pytest.raises(JsError) as raised:
                js.call(operation, **place, **given)
            assert (raised.value.name, raised.value.status) == (name, status)
            assert raised.value.attempts == 1
        js.call("PostLineageEvent", **place, event=EV, clientToken="t")
        with pytest.raises(JsError, match="ConflictException"):
            js.call("PostLineageEvent", **place, event=event(kind="FAIL"), clientToken="t")


def test_the_sample_of_aws_that_copies_all_events(dz: Dz, tmp_path: Path) -> None:
    """As its script does: list with a paginator, then get each event."""
    bodies = {dz.post(event(run=f"{RUN[:-2]}{number:02d}")) for number in range(60)}
    for page in dz.client.get_paginator("list_lineage_events").paginate(
        domainIdentifier=dz.domain, sortOrder="ASCENDING"
    ):
        for item in page["items"]:
            said = dz.client.get_lineage_event(domainIdentifier=dz.domain, identifier=item["id"])
            json.loads(said["event"].read())
            bodies.remove(item["id"])
    assert not bodies


def test_the_address_by_environment(hw: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in aws_variables(hw.url).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("datazone", region_name="local")
    assert client.list_domains()["items"][0]["id"] == DOMAIN
