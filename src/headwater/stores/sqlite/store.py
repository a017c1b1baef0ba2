"""The embedded store: one SQLite file, one writer thread, and readers beside it."""

import asyncio
import logging
import threading
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from headwater.errors import DatabaseDamaged, DatabaseLocked, NotFound, StoreError, Unavailable
from headwater.event import Received
from headwater.ids import Key
from headwater.records import Content, PackedContent, Projected
from headwater.store import LoggedEvent, Reader, Receipt, Rows, Snapshot
from headwater.stores.sqlite import codec, state
from headwater.stores.sqlite.accounts import AccountBook
from headwater.stores.sqlite.bodies import Bodies, Unreadable
from headwater.stores.sqlite.condition import DAMAGED_SECONDS
from headwater.stores.sqlite.connection import Connection, Row
from headwater.stores.sqlite.integrity import damaged, examine_idle, understood
from headwater.stores.sqlite.latest import Latest
from headwater.stores.sqlite.lock import FileLock
from headwater.stores.sqlite.migrations import Progress, check
from headwater.stores.sqlite.nodes import Namespaces
from headwater.stores.sqlite.process import WriterProcess
from headwater.stores.sqlite.reader import SqliteReader
from headwater.stores.sqlite.thread import WriterThread
from headwater.stores.sqlite.writing import replace

T = TypeVar("T")

READERS = 4
CACHE_KIB = 4_096
"""What each reader keeps of the file: the inner pages of a database with a few million edges. More
is slower: what an answer reads is mostly read once, from pages that the system holds (measured)."""
LOG_PAGE = 500


class _ReadSide(NamedTuple):
    """A reader's connection, and what is remembered with it."""

    db: Connection
    bodies: Bodies
    namespaces: Namespaces


def _tell(text: str) -> None:
    logging.getLogger(__name__).warning(text)


