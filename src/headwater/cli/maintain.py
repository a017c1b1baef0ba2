"""`headwater rebuild`, `verify` and `prune`: care for a database that no server uses."""

from datetime import datetime

import click

from headwater.cli import options, output
from headwater.cli.times import FORMS, TIME, micros

DIFFERENT = 1
SHOWN = 20


@click.command(short_help="Derive everything again from the event log.")
@options.DATABASE
@options.run
async def rebuild(database: str | None) -> None:
    """Derive everything again from the event log.

    The log itself stays as it is. No server may use the database meanwhile.
    """
    from headwater import replay
    from headwater.cli.progress import Bar

    path = options.existing(database)
    with Bar("Rebuilding") as bar:
        events = await replay.rebuild(path, bar.update)
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

    path = options.existing(database)
    with Bar("Verifying") as bar:
        report = await replay.verify(path, bar.update)
    if report.equal:
        output.line(f"Equal: what is stored is what a rebuild gives ({bar.seconds:,.1f} s).")
        return
    for difference in report.differences[:SHOWN]:
        output.note(output.safe(difference))
    output.stop("what is stored differs from a rebuild; 'headwater rebuild' mends it", DIFFERENT)


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

    path = options.existing(database)
    if not yes:
        click.confirm(f"Delete all events from before {before:%Y-%m-%d %H:%M} UTC?", abort=True)
    with Bar("Pruning") as bar:
        events = await replay.prune(path, micros(before), bar.update)
    output.line(f"{events:,} events deleted in {bar.seconds:,.1f} s.")
