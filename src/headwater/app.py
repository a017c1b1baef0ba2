"""The composition root: the one place where a store meets the dialects."""

import asyncio
import gc
import importlib
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from headwater.auth.apikeys import KeyRing, RateLimiter
from headwater.auth.gate import Gate, require_safe
from headwater.auth.vault import vault_of
from headwater.errors import InvalidParameter
from headwater.garbage import collect_seldom, share_arena
from headwater.http import health
from headwater.http.context import Context
from headwater.http.message import Dialect
from headwater.http.server import Server
from headwater.ingest import Ingest
from headwater.settings import Settings
from headwater.store import Store
from headwater.telemetry import Telemetry, forward_logging

# Each module has `async def open_store(path, *, create=True, apart=False) -> Store`.
STORES = {"sqlite": "headwater.stores.sqlite"}
SWITCH_SECONDS = 0.001
LATER = frozenset({"postgres", "postgresql"})

# Each module has `def dialect(context: Context) -> Dialect`. The last one owns what no other does,
# and is given the others to describe them.
DIALECTS = (
    "headwater.dialects.openlineage.routes",
    "headwater.dialects.marquez.routes",
    "headwater.dialects.datazone.routes",
    "headwater.dialects.dataarts.routes",
    "headwater.dialects.native.routes",
)

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)


async def open_store(location: str, *, create: bool = True, apart: bool = False) -> Store:
    """Opens the database at a path (`/var/lib/hw.db`) or URL (`sqlite:///var/lib/hw.db`).

    Raises:
        InvalidParameter: no such kind of database is known.
        StoreError: the database cannot be used.
    """
    scheme, path = store_of(location)
    module = importlib.import_module(STORES[scheme])
    store: Store = await module.open_store(path, create=create, apart=apart)
    return store


def store_of(location: str) -> tuple[str, str]:
    """The kind of a database and where it is; raises InvalidParameter for an unknown kind."""
    match = _URL.fullmatch(location)
    if match is None:
        return "sqlite", location
    scheme, rest = match[1].lower(), match[2]
    if scheme in LATER:
        raise InvalidParameter("database", "PostgreSQL is not available yet; give a file instead")
    if scheme not in STORES:
        known = ", ".join(f"{name}://" for name in STORES)
        raise InvalidParameter("database", f"{scheme}:// is not known; give a file or {known}")
    if not rest.startswith("/"):
        raise InvalidParameter("database", "a sqlite URL names no host: sqlite:///path/to/file")
    return scheme, unquote(rest)


class App(NamedTuple):
    """A server that has everything but a socket. `close` it when done."""

    settings: Settings
    store: Store
    ingest: Ingest
    keys: KeyRing
    telemetry: Telemetry
    context: Context
    asgi: Server

    async def close(self) -> None:
        """Commits and answers what was received, and closes the store."""
        try:
            await self.ingest.close()
        finally:
            await self.store.close()
            self.telemetry.flush()


async def create_app(
    settings: Settings, telemetry: Telemetry | None = None, *, apart: bool = False
) -> App:
    """Opens the store and puts the parts together; runs in the event loop that will serve.

    Raises:
        InvalidParameter, StoreError: as `open_store`.
    """
    if telemetry is None:
        telemetry = Telemetry(settings.log_level, settings.log_format, settings.access_log)
    store = await open_store(settings.database, apart=apart)
    try:
        return _put_together(settings, store, telemetry)
    except BaseException:
        await store.close()
        raise


def _put_together(settings: Settings, store: Store, telemetry: Telemetry) -> App:
    ingest = Ingest(
        store, telemetry, settings.queue_events, settings.queue_bytes, settings.queue_wait
    )
    context = context_of(settings, store, ingest, telemetry)
    asgi = Server(_dialects(context), context.gate, telemetry, settings)
    telemetry.gauge("queue_events", "Events that wait for a commit.", lambda: ingest.depth)
    ingest.start()
    return App(settings, store, ingest, context.keys, telemetry, context, asgi)


def context_of(settings: Settings, store: Store, ingest: Ingest, telemetry: Telemetry) -> Context:
    """What the dialects work with."""
    vault = vault_of(Path(store_of(settings.database)[1]), settings.key_file)
    keys = KeyRing(store, vault)
    limiter = RateLimiter(settings.rate, time.monotonic)
    gate = Gate(store, keys, limiter, settings.insecure)
    return Context(store, ingest, settings, telemetry, _now, keys, gate, vault)


async def run(
    settings: Settings, on_ready: Callable[[str], None], stop: asyncio.Event | None = None
) -> None:
    """Serves until told to stop; everything received is committed and answered at the return.

    Raises:
        Forbidden: the server would stand open to other machines.
        Unavailable: the address cannot be listened on.
        InvalidParameter, StoreError: as `open_store`.
    """
    from headwater.http import runner  # noqa: PLC0415 # 50 ms, which only a server needs

    share_arena()
    app = await create_app(settings, apart=settings.writes_apart)
    try:
        await require_safe(settings.host, app.keys, settings.insecure)
        forward_logging(app.telemetry)
        _tune_interpreter()
        await runner.serve(app.asgi, settings, on_ready, stop)
    finally:
        await app.close()


def _tune_interpreter() -> None:
    """Suits the interpreter to a server that makes millions of small objects and few cycles.

    The writer's thread asks for the interpreter's lock after every step of the database; by
    default a busy event loop may keep it for 5 ms each time.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    collect_seldom()


def _dialects(context: Context) -> tuple[Dialect, ...]:
    *others, last = map(importlib.import_module, DIALECTS)
    made: list[Dialect] = [module.dialect(context) for module in others]
    made.append(last.dialect(context, made))
    return (health.dialect(context, made[-1].error), *made)


def _now() -> int:
    return time.time_ns() // 1_000
