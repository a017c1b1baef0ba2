"""Runs an application on a socket until it is told to stop, and lets it end well."""

import asyncio
import contextlib
import functools
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import FrameType

import uvicorn

from headwater.errors import Unavailable
from headwater.http.protocol import Limits, Protocol
from headwater.http.server import Server
from headwater.settings import Settings

SWEEP_SECONDS = 1.0


async def serve(
    application: Server,
    settings: Settings,
    on_ready: Callable[[str], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`; then answers what was received, and returns.

    A second signal ends the process at once: what was acknowledged is durable all the same.

    Args:
        on_ready: called with the address once connections are taken.

    Raises:
        Unavailable: the address cannot be listened on.
    """
    with listening(settings.host, settings.port) as listener:
        server = _Runner(_config(application, settings))
        server.on_ready = functools.partial(on_ready, _address(listener))
        async with _sweeping(server), _watching(server, stop):
            await server.serve(sockets=[listener])
            await _leave(server)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens at the address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2_048)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unavailable(f"cannot listen on {host}:{port}: {reason}") from error
    with listener:
        yield listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _config(application: Server, settings: Settings) -> uvicorn.Config:
    limits = Limits(
        head=settings.head_timeout,
        body=settings.body_timeout,
        keep_alive=settings.keep_alive,
        connections=settings.connections,
    )
    return uvicorn.Config(
        application,
        http=Protocol.bound_to(limits, application),
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("server", "headwater")],
        timeout_graceful_shutdown=max(1, round(settings.drain_timeout)),
    )


class _Runner(uvicorn.Server):
    """Ends with success when it is told to end: uvicorn's own dies of the signal it caught."""

    on_ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        try:
            before = {
                number: signal.signal(number, self.handle_exit)
                for number in (signal.SIGINT, signal.SIGTERM)
            }
        except ValueError:  # not the main thread: whoever runs it there stops it
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True


async def _leave(server: uvicorn.Server) -> None:
    """Ends the connections of those who are not answered when the time to end well is over."""
    for connection in tuple(server.server_state.connections):
        if isinstance(connection, Protocol):
            connection.transport.abort()
    await asyncio.sleep(0)  # their ends are told in the loop's next turn


@contextlib.asynccontextmanager
async def _sweeping(server: uvicorn.Server) -> AsyncIterator[None]:
    """Looks at the deadlines of all connections once a second, to the very end."""
    loop = asyncio.get_running_loop()

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = loop.time()
            for connection in tuple(server.server_state.connections):
                if isinstance(connection, Protocol):
                    connection.expire(now)

    async with _running(sweep(), "headwater-deadlines"):
        yield


@contextlib.asynccontextmanager
async def _watching(server: uvicorn.Server, stop: asyncio.Event | None) -> AsyncIterator[None]:
    """Ends the server when the event is set."""

    async def watch(event: asyncio.Event) -> None:
        await event.wait()
        server.should_exit = True

    if stop is None:
        yield
        return
    async with _running(watch(stop), "headwater-stop"):
        yield


@contextlib.asynccontextmanager
async def _running(coroutine: Coroutine[None, None, None], name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(coroutine, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
