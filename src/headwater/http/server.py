"""The application: from the head of a request to its answer, for every dialect.

It is plain ASGI 3, so that any server can run it and a test can call it without a socket. Our own
protocol gives it requests that have arrived whole by `take`, which needs no ASGI cycle; where the
route can, such a one is answered without a task too (decision 0017).
"""

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET

from headwater.auth.gate import Gate
from headwater.auth.principal import Principal
from headwater.errors import Forbidden, HeadwaterError
from headwater.http.bodies import BodyReader, Receive
from headwater.http.errors import ClientGone, MethodNotAllowed, headers_of, status_of
from headwater.http.message import Dialect, Direct, Request, Response, Route
from headwater.http.router import Match, Router
from headwater.settings import Settings
from headwater.telemetry import Line, Telemetry

if TYPE_CHECKING:
    from headwater.http.exchange import Whole

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_FAILED = Response(500, b'{"status":500}')
_UNROUTED = "unrouted"
_ONE_LINE = bytes.maketrans(b"\r\n\0", b"   ")


class Server:
    """Serves the dialects; the last one renders unrouted errors."""

    def __init__(
        self, dialects: Sequence[Dialect], gate: Gate, telemetry: Telemetry, settings: Settings
    ) -> None:
        self._router = Router(dialects)
        self._gate = gate
        self._telemetry = telemetry
        self._bodies = BodyReader(settings.body_bytes, settings.unzipped_bytes, settings.held_bytes)
        telemetry.gauge("held_bytes", "Bytes of request bodies in work.", lambda: self._bodies.held)
        self._prefix = secrets.token_hex(4)
        self._count = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        raw_path = scope.get("raw_path")
        request = self._request(
            scope["method"],
            scope["path"].encode() if raw_path is None else raw_path,
            scope["query_string"],
            scope["headers"],
            scope.get("client"),
        )
        served = await self._serve(request, receive)
        if served is not None:
            await _send(send, request, served.response)
            self._note(request, served, began)

    def take(self, whole: "Whole") -> Coroutine[None, None, None] | None:
        """Serves a request that has arrived whole; what is returned has to be run to its end."""
        began = time.perf_counter()
        request = self._request(
            whole.method, whole.raw_path, whole.query, whole.headers, whole.client
        )
        match = self._router.known(whole.method, whole.raw_path)
        if match is not None and match.route.direct is not None:
            try:
                if self._direct(match, match.route.direct, request, whole, began):
                    return None
            except Exception as error:  # noqa: BLE001 # the last resort, as in `_serve`
                response = self._failure(match.dialect, request, error)
                self._reply(whole, request, Served(match.route.operation, response), began)
                return None
        return self._later(request, whole, began)

    def _direct(
        self, match: Match, handler: Direct, request: Request, whole: "Whole", began: float
    ) -> bool:
        """Serves without waiting for anything; False: this request has to be waited for."""
        route, dialect, request.path = match
        foreign = dialect.authenticate is not None
        if not foreign and not self._recognized(match, request):
            return False
        body = self._bodies.take(request.headers, whole.whole)
        if body is None:
            return False
        request.raw_body, request.body, held = body

        def done(result: Response | Exception) -> None:
            self._bodies.release(held)
            if isinstance(result, Exception):
                result = self._failure(dialect, request, result)
            self._reply(whole, request, Served(route.operation, result), began)

        try:
            # Such a credential may sign the body, so it is looked at behind it.
            if (not foreign or self._recognized(match, request)) and handler(request, done):
                return True
        except BaseException:
            self._bodies.release(held)
            raise
        self._bodies.release(held)
        return False

    def _recognized(self, match: Match, request: Request) -> bool:
        """Whether it is known without I/O who sends this; raises where that one may not."""
        route, dialect, _ = match
        principal: Principal | None = None
        if route.scope is None:
            return True
        if dialect.authenticate is None:
            principal = self._gate.recognized(
                request.headers.get(b"authorization"), _domain(request)
            )
        elif dialect.recognize is not None:
            principal = dialect.recognize(request)
        if principal is not None:
            request.principal = _permitted(principal, route)
        return principal is not None

    async def _later(self, request: Request, whole: "Whole", began: float) -> None:
        served = await self._serve(request, whole.receive)
        if served is not None:
            self._reply(whole, request, served, began)

    def _reply(self, whole: "Whole", request: Request, served: "Served", began: float) -> None:
        response = served.response
        whole.reply(response.status, _head(request, response), response.body)
        self._note(request, served, began)

    async def _serve(self, request: Request, receive: Receive) -> "Served | None":
        """None: the client has gone."""
        operation = _UNROUTED
        dialect: Dialect | None = None
        try:
            match = self._router.match(request.method, request.raw_path)
            dialect = match.dialect
            operation = match.route.operation
            return Served(operation, await self._answer(match, request, receive))
        except ClientGone:
            return None
        except Exception as error:  # noqa: BLE001 # the last resort: logged, and told as a 500
            dialect = dialect or self._router.owner(request.raw_path)
            return Served(operation, self._failure(dialect, request, error))

    def _request(
        self,
        method: str,
        raw_path: bytes,
        query: bytes,
        given: Iterable[tuple[bytes, bytes]],
        client: tuple[str, int] | None,
    ) -> Request:
        headers: dict[bytes, bytes] = {}
        for name, value in given:
            known = headers.setdefault(name, value)
            if known is not value:
                headers[name] = known + b", " + value
        wanted = headers.get(b"x-request-id")
        if wanted is not None and _SANE_ID.fullmatch(wanted):
            identity = wanted.decode("ascii")
        else:
            identity = f"{self._prefix}-{next(self._count):x}"
        return Request(method, raw_path, query, headers, identity, client[0] if client else "")

    async def _answer(self, match: Match, request: Request, receive: Receive) -> Response:
        route, dialect, request.path = match
        foreign = dialect.authenticate
        known = request.principal.domain is not None  # to ask again would count the request twice
        if route.scope is not None and foreign is None and not known:
            request.principal = await self._gate.admit(
                request.headers.get(b"authorization"), route.scope, _domain(request)
            )
        held = 0
        try:
            if route.body:
                body = await self._bodies.read(request.headers, receive)
                request.raw_body, request.body, held = body
                del body  # the handler may let it go
            if foreign is not None and route.scope is not None and not known:
                request.principal = _permitted(await foreign(request), route)
            return await route.handler(request)
        finally:
            self._bodies.release(held)

    def _failure(self, dialect: Dialect, request: Request, error: Exception) -> Response:
        """Renders an error in the dialect's shape; whatever was not foreseen is logged too."""
        status = status_of(error)
        if status >= 500 and not isinstance(error, HeadwaterError):
            self._telemetry.log.failure("request failed", error, id=request.id)
        elif status == 500:
            self._telemetry.log.error("request failed", id=request.id, reason=str(error))
        try:
            response = dialect.error(request, error)
        except Exception as second:  # noqa: BLE001 # an error in rendering must not hide the first
            self._telemetry.log.failure("error not rendered", second, id=request.id)
            return _FAILED
        if isinstance(error, MethodNotAllowed):  # a dialect need not know what only routing knows
            response = response._replace(status=status)
        present = {name.lower() for name, _ in response.headers}
        missing = tuple(pair for pair in headers_of(error) if pair[0] not in present)
        return response._replace(headers=response.headers + missing)

    def _note(self, request: Request, served: "Served", began: float) -> None:
        operation, response = served
        seconds = time.perf_counter() - began
        telemetry = self._telemetry
        telemetry.request(operation, response.status, seconds)
        if telemetry.access:
            line = Line(
                id=request.id,
                method=request.method,
                path=request.raw_path.decode("latin-1"),
                status=response.status,
                ms=round(seconds * 1_000, 2),
                bytes=len(response.body),
                client=request.client,
                key=request.principal.key_id or UNSET,
            )
            telemetry.line(line)


class Served(NamedTuple):
    """An answer, and the operation that it is of."""

    operation: str
    response: Response


async def _send(send: Send, request: Request, response: Response) -> None:
    headers = _head(request, response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})


def _head(request: Request, response: Response) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", request.id.encode("ascii"))]
    # A dialect may tell a name in a header; no name can end the line.
    headers += ((name, value.translate(_ONE_LINE)) for name, value in response.headers)
    if response.status not in {204, 304}:  # these have no body, and say nothing of one
        headers += (
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(response.body)),
        )
    return headers


def _domain(request: Request) -> str | None:
    """The domain that the request asks for; None for the credential's own."""
    header = request.headers.get(b"x-headwater-domain")
    if header is not None:
        return header.decode("utf-8", "replace")
    if b"domain=" in request.query_string:
        return request.text("domain")
    return None


def _permitted(principal: Principal, route: Route) -> Principal:
    if route.scope is not None and not principal.may(route.scope):
        raise Forbidden(f"this key lacks the scope {route.scope.value!r}")
    return principal


async def _lifespan(receive: Receive, send: Send) -> None:
    """Start and stop belong to who made the parts; here is nothing to do."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
