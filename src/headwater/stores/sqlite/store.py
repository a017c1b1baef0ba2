"""The embedded store: one SQLite file, one writer thread, and readers beside it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from headwater.errors import Conflict, NotFound, StoreError, Unavailable
from headwater.event import Received
from headwater.records import Projected
from headwater.store import ApiKey, Domain, LoggedEvent, Reader, Receipt
from headwater.stores.sqlite import state
from headwater.stores.sqlite.bodies import Bodies
from headwater.stores.sqlite.checkpoint import Checkpoints
from headwater.stores.sqlite.connection import Connection, translated
from headwater.stores.sqlite.dictionaries import Dictionaries
from headwater.stores.sqlite.lock import FileLock
from headwater.stores.sqlite.migrations import Progress, check, migrate
from headwater.stores.sqlite.reader import SqliteReader
from headwater.stores.sqlite.writer import Writer

T = TypeVar("T")

READERS = 4
LOG_PAGE = 500


def _silent(_: str) -> None:
    pass


class KeyBook:
    """Domains and keys, through a short connection of its own; works beside a running server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path.with_name(path.name + ".keys")

    async def domains(self) -> list[Domain]:
        return await asyncio.to_thread(
            self._use, lambda db: [Domain(*row) for row in db.all("domains")]
        )

    async def create_domain(self, name: str, now: int) -> Domain:
        def make(db: Connection) -> Domain:
            if db.one("domain_by_name", name) is not None:
                raise Conflict(f"the domain {name!r} exists already")
            db.run("insert_domain", name, now)
            return Domain(name, now)

        return await asyncio.to_thread(self._use, make)

    async def keys(self) -> list[ApiKey]:
        def read(db: Connection) -> list[ApiKey]:
            return [
                ApiKey(row[0], row[1], frozenset(row[2].split()), *row[3:])
                for row in db.all("api_keys")
            ]

        return await asyncio.to_thread(self._use, read)

    async def add_key(self, key: ApiKey) -> None:
        def add(db: Connection) -> None:
            if db.one("domain_by_name", key.domain) is None:
                raise NotFound(f"there is no domain {key.domain!r}")
            scopes = " ".join(sorted(key.scopes))
            db.run(
                "insert_api_key",
                key.id,
                key.domain,
                scopes,
                key.secret_hash,
                key.label,
                key.created_at,
                key.revoked_at,
            )

        await asyncio.to_thread(self._use, add)
        self._touch()

    async def revoke_key(self, identity: str, now: int) -> bool:
        def revoke(db: Connection) -> bool:
            if db.one("api_key_in_force", identity) is None:
                return False
            db.run("revoke_api_key", now, identity)
            return True

        revoked = await asyncio.to_thread(self._use, revoke)
        self._touch()
        return revoked

    def keys_version(self) -> int:
        """The length of a file beside the database that every change of a key makes longer."""
        try:
            return self._mark.stat().st_size
        except FileNotFoundError:
            return 0

    def _touch(self) -> None:
        with self._mark.open("ab") as mark:
            mark.write(b".")

    def _use(self, work: Callable[[Connection], T]) -> T:
        with translated():
            db = Connection(str(self._path))
            try:
                db.pragma("synchronous = FULL")
                db.begin()
                try:
                    result = work(db)
                    db.commit()
                except BaseException:
                    db.rollback()
                    raise
                return result
            finally:
                db.close()


