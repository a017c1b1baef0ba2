"""The application: from the head of a request to its answer, for every dialect.

It is plain ASGI 3, so that any server can run it and a test can call it without a socket.
"""

import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from msgspec import UNSET

from headwater.auth.gate import Gate
from headwater.auth.principal import Principal
from headwater.errors import Forbidden, HeadwaterError
from headwater.http.bodies import Body, BodyReader, Receive
from headwater.http.errors import ClientGone, MethodNotAllowed, headers_of, status_of
from headwater.http.message import Dialect, Request, Response, Route
from headwater.http.router import Match, Router
from headwater.settings import Settings
from headwater.telemetry import Line, Telemetry

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_FAILED = Response(500, b'{"status":500}')
_UNROUTED = "unrouted"
_ONE_LINE = bytes.maketrans(b"\r\n\0", b"   ")


def create_asgi(
    dialects: Sequence[Dialect], gate: Gate, telemetry: Telemetry, settings: Settings
) -> Asgi:
    """The ASGI application that serves the dialects; the last one renders unrouted errors."""
    return _Server(dialects, gate, telemetry, settings)


class _Server:
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
        request = self._request(scope)
        operation = _UNROUTED
        dialect: Dialect | None = None
        try:
            match = self._router.match(request.method, request.raw_path)
            dialect = match.dialect
            operation = match.route.operation
            response = await self._answer(match, request, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 # the last resort: logged, and told as a 500
            dialect = dialect or self._router.owner(request.raw_path)
            response = self._failure(dialect, request, error)
        await _send(send, request, response)
        self._note(operation, request, response, time.perf_counter() - began)

    def _request(self, scope: Scope) -> Request:
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            known = headers.setdefault(name, value)
            if known is not value:
                headers[name] = known + b", " + value
        client = scope.get("client")
        given = headers.get(b"x-request-id")
        if given is not None and _SANE_ID.fullmatch(given):
            identity = given.decode("ascii")
        else:
            identity = f"{self._prefix}-{next(self._count):x}"
        raw_path = scope.get("raw_path")
        return Request(
            scope["method"],
            scope["path"].encode() if raw_path is None else raw_path,
            scope["query_string"],
            headers,
            identity,
            client[0] if client else "",
        )

    async def _answer(self, match: Match, request: Request, receive: Receive) -> Response:
        route, dialect, request.path = match
        foreign = dialect.authenticate
        if route.scope is not None and foreign is None:
            request.principal = await self._gate.admit(
                request.headers.get(b"authorization"), route.scope, _domain(request)
            )
        body: Body | None = None
        try:
            if route.body:
                body = await self._bodies.read(request.headers, receive)
                request.raw_body, request.body, _ = body
            if foreign is not None and route.scope is not None:
                # Such a credential may sign the body, so it is looked at behind it.
                request.principal = _permitted(await foreign(request), route)
            return await route.handler(request)
        finally:
            if body is not None:
                self._bodies.release(body)

    def _failure(self, dialect: Dialect, request: Request, error: Exception) -> Response:
        """Renders an error in the dialect's shape; whatever was not foreseen is logged too."""
        status = status_of(error)
        if status >= 500 and not isinstance(error, HeadwaterError):
            self._telemetry.log.error("request failed", id=request.id, exc_info=error)
        elif status == 500:
            self._telemetry.log.error("request failed", id=request.id, reason=str(error))
        try:
            response = dialect.error(request, error)
        except Exception:  # an error in rendering must not hide the first
            self._telemetry.log.exception("error not rendered", id=request.id)
            return _FAILED
        if isinstance(error, MethodNotAllowed):  # a dialect need not know what only routing knows
            response = response._replace(status=status)
        present = {name.lower() for name, _ in response.headers}
        missing = tuple(pair for pair in headers_of(error) if pair[0] not in present)
        return response._replace(headers=response.headers + missing)

    def _note(self, operation: str, request: Request, response: Response, seconds: float) -> None:
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


async def _send(send: Send, request: Request, response: Response) -> None:
    headers = [(b"x-request-id", request.id.encode("ascii"))]
    # A dialect may tell a name in a header; no name can end the line.
    headers += ((name, value.translate(_ONE_LINE)) for name, value in response.headers)
    if response.status not in {204, 304}:  # these have no body, and say nothing of one
        headers += (
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(response.body)),
        )
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if request.method == "HEAD" else response.body
    await send({"type": "http.response.body", "body": body})


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
