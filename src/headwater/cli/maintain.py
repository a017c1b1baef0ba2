"""`headwater rebuild`, `verify` and `prune`: care for a database that no server uses."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater import errors
from headwater.cli import options, output
from headwater.cli.times import FORMS, TIME, micros
from headwater.garbage import collect_seldom

if TYPE_CHECKING:
    from headwater.event import Event
    from headwater.stores.sqlite.salvage import Salvage

DIFFERENT = 1


@click.command(short_help="Derive everything again from the event log.")
@click.option("--salvage", is_flag=True, help="Of a damaged log, keep what can be read.")
@options.DATABASE
@options.run
async def rebuild(salvage: bool, database: str | None) -> None:
    """Derive everything again from the event log.

    The log itself stays as it is, and so does the database until the new one is complete. No
    server may use the database meanwhile.

    A damaged database is rebuilt too, and kept beside the new one as FILE.damaged. Where events of
    its log cannot be read, the command names them and changes nothing, unless --salvage is given.
    """
    from headwater import replay
    from headwater.cli.progress import Bar
    from headwater.stores.sqlite import open_store

    path = Path(options.existing(database))
    collect_seldom()
    kept: Path | None = None
    with Bar("Rebuilding") as bar:
        try:
            events = await replay.rebuild(path, open_store, _decoder(), bar.update)
        except errors.HeadwaterError as error:
            if not _is_damage(error):
                raise
            output.note(output.safe(error.message))
            events, kept = await _rebuild_damaged(path, bar.update, salvage)
    output.line(f"Rebuilt from {events:,} events in {bar.seconds:,.1f} s, {bar.rate(events)}.")
    if kept is not None:
        output.note(output.safe(f"The damaged database is kept as {kept}."))


def _is_damage(error: BaseException | None) -> bool:
    return isinstance(error, errors.DatabaseDamaged) or (
        error is not None and _is_damage(error.__cause__)
    )


async def _copy_readable(
    source: "Salvage", scratch: Path, update: Callable[[int, int], None]
) -> int:
    """Derives everything that can be read into a new file; returns the number of its events."""
    from typing import cast

    from headwater.replay import Replayer, keep_access
    from headwater.store import Store
    from headwater.stores.sqlite import open_store

    copy = await open_store(scratch)
    try:
        await keep_access(
            copy,
            source.domains(),
            source.api_keys(),
            source.users(),
            source.projects(),
            source.connection_maps(),
        )
        log = cast(Store, source)  # of a store, a copy reads the log only
        return await Replayer(_decoder()).copy(log, copy, source.total, update)
    finally:
        await copy.close()


async def _rebuild_damaged(
    path: Path, update: Callable[[int, int], None], accept_loss: bool
) -> tuple[int, Path]:
    """As `replay.rebuild`, from what can be read; the damaged file is set aside untouched."""
    from headwater.replay import remove, require_whole
    from headwater.stores.sqlite.lock import FileLock
    from headwater.stores.sqlite.salvage import Salvage, ranges, set_aside

    scratch = path.with_name(path.name + ".rebuild")
    lock = FileLock.acquire(path)
    clean = False
    try:
        remove(scratch)
        source = Salvage(path, lock.left)
        try:
            events = await _copy_readable(source, scratch, update)
        finally:
            source.close()
        if source.lost and not accept_loss:
            output.stop(
                f"{source.lost_count:,} events cannot be read (positions {ranges(source.lost)}); "
                "nothing was changed. 'headwater rebuild --salvage' goes on without them."
            )
        if source.lost:
            output.note(f"{source.lost_count:,} events are lost: {ranges(source.lost)}.")
        require_whole(scratch)
        kept = set_aside(path)
        scratch.replace(path)
        clean = True
    finally:
        remove(scratch)
        lock.release(clean=clean)
    return events, kept


@click.command(short_help="Prove that a rebuild equals what is stored.")
@options.DATABASE
@options.run
async def verify(database: str | None) -> None:
    """Derive everything anew beside the database and compare it, row by row.

    Ends with 1 when they differ, and names the first rows that do. Of a damaged database it names
    what is wrong, and the events that cannot be read.
    """
    path = Path(options.existing(database))
    collect_seldom()
    try:
        await _verify(path)
    except errors.DatabaseDamaged as error:
        output.note(output.safe(error.message))
        output.stop(output.safe(_toll(path)), DIFFERENT)


def _toll(path: Path) -> str:
    """What the damage has cost."""
    from headwater.stores.sqlite.salvage import Salvage, ranges

    try:
        salvage = Salvage(path)
    except errors.StoreError as error:
        return error.message
    try:
        read = sum(1 for _ in salvage.events())
    finally:
        salvage.close()
    if not salvage.lost:
        return f"All {read:,} events can be read: 'headwater rebuild' mends the rest."
    return (
        f"{salvage.lost_count:,} events cannot be read (positions {ranges(salvage.lost)}), "
        f"{read:,} can: 'headwater export --salvage', 'headwater rebuild --salvage'."
    )


async def _verify(path: Path) -> None:
    from headwater import replay
    from headwater.cli.progress import Bar
    from headwater.stores.sqlite import open_store
    from headwater.stores.sqlite.integrity import examine_pages, require_current

    scratch = path.with_name(path.name + ".verify")
    store = await open_store(path, read_only=True)
    try:
        require_current(path)
        if wrong := examine_pages(path):
            raise errors.DatabaseDamaged(f"{path} is damaged: {'; '.join(wrong)}")
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
    from headwater.dialects.openlineage.decode import Decoder
    from headwater.dialects.openlineage.stored import DIALECTS, NAMES

    decoders = dict.fromkeys(DIALECTS, Decoder(lean=True, name_limit=NAMES).decode)

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
    collect_seldom()
    if not yes:
        click.confirm(f"Delete all events from before {before:%Y-%m-%d %H:%M} UTC?", abort=True)
    with Bar("Pruning") as bar:
        events = await replay.rebuild(path, open_store, _decoder(), bar.update, micros(before))
    output.line(f"{events:,} events kept, the others deleted, in {bar.seconds:,.1f} s.")
