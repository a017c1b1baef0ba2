"""`headwater import-marquez`: all of a Marquez installation, into a database or a server."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import click

from headwater.cli import options, output
from headwater.garbage import collect_seldom

if TYPE_CHECKING:
    from headwater.cli.loading import Report, Sink
    from headwater.cli.progress import Bar
    from headwater.importing.importer import Item
    from headwater.importing.journal import Journal
    from headwater.importing.marquez import Installation

INTERRUPTED = 130
AGAIN = "The same command goes on from there."


class Marquez(NamedTuple):
    """Where the installation is."""

    server: str | None
    key: str | None
    dsn: str | None

    @property
    def address(self) -> str:
        """What tells it from others; no secret of it is noted anywhere."""
        given = self.server or self.dsn or ""
        if "://" not in given:
            words = given.split() if self.dsn else [given]
            return " ".join(each for each in words if not each.startswith("password"))
        parts = urlsplit(given)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


@click.command("import-marquez", short_help="Bring a Marquez installation over.")
@click.option("--server", metavar="URL", help="The Marquez API to read, as http://host:5000.")
@click.option("--server-key", metavar="TOKEN", help="The Bearer token that it asks for, if any.")
@click.option(
    "--dsn",
    metavar="DSN",
    help="Marquez' PostgreSQL instead, as postgresql://user@host/marquez; PGPASSWORD is read.",
)
@options.DATABASE
@click.option("--to", metavar="URL", help="A running Headwater server instead of a database.")
@click.option(
    "--key",
    metavar="TOKEN",
    envvar=options.KEY_VARIABLE,
    help=f"The key for --to. Better in {options.KEY_VARIABLE}: others see command lines.",
)
@options.DOMAIN
@click.option(
    "--journal",
    metavar="FILE",
    help="Where to note how far the import is. Default: beside the database, or in your data "
    "folder.",
)
@click.pass_context
def import_marquez(
    ctx: click.Context,
    server: str | None,
    server_key: str | None,
    dsn: str | None,
    database: str | None,
    to: str | None,
    key: str | None,
    domain: str | None,
    journal: str | None,
) -> None:
    """Bring the events of a Marquez installation over, and its namespaces, sources, tags,
    descriptions, and what was deleted there.

    An import that was interrupted goes on where it stopped when it is started again. A second
    import of the same installation adds only what is new. Marquez is only read from.

    Over HTTP Marquez shows run events alone; datasets and jobs that none of them names are brought
    over as they are now. With --dsn all kinds of events come, and faster; that needs
    `pip install 'headwater[marquez]'`.
    """
    from headwater.cli.load import interruptible
    from headwater.cli.loading import Report

    if (server is None) == (dsn is None):
        raise click.UsageError("--server or --dsn says where Marquez is: one of them")
    if to is not None and database is not None:
        raise click.UsageError("--database or --to, not both")
    place = options.place(database, to, key, domain)
    marquez = Marquez(server and server.rstrip("/").removesuffix("/api/v1"), server_key, dsn)
    report = Report()
    try:
        with interruptible():
            options.run(_import)(marquez, place, journal, report)
    except KeyboardInterrupt:
        output.note(f"Interrupted. {report} {AGAIN}")
        ctx.exit(INTERRUPTED)
    except BaseException:
        if report.events:
            output.note(f"{report} {AGAIN}")
        raise
    if report.refused:
        ctx.exit(1)


async def _import(
    marquez: Marquez, place: options.Place, journal: str | None, report: "Report"
) -> None:
    from headwater.cli.load import open_sink
    from headwater.cli.progress import Bar
    from headwater.importing.importer import Importer
    from headwater.importing.names import Names

    collect_seldom()
    names = Names()
    async with _source(marquez) as source, open_sink(place, None) as sink:
        with _journal(marquez, place, journal).open(names) as notes, Bar("Importing") as bar:
            if notes.resumed:
                bar.tell(f"Going on after {notes.events:,} events.")

            def progress(what: str, done: int, total: int | None) -> None:
                bar.update(done, total, note=f"{what}, {bar.rate(report.events)}")

            put = _putting(sink, report, bar)
            importer = Importer(source, put, notes, names, progress, time.time_ns() // 1000)
            await importer.run()
    output.line(
        f"{notes.events:,} events read, {importer.made:,} made of names, tags and descriptions. "
        f"{report} {bar.seconds:,.1f} s, {bar.rate(report.events)}."
    )


def _journal(marquez: Marquez, place: options.Place, file: str | None) -> "Journal":
    from headwater.ids import digest_of
    from headwater.importing.journal import Head, Journal

    target = place.server or str(Path(place.database).resolve())
    head = Head(marquez.address, " ".join(filter(None, (target, place.domain))))
    if file is not None:
        return Journal(Path(file), head)
    if place.server is None:
        return Journal(Path(f"{target}.import"), head)
    import platformdirs

    folder = Path(platformdirs.user_data_dir("headwater", appauthor=False))
    name = digest_of(f"{head.source} {head.target}".encode()).hex()[:12]
    return Journal(folder / f"{name}.import", head)


def _putting(
    sink: "Sink", report: "Report", bar: "Bar"
) -> Callable[[Sequence["Item"]], Awaitable[None]]:
    from headwater.cli import sources

    async def put(items: Sequence["Item"]) -> None:
        sent = [sources.Item(i.what, i.number, i.body, i.dialect) for i in items]
        refused = await sink.put(sent, report)
        report.add(refused=len(refused))
        for what, number, reason in refused:
            bar.tell(f"{what} {number}: {output.safe(reason)}")

    return put


@asynccontextmanager
async def _source(marquez: Marquez) -> AsyncIterator["Installation"]:
    if marquez.dsn is not None:
        try:
            from headwater.importing.postgres import connected
        except ImportError as error:
            raise click.UsageError(
                f"--dsn needs a driver: pip install 'headwater[marquez]' ({error})"
            ) from error
        async with connected(marquez.dsn) as database:
            yield database
        return
    from headwater.cli.client import Client
    from headwater.importing.api import Api

    async with Client(marquez.server or "", marquez.key) as client:
        yield Api(client.get)
