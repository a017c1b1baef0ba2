"""The client against a tiny server that does as it is told."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from headwater import errors
from headwater.cli.client import ATTEMPTS, Client
from headwater.cli.loading import Report, ServerSink, carry
from headwater.cli.sources import Item, Refusal

pytestmark = pytest.mark.anyio


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int
    body: object = None
    headers: Mapping[str, str] = MappingProxyType({})


Script = Callable[[Seen], Answer]


class Tiny:
    """A server whose answers a test decides; it keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.script: Script = lambda _: Answer(200, {})
        tiny = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, self.rfile.read(length))
                tiny.seen.append(seen)
                answer = tiny.script(seen)
                body = b"" if answer.body is None else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _do  # noqa: N815 # names that http.server looks for

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def tiny() -> Iterator[Tiny]:
    server = Tiny()
    yield server
    server.close()


class Slept:
    """Waits for no time, and remembers for how long."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def good_batch(seen: Seen) -> Answer:
    count = len(json.loads(seen.body))
    summary = {"received": count, "successful": count, "failed": 0, "repeated": 1}
    return Answer(200, {"status": "success", "summary": summary, "failed_events": []})


async def test_asks_with_key_and_domain(tiny: Tiny) -> None:
    tiny.script = lambda _: Answer(200, {"x": 1})
    async with Client(tiny.url.removeprefix("http://") + "/", "id.secret", "sales") as client:
        assert json.loads(await client.get("/api/v2/search", {"q": "a b&c"})) == {"x": 1}
    [seen] = tiny.seen
    assert seen.path == "/api/v2/search?q=a+b%26c"
    assert seen.headers["authorization"] == "Bearer id.secret"
    assert seen.headers["x-headwater-domain"] == "sales"


async def test_an_encoded_path_stays_as_it_is(tiny: Tiny) -> None:
    async with Client(tiny.url) as client:
        await client.get("/api/v2/runs/a%2Fb%3A%25", {})
    assert tiny.seen[0].path == "/api/v2/runs/a%2Fb%3A%25"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_waits_as_long_as_it_is_asked_to(tiny: Tiny, status: int) -> None:
    answers = iter([Answer(status, {}, {"Retry-After": "7"}), Answer(status), Answer(200, {})])
    tiny.script = lambda _: next(answers)
    slept = Slept()
    async with Client(tiny.url, sleep=slept) as client:
        await client.post(b"{}")
    assert slept.seconds == [7.0, 0.5]
    assert [seen.body for seen in tiny.seen] == [b"{}"] * 3


async def test_gives_up_in_the_end(tiny: Tiny) -> None:
    tiny.script = lambda _: Answer(503, {"message": "the queue is full"})
    async with Client(tiny.url, sleep=Slept()) as client:
        with pytest.raises(errors.Unavailable, match=r"the queue is full \(after 8 attempts\)"):
            await client.post(b"{}")
    assert len(tiny.seen) == ATTEMPTS


async def test_a_server_that_was_never_there_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    slept = Slept()
    async with Client(url, sleep=slept) as client:
        with pytest.raises(errors.Unavailable, match=f"no server answers at {url}"):
            await client.get("/", {})
    assert slept.seconds == []


async def test_a_server_that_goes_away_is_waited_for(tiny: Tiny) -> None:
    tiny.script = lambda _: Answer(200, {}, {"Connection": "close"})
    slept = Slept()
    async with Client(tiny.url, sleep=slept) as client:
        await client.post(b"{}")
        tiny.close()
        with pytest.raises(errors.Unavailable, match="no server answers"):
            await client.post(b"{}")
    assert len(slept.seconds) == ATTEMPTS - 1


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (Answer(400, {"message": "depth: too deep"}), errors.InvalidRequest, "depth: too deep"),
        (Answer(401, {"error": "Unauthorized"}), errors.Unauthenticated, "needs a key: --key"),
        (Answer(403, {"message": "lacks read"}), errors.Forbidden, "lacks read"),
        (Answer(404, {"message": "nothing"}), errors.NotFound, "nothing"),
        (Answer(404), errors.NotFound, "404 Not Found"),
        (Answer(500, {"status": 500}), errors.HeadwaterError, "500 Internal Server Error"),
        (Answer(301, None, {"Location": "https://x/"}), errors.InvalidParameter, "https://x/"),
        (Answer(404, ["no", "object"]), errors.NotFound, "404 Not Found"),
    ],
)
async def test_answers_become_errors(
    tiny: Tiny, answer: Answer, kind: type[Exception], message: str
) -> None:
    tiny.script = lambda _: answer
    async with Client(tiny.url) as client:
        with pytest.raises(kind, match=message):
            await client.get("/", {})


@pytest.mark.parametrize("server", ["ftp://x", "http://", "://"])
def test_what_is_no_address_is_told(server: str) -> None:
    with pytest.raises(errors.InvalidParameter, match="not an http"):
        Client(server)


async def test_masked_bytes_are_known_as_such(tiny: Tiny) -> None:
    tiny.script = lambda _: Answer(200, {}, {"X-Headwater-Masked": "true"})
    async with Client(tiny.url) as client:
        assert await client.get_stored("/x") == (b"{}", True)


async def load(tiny: Tiny, bodies: list[bytes]) -> tuple[Report, list[Refusal]]:
    report, refused = Report(), list[Refusal]()
    items = [Item("f", line, body) for line, body in enumerate(bodies, 1)]
    async with Client(tiny.url, sleep=Slept()) as client:
        await carry(items, ServerSink(client), report, refused.append, lambda: None)
    return report, refused


async def test_a_batch_keeps_the_bytes_of_its_events(tiny: Tiny) -> None:
    tiny.script = good_batch
    report, refused = await load(tiny, [b'{ "a":1}', b'{"b":  2 }'])
    assert tiny.seen[0].path == "/api/v1/lineage/batch"
    assert tiny.seen[0].body == b'[{ "a":1},{"b":  2 }]'
    assert (report.accepted, report.repeated, refused) == (1, 1, [])


async def test_refusals_of_a_batch_have_their_lines(tiny: Tiny) -> None:
    failed = {"index": 1, "reason": "/job: is missing", "retriable": False}
    answer = {"summary": {"received": 3, "successful": 2, "failed": 1}, "failed_events": [failed]}
    tiny.script = lambda _: Answer(200, answer)
    report, refused = await load(tiny, [b"{}"] * 3)
    assert refused == [Refusal("f", 2, "/job: is missing")]
    assert (report.accepted, report.refused) == (2, 1)


async def test_what_may_be_taken_later_is_sent_again(tiny: Tiny) -> None:
    def script(seen: Seen) -> Answer:
        if len(tiny.seen) > 1:
            return Answer(200, {"summary": {"received": 1, "successful": 1}})
        failed = {"index": 1, "reason": "queue", "retriable": True}
        return Answer(200, {"summary": {"received": 2}, "failed_events": [failed]})

    tiny.script = script
    report, refused = await load(tiny, [b'{"a":1}', b'{"b":2}'])
    assert [seen.body for seen in tiny.seen] == [b'[{"a":1},{"b":2}]', b'[{"b":2}]']
    assert (report.accepted, refused) == (2, [])


async def test_what_is_no_json_goes_alone_and_harms_no_other(tiny: Tiny) -> None:
    def script(seen: Seen) -> Answer:
        if seen.path.endswith("batch"):
            return good_batch(seen)
        return Answer(200, {}) if b"NaN" in seen.body else Answer(400, {"message": "no JSON"})

    tiny.script = script
    report, refused = await load(tiny, [b'{"a":1}', b'{"a":', b'{"a":NaN}'])
    assert refused == [Refusal("f", 2, "no JSON")]
    assert (report.accepted, report.repeated, report.refused) == (1, 1, 1)


async def test_a_batch_that_is_too_large_is_halved(tiny: Tiny) -> None:
    def script(seen: Seen) -> Answer:
        if len(json.loads(seen.body)) > 2:
            return Answer(413, {"message": "too large"})
        return Answer(204)

    tiny.script = script
    report, refused = await load(tiny, [b'{"a":%d}' % n for n in range(7)])
    assert (report.accepted, refused) == (7, [])


async def test_a_wrong_key_ends_the_load(tiny: Tiny) -> None:
    tiny.script = lambda _: Answer(401, {"error": "Unauthorized"})
    with pytest.raises(errors.Unauthenticated):
        await load(tiny, [b"{}"])