class SqliteStore(KeyBook):
    """Fills `store.Store`. Made by `open_store`."""

    def __init__(self, path: Path, *, read_only: bool) -> None:
        super().__init__(path)
        self._file = str(path)
        self._read_only = read_only
        self._lock: FileLock | None = None
        self._writer: Writer | None = None
        self._write_db: Connection | None = None
        self._checkpoints: Checkpoints | None = None
        self._dictionaries: Dictionaries | None = None
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-writer")
        self._read_threads = ThreadPoolExecutor(READERS, thread_name_prefix="headwater-reader")
        self._local = threading.local()
        self._readers: list[Connection] = []
        self._failure: str | None = None

    def start(self, *, create: bool, progress: Progress) -> None:
        if self._read_only:
            with translated():
                db = Connection(self._file, read_only=True)
                try:
                    if check(db) == 0:
                        raise StoreError(f"{self._path} holds no Headwater database")
                finally:
                    db.close()
            return
        self._lock = FileLock(self._path)
        try:
            self._write_thread.submit(self._open_writer, create, progress).result()
        except BaseException:
            self._lock.release()
            raise

    def _open_writer(self, create: bool, progress: Progress) -> None:
        with translated():
            db = Connection(self._file, create=create)
            try:
                check(db)
                db.pragma("journal_mode = WAL")
                db.pragma("synchronous = FULL")
                db.pragma("cache_size = -32768")
                db.pragma("temp_store = MEMORY")
                migrate(db, progress)
                if db.one("domain_by_name", "default") is None:
                    db.run("insert_domain", "default", 0)
            except BaseException:
                db.close()
                raise
            self._write_db = db
            self._writer = Writer(db)
            self._checkpoints = Checkpoints(self._file, db)
            self._dictionaries = Dictionaries(self._file, db, self._writer.bodies)

    async def commit(
        self,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None = None,
    ) -> list[Receipt]:
        writer = self._writer
        if writer is None:
            raise Unavailable("the database is open for reading only")
        loop = asyncio.get_running_loop()
        try:
            receipts = await loop.run_in_executor(
                self._write_thread, self._commit, writer, batch, positions
            )
        except Unavailable as error:
            self._failure = error.message
            raise
        self._failure = None
        return receipts

    def _commit(
        self,
        writer: Writer,
        batch: Sequence[tuple[Received, Projected | None]],
        positions: Sequence[int] | None,
    ) -> list[Receipt]:
        receipts = writer.commit(batch, positions)
        if self._checkpoints is not None:
            self._checkpoints.after_commit()
        if self._dictionaries is not None and receipts:
            self._dictionaries.after_commit(receipts[-1].position)
        return receipts

    async def read(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, self._answer, question)

    def _answer(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        with translated():
            db, bodies = self._connection()
            db.begin("DEFERRED")
            try:
                return _drive(question(SqliteReader(db, bodies)))
            finally:
                db.rollback()

    def _connection(self) -> tuple[Connection, Bodies]:
        known: tuple[Connection, Bodies] | None = getattr(self._local, "connection", None)
        if known is None:
            db = Connection(self._file, read_only=True)
            db.pragma("cache_size = -8192")
            self._readers.append(db)
            known = self._local.connection = (db, Bodies(db))
        return known

    async def log(self, after: int = 0) -> AsyncIterator[LoggedEvent]:
        position = after
        while page := await asyncio.to_thread(self._log_page, position):
            for event in page:
                yield event
            position = page[-1].position

    def _log_page(self, after: int) -> list[LoggedEvent]:
        def read() -> list[LoggedEvent]:
            db, bodies = self._connection()
            return [
                LoggedEvent(row[0], row[1], row[2], row[3], row[4], bodies.restore(row[5], row[6]))
                for row in db.all("log_after", after, LOG_PAGE)
            ]

        with translated():
            return self._read_threads.submit(read).result()

    async def state(self) -> AsyncIterator[tuple[str, tuple[object, ...]]]:
        for name in state.TABLES:
            rows = await asyncio.get_running_loop().run_in_executor(
                self._read_threads, self._state_of, name
            )
            for row in rows:
                yield name, row

    def _state_of(self, name: str) -> list[tuple[object, ...]]:
        with translated():
            db, _ = self._connection()
            return state.rows(db, name)

    async def needed(self, before: int) -> list[int]:
        def read() -> list[int]:
            with translated():
                return [position for (position,) in self._connection()[0].all("needed", before)]

        return await asyncio.get_running_loop().run_in_executor(self._read_threads, read)

    async def ping(self) -> None:
        if self._failure is not None:
            await asyncio.get_running_loop().run_in_executor(self._write_thread, self._probe)
        await self.read(_nothing)

    def _probe(self) -> None:
        """Tries a write after one has failed, so that readiness comes back by itself."""
        assert self._write_db is not None
        with translated():
            self._write_db.begin()
            self._write_db.run("probe")
            self._write_db.commit()
        self._failure = None

    async def facts(self) -> Mapping[str, int]:
        return await asyncio.get_running_loop().run_in_executor(self._read_threads, self._facts)

    def _facts(self) -> dict[str, int]:
        files = (self._path.with_name(self._path.name + end) for end in ("", "-wal", "-shm"))
        size = sum(file.stat().st_size for file in files if file.exists())
        return {"bytes": size, "events": self._count()}

    def _count(self) -> int:
        """The number of events: positions are dense unless events were pruned."""
        with translated():
            row = self._connection()[0].one("count_events")
            assert row is not None
            return int(row[0])

    async def close(self) -> None:
        def close_writer() -> None:
            for worker in (self._checkpoints, self._dictionaries):
                if worker is not None:
                    worker.close()
            if self._write_db is not None:
                self._write_db.pragma("wal_checkpoint(TRUNCATE)")
                self._write_db.close()

        await asyncio.to_thread(self._read_threads.shutdown)
        for db in self._readers:
            db.close()
        await asyncio.get_running_loop().run_in_executor(self._write_thread, close_writer)
        self._write_thread.shutdown()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


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
    progress: Progress = _silent,
) -> SqliteStore:
    """Opens a database file, and brings it to the schema of this code.

    Args:
        read_only: reads beside a running server; nothing can be committed.

    Raises:
        DatabaseLocked: another process writes to it.
        DatabaseTooNew, DatabaseDamaged: it cannot be used.
        NotFound: there is no such file, and it is not to be created.
    """
    return await asyncio.to_thread(_open, Path(path), create and not read_only, read_only, progress)


def _open(file: Path, create: bool, read_only: bool, progress: Progress) -> SqliteStore:
    if not file.exists():
        if not create:
            raise NotFound(f"there is no database at {file}")
        file.parent.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(file, read_only=read_only)
    store.start(create=create, progress=progress)
    return store


async def open_admin(path: str | Path) -> KeyBook:
    """Domains and keys of a database file, also while a server runs on it."""
    file = Path(path)
    if not await asyncio.to_thread(file.exists):
        await (await open_store(file)).close()
    return KeyBook(file)
