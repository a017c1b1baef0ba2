"""`headwater export`: the stored events, byte for byte."""

import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self

import click

from headwater import errors
from headwater.cli import options, output
from headwater.cli.times import FORMS, TIME, micros

if TYPE_CHECKING:
    from headwater.store import LoggedEvent

_BOM = b"\xef\xbb\xbf"
SHOWN = 20


class Stored(NamedTuple):
    """An event on its way out."""

    position: int
    received_at: int
    body: bytes
    dialect: str = ""
    token: str | None = None


class Window(NamedTuple):
    """When the events were received, in microseconds: `since` is included, `until` is not."""

    since: int | None
    until: int | None

    def holds(self, received_at: int) -> bool:
        return (self.since is None or received_at >= self.since) and (
            self.until is None or received_at < self.until
        )


@click.command(short_help="Write the stored events, byte for byte.")
@click.option("--output", "-o", "to", default="-", metavar="FILE|FOLDER/", help="Default: stdout.")
@click.option("--since", type=TIME, help=f"Only events received since this time: {FORMS}.")
@click.option("--until", type=TIME, help="Only events received before this time.")
@click.option("--salvage", is_flag=True, help="All that can be read of a damaged database.")
@options.target
@options.run
async def export(
    to: str,
    since: datetime | None,
    until: datetime | None,
    salvage: bool,
    database: str | None,
    server: str | None,
    key: str | None,
    domain: str | None,
) -> None:
    """Write the stored events of a domain as they were received, one a line, in log order.

    An event whose bytes hold a line break cannot be a line. With --output FOLDER/ such an event
    becomes a file of its own beside FOLDER/events.ndjson; else it is left out and named at the
    end, and the command ends with 1. 'headwater load' reads both back. A server gives the events
    by event time, and needs an admin key: what others see has its secrets masked.

    An event that came with an idempotency token is written with it, as {"headwater_event": ...,
    "body": "..."}: the token makes the same bytes another event. Only a database file tells it.

    With --salvage the database may be damaged: what can be read is written, event by event, the
    positions of what is lost are named, and the command ends with 1 where anything is.
    """
    place = options.place(database, server, key, domain)
    if salvage and place.server is not None:
        raise click.UsageError("--salvage reads a database file, not a server")
    window = Window(*(None if moment is None else micros(moment) for moment in (since, until)))
    with Writer(to) as writer:
        if salvage:
            lost = _salvage(place, window, writer)
        else:
            lost = None
            async for event in _events(place, window):
                writer.write(event)
    output.note(f"{writer.written:,} events exported.")
    if lost is not None:
        output.note(lost)
    if writer.left_out:
        positions = ", ".join(map(str, writer.left_out[:SHOWN]))
        more = ", ..." if len(writer.left_out) > SHOWN else ""
        output.stop(
            f"{len(writer.left_out):,} events hold line breaks and are no lines; they were left "
            f"out (log positions {positions}{more}). 'headwater export --output FOLDER/' writes "
            "each to a file of its own."
        )
    if lost is not None:
        output.stop("the export is not complete")


def _salvage(place: options.Place, window: Window, writer: "Writer") -> str | None:
    """Writes what can be read of a domain; says what was lost. An event whose domain can no longer
    be told is written too.
    """
    from headwater.auth.gate import DEFAULT_DOMAIN
    from headwater.stores.sqlite.salvage import UNKNOWN, Salvage, ranges

    domain = place.domain or DEFAULT_DOMAIN
    salvage = Salvage(Path(place.database))
    try:
        for event in salvage.events():
            if event.domain == UNKNOWN or (
                event.domain == domain and window.holds(event.received_at)
            ):
                writer.write(_stored(event))
    finally:
        salvage.close()
    if not salvage.lost:
        return None
    return f"{salvage.lost_count:,} events cannot be read: positions {ranges(salvage.lost)}."


class Writer:
    """Writes events to stdout, a file or a folder; a file appears when it is complete."""

    def __init__(self, to: str) -> None:
        self._folder: Path | None = None
        self._final: Path | None = None
        if to != "-":
            path = Path(to)
            folder = to.endswith(("/", "\\")) or path.is_dir()
            self._folder = path if folder else None
            self._final = path / "events.ndjson" if folder else path
        self._out: BinaryIO = sys.stdout.buffer
        self.written = 0
        self.left_out: list[int] = []

    def __enter__(self) -> Self:
        if self._final is not None:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._out = self._partial.open("wb")
        return self

    @property
    def _partial(self) -> Path:
        assert self._final is not None
        return self._final.with_name(self._final.name + ".partial")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._final is None:
            with contextlib.suppress(BrokenPipeError):
                self._out.flush()
            return
        self._out.close()
        if kind is None:
            self._partial.replace(self._final)

    def write(self, event: Stored) -> None:
        from headwater.cli.envelope import wrapped
        from headwater.cli.sources import VERBATIM

        body = event.body
        if event.token is not None:
            body = wrapped(body, event.dialect, event.token)
        if is_line(body):
            self._out.write(body + b"\n")
        elif self._folder is not None:
            (self._folder / f"{event.position:012}{VERBATIM}").write_bytes(body)
        else:
            self.left_out.append(event.position)
            return
        self.written += 1


def is_line(body: bytes) -> bool:
    """Whether a line of a file gives the body back to its last byte."""
    return b"\n" not in body and not body.endswith(b"\r") and not body.startswith(_BOM)


def _stored(event: "LoggedEvent") -> Stored:
    return Stored(event.position, event.received_at, event.body, event.dialect, event.token)


async def _events(place: options.Place, window: Window) -> AsyncIterator[Stored]:
    found = _of_server(place, window) if place.server is not None else _of_file(place, window)
    async for event in found:
        yield event


async def _of_file(place: options.Place, window: Window) -> AsyncIterator[Stored]:
    from headwater.auth.gate import DEFAULT_DOMAIN
    from headwater.stores.sqlite import open_store

    domain = place.domain or DEFAULT_DOMAIN
    store = await open_store(place.database, create=False, read_only=True)
    try:
        if domain not in {known.name for known in await store.domains()}:
            raise errors.NotFound(f"there is no domain {domain!r}")
        async for event in store.log():
            if event.domain == domain and window.holds(event.received_at):
                yield _stored(event)
    finally:
        await store.close()


async def _of_server(place: options.Place, window: Window) -> AsyncIterator[Stored]:
    """A page of the list at a time, the bytes one by one."""
    import msgspec

    from headwater.cli.answers import Event
    from headwater.cli.backend import MOST, Listed, ask, open_backend, path
    from headwater.cli.times import read_iso

    async with open_backend(place) as backend:
        cursor: str | None = None
        while True:
            body = await ask(backend, path("events"), order="asc", limit=MOST, cursor=cursor)
            page = msgspec.json.decode(body, type=Listed)
            for raw in page.items:
                event = msgspec.json.decode(raw, type=Event)
                received_at = micros(read_iso(event.received_at))
                if window.holds(received_at):
                    stored, masked = await backend.get_stored(path("events", event.id, "raw"))
                    if masked:
                        raise errors.Forbidden("only an admin key sees events byte for byte")
                    yield Stored(event.position, received_at, stored)
            cursor = page.next
            if cursor is None:
                return
