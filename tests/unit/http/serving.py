"""A real server on a real socket, in a thread of its own, with a tiny dialect."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import NamedTuple, Self

import uvloop

from headwater import errors
from headwater.access import ApiKey, Domain
from headwater.auth.apikeys import KeyRing, RateLimiter
from headwater.auth.gate import Gate
from headwater.auth.principal import Scope
from headwater.http import runner
from headwater.http.errors import status_of
from headwater.http.message import Dialect, Request, Response, Route, json_response
from headwater.http.server import Server
from headwater.settings import Settings
from headwater.telemetry import Telemetry


class Keys:
    """Keys in memory."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self.all = list(keys)
        self.version = 0

    async def domains(self) -> list[Domain]:
        return [Domain("default", 0), Domain("other", 0)]

    async def keys(self) -> list[ApiKey]:
        return list(self.all)

    def keys_version(self) -> int:
        return self.version


class Echo:
    """A dialect that tells what it was given."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._released: asyncio.Future[None] | None = None

    def dialect(self, name: str = "echo", prefix: str = "/echo") -> Dialect:
        def route(method: str, path: str, *, body: bool = False) -> Route:
            scope = Scope.WRITE if body else Scope.READ
            return Route(method, prefix + path, self.tell, f"{name}{path}", scope, body=body)

        def error(request: Request, error: Exception) -> Response:
            message = error.message if isinstance(error, errors.HeadwaterError) else "internal"
            body = {"of": name, "message": message, "request_id": request.id}
            return json_response(body, status_of(error))

        async def fail(request: Request) -> Response:
            raise RuntimeError("secret detail")

        routes = (
            route("GET", "/things/{namespace}/{name}"),
            route("DELETE", "/things/{namespace}/{name}"),
            route("GET", "/things/all/{name}"),
            route("POST", "/things", body=True),
            Route("POST", f"{prefix}/wait", self.wait, f"{name}-wait", None, body=True),
            Route("GET", f"{prefix}/fail", fail, f"{name}-fail", None),
        )
        return Dialect(name, routes, error)

    async def tell(self, request: Request) -> Response:
        return json_response(
            {
                "path": request.path,
                "length": len(request.body),
                "start": request.body[:20].decode("latin-1"),
                "raw": len(request.raw_body),
                "query": request.query,
                "domain": request.principal.domain,
                "key": request.principal.key_id,
            },
            headers=((b"x-path", "/".join(request.path).encode()),),
        )

    def release(self) -> None:
        """Lets the request that waits go on."""
        waiting = self._released
        assert waiting is not None
        waiting.get_loop().call_soon_threadsafe(waiting.set_result, None)

    async def wait(self, request: Request) -> Response:
        self._released = asyncio.get_running_loop().create_future()
        self.entered.set()
        await self._released
        return json_response({"length": len(request.body)})


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A socket that reads one answer at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, method: str, path: str, body: bytes = b"", *headers: str) -> None:
        head = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
        if body:
            head.append(f"Content-Length: {len(body)}")
        self.socket.sendall("\r\n".join((*head, "", "")).encode() + body)

    def read(self, *, head: bool = False) -> Answer:
        while b"\r\n\r\n" not in self._rest:
            self._fill()
        start, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = start.decode().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        size = 0 if head else int(headers.get("content-length", "0"))
        while len(self._rest) < size:
            self._fill()
        body, self._rest = self._rest[:size], self._rest[size:]
        return Answer(int(first.split(" ")[1]), headers, body)

    def ask(self, method: str, path: str, body: bytes = b"", *headers: str) -> Answer:
        self.send(method, path, body, *headers)
        return self.read(head=method == "HEAD")

    def ended(self) -> bool:
        """Waits for the server to close; true when it did so without a reset."""
        return self.socket.recv(1) == b""

    def _fill(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError(f"the server closed the connection after {self._rest!r}")
        self._rest += data


class Serving:
    """A running server; `port`, `telemetry` and `stop` are for the test."""

    def __init__(self, echo: Echo, keys: Keys, settings: Settings, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self.echo = echo
        self.port = 0
        self._settings = settings
        self._keys = keys
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(20)

    def stop(self) -> None:
        """Tells the server to stop, as a signal would."""
        assert self._loop is not None
        with suppress(RuntimeError):  # it has stopped already
            self._loop.call_soon_threadsafe(self._stop.set)

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()

    def connect(self) -> Connection:
        return Connection(self.port)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        settings = self._settings
        limiter = RateLimiter(settings.rate, time.monotonic)
        gate = Gate(self._keys, KeyRing(self._keys), limiter, settings.insecure)
        dialects = (self.echo.dialect(), self.echo.dialect("other", "/other"))
        application = Server(dialects, gate, self.telemetry, settings)
        await runner.serve(application, settings, self._started, self._stop)

    def _started(self, address: str) -> None:
        self.port = int(address.rpartition(":")[2])
        self._ready.set()


@contextmanager
def serving(
    keys: Keys | None = None, telemetry: Telemetry | None = None, **settings: object
) -> Iterator[Serving]:
    loaded = Settings.load({}, port=0, **settings)
    server = Serving(Echo(), keys or Keys(), loaded, telemetry or Telemetry("error"))
    server.start()
    try:
        yield server
    finally:
        server.stop()
        server.join()
