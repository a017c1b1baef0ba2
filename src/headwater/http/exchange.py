"""One request and its answer on a connection; head and body of the answer leave in one write."""

import asyncio
from collections.abc import MutableMapping, Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from headwater.http.refusals import STATUS_LINES

Message = MutableMapping[str, Any]
Headers = Sequence[tuple[bytes, bytes]]


class Exchange(RequestResponseCycle):
    """A request whose body is still on its way, as ASGI sees it.

    The application sends the head, then one body: nothing here is streamed.
    """

    head: Message | None = None

    async def send(self, message: Any) -> None:
        if self.head is None:
            self.head = message
            self.response_started = True
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        # uvicorn tells only the latest of a connection's requests that the client has gone.
        if self.disconnected or self.response_complete or self.transport.is_closing():
            return
        if self.waiting_for_100_continue or self.more_body:
            # The request was not read, so where the next one begins is not known.
            self.keep_alive = False
        self.response_complete = True
        body = b"" if self.scope["method"] == "HEAD" else message.get("body", b"")
        headers = (*self.head["headers"], *self.default_headers)
        old = self.scope["http_version"] == "1.0"
        self.transport.write(_written(self.head["status"], headers, self.keep_alive, old, body))
        self.message_event.set()
        self.on_response(self.keep_alive)


class Whole(RequestResponseCycle):
    """A request that was read in one piece: it needs no scope, no events and often no task."""

    message_event = asyncio.Event()  # nobody waits for more of it

    def __init__(
        self, connection: HttpToolsProtocol, method: str, path: bytes, query: bytes
    ) -> None:
        self.transport = connection.transport
        self.state = connection.server_state
        self.on_response = connection.on_response_complete
        self.method = method
        self.raw_path = path
        self.query = query
        self.headers = connection.headers
        self.client = connection.client
        self.keep_alive = connection.parser.should_keep_alive()
        self.old = connection.parser.get_http_version() == "1.0"
        self.whole = b""
        self.more_body = True
        self.disconnected = False
        self.response_started = False
        self.response_complete = False

    async def receive(self) -> Any:
        return {"type": "http.request", "body": self.whole}

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Sends the answer, unless the client has gone."""
        if self.disconnected or self.transport.is_closing():
            return
        self.response_started = self.response_complete = True
        if self.method == "HEAD":
            body = b""
        headers = (*headers, *self.state.default_headers)
        self.transport.write(_written(status, headers, self.keep_alive, self.old, body))
        self.on_response(self.keep_alive)


def _written(status: int, headers: Headers, keep_alive: bool, old: bool, body: bytes) -> bytes:
    """Args: old: of HTTP/1.0, where to keep the connection has to be said."""
    parts = [STATUS_LINES[status]]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    if not keep_alive:
        parts.append(b"connection: close\r\n")
    elif old:
        parts.append(b"connection: keep-alive\r\n")
    parts += (b"\r\n", body)
    return b"".join(parts)
