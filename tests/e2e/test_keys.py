"""Who may do what: keys and scopes on a real socket, and what the command line changes at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.contract.events import encoded, run_event
from tests.e2e.serving import Server, command, serving, until
from tests.e2e.wire import Answer, Connection

LINEAGE = "/api/v1/lineage"
READ = "/api/v2/stats"
EVENT = encoded(run_event("START", 0))


class Key(NamedTuple):
    id: str
    token: str


def make_key(server: Server, *scopes: str, domain: str = "default") -> Key:
    options = [part for scope in scopes for part in ("--scope", scope)]
    made = json.loads(
        server.command("keys", "create", *options, "--domain", domain, "--format", "json")
    )
    return Key(made["id"], made["token"])


def send(server: Server, path: str, token: str | None = None, body: bytes | None = None) -> Answer:
    """A POST when there is a body, else a GET."""
    headers = () if token is None else (f"Authorization: Bearer {token}",)
    with Connection(server.port) as wire:
        return wire.request("GET" if body is None else "POST", path, body, *headers)


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[tuple[Server, dict[str, Key]]]:
    """A server with one key of each scope."""
    with serving(tmp_path) as server:
        yield server, {scope: make_key(server, scope) for scope in ("write", "read", "admin")}


def test_without_any_key_the_loopback_is_open(hw: Server) -> None:
    assert send(hw, LINEAGE, body=EVENT).status == 200
    assert send(hw, READ).status == 200
    assert send(hw, READ, token="nonsense").status == 200


@pytest.mark.parametrize("token", [None, "", "nonsense", "HWAAAAAAAAAAAAAAAAAA." + "a" * 40])
def test_no_key_and_wrong_keys(closed: tuple[Server, dict[str, Key]], token: str | None) -> None:
    server, keys = closed
    for path, body in ((LINEAGE, EVENT), (LINEAGE + "/batch", b"[]"), (LINEAGE, b"nonsense")):
        answer = send(server, path, token, body)
        assert (answer.status, answer.body) == (401, b'{"error":"Unauthorized"}')
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.segments == 1
    answer = send(server, READ, token)
    assert (answer.status, answer.json()["code"]) == (401, "unauthenticated")
    admin = send(server, READ, keys["admin"].token)
    assert admin.json()["counts"]["events"] == 0


def test_a_wrong_secret_for_a_key_that_is_known(closed: tuple[Server, dict[str, Key]]) -> None:
    server, keys = closed
    identity, _, secret = keys["write"].token.partition(".")
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    for token in (identity, f"{identity}.", f"{identity}.{wrong}", f"{keys['read'].id}.{secret}"):
        assert send(server, LINEAGE, token, EVENT).status == 401
    with Connection(server.port) as wire:
        basic = wire.post(LINEAGE, EVENT, f"Authorization: Basic {keys['write'].token}")
        assert basic.status == 401
        loud = wire.post(LINEAGE, EVENT, f"authorization: BEARER {keys['write'].token}")
        assert loud.status == 200


def test_scopes(closed: tuple[Server, dict[str, Key]]) -> None:
    """A key does what its scope says; admin does everything; nothing refused is stored."""
    server, keys = closed
    refused = send(server, LINEAGE, keys["read"].token, EVENT)
    assert (refused.status, refused.json()["code"]) == (403, "forbidden")
    assert "write" in refused.json()["message"]
    assert send(server, READ, keys["read"].token).json()["counts"]["events"] == 0
    assert send(server, LINEAGE, keys["write"].token, EVENT).status == 200
    answer = send(server, READ, keys["write"].token)
    assert (answer.status, answer.json()["code"]) == (403, "forbidden")
    assert send(server, LINEAGE, keys["admin"].token, EVENT).status == 200
    assert send(server, READ, keys["admin"].token).json()["counts"]["events"] == 1


def test_deleting_needs_admin(closed: tuple[Server, dict[str, Key]]) -> None:
    server, keys = closed
    assert send(server, LINEAGE, keys["write"].token, EVENT).status == 200
    with Connection(server.port) as wire:
        for scope, status in (("write", 403), ("read", 403), ("admin", 200)):
            held = f"Authorization: Bearer {keys[scope].token}"
            assert wire.request("DELETE", "/api/v2/jobs/shop/load", None, held).status == status


def test_health_and_metrics_need_no_key(closed: tuple[Server, dict[str, Key]]) -> None:
    server, _ = closed
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = send(server, path)
        assert answer.status == 200
        assert b"shop" not in answer.body


def test_a_key_made_beside_the_server_closes_it_at_once(hw: Server) -> None:
    with Connection(hw.port) as wire:
        assert wire.post(LINEAGE, EVENT).status == 200
        key = make_key(hw, "write")
        assert wire.post(LINEAGE, EVENT).status == 401
        assert wire.post(LINEAGE, EVENT, f"Authorization: Bearer {key.token}").status == 200


def test_a_key_revoked_beside_the_server_ends_at_once(
    closed: tuple[Server, dict[str, Key]],
) -> None:
    """Also on a connection that is open, for a token that was used a moment ago."""
    server, keys = closed
    held = f"Authorization: Bearer {keys['write'].token}"
    with Connection(server.port) as wire:
        assert wire.post(LINEAGE, EVENT, held).status == 200
        server.command("keys", "revoke", keys["write"].id)
        answer = wire.post(LINEAGE, encoded(run_event("COMPLETE", 1)), held)
        assert (answer.status, answer.body) == (401, b'{"error":"Unauthorized"}')
    assert send(server, READ, keys["read"].token).json()["counts"]["events"] == 1


def test_revoking_every_key_never_opens_the_server(
    closed: tuple[Server, dict[str, Key]],
) -> None:
    server, keys = closed
    for key in keys.values():
        server.command("keys", "revoke", key.id)
    assert send(server, LINEAGE, None, EVENT).status == 401
    server.stop()
    with serving(server.folder) as again:
        assert send(again, LINEAGE, None, EVENT).status == 401


def test_a_key_opens_its_domain_only(closed: tuple[Server, dict[str, Key]]) -> None:
    server, keys = closed
    server.command("domains", "create", "sales")
    sales = make_key(server, "admin", domain="sales")
    assert send(server, LINEAGE, sales.token, EVENT).status == 200
    assert send(server, READ, sales.token).json()["counts"]["events"] == 1
    assert send(server, READ, keys["admin"].token).json()["counts"]["events"] == 0
    for asked in ("default", "nowhere"):
        answer = send(server, f"{READ}?domain={asked}", sales.token)
        assert (answer.status, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "127.0.0.1"])
def test_only_the_loopback_may_stand_open(tmp_path: Path, host: str) -> None:
    database = ("--database", str(tmp_path / "hw.db"))
    if host == "127.0.0.1":
        with serving(tmp_path, "--host", host) as server:
            assert send(server, READ).status == 200
        return
    done = command(tmp_path, "serve", "--host", host, "--port", "0", *database)
    assert done.code == 2
    assert "without a key" in done.err
    assert "--insecure" in done.err


def test_another_address_is_served_with_a_key_or_by_wish(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", "--insecure") as server:
        assert send(server, LINEAGE, None, EVENT).status == 200
        key = make_key(server, "read")
    with serving(tmp_path, "--host", "0.0.0.0") as server:
        assert send(server, READ).status == 401
        assert send(server, READ, key.token).json()["counts"]["events"] == 1


def test_the_rate_limit_is_per_key(tmp_path: Path) -> None:
    with serving(tmp_path, rate=2) as server:
        one, two = make_key(server, "write"), make_key(server, "write")
        held = [f"Authorization: Bearer {key.token}" for key in (one, two)]
        with Connection(server.port) as wire:
            answers = [wire.post(LINEAGE, EVENT, held[0]) for _ in range(12)]
            limited = [answer for answer in answers if answer.status != 200]
            assert 2 <= len(answers) - len(limited) <= 4
            for answer in limited:
                assert (answer.status, answer.json()["code"]) == (429, "rate_limited")
                assert 1 <= int(answer.headers["retry-after"]) <= 4
                assert answer.segments == 1
            assert wire.post(LINEAGE, EVENT, held[1]).status == 200
            until(lambda: wire.post(LINEAGE, EVENT, held[0]).status == 200 or None, "let in again")


def test_the_secret_stands_nowhere(closed: tuple[Server, dict[str, Key]]) -> None:
    server, keys = closed
    secrets = [key.token.partition(".")[2] for key in keys.values()]
    send(server, READ, keys["read"].token)
    server.stop()
    kept = b"".join(path.read_bytes() for path in sorted(server.folder.glob("*")) if path.is_file())
    for secret in secrets:
        assert secret.encode() not in kept
