"""Whom the asking commands ask: a server over HTTP, or the same API on a database file, in process.

Either way a question is a path of `/api/v2` with parameters and the answer is JSON, so a command
has one way to ask and one shape to print.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from headwater import errors
from headwater.auth.gate import DEFAULT_DOMAIN
from headwater.auth.principal import Principal
from headwater.cli.options import Place
from headwater.http.message import Request
from headwater.http.router import Router
from headwater.ids import encode


class Backend(Protocol):
    async def get(self, path: str, params: Mapping[str, str]) -> bytes:
        """The body of a good answer; raises HeadwaterError where there is none."""
        ...

    async def get_stored(self, path: str) -> tuple[bytes, bool]:
        """The bytes of an event, and whether secrets in them are masked."""
        ...


class File:
    """The native API's own handlers, called without a server."""

    def __init__(self, router: Router, domain: str) -> None:
        self._router = router
        self._domain = domain

    async def get_stored(self, path: str) -> tuple[bytes, bool]:
        return await self.get(path, {}), False

    async def get(self, path: str, params: Mapping[str, str]) -> bytes:
        query = urlencode(params, errors="surrogateescape").encode()
        request = Request("GET", path.encode(), query, {}, "cli")
        request.principal = Principal.anyone(self._domain)
        match = self._router.match("GET", request.raw_path)
        request.path = match.path
        return (await match.route.handler(request)).body


@asynccontextmanager
async def open_backend(place: Place) -> AsyncIterator[Backend]:
    """Raises HeadwaterError when there is no such database or domain."""
    if place.server is not None:
        from headwater.cli.client import Client

        async with Client(place.server, place.key, place.domain) as client:
            yield client
        return
    async with _open_file(place.database, place.domain or DEFAULT_DOMAIN) as file:
        yield file


@asynccontextmanager
async def _open_file(database: str, domain: str) -> AsyncIterator[File]:
    from headwater.app import context_of
    from headwater.dialects.native.routes import dialect
    from headwater.ingest import Ingest
    from headwater.settings import Settings
    from headwater.stores.sqlite import open_store
    from headwater.telemetry import Telemetry

    telemetry = Telemetry()
    store = await open_store(database, create=False, read_only=True)
    try:
        if domain not in {known.name for known in await store.domains()}:
            raise errors.NotFound(f"there is no domain {domain!r}")
        context = context_of(
            Settings.load(database=database), store, Ingest(store, telemetry), telemetry
        )
        yield File(Router([dialect(context)]), domain)
    finally:
        await store.close()


def path(*segments: str) -> str:
    """A path of the native API; names may hold anything, so each segment is encoded."""
    return "/".join(("/api/v2", *(encode(segment) for segment in segments)))


async def ask(backend: Backend, where: str, **params: object) -> bytes:
    """Asks with the parameters that have a value."""
    given = {name: str(value) for name, value in params.items() if value not in (None, "", ())}
    return await backend.get(where, given)


class Listed(msgspec.Struct, frozen=True):
    """A page of a list; the items are read by those who know their kind."""

    items: tuple[msgspec.Raw, ...]
    next: str | None = None


MOST = 1000
"""The items of one page."""


async def ask_list(backend: Backend, where: str, limit: int, **params: object) -> Listed:
    """As many items as are wanted, from as many pages as that takes."""
    items: list[msgspec.Raw] = []
    cursor: str | None = None
    while True:
        want = min(limit - len(items), MOST)
        body = await ask(backend, where, limit=want, cursor=cursor, **params)
        page = msgspec.json.decode(body, type=Listed)
        items.extend(page.items)
        cursor = page.next
        if cursor is None or len(items) >= limit or not page.items:
            return Listed(tuple(items), cursor)
