"""HTTP/1.1 on a socket: uvicorn's protocol with what a public server needs beside it.

- Head and body of an answer leave in one write, so in one TCP segment: clients with delayed ACKs
  would wait 40 ms for the second one.
- Every stage of a connection has a deadline: the head of a request, its body, the pause between two
  requests, the reading of the answer. One sweep a second looks at all of them; that costs a request
  one clock reading, where timers would cost more than the parsing.
- The path stays as it was sent.
- A request that was read in one piece, as nearly all are, is served without the ASGI cycle.
- An answer that leaves before its request was read closes the connection politely: the client can
  read the answer before it sees the end.
"""

import asyncio
import typing
from collections.abc import Coroutine
from typing import ClassVar, NamedTuple

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from headwater.http.exchange import Exchange, Whole
from headwater.http.refusals import HEAD_TOO_LARGE, INVALID, TOO_MANY, TOO_SLOW

SLOWEST_BYTES = 4_096
"""Bytes a second that a body has to make on average."""
LINGER_SECONDS = 2.0
LONGEST_LINGER_SECONDS = 30.0
CLOSE_SECONDS = 30.0
"""How long an answer that ends the connection may take to be read."""
HEAD_BYTES = 64 << 10
_HEAD_END = b"\r\n\r\n"
_WISHES = frozenset({b"connection", b"upgrade", b"http2-settings"})


class Taker(typing.Protocol):
    """The application, for requests that were read in one piece."""

    def take(self, whole: Whole) -> Coroutine[None, None, None] | None:
        """Serves the request; what is left to do for it becomes a task."""


class Limits(NamedTuple):
    """Seconds for each stage of a connection, and how many connections there may be."""

    head: float = 10.0
    body: float = 30.0
    keep_alive: float = 75.0
    connections: int = 2_000


