"""The log as the source of everything: loading, exporting, deriving again, and proving it equal."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Protocol

import msgspec

from headwater.access import ApiKey, Book, ConnectionMap, Domain, Project, UserAccount
from headwater.errors import HeadwaterError, Unavailable
from headwater.event import Event, EventKind, Received
from headwater.ids import digest_of
from headwater.projection import Projector
from headwater.records import Projected
from headwater.store import LoggedEvent, Receipt, Rows, Store

Decode = Callable[[str, bytes], Event]
"""(dialect, body) -> event"""
Progress = Callable[[int, int], None]
"""(events done, events in all)"""

BATCH = 500
SHOWN = 20


class Difference(msgspec.Struct, frozen=True):
    """A row of the derived state that stands on one side only."""

    table: str
    row: str
    side: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether what is stored equals what the log implies; the first differences where not."""

    rows: int
    differences: tuple[Difference, ...]
    total: int

    @property
    def equal(self) -> bool:
        return self.total == 0


class Replayer:
    """Derives the state of a log again, into another store.

    A logged event that can no longer be decoded is kept as failed, as it was taken.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._projector = Projector()

    async def copy(
        self,
        source: Store,
        target: "Copy",
        total: int,
        progress: Progress,
        only: AbstractSet[int] | None = None,
        last: int | None = None,
    ) -> int:
        """Copies the log, or only the events at some positions; returns how many.

        Args:
            last: leave out what comes behind this position.
        """
        done = 0
        batch: list[tuple[Received, Projected | None]] = []
        positions: list[int] = []
        async for logged in source.log():
            if last is not None and logged.position > last:
                break
            if only is not None and logged.position not in only:
                continue
            batch.append(self._derived(logged))
            positions.append(logged.position)
            if len(batch) >= BATCH:
                await target.commit(batch, positions)
                done += len(batch)
                progress(done, total)
                batch, positions = [], []
        if batch:
            await target.commit(batch, positions)
            done += len(batch)
        progress(done, total)
        return done

    def _received(self, logged: LoggedEvent) -> Received:
        failure = None
        try:
            event = self._decode(logged.dialect, logged.body)
        except HeadwaterError as error:
            event = Event(kind=EventKind.RUN, time=logged.received_at)
            failure = f"cannot be decoded: {error.message}"
        return Received(
            domain=logged.domain,
            dialect=logged.dialect,
            body=logged.body,
            digest=digest_of(logged.body, logged.token),
            event=event,
            received_at=logged.received_at,
            token=logged.token,
            failure=failure,
        )

    def _derived(self, logged: LoggedEvent) -> tuple[Received, Projected | None]:
        received = self._received(logged)
        if received.failure is not None:
            return received, None
        try:
            return received, self._projector.project(received)
        except Exception as error:  # noqa: BLE001 # kept as failed, as it was when it came
            reason = f"projection failed: {type(error).__name__}"
            return msgspec.structs.replace(received, failure=reason), None


Opener = Callable[[Path], Awaitable["Copy"]]


class Copy(Store, Protocol):
    """A store that a rebuild fills: it can keep the positions of the log that is copied, and give
    way to a file that takes its place.
    """

    async def commit(
        self,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None = None,
    ) -> list[Receipt]: ...

    async def give_way(self, successor: Path) -> None:
        """Puts another file in the place of this database, in one step; closes it.

        Raises:
            DatabaseLocked: somebody reads it, and nothing was changed.
        """
        ...


async def verify(
    store: Store, decode: Decode, open_copy: Opener, scratch: Path, progress: Progress
) -> Verdict:
    """Derives everything again beside the database, and compares row by row.

    Both are of the moment of its start: others may write meanwhile.
    """
    copy = await open_copy(scratch)
    if (await copy.facts())["events"]:  # of one that was killed
        await copy.close()
        remove(scratch)
        copy = await open_copy(scratch)
    try:
        stored = await store.snapshot()
        total = (await store.facts())["events"]
        await Replayer(decode).copy(store, copy, total, progress, last=stored.last)
        return await compare(stored.rows, copy.state())
    finally:
        await copy.close()
        remove(scratch)


async def compare(left: Rows, right: Rows) -> Verdict:
    """Compares two derived states row by row as they come, for both come in the same order."""
    rows = total = 0
    found: list[Difference] = []
    a, b = await anext(left, None), await anext(right, None)
    while a is not None or b is not None:
        if a == b:
            rows += 1
            a, b = await anext(left, None), await anext(right, None)
            continue
        total += 1
        if b is None or (a is not None and row_order(a) < row_order(b)):
            assert a is not None
            alone, side = a, "stored"
            rows += 1
            a = await anext(left, None)
        else:
            alone, side = b, "derived"
            b = await anext(right, None)
        if len(found) < SHOWN:
            found.append(Difference(alone[0], repr(alone[1]), side))
    return Verdict(rows, tuple(found), total)


def row_order(item: tuple[str, tuple[object, ...]]) -> tuple[str, tuple[tuple[int, Any], ...]]:
    """Sorts rows as a store does, whatever types their values have."""
    return item[0], tuple([_rank(value) for value in item[1]])


def _rank(value: object) -> tuple[int, Any]:
    match value:
        case None:
            return 0, 0
        case int() | float():
            return 1, value
        case str():
            return 2, value
        case bytes():
            return 3, value
        case _:
            return 4, repr(value)


async def rebuild(
    path: Path,
    open_copy: Opener,
    decode: Decode,
    progress: Progress,
    before: int | None = None,
) -> int:
    """Derives everything again into a new file, which then takes the place of the old one.

    The old file stays untouched until the new one is complete; an interrupted rebuild changes
    nothing. Who may do what is taken over as it is at the end. Returns the number of events that
    the new one holds.

    Args:
        before: leave out the events from before this time (µs), unless what holds now rests on
            them: the newest statements, the current graph, the last run of each job.
    """
    scratch = path.with_name(path.name + ".rebuild")
    store = await open_copy(path)
    try:
        remove(scratch)
        copy = await open_copy(scratch)
        try:
            await keep_domains(copy, await store.domains())
            only = None if before is None else set(await store.needed(before))
            total = (await store.facts())["events"] if only is None else len(only)
            done = await Replayer(decode).copy(store, copy, total, progress, only)
            await keep_access(
                copy,
                await store.domains(),
                await store.keys(),
                await store.users(),
                await store.projects(),
                await store.connection_maps(),
            )
        finally:
            await copy.close()
        require_whole(scratch)
        await store.give_way(scratch)
    finally:
        await store.close()
        remove(scratch)
    return done


def require_whole(scratch: Path) -> None:
    """Raises Unavailable: a part of a closed database is still in its write-ahead log."""
    if scratch.with_name(scratch.name + "-wal").exists():
        raise Unavailable("the new database cannot be written whole; nothing was changed")


async def keep_domains(copy: Book, domains: Iterable[Domain]) -> None:
    """Carries over when domains were made, before any event names them."""
    known = {domain.name for domain in await copy.domains()}
    for domain in domains:
        if domain.name not in known:
            await copy.create_domain(domain.name, domain.created_at)


async def keep_access(
    copy: Book,
    domains: Iterable[Domain],
    keys: Iterable[ApiKey],
    users: Iterable[UserAccount],
    projects: Iterable[Project],
    maps: Iterable[ConnectionMap],
) -> None:
    """Carries over what does not come from events."""
    await keep_domains(copy, domains)
    for key in keys:
        await copy.add_key(key)
    for user in users:
        await copy.put_user(user)
    for project in projects:
        await copy.add_project(project)
    for mapped in maps:
        await copy.put_connection_map(mapped)


def remove(scratch: Path) -> None:
    """Removes a database and what lies beside it, where they are."""
    for suffix in ("", "-wal", "-shm", ".lock", ".keys"):
        scratch.with_name(scratch.name + suffix).unlink(missing_ok=True)
