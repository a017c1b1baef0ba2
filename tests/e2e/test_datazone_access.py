"""Signatures, sessions, scopes and rates, against a server that has keys."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore import UNSIGNED, auth
from botocore.exceptions import ClientError

from headwater.dialects.datazone.names import domain_name
from tests.e2e.aws import DOMAIN, Key, boto, code_of, event, javascript, make_key
from tests.e2e.serving import Server, serving

EV = event()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("closed")) as server:
        server.command("domains", "create", "other")
        yield server


@pytest.fixture(scope="module")
def key(closed: Server) -> Key:
    return make_key(closed)


def stored(closed: Server, key: Key) -> int:
    listed = boto(closed.url, key).get_paginator("list_lineage_events")
    return sum(len(page["items"]) for page in listed.paginate(domainIdentifier=DOMAIN))


def refused(closed: Server, key: Key, client: Any, code: str, status: int = 403) -> None:
    before = stored(closed, key)
    with pytest.raises(ClientError) as raised:
        client.post_lineage_event(domainIdentifier=DOMAIN, event=EV)
    said = raised.value.response["ResponseMetadata"]
    assert (code_of(raised.value), said["HTTPStatusCode"]) == (code, status)
    assert said["RetryAttempts"] == 0
    assert stored(closed, key) == before


def test_a_key_signs(closed: Server, key: Key) -> None:
    client = boto(closed.url, key)
    identity = client.post_lineage_event(domainIdentifier=DOMAIN, event=EV)["id"]
    said = client.get_lineage_event(domainIdentifier=DOMAIN, identifier=identity)
    assert said["event"].read() == EV
    assert client.get_lineage_node(domainIdentifier=DOMAIN, identifier="ns/out")["id"]
    relation = {"relationType": "LINEAGE", "relationDirection": "IN"}
    match = [
        {"entityPattern": {"entityType": "LINEAGE_NODE", "identifier": "ns/out"}},
        {"relationPattern": relation},
    ]
    assert client.query_graph(domainIdentifier=DOMAIN, match=match)["items"]
    assert client.delete_lineage_event(domainIdentifier=DOMAIN, identifier=identity)["id"]


def test_37_a_wrong_secret(closed: Server, key: Key) -> None:
    client = boto(closed.url, Key(key.id, "wrong"))
    refused(closed, key, client, "InvalidSignatureException")


def test_37_an_unknown_key(closed: Server, key: Key) -> None:
    client = boto(closed.url, Key("AKIDEXAMPLE", key.secret))
    refused(closed, key, client, "UnrecognizedClientException")


def test_37_no_signature(closed: Server, key: Key) -> None:
    client = boto(closed.url, signature_version=UNSIGNED)
    refused(closed, key, client, "MissingAuthenticationTokenException")


@pytest.mark.parametrize("minutes", [20, -20])
def test_37_a_clock_that_is_off(closed: Server, key: Key, minutes: int) -> None:
    moved = datetime.now(UTC) + timedelta(minutes=minutes)
    before = stored(closed, key)
    client = boto(closed.url, key)
    with (
        patch.object(auth, "get_current_datetime", lambda *_: moved.replace(tzinfo=None)),
        pytest.raises(ClientError, match="InvalidSignatureException"),
    ):
        client.post_lineage_event(domainIdentifier=DOMAIN, event=EV)
    assert stored(closed, key) == before


@pytest.mark.parametrize("change", ["body", "path", "token", "header"])
def test_37_what_is_changed_on_the_way(closed: Server, key: Key, change: str) -> None:
    """What boto3 has signed is changed just before it leaves."""
    client = boto(closed.url, key)

    def alter(request: Any, **_: Any) -> None:
        if change == "body":
            request.body = request.body.replace(b"COMPLETE", b"ABORTED!")
        elif change == "path":
            request.url = request.url.replace(DOMAIN, domain_name("other"))
        elif change == "token":
            request.headers["Client-Token"] = "another"
        else:
            request.headers["X-Amz-Content-SHA256"] = "0" * 64

    client.meta.events.register_last("before-send.datazone", alter)
    refused(closed, key, client, "InvalidSignatureException")


def test_38_sessions(closed: Server, key: Key) -> None:
    out = closed.command("keys", "session", key.id, "--minutes", "5", "--format", "json")
    said = json.loads(out)
    session = Key(said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"])
    assert said["Version"] == 1  # what `credential_process` of the AWS configuration reads
    boto(closed.url, session).post_lineage_event(domainIdentifier=DOMAIN, event=EV)
    assert session.token is not None
    wrong = session.token[:-1] + ("0" if session.token[-1] != "0" else "1")
    for token in (wrong, "anything"):
        client = boto(closed.url, session._replace(token=token))
        refused(closed, key, client, "UnrecognizedClientException")
    client = boto(closed.url, session._replace(secret=key.secret))
    refused(closed, key, client, "InvalidSignatureException")
    client = boto(closed.url, session._replace(token=None))
    refused(closed, key, client, "InvalidSignatureException")


def test_38_a_session_that_has_ended(closed: Server, key: Key) -> None:
    out = closed.command("keys", "session", key.id, "--minutes", "0", "--format", "json")
    said = json.loads(out)
    session = Key(said["AccessKeyId"], said["SecretAccessKey"], said["SessionToken"])
    ended = threading.Event()
    ended.wait(1.1)  # whole seconds
    refused(closed, key, boto(closed.url, session), "ExpiredTokenException")


def test_38_a_revoked_key_ends_its_sessions(closed: Server, key: Key) -> None:
    mine = make_key(closed)
    said = json.loads(closed.command("keys", "session", mine.id, "--format", "json"))
    session = Key(mine.id, said["SecretAccessKey"], said["SessionToken"])
    boto(closed.url, session).list_lineage_events(domainIdentifier=DOMAIN)
    closed.command("keys", "revoke", mine.id)
    refused(closed, key, boto(closed.url, session), "UnrecognizedClientException")


def test_39_javascript_corrects_its_clock(closed: Server, key: Key, tmp_path: Path) -> None:
    with javascript(closed.url, tmp_path, key, skew=20 * 60_000) as js:
        said = js.call("PostLineageEvent", domainIdentifier=DOMAIN, event=EV)
        assert said["$metadata"]["attempts"] == 2
        again = js.call("PostLineageEvent", domainIdentifier=DOMAIN, event=EV)
        assert again["$metadata"]["attempts"] == 1


def test_40_a_rate_that_is_exceeded(tmp_path: Path) -> None:
    with serving(tmp_path, rate=1) as server:
        mine = make_key(server)
        client = boto(server.url, mine, retries={"mode": "standard", "total_max_attempts": 1})

        def hurry() -> None:
            for _ in range(50):
                client.post_lineage_event(domainIdentifier=DOMAIN, event=EV)

        with pytest.raises(client.exceptions.ThrottlingException) as raised:
            hurry()
        said = raised.value.response["ResponseMetadata"]
        assert said["HTTPStatusCode"] == 429
        assert int(said["HTTPHeaders"]["x-amz-retry-after"]) >= 1_000
        patient = boto(server.url, mine)
        assert patient.post_lineage_event(domainIdentifier=DOMAIN, event=EV)["id"]


def test_a_key_belongs_to_one_domain(closed: Server, key: Key) -> None:
    client = boto(closed.url, key)
    for domain in (domain_name("other"), "dzd_unknown"):
        with pytest.raises(client.exceptions.AccessDeniedException):
            client.post_lineage_event(domainIdentifier=domain, event=EV)
        with pytest.raises(client.exceptions.AccessDeniedException):
            client.get_domain(identifier=domain)
    assert [each["name"] for each in client.list_domains()["items"]] == ["default"]
    admin = boto(closed.url, make_key(closed, "admin"))
    with pytest.raises(client.exceptions.AccessDeniedException):
        admin.create_domain(name="another")


def test_scopes_decide(closed: Server) -> None:
    reader, writer = (boto(closed.url, make_key(closed, scope)) for scope in ("read", "write"))
    identity = writer.post_lineage_event(domainIdentifier=DOMAIN, event=EV)["id"]
    calls: list[Any] = [
        lambda: reader.post_lineage_event(domainIdentifier=DOMAIN, event=EV),
        lambda: reader.delete_lineage_event(domainIdentifier=DOMAIN, identifier=identity),
        lambda: writer.get_lineage_node(domainIdentifier=DOMAIN, identifier="ns/out"),
        lambda: writer.delete_domain(identifier=DOMAIN),
    ]
    for call in calls:
        with pytest.raises(reader.exceptions.ClientError) as raised:
            call()
        assert code_of(raised.value) == "AccessDeniedException"
    assert reader.get_lineage_event(domainIdentifier=DOMAIN, identifier=identity)["event"]


def test_secrets_are_for_admins(closed: Server, key: Key) -> None:
    secret = event(facets={"dataSource": {"name": "db", "uri": "postgres://u:hunter2@h/db"}})
    client = boto(closed.url, key)
    identity = client.post_lineage_event(domainIdentifier=DOMAIN, event=secret)["id"]
    given = {"domainIdentifier": DOMAIN, "identifier": identity}
    assert b"hunter2" not in client.get_lineage_event(**given)["event"].read()
    admin = boto(closed.url, make_key(closed, "admin"))
    assert admin.get_lineage_event(**given)["event"].read() == secret


def test_a_bearer_token_does_too(closed: Server) -> None:
    made = json.loads(closed.command("keys", "create", "--format", "json"))
    path = f"/v2/domains/{DOMAIN}/lineage/events"
    bearer = {"authorization": f"Bearer {made['token']}"}
    assert closed.client.post(path, content=EV, headers=bearer).status_code == 200
    wrong = closed.client.post(path, content=EV, headers={"authorization": "Bearer no"})
    assert wrong.status_code == 401
    assert wrong.headers["x-amzn-errortype"] == "UnauthorizedException"
