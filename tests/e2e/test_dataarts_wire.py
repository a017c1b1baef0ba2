"""Huawei's wire, byte by byte: what Go, Node, Java and curl send, and who is let in."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e import huawei
from tests.e2e.huawei import CREATE, PROJECT, REGION, SEED, WORKSPACE, Json, Key
from tests.e2e.serving import Server, command, serving
from tests.e2e.wire import Answer, Connection

USER, PASSWORD = "IAMUser", "right horse"
MINUTES = timedelta(minutes=1)


class Desk(NamedTuple):
    server: Server
    key: Key

    def ask(self, method: str, target: str, body: object = None, **more: Any) -> Any:
        return huawei.ask(self.server, self.key, method, target, body, **more)

    def create(self, body: object, **more: Any) -> Any:
        return self.ask("POST", CREATE, body, **more)

    def login(self, password: str, project: Json | None = None, name: str = USER) -> Any:
        user = {"name": name, "password": password, "domain": {"name": "default"}}
        scope = {"scope": {"project": project}} if project else {}
        identity = {"methods": ["password"], "password": {"user": user}}
        return self.server.client.post(
            "/v3/auth/tokens", json={"auth": {"identity": identity, **scope}}
        )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("wire")
    with serving(folder) as server:
        key = huawei.prepared(server)
        give_password(server, PASSWORD)
        server.client.headers["x-headwater"] = "test"
        yield Desk(server, key)


def give_password(server: Server, password: str, *options: str) -> None:
    words = ("users", "create", USER, "--database", str(server.database), *options)
    done = command(server.folder, *words, given=password.encode() + b"\n")
    assert done.code == 0, done


def failed(answer: Any, status: int, code: str, *words: str) -> None:
    """Every error has two texts, a request id, and never leads elsewhere."""
    said = answer.json()
    assert (answer.status_code, said["error_code"]) == (status, code), answer.text
    assert isinstance(said["error_msg"], str)
    assert answer.headers["x-request-id"] == said["request_id"]
    for word in words:
        assert word in said["error_msg"]


# The shapes of the other SDKs.


def send(server: Server, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
    with Connection(server.port) as wire:
        lines = [f"{name}: {value}" for name, value in headers.items() if name != "Host"]
        return wire.request(method, target, body, *lines)


SHAPES: dict[str, tuple[dict[str, str], tuple[str, ...], Callable[[Json], bytes]]] = {
    "python": (
        {"User-Agent": "huaweicloud-usdk-python/3.0; app/x", "Accept": "*/*"},
        ("content-type", "host", "user-agent", "workspace", "x-project-id", "x-sdk-date"),
        lambda said: json.dumps(said).encode(),
    ),
    "node": (
        {},
        ("content-type", "host", "workspace", "x-project-id", "x-sdk-date"),
        lambda said: json.dumps(
            {**said, "cluster_id": None}, ensure_ascii=False, separators=(",", ":")
        ).encode(),
    ),
    "go": (
        {"User-Agent": "huaweicloud-usdk-go/3.0"},
        ("user-agent", "workspace", "x-project-id", "x-sdk-date"),
        lambda said: json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n",
    ),
    "java": (
        {"User-Agent": "huaweicloud-usdk-java/3.0"},
        ("host", "user-agent", "workspace", "x-project-id", "x-sdk-date"),
        lambda said: json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_requests_as_each_sdk_sends_them(desk: Desk, shape: str) -> None:
    """[2, 3]"""
    more, signed, write = SHAPES[shape]
    body = write({**SEED, "node_name": f"{shape} 表 é"})
    headers = {
        "Host": "hw",
        "Content-Type": "application/json",
        "X-Project-Id": PROJECT,
        "workspace": WORKSPACE,
        "X-Sdk-Date": huawei.stamp(),
        **more,
    }
    given = huawei.sign(desk.key, "POST", CREATE, body, headers, signed, headers["X-Sdk-Date"])
    answer = send(desk.server, "POST", CREATE, body, given)
    assert answer.status == 200, answer.body
    (item,) = answer.json()
    assert item["name"] == f"{shape} 表 é"
    node = item["qualified_name"][7:43]
    path = f"/v3/{PROJECT}/entities/{node}/lineage?depth=1&direction=IN"
    headers |= {"X-Sdk-Date": huawei.stamp()}
    given = huawei.sign(desk.key, "GET", path, b"", headers, signed, headers["X-Sdk-Date"])
    found = send(desk.server, "GET", path, b"", given)
    assert (found.status, found.json()["base_entity_guid"]) == (200, node)
    assert null_free(found.json())


def null_free(value: object) -> bool:
    """Java breaks on a null."""
    if isinstance(value, dict):
        return all(map(null_free, value.values()))
    if isinstance(value, list):
        return all(map(null_free, value))
    return value is not None


def test_the_two_ways_through_the_server_give_one_answer(desk: Desk) -> None:
    """What arrives whole is served at once; what waits behind another one takes the longer way."""
    said, lacking = (huawei.request("ways", tables, ["ways_b"]) for tables in (["ways_a"], []))
    wrong, unknown = desk.key._replace(secret="no"), desk.key._replace(id="no")
    for words, key, status in (
        (said, desk.key, 200),
        (lacking, desk.key, 400),
        (said, wrong, 401),
        (said, unknown, 401),
    ):
        body = json.dumps(words).encode()
        given = huawei.sign(key, "POST", CREATE, body, {"workspace": WORKSPACE})
        lines = [f"POST {CREATE} HTTP/1.1", "Host: hw", f"Content-Length: {len(body)}"]
        lines += (f"{name}: {value}" for name, value in given.items())
        raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        with Connection(desk.server.port) as wire:
            wire.send(raw, raw)
            answers = [wire.answer(), wire.answer()]
        assert [each.status for each in answers] == [status, status]
        told = [each.json() for each in answers]
        if status != 200:
            assert len({each.pop("request_id") for each in told}) == 2
        assert told[0] == told[1]


# Tokens.


def test_a_token_by_password(desk: Desk) -> None:
    """[5]"""
    answer = desk.login(PASSWORD, {"id": PROJECT})
    assert answer.status_code == 201
    said = answer.json()["token"]
    ends = datetime.fromisoformat(said["expires_at"])
    assert timedelta(hours=23) < ends - datetime.now(UTC) <= timedelta(hours=24)
    assert (said["user"]["name"], said["project"]["id"]) == (USER, PROJECT)
    token = answer.headers["x-subject-token"]
    headers = {"X-Auth-Token": token, "workspace": WORKSPACE}
    assert desk.server.client.post(CREATE, json=SEED, headers=headers).status_code == 200
    shown = desk.server.client.get(
        "/v3/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token}
    )
    assert shown.json()["token"]["project"]["name"] == REGION
    # The signature beside it does not matter.
    both = huawei.sign(desk.key._replace(secret="no"), "POST", CREATE, b"", headers)
    assert desk.server.client.post(CREATE, json=SEED, headers=both).status_code == 200


def test_a_token_by_key(desk: Desk) -> None:
    """[6]"""
    identity = {
        "methods": ["hw_ak_sk"],
        "hw_ak_sk": {"access": {"key": desk.key.id}, "secret": {"key": desk.key.secret}},
    }
    asked = {"auth": {"identity": identity, "scope": {"project": {"name": REGION}}}}
    answer = desk.server.client.post("/v3/auth/tokens?nocatalog=true", json=asked)
    assert answer.status_code == 201
    headers = {"X-Auth-Token": answer.headers["x-subject-token"], "workspace": WORKSPACE}
    assert desk.server.client.post(CREATE, json=SEED, headers=headers).status_code == 200


def test_a_wrong_password(desk: Desk) -> None:
    """[7]"""
    for answer in (desk.login("wrong"), desk.login(PASSWORD, name="nobody")):
        assert answer.status_code == 401
        assert "x-subject-token" not in answer.headers
        message = "The username or password is wrong."
        said = {"code": 401, "message": message, "title": "Unauthorized"}
        assert answer.json() == {"error": said}


def test_a_login_that_is_no_login(desk: Desk) -> None:
    for body in (b"", b"[]", b'{"auth":{}}', b'{"auth":{"identity":{"methods":["otp"]}}}'):
        answer = desk.server.client.post("/v3/auth/tokens", content=body)
        assert (answer.status_code, answer.json()["error"]["title"]) == (400, "Bad Request")
        assert "The request body is invalid" in answer.json()["error"]["message"]
    assert desk.login(PASSWORD, {"id": "another"}).status_code == 403


def test_guesses_are_bounded_by_where_they_come_from(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        key = huawei.prepared(server)
        give_password(server, PASSWORD)
        desk = Desk(server, key)
        said = [desk.login("wrong").status_code for _ in range(12)]
        assert said == [401] * 10 + [429] * 2
        assert int(desk.login(PASSWORD).headers["retry-after"]) > 0
        # Keys go on: nobody is locked out by what a stranger does.
        assert desk.create(SEED).status_code == 200


def test_tokens_survive_a_restart_and_fall_with_the_password(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        key = huawei.prepared(server)
        give_password(server, PASSWORD)
        token = Desk(server, key).login(PASSWORD).headers["x-subject-token"]
    with serving(tmp_path) as server:
        headers = {"X-Auth-Token": token, "workspace": WORKSPACE}
        assert server.client.post(CREATE, json=SEED, headers=headers).status_code == 200
        give_password(server, "another", "--replace")
        answer = server.client.post(CREATE, json=SEED, headers=headers)
        failed(answer, 401, "APIGW.0301", "decrypt token fail")
        fresh = Desk(server, key).login("another").headers["x-subject-token"]
        headers["X-Auth-Token"] = fresh
        assert server.client.post(CREATE, json=SEED, headers=headers).status_code == 200
        server.command("users", "remove", USER)
        assert server.client.post(CREATE, json=SEED, headers=headers).status_code == 401


def test_a_token_falls_with_its_key(desk: Desk) -> None:
    key = huawei.make_key(desk.server)
    pair = {"access": {"key": key.id}, "secret": {"key": key.secret}}
    asked = {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": pair}}}
    token = desk.server.client.post("/v3/auth/tokens", json=asked).headers["x-subject-token"]
    headers = {"X-Auth-Token": token, "workspace": WORKSPACE}
    assert desk.server.client.post(CREATE, json=SEED, headers=headers).status_code == 200
    desk.server.command("keys", "revoke", key.id)
    assert desk.server.client.post(CREATE, json=SEED, headers=headers).status_code == 401


def test_tokens_that_do_not_hold(desk: Desk) -> None:
    """[14]"""
    token = desk.login(PASSWORD).headers["x-subject-token"]
    chance = random.Random(1)
    for _ in range(50):
        at = chance.randrange(5, len(token) - 2)
        other = token[:at] + chance.choice("abcXYZ09") + token[at + 1 :]
        if other != token:
            headers = {"X-Auth-Token": other, "workspace": WORKSPACE}
            answer = desk.server.client.post(CREATE, json=SEED, headers=headers)
            failed(answer, 401, "APIGW.0301")


# Signatures.


def test_nobody_without_a_credential(desk: Desk) -> None:
    """[8]"""
    answer = desk.server.client.post(CREATE, json=SEED, headers={"workspace": WORKSPACE})
    failed(answer, 401, "APIGW.0301")


def test_what_was_signed_may_not_be_changed(desk: Desk) -> None:
    """[11]"""
    body = json.dumps(SEED).encode()
    headers = huawei.sign(desk.key, "POST", CREATE, body, {"workspace": WORKSPACE})
    client = desk.server.client
    for target, sent, more in (
        (CREATE, body.replace(b"col1", b"col2"), {}),
        (CREATE, body, {"workspace": "another"}),
        (f"{CREATE}?a=b", body, {}),
    ):
        failed(client.post(target, content=sent, headers=headers | more), 401, "APIGW.0301")
    assert client.post(CREATE, content=body, headers=headers).status_code == 200


def test_old_dates(desk: Desk) -> None:
    """[12]"""
    body = json.dumps(SEED).encode()
    for offset, status in ((-20, 401), (20, 401), (-14, 200), (14, 200)):
        date = huawei.stamp(offset * MINUTES)
        headers = huawei.sign(desk.key, "POST", CREATE, body, {"workspace": WORKSPACE}, None, date)
        assert desk.server.client.post(CREATE, content=body, headers=headers).status_code == status


def test_the_same_signature_twice(desk: Desk) -> None:
    """[13]"""
    body = json.dumps(SEED).encode()
    headers = huawei.sign(desk.key, "POST", CREATE, body, {"workspace": WORKSPACE})
    answers = [desk.server.client.post(CREATE, content=body, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_a_foreign_project(desk: Desk) -> None:
    """[16]"""
    desk.server.command("domains", "create", "other")
    desk.server.command("projects", "add", "theirs", "--domain", "other")
    key = huawei.make_key(desk.server, "--domain", "other")
    before = count(desk.server)
    for one, path in (
        (desk.key, CREATE.replace(PROJECT, "theirs")),
        (key, CREATE),
        (desk.key, CREATE.replace(PROJECT, "nobodys")),
    ):
        answer = huawei.ask(desk.server, one, "POST", path, SEED)
        failed(answer, 403, "APIGW.0302")
    scoped = desk.login(PASSWORD, {"id": PROJECT}).headers["x-subject-token"]
    desk.server.command("projects", "add", "second")
    answer = desk.server.client.post(
        CREATE.replace(PROJECT, "second"), json=SEED, headers={"X-Auth-Token": scoped}
    )
    failed(answer, 403, "APIGW.0302")
    assert count(desk.server) == before
    failed(desk.create(SEED, **{"X-Project-Id": "second"}), 400, "DLG.9400", "X-Project-Id")


def count(server: Server) -> int:
    done = command(server.folder, "events", "--format", "json", "--database", str(server.database))
    assert done.code == 0, done
    return done.out.count('"position"')


def test_scopes(desk: Desk) -> None:
    writer, reader = (huawei.make_key(desk.server, "--scope", scope) for scope in ("write", "read"))
    assert huawei.ask(desk.server, writer, "POST", CREATE, SEED).status_code == 200
    failed(huawei.ask(desk.server, reader, "POST", CREATE, SEED), 403, "DLG.9403")
    path = f"/v1/{PROJECT}/datamap/lineage/bulk"
    assert huawei.ask(desk.server, reader, "GET", path).status_code == 200
    failed(huawei.ask(desk.server, writer, "GET", path), 403, "DLG.9403")


# Paths.


def test_paths_that_are_not_served(desk: Desk) -> None:
    """[39, 40]"""
    assert desk.ask("POST", CREATE + "/", SEED).status_code == 200
    failed(desk.ask("GET", CREATE), 405, "APIGW.0101")
    failed(desk.ask("GET", f"/v1/{PROJECT}/nothing"), 404, "APIGW.0101")
    failed(desk.ask("POST", f"/v3/{PROJECT}/lineage/unknown", {}), 404, "APIGW.0101")
    lost = CREATE.replace(PROJECT, "%7Bproject_id%7D")
    failed(desk.ask("POST", lost, SEED), 400, "DLG.9400", "project_id")


def test_a_body_that_is_too_large(desk: Desk) -> None:
    """[42]"""
    body = json.dumps(SEED | {"note": "x" * (12 << 20)}).encode()
    given = huawei.sign(desk.key, "POST", CREATE, body, {"workspace": WORKSPACE})
    lines = [f"{name}: {value}" for name, value in given.items()]
    with Connection(desk.server.port) as wire:
        answer = wire.post(CREATE, body, *lines)
        assert (answer.status, answer.json()["error_code"]) == (413, "APIGW.0201")
        small = json.dumps(SEED).encode()
        given = huawei.sign(desk.key, "POST", CREATE, small, {"workspace": WORKSPACE})
        again = wire.post(CREATE, small, *(f"{name}: {value}" for name, value in given.items()))
        assert again.status == 200


def test_the_rate_of_a_key(tmp_path: Path) -> None:
    """[47]"""
    with serving(tmp_path, rate=5) as server:
        key = huawei.prepared(server)
        desk = Desk(server, key)
        answers = [desk.create(huawei.request(f"r{n}", ["a"], ["b"])) for n in range(20)]
        refused = [each for each in answers if each.status_code == 429]
        taken = [each for each in answers if each.status_code == 200]
        assert refused
        for answer in refused:
            failed(answer, 429, "APIGW.0308")
            assert int(answer.headers["retry-after"]) >= 1
        assert len(refused) + len(taken) == 20
        assert count(server) == len(taken)


def test_an_open_server_takes_everyone(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        headers = {"workspace": WORKSPACE}
        assert server.client.post(CREATE, json=SEED, headers=headers).status_code == 200
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": "any", "password": "any"}},
        }
        answer = server.client.post("/v3/auth/tokens", json={"auth": {"identity": identity}})
        assert answer.status_code == 201
        headers["X-Auth-Token"] = answer.headers["x-subject-token"]
        assert server.client.post(CREATE, json=SEED, headers=headers).status_code == 200
        server.command("keys", "create")
        server.command("projects", "add", PROJECT)
        assert server.client.post(CREATE, json=SEED, headers=headers).status_code == 401


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """[46]"""
    server = Server(tmp_path)
    key = huawei.prepared(server)
    names: list[str] = []

    def create(number: int) -> None:
        answer = Desk(server, key).create(huawei.request(f"k{number}", ["a"], [f"b{number}"]))
        assert answer.status_code == 200
        names.append(answer.json()[0]["qualified_name"])

    threads = [threading.Thread(target=create, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    server.kill()
    assert len(set(names)) == 50
    with serving(tmp_path) as again:
        found = Desk(again, key).ask("GET", f"/v1/{PROJECT}/datamap/lineage/bulk").json()
        assert {each["node_qualified_name"] for each in found["data"]} == set(names)
    verified = command(tmp_path, "verify", "--database", str(tmp_path / "hw.db"))
    assert verified.code == 0, verified