class Protocol(HttpToolsProtocol):
    """One connection. `bound_to` gives the class with what it needs, as uvicorn wants a class."""

    limits: ClassVar[Limits] = Limits()
    application: ClassVar[Taker]

    deadline = 0.0
    _reads_head = False
    _reads_body = False
    _read_since = 0.0
    _body_size = 0
    _body_seen = -1
    _head_size = 0
    _lingers = False
    _unread = 0
    _unread_by = 0.0

    @classmethod
    def bound_to(cls, limits: Limits, application: Taker) -> type["Protocol"]:
        return type(cls.__name__, (cls,), {"limits": limits, "application": application})

    # What comes from the socket.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own
        super().connection_made(transport)
        self.deadline = self.loop.time() + self.limits.head
        if len(self.connections) > 2 * self.limits.connections:
            transport.abort()
        elif len(self.connections) > self.limits.connections:
            self._refuse(TOO_MANY)

    def data_received(self, data: bytes) -> None:
        if self._lingers:
            latest = self._read_since + LONGEST_LINGER_SECONDS
            self.deadline = min(self.loop.time() + LINGER_SECONDS, latest)
            return
        if len(data) > HEAD_BYTES and not self._reads_body and _HEAD_END not in data[:HEAD_BYTES]:
            self._refuse(HEAD_TOO_LARGE)
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refuse(INVALID)
            return
        if self._reads_head:
            self._head_size += len(data)
            if self._head_size > HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)
        elif self._reads_body:
            cycle = self._exchange()
            if isinstance(cycle, Whole):
                self._begin(bytes(cycle.whole))
            self._extend()
            self._bound_framing(len(data))

    def eof_received(self) -> None:
        if self._lingers:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = 0

    # What comes from the parser.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._reads_head = True
        self._head_size = 0
        self.deadline = self.loop.time() + self.limits.head

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._reads_head = False
        self._reads_body = True
        self._read_since = self.loop.time()
        self._body_size = 0
        self._body_seen = -1
        before = self._exchange()
        free = before is None or before.response_complete
        if free and not self.expect_100_continue and not self.flow.write_paused:
            method = self.parser.get_method().decode("ascii")
            self.cycle = Whole(self, method, *_split(self.url))
        else:
            self._begin(waits=not free)

    def _begin(self, body: bytes = b"", waits: bool = False) -> None:
        """Gives a request to ASGI: its body is on its way, or others are before it."""
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = self.parser.get_http_version()
        scope["raw_path"], scope["query_string"] = _split(self.url)
        scope["path"] = scope["raw_path"].decode("latin-1")
        self.cycle = Exchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self.cycle.body += body
        if waits:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        cycle = self.cycle
        if isinstance(cycle, Whole):
            cycle.whole = cycle.whole + body if cycle.whole else body
            return
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._reads_body = False
        self.deadline = 0.0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            if not isinstance(cycle, Whole):
                cycle.message_event.set()
            elif rest := self.application.take(cycle):
                task = self.loop.create_task(rest)
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    def _stay(self, rest: bytes) -> None:
        """Answers the wish for another protocol (h2c, websocket) with HTTP/1.1.

        Java's own client wishes for h2c with its first request, and sends the body along; the
        parser takes that for the other protocol. So it is given the head again without the wish.
        """
        method = self.parser.get_method()
        head = [b"%s %s HTTP/1.1\r\n" % (method, self.url)]
        head += (b"%s: %s\r\n" % pair for pair in self.headers if pair[0] not in _WISHES)
        if method == b"CONNECT":
            self._refuse(INVALID)
            return
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join((*head, b"\r\n", rest)))

    # What comes from the application.

    def on_response_complete(self, keep_alive: bool = False) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not keep_alive:
            self.pipeline.clear()
            self._end()
            return
        self.flow.resume_reading()
        if self.pipeline:
            following, app = self.pipeline.pop()
            self._start_asgi_task(following, app)
        elif not self._reads_head and not self._reads_body:
            self.deadline = self.loop.time() + self.limits.keep_alive

    def _exchange(self) -> RequestResponseCycle | None:
        """The latest request; None before the first. uvicorn declares it without the None."""
        return self.cycle

    def _extend(self) -> None:
        """A body may stand still for so long, and has to come at a certain rate in all."""
        limit = self.limits.body
        slowest = self._read_since + limit + self._body_size / SLOWEST_BYTES
        self.deadline = min(self.loop.time() + limit, slowest)

    def _bound_framing(self, size: int) -> None:
        """What brings no byte of a chunked body (extensions, trailers) is bounded as a head is."""
        if self._body_size != self._body_seen:
            self._body_seen = self._body_size
            self._head_size = 0
            return
        self._head_size += size
        if self._head_size > HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)

    def _refuse(self, answer: bytes) -> None:
        """Answers in place of the application, unless it has begun, and ends the connection."""
        cycle = self._exchange()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(answer)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self._reads_body = True
        self._end()

    def _end(self) -> None:
        """Closes; where the client may still be sending, only after it had time to listen.

        To close a socket that holds unread bytes resets the connection, and the reset can overtake
        the answer.
        """
        now = self.loop.time()
        if not self._reads_body and not self._reads_head:
            self.deadline = now + CLOSE_SECONDS
            self.transport.close()
            return
        self._lingers = True
        self._read_since = now
        self.deadline = now + LINGER_SECONDS
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    # What comes from the clock.

    def expire(self, now: float) -> None:
        """Ends the connection when its deadline has passed."""
        if self.flow.write_paused and self._is_deaf(now):
            self.transport.abort()
            return
        if not self.deadline or now < self.deadline or self.flow.read_paused:
            return
        if self._lingers or self.transport.is_closing():
            self.transport.abort()
        elif self._reads_head or self._reads_body:
            self._refuse(TOO_SLOW)
        else:
            self.deadline = now + CLOSE_SECONDS
            self.transport.close()  # once the client has read what it was sent

    def _is_deaf(self, now: float) -> bool:
        """Whether an answer stands still: as for a body on its way in, some of it has to move."""
        left = self.transport.get_write_buffer_size()
        if left != self._unread:
            self._unread = left
            self._unread_by = now + self.limits.body
        return now >= self._unread_by


def _split(target: bytes) -> tuple[bytes, bytes]:
    """The path and the query of a request target."""
    path, _, query = target.partition(b"?")
    return _origin_form(path), query.partition(b"#")[0]


def _origin_form(target: bytes) -> bytes:
    """The path of a request target, which a proxy's client writes with scheme and host."""
    if target.startswith(b"/") or b"://" not in target:
        return target
    path = target.partition(b"://")[2].partition(b"/")[2]
    return b"/" + path
