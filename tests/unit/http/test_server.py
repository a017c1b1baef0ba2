"""The server core over a socket: segments, connections, errors, ids, deadlines, the end."""

import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from headwater.auth.apikeys import create_key, token_of
from headwater.auth.principal import Scope
from headwater.errors import Unavailable
from headwater.http import runner
from headwater.telemetry import Telemetry
from tests.unit.http.serving import Connection, Keys, Serving, serving

THING = "/echo/things/s3%3A%2F%2Fb/a%2Fb"


def segments(connected: socket.socket) -> int:
    """How many segments with data the kernel has received: `tcpi_data_segs_in` of tcp_info."""
    info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    if len(info) < 156:
        pytest.skip("this kernel does not count segments")
    return int.from_bytes(info[152:156], sys.byteorder)


def test_head_and_body_come_in_one_read(connection: Connection) -> None:
    connection.send("POST", "/echo/things", b"{}")
    assert b'"length":2' in connection.socket.recv(1 << 16)


@pytest.mark.skipif(sys.platform != "linux", reason="tcp_info is Linux's")
def test_an_answer_is_one_segment(connection: Connection) -> None:
    for count in range(1, 21):
        connection.ask("POST", "/echo/things", b"{}")
        assert segments(connection.socket) == count


def test_a_connection_serves_many_requests(connection: Connection) -> None:
    for _ in range(3):
        answer = connection.ask("GET", THING)
        assert json.loads(answer.body)["path"] == ["s3://b", "a/b"]
        assert answer.headers["server"] == "headwater"
        assert "date" in answer.headers
        assert "connection" not in answer.headers


def test_requests_may_follow_without_waiting(connection: Connection) -> None:
    one = b"POST /echo/things?n=%d HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    connection.socket.sendall(b"".join(one % n for n in range(20)) + b"GET /echo/no HT")
    for n in range(20):
        assert json.loads(connection.read().body)["query"] == {"n": [str(n)]}
    connection.socket.sendall(b"TP/1.1\r\n\r\n")
    assert connection.read().status == 404


def test_close_is_heard(connection: Connection) -> None:
    answer = connection.ask("GET", THING, b"", "Connection: close")
    assert answer.headers["connection"] == "close"
    assert connection.ended()


def test_http_1_0_ends_with_its_answer(connection: Connection) -> None:
    connection.socket.sendall(b"GET /echo/things/a/b HTTP/1.0\r\n\r\n")
    assert connection.read().status == 200
    assert connection.ended()


def test_the_wish_for_http_2_is_passed_over(connection: Connection) -> None:
    wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    for _ in range(2):
        answer = connection.ask("POST", "/echo/things", b"abc", *wish)
        assert json.loads(answer.body)["length"] == 3
    assert connection.ask("GET", THING, b"", *wish).status == 200
    assert connection.ask("CONNECT", "test:80").status == 400


def test_a_target_may_name_the_host(connection: Connection) -> None:
    assert connection.ask("GET", f"http://test{THING}?a=b").status == 200


def test_head_has_the_head_of_get(connection: Connection) -> None:
    full = connection.ask("GET", THING)
    bare = connection.ask("HEAD", THING)
    assert bare.status == 200
    assert bare.headers["content-length"] == full.headers["content-length"]
    assert connection.ask("GET", THING).body == full.body


@pytest.mark.parametrize("start", [b"rubbish\r\n\r\n", b"\x16\x03\x01\x02\x00"])
def test_what_is_not_http_gets_400(connection: Connection, start: bytes) -> None:
    connection.socket.sendall(start)
    answer = connection.read()
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert json.loads(answer.body)["code"] == "invalid_http"
    assert connection.ended()


def test_a_head_has_a_limit(connection: Connection) -> None:
    connection.socket.sendall(b"GET / HTTP/1.1\r\n" + b"A: %s\r\n" % (b"x" * 1_000) * 100)
    assert connection.read().status == 431
    assert connection.ended()


