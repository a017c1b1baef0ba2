"""`headwater rebuild`, `verify` and `prune`: care for a database that no server uses."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater import errors
from headwater.cli import options, output
from headwater.cli.times import FORMS, TIME, micros

if TYPE_CHECKING:
    from headwater.event import Event

DIFFERENT = 1


@click.command(short_help="Derive everything again from the event log.")
@options.DATABASE
@options.run
async def rebuild(database: str | None) -> None:
    """Derive everything again from the event log.

    The log itself stays as it is, and so does the database until the new one is complete. No
    server may use the database meanwhile.
    """
    from headwater import replay
    from headwater.cli.progress import Bar
    from headwater.stores.sqlite import open_store

    path = Path(options.existing(database))
    options.work_long()
    with Bar("Rebuilding") as bar:
        events = await replay.rebuild(path, open_store, _decoder(), bar.update)
    output.line(f"Rebuilt from {events:,} events in {bar.seconds:,.1f} s, {bar.rate(events)}.")


@click.command(short_help="Prove that a rebuild equals what is stored.")
@options.DATABASE
@options.run
async def verify(database: str | None) -> None:
    """Derive everything anew beside the database and compare it, row by row.

    Ends with 1 when they differ, and names the first rows that do.
    """
    from headwater import replay
    from headwater.cli.progress import Bar
    from headwater.stores.sqlite import open_store

    path = Path(options.existing(database))
    options.work_long()
    scratch = path.with_name(path.name + ".verify")
    store = await open_store(path, read_only=True)
    try:
        with Bar("Verifying") as bar:
            verdict = await replay.verify(store, _decoder(), open_store, scratch, bar.update)
    finally:
        await store.close()
    if verdict.equal:
        output.line(f"Equal: {verdict.rows:,} rows, derived again in {bar.seconds:,.1f} s.")
        return
    for row in verdict.differences:
        output.note(output.safe(f"only {row.side}: {row.table} {row.row}"))
    output.stop(
        f"{verdict.total:,} rows differ from a rebuild; 'headwater rebuild' mends it", DIFFERENT
    )


def _decoder() -> Callable[[str, bytes], "Event"]:
    """Reads what was accepted once, by the dialect that it came in."""
    from headwater.dialects.native.hide import DIALECT
    from headwater.dialects.openlineage import routes as openlineage
    from headwater.dialects.openlineage.decode import Decoder

    decode_event = Decoder(lean=True).decode
    decoders = {openlineage.NAME: decode_event, DIALECT: decode_event}

    def decode(dialect: str, body: bytes) -> "Event":
        if dialect not in decoders:
            raise errors.InvalidRequest(f"the dialect {dialect!r} is not known")
        return decoders[dialect](body)

    return decode


@click.command(short_help="Delete old events and what only they say.")
@click.option("--before", type=TIME, required=True, help=f"Events older than this go: {FORMS}.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.DATABASE
@options.run
async def prune(database: str | None, before: datetime, yes: bool) -> None:
    """Delete the events from before a time, and all that only they say. This cannot be undone.

    No server may use the database meanwhile.
    """
    from headwater import replay
    from headwater.cli.progress import Bar
    from headwater.stores.sqlite import open_store

    path = Path(options.existing(database))
    options.work_long()
    if not yes:
        click.confirm(f"Delete all events from before {before:%Y-%m-%d %H:%M} UTC?", abort=True)
    with Bar("Pruning") as bar:
        events = await replay.rebuild(path, open_store, _decoder(), bar.update, micros(before))
    output.line(f"{events:,} events kept, the others deleted, in {bar.seconds:,.1f} s.")
