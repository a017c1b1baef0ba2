"""`headwater load`: events from files into a database or a server."""

import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import click

from headwater.cli import options, output
from headwater.garbage import collect_seldom

if TYPE_CHECKING:
    from headwater.cli.loading import Report, Sink
    from headwater.cli.sources import Refusal

INTERRUPTED = 130
APART_BYTES = 8 << 20
"""For less, a process that writes takes longer to start than it saves."""


@click.command(short_help="Load events from files, folders or stdin.")
@click.argument("source", metavar="FILE|FOLDER|-")
@options.target
@click.pass_context
def load(
    ctx: click.Context,
    source: str,
    database: str | None,
    server: str | None,
    key: str | None,
    domain: str | None,
) -> None:
    """Load events from a file, from all *.json, *.ndjson and *.jsonl below a folder, or from stdin.

    Any layout of JSON is read: an object, an array, one event a line, pretty-printed; gzip too.
    The same event again is counted as repeated and stored once. Each event that is refused is
    named with its file, line and reason; then the command ends with 1.
    """
    from headwater.cli.loading import Report

    report = Report()
    place = options.place(database, server, key, domain)
    try:
        with interruptible():
            options.run(_load)(source, place, report)
    except KeyboardInterrupt:
        output.note(f"Interrupted. {report} Load it again to go on: nothing is doubled.")
        ctx.exit(INTERRUPTED)
    except BaseException:
        if report.events:
            output.note(str(report))
        raise
    if report.refused:
        ctx.exit(1)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends the work, also where the shell had it ignored: asyncio takes it over, and lets
    what is under way end."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _load(source: str, place: options.Place, report: "Report") -> None:
    from headwater.cli.loading import carry
    from headwater.cli.progress import Bar
    from headwater.cli.sources import Reading

    reading = Reading(source)
    collect_seldom()
    async with open_sink(place, reading.total) as sink:
        with Bar("Loading", reading.total, "bytes") as bar:

            def progress() -> None:
                bar.update(reading.consumed, note=f"{bar.rate(report.events)} events")

            def refuse(refusal: "Refusal") -> None:
                where = output.safe(f"{refusal.file}:{refusal.line}")
                bar.tell(f"{where}: {output.safe(refusal.reason)}")

            await carry(reading, sink, report, refuse, progress)
    output.line(f"{report} {bar.seconds:,.1f} s, {bar.rate(report.events)}.")


@asynccontextmanager
async def open_sink(place: options.Place, size: int | None) -> AsyncIterator["Sink"]:
    """The write path of a server or of a database file.

    Args:
        size: the bytes that are to come; None: not known, and reading them may have to wait.
    """
    from headwater.cli.loading import ServerSink

    if place.server is not None:
        from headwater.cli.client import Client

        async with Client(place.server, place.key, place.domain) as client:
            yield ServerSink(client)
        return
    from headwater.settings import processors

    apart = processors() > 1 and size is not None and size > APART_BYTES
    async with store_sink(place.database, place.domain, apart=apart) as sink:
        yield sink


@asynccontextmanager
async def store_sink(
    database: str, domain: str | None, *, apart: bool = False
) -> AsyncIterator["Sink"]:
    """The write path of a database file, made if it is not there.

    Args:
        apart: writes in a process of its own.
    """
    from headwater.auth.gate import DEFAULT_DOMAIN
    from headwater.cli.loading import StoreSink
    from headwater.dialects.openlineage.decode import Decoder
    from headwater.errors import NotFound
    from headwater.ingest import Ingest
    from headwater.stores.sqlite import open_store
    from headwater.telemetry import Telemetry

    store = await open_store(database, apart=apart)
    try:
        domain = domain or DEFAULT_DOMAIN
        if domain not in {known.name for known in await store.domains()}:
            raise NotFound(f"there is no domain {domain!r}: headwater domains create {domain}")
        ingest = Ingest(store, Telemetry())
        ingest.start()
        try:
            yield StoreSink(
                ingest,
                Decoder(lean=True).decode,
                lambda: time.time_ns() // 1000,
                domain,
                apart=apart,
            )
        finally:
            await ingest.close()
    finally:
        await store.close()