def test_404_and_405_have_the_shape_of_the_nearest_dialect(connection: Connection) -> None:
    for prefix, dialect in (("/echo", "echo"), ("/other", "other"), ("/none", "other")):
        answer = connection.ask("GET", f"{prefix}/nothing")
        assert (answer.status, json.loads(answer.body)["of"]) == (404, dialect)
    answer = connection.ask("PUT", "/echo/things/a/b")
    assert (answer.status, json.loads(answer.body)["of"]) == (405, "echo")
    assert answer.headers["allow"] == "DELETE, GET, HEAD"


def test_the_unforeseen_is_logged_and_tells_nothing(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        telemetry = Telemetry("error", descriptor=file.fileno())
        with serving(telemetry=telemetry) as server, server.connect() as connection:
            answer = connection.ask("GET", "/echo/fail")
        telemetry.flush()
    assert answer.status == 500
    assert b"secret" not in answer.body
    identity = answer.headers["x-request-id"]
    assert json.loads(answer.body)["request_id"] == identity
    line = json.loads((tmp_path / "log").read_text())
    assert line["id"] == identity
    assert "RuntimeError: secret detail" in line["exception"]


def test_no_header_can_end_its_line(connection: Connection) -> None:
    answer = connection.ask("GET", "/echo/things/a%0D%0ASet-Cookie:%20x/b")
    assert answer.headers["x-path"] == "a  Set-Cookie: x/b"
    assert "set-cookie" not in answer.headers


def test_every_answer_has_an_id(connection: Connection) -> None:
    given = connection.ask("GET", THING, b"", "X-Request-Id: 7f/a-1.B").headers["x-request-id"]
    assert given == "7f/a-1.B"
    made = {connection.ask("GET", THING).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    for odd in ('a"b', "a b", "x" * 129, "é"):
        answer = connection.ask("GET", "/none", b"", f"X-Request-Id: {odd}")
        assert answer.headers["x-request-id"] != odd


def test_each_request_is_counted_and_has_its_line(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        telemetry = Telemetry("info", access=True, descriptor=file.fileno())
        with serving(telemetry=telemetry) as server, server.connect() as connection:
            answer = connection.ask("POST", "/echo/things", b"abc", "X-Request-Id: me")
            connection.ask("GET", "/none/%0A%22?secret=1")
        telemetry.flush()
        text = telemetry.render().decode()
    assert 'headwater_request_seconds_count{operation="echo/things",status="2xx"} 1.0' in text
    assert 'headwater_request_seconds_count{operation="unrouted",status="4xx"} 1.0' in text
    first, second = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert first["bytes"] == len(answer.body)
    assert (first["id"], first["status"], first["client"]) == ("me", 200, "127.0.0.1")
    assert (second["path"], second["status"]) == ("/none/%0A%22", 404)


def test_a_key_is_needed_from_the_first_key_on() -> None:
    keys = Keys()
    writer, secret = create_key("other", {Scope.WRITE}, "", 0)
    bearer = f"Authorization: Bearer {token_of(writer, secret)}"
    with serving(keys) as server, server.connect() as connection:
        assert connection.ask("POST", "/echo/things", b"{}", "Authorization: x").status == 200
        keys.all, keys.version = [writer], 1
        refused = connection.ask("POST", "/echo/things", b"{}")
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        taken = json.loads(connection.ask("POST", "/echo/things", b"{}", bearer).body)
        assert (taken["domain"], taken["key"]) == ("other", writer.id)
        assert connection.ask("GET", THING, b"", bearer).status == 403
        assert connection.ask("POST", "/echo/things", b"{}", bearer + "x").status == 401


def test_an_open_server_serves_the_domain_that_is_asked_for(connection: Connection) -> None:
    found = connection.ask("GET", THING, b"", "X-Headwater-Domain: other")
    assert json.loads(found.body)["domain"] == "other"
    assert json.loads(connection.ask("GET", f"{THING}?domain=other").body)["domain"] == "other"
    assert json.loads(connection.ask("GET", THING).body)["domain"] == "default"
    assert connection.ask("GET", f"{THING}?domain=none").status == 404


def test_a_key_has_its_rate() -> None:
    key, secret = create_key("default", {Scope.READ}, "", 0)
    bearer = f"Authorization: Bearer {token_of(key, secret)}"
    with serving(Keys([key]), rate=0.01) as server, server.connect() as connection:
        assert connection.ask("GET", THING, b"", bearer).status == 200
        answer = connection.ask("GET", THING, b"", bearer)
        assert answer.status == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 101


@pytest.mark.parametrize(
    ("setting", "start"),
    [
        ("head_timeout", b"POST /echo/things HTTP/1.1\r\nHost: "),
        ("body_timeout", b"POST /echo/things HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"),
    ],
)
def test_a_request_that_stands_still_is_ended(setting: str, start: bytes) -> None:
    limits: dict[str, Any] = {setting: 0.1}
    with serving(**limits) as server, server.connect() as connection:
        connection.socket.sendall(start)
        answer = connection.read()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert connection.ended()


def test_a_body_that_trickles_is_ended() -> None:
    with serving(body_timeout=0.5) as server, server.connect() as connection:
        connection.socket.sendall(b"POST /echo/things HTTP/1.1\r\nContent-Length: 900\r\n\r\n")
        connection.socket.settimeout(0.1)
        answered = b""
        for _ in range(100):
            try:
                answered = connection.socket.recv(1_000)
                break
            except TimeoutError:
                connection.socket.sendall(b"x")
        assert answered.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("start", [b"", b"GET /echo/things/a/b HTTP/1.1\r\n\r\n"])
def test_an_idle_connection_is_closed(start: bytes) -> None:
    with (
        serving(head_timeout=0.1, keep_alive=0.1) as server,
        server.connect() as connection,
    ):
        if start:
            connection.socket.sendall(start)
            assert connection.read().status == 200
        assert connection.socket.recv(1 << 16)[:13] in {b"", b"HTTP/1.1 408 "}


def test_too_many_connections_are_told_to_come_again() -> None:
    with serving(connections=1) as server, server.connect() as first:
        assert first.ask("GET", THING).status == 200
        with server.connect() as second:
            answer = second.read()
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
            assert second.ended()
        assert first.ask("GET", THING).status == 200


def stop_during(server: Serving, connection: Connection) -> threading.Thread:
    """Stops the server while it works on a request of this connection."""
    connection.send("POST", "/echo/wait", b"abc")
    assert server.echo.entered.wait(20)
    server.stop()
    ending = threading.Thread(target=server.join)
    ending.start()
    return ending


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


def test_a_stop_lets_what_was_received_end() -> None:
    with serving() as server, server.connect() as connection, server.connect() as idle:
        assert idle.ask("GET", THING).status == 200
        ending = stop_during(server, connection)
        assert idle.ended()
        until = time.monotonic() + 20
        while not refuses(server.port):
            assert time.monotonic() < until
        server.echo.release()
        answer = connection.read()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert json.loads(answer.body) == {"length": 3}
        ending.join(20)


def test_a_stop_has_an_end_itself() -> None:
    with serving(drain_timeout=0.1) as server, server.connect() as connection:
        ending = stop_during(server, connection)
        ending.join(20)
        assert not ending.is_alive()


def test_an_address_in_use_is_named() -> None:
    with runner.listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with (
            pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}"),
            runner.listening("127.0.0.1", port),
        ):
            pass


def test_answers_leave_without_delay(connection: Connection) -> None:
    """TCP_NODELAY: a second small answer does not wait for the client to confirm the first."""
    one = b"GET /echo/things/a/b HTTP/1.1\r\n\r\n"
    took = []
    for _ in range(20):
        began = time.perf_counter()
        connection.socket.sendall(one)
        connection.socket.sendall(one)
        connection.read()
        connection.read()
        took.append(time.perf_counter() - began)
    assert min(took) < 0.04