class SqliteStore(AccountBook):
    """Fills `store.Store`. Made by `open_store`."""

    def __init__(self, path: Path, *, read_only: bool, apart: bool) -> None:
        super().__init__(path)
        self._file = str(path)
        self._read_only = read_only
        self._apart = apart
        self._lock: FileLock | None = None
        self._writing: WriterThread | WriterProcess | None = None
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="headwater-reader")
        self._local = threading.local()
        self._readers: list[Connection] = []
        self._latest = Latest()

    def start(self, *, create: bool, progress: Progress) -> None:
        if self._read_only:
            examine_idle(self._path)
            try:
                self._look(_require_tables)
            except DatabaseDamaged as error:
                raise damaged(self._path, error.message) from error
            return
        lock = FileLock.acquire(self._path)
        writing = (WriterProcess if self._apart else WriterThread)(self._path, lock)
        try:
            writing.open(create=create, progress=progress)
        except BaseException:
            lock.release(clean=False)
            raise
        self._lock, self._writing = lock, writing

    @property
    def width(self) -> int:
        return 1 if self._writing is None else self._writing.width

    def pack(self, owner: Key, content: Content) -> PackedContent:
        return codec.pack(owner, content)

    async def commit(
        self,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None = None,
    ) -> list[Receipt]:
        if self._writing is None:
            raise Unavailable("the database is open for reading only")
        return await self._writing.commit(batch, positions)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Damage that a reader meets is a server's to tell: no commit follows it, and who asked may
        ask again. The bytes of a single event are no reason to stop.
        """
        try:
            with understood(self._path):
                yield
        except DatabaseLocked as error:
            raise Unavailable(error.message) from error
        except DatabaseDamaged as error:
            if self._writing is None:
                raise
            if not isinstance(error, Unreadable):
                self._writing.condition.condemn(error)
            raise Unavailable(error.message, DAMAGED_SECONDS) from error

    async def read(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, self._answer, question)

    def _answer(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        with self._guarded():
            side = self._side()
            side.db.begin("DEFERRED")
            try:
                changes = None if self._writing is None else self._writing.condition.changes
                return _drive(question(SqliteReader(*side, self._latest, changes)))
            finally:
                side.db.rollback()

    def _side(self) -> _ReadSide:
        """What this thread reads with."""
        known: _ReadSide | None = getattr(self._local, "side", None)
        if known is None:
            db = Connection(self._file, read_only=True)
            db.pragma(f"cache_size = -{CACHE_KIB}")
            self._readers.append(db)
            known = self._local.side = _ReadSide(db, Bodies(db), Namespaces(db))
        return known

    async def log(self, after: int = 0) -> AsyncIterator[LoggedEvent]:
        position = after
        while page := await asyncio.to_thread(self._log_page, position):
            for event in page:
                yield event
            position = page[-1].position

    def _log_page(self, after: int) -> list[LoggedEvent]:
        def read() -> list[LoggedEvent]:
            side = self._side()
            return [
                LoggedEvent(row[0], row[1], row[2], row[3], row[4], _restored(side.bodies, *row))
                for row in side.db.all("log_after", after, LOG_PAGE)
            ]

        with self._guarded():
            return self._read_threads.submit(read).result()

    async def snapshot(self) -> Snapshot:
        db, last = await asyncio.to_thread(self._still)
        return Snapshot(last, self._rows(db))

    async def state(self) -> Rows:
        async for item in (await self.snapshot()).rows:
            yield item

    async def _rows(self, db: Connection) -> Rows:
        chunks = self._state(db)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            table, rows = chunk
            for row in rows:
                yield table, row

    def _still(self) -> tuple[Connection, int]:
        """A connection of its own, because it lasts: it sees one state from first to last."""
        with self._guarded():
            db = Connection(self._file, read_only=True)
            try:
                db.begin("DEFERRED")
                row = db.one("last_position")
                return db, 0 if row is None else int(row[0])
            except BaseException:
                db.close()
                raise

    def _state(self, db: Connection) -> Iterator[tuple[str, list[Row]]]:
        with self._guarded():
            try:
                for table in state.TABLES:
                    for rows in state.rows(db, table):
                        yield table, rows
            finally:
                db.close()

    async def needed(self, before: int) -> list[int]:
        def read() -> list[int]:
            with self._guarded():
                return [position for (position,) in self._side().db.all("needed", before)]

        return await asyncio.get_running_loop().run_in_executor(self._read_threads, read)

    async def ping(self) -> None:
        if self._writing is not None and self._writing.condition.doubtful:
            await self._writing.probe()
        await self.read(_nothing)

    async def facts(self) -> Mapping[str, int]:
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self._facts)

    def _facts(self) -> dict[str, int]:
        files = (self._path.with_name(self._path.name + end) for end in ("", "-wal", "-shm"))
        size = sum(file.stat().st_size for file in files if file.exists())
        return {"bytes": size, "events": self._count()}

    def _count(self) -> int:
        """The number of events: positions are dense unless events were pruned."""
        with self._guarded():
            row = self._side().db.one("count_events")
            assert row is not None
            return int(row[0])

    async def give_way(self, successor: Path) -> None:
        """As `replay.Copy` says: under the lock, so that nobody begins to write meanwhile."""
        await self._close(successor)

    async def close(self) -> None:
        await self._close()

    async def _close(self, successor: Path | None = None) -> None:
        await self._close_readers()
        if self._writing is not None and self._lock is not None:
            writing, self._writing = self._writing, None
            lock, self._lock = self._lock, None
            clean = await writing.close()
            try:
                if successor is not None:
                    await asyncio.to_thread(replace, self._path, successor)
            finally:
                lock.release(clean=clean)

    async def _close_readers(self) -> None:
        await asyncio.to_thread(self._read_threads.shutdown)
        for db in self._readers:
            db.close()


def _restored(bodies: Bodies, *row: Any) -> bytes:
    try:
        return bodies.restore(row[5], row[6])
    except Unreadable as error:
        raise Unreadable(f"{error.message}: position {row[0]}") from error


def _require_tables(db: Connection) -> None:
    if check(db) == 0:
        raise StoreError("the file holds no Headwater database")


async def _nothing(reader: Reader) -> None:
    await reader.nodes(())


def _drive(question: Awaitable[T]) -> T:
    """Runs a question to its end in this thread: its reader never waits."""
    if not isinstance(question, Coroutine):
        raise TypeError("a question is a coroutine")
    coroutine: Coroutine[Any, Any, T] = question
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a question may await nothing but its reader")


async def open_store(
    path: str | Path,
    *,
    create: bool = True,
    read_only: bool = False,
    apart: bool = False,
    progress: Progress = _tell,
) -> SqliteStore:
    """Opens a database file, and brings it to the schema of this code.

    Args:
        read_only: reads beside a running server; nothing can be committed.
        apart: writes in a process of its own.

    Raises:
        DatabaseLocked: another process writes to it.
        DatabaseTooNew, DatabaseDamaged: it cannot be used.
        NotFound: there is no such file, and it is not to be created.
    """
    return await asyncio.to_thread(
        _open, Path(path), create and not read_only, read_only, apart, progress
    )


def _open(
    file: Path, create: bool, read_only: bool, apart: bool, progress: Progress
) -> SqliteStore:
    if not file.exists():
        if not create:
            raise NotFound(f"there is no database at {file}")
        file.parent.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(file, read_only=read_only, apart=apart)
    store.start(create=create, progress=progress)
    return store


async def open_admin(path: str | Path) -> AccountBook:
    """Domains, keys, users and projects of a database file, also while a server runs on it."""
    file = Path(path)
    if not await asyncio.to_thread(file.exists):
        await (await open_store(file)).close()
    return AccountBook(file)
