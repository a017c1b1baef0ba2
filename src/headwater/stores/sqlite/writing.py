"""The writing side of a store: the writer and what works beside it, opened anew after a failure.

A disk that is full and a file that can only be read pass; then writing goes on without a restart.
So after a failure nothing in memory is trusted: connection, caches and counters are made anew with
the next attempt. A damaged file does not pass, and is not written to again.
"""

import contextlib
import logging
import os
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from headwater.errors import (
    DatabaseDamaged,
    DatabaseLocked,
    HeadwaterError,
    StoreError,
    Unavailable,
)
from headwater.event import Received
from headwater.ids import Key
from headwater.records import Projected
from headwater.store import Receipt
from headwater.stores.sqlite.checkpoint import Checkpoints
from headwater.stores.sqlite.condition import DAMAGED_SECONDS, Condition
from headwater.stores.sqlite.connection import Connection, translated
from headwater.stores.sqlite.dictionaries import Dictionaries
from headwater.stores.sqlite.integrity import examine
from headwater.stores.sqlite.lock import FileLock
from headwater.stores.sqlite.migrations import Progress, check, migrate
from headwater.stores.sqlite.writer import Writer

READERS_SECONDS = 60.0
"""How long a file that is to give way waits for those that read it."""
PAUSE_SECONDS = 0.2
ROOM = 1 << 20
"""How many bytes have to be free before a disk that was full is taken for usable."""
_log = logging.getLogger(__name__)


class _Tools(NamedTuple):
    db: Connection
    writer: Writer
    checkpoints: Checkpoints
    dictionaries: Dictionaries


class WriteSide(Condition):
    """Used by the writer's thread."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        super().__init__(path)
        self._lock = lock
        self._tools: _Tools | None = None
        self._stale = False
        self._last = 0

    def open(self, *, create: bool, progress: Progress) -> None:
        """Examines the file, brings it to the schema of this code, and makes it ready.

        Raises:
            DatabaseDamaged, DatabaseTooNew, Unavailable: it cannot be used, and is as it was.
        """
        if self._path.exists() and (self._path.stat().st_size or self._lock.left is not None):
            examine(self._path, self._lock.left)
        with translated():
            db = Connection(str(self._path), create=create)
            try:
                check(db)
                _set_up(db)
                migrate(db, progress)
                if db.one("domain_by_name", "default") is None:
                    db.run("insert_domain", "default", 0)
                row = db.one("last_position")
                self._last = int(row[0]) if row is not None else 0
                self._tools = self._equip(db)
            except BaseException:
                db.close()
                raise
        self._lock.mark(self._last)

    def commit(
        self, batch: Sequence[tuple[Received, Projected | None]], positions: Sequence[int] | None
    ) -> list[Receipt]:
        """Raises Unavailable: nothing of the batch is kept, in the file or in memory."""
        with self._watched():
            tools = self._ready()
            receipts = tools.writer.commit(batch, positions)
        if receipts:
            self._last = max(self._last, *(receipt.position for receipt in receipts))
            self._lock.mark(self._last)
        self._work_beside(tools)
        return receipts

    def _work_beside(self, tools: _Tools) -> None:
        """What is not part of a commit cannot make it fail."""
        try:
            with translated():
                tools.checkpoints.after_commit()
                tools.dictionaries.after_commit(self._last)
        except DatabaseDamaged as error:
            self.condemn(error)
        except HeadwaterError as error:
            _log.warning("beside the writer: %s", error.message)
            self._stale = True

    @property
    def named(self) -> Collection[Key]:
        """The nodes that the last batch named: for the process that serves to note in `changes`."""
        return () if self._tools is None else self._tools.writer.named

    @property
    def last(self) -> int:
        """The position of the last event in the log."""
        return self._last

    def probe(self) -> None:
        """Writes a page without changing anything; raises Unavailable when that fails."""
        with self._watched():
            if self.failure is not None:
                self._require_room()
            db = self._ready().db
            with translated():
                try:
                    db.begin()
                    db.run("probe")
                    db.commit()
                finally:
                    db.rollback()

    def _require_room(self) -> None:
        """Where a page finds room, an event may not: a probe that is too small says ready, and the
        next event is refused again.
        """
        scratch = self._path.with_name(self._path.name + ".probe")
        try:
            scratch.write_bytes(bytes(ROOM))
        except OSError as error:
            raise Unavailable(f"the database cannot be written: {error.strerror}", 2) from error
        finally:
            with contextlib.suppress(OSError):
                scratch.unlink()

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        if self.damaged:
            raise Unavailable(self.failure, DAMAGED_SECONDS)
        try:
            with translated():
                yield
        except DatabaseDamaged as error:
            self.condemn(error)
            raise Unavailable(error.message, DAMAGED_SECONDS) from error
        except (Unavailable, StoreError) as error:
            self._stale = True
            message = self._named(error)
            if self.failure is None:
                _log.error("cannot write to %s: %s", self._path, message)
            self.failure = message
            if isinstance(error, Unavailable | DatabaseLocked):
                raise Unavailable(message, getattr(error, "retry_after", 1)) from error
            raise
        if self.failure is not None:
            _log.warning("writing to %s again", self._path)
            self.failure = None
        self.wrote_at = time.monotonic()

    def _named(self, error: HeadwaterError) -> str:
        """With the word of the operating system, where it had one: the engine's is `I/O error`."""
        number = self._tools.db.system_error if self._tools is not None else 0
        if number and isinstance(error, Unavailable):
            return f"the database cannot be written: {os.strerror(number)}"
        return error.message

    def _ready(self) -> _Tools:
        """The tools, made anew after a failure.

        The old connection closes after the new one has opened: the last one to close would leave
        the index of the write-ahead log to be made anew, and that would take frames of a failed
        commit for good ones which no sync has reached.
        """
        old = self._tools
        if old is not None and not self._stale:
            return old
        if old is not None:
            with contextlib.suppress(HeadwaterError), translated():
                old.db.rollback()
            if old.db.open_transaction:
                _put_away(old)
                self._tools = old = None
        db = Connection(str(self._path))
        try:
            _set_up(db)
            self._tools = self._equip(db)
        except BaseException:
            db.close()
            raise
        self._stale = False
        if old is not None:
            _put_away(old)
        return self._tools

    def _equip(self, db: Connection) -> _Tools:
        file = str(self._path)
        writer = Writer(db)
        return _Tools(db, writer, Checkpoints(file, db), Dictionaries(file, db, writer.bodies))

    def close(self) -> bool:
        """Returns whether all is in the database file; else it is in the write-ahead log."""
        if self._tools is None:
            return False
        db = self._tools.db
        whole = not self.damaged
        with contextlib.suppress(HeadwaterError), translated():
            db.rollback()
        if whole:
            try:
                db.pragma("wal_checkpoint(TRUNCATE)")
            except HeadwaterError:
                whole = False
        _put_away(self._tools, keep_log=self.damaged)
        return whole


def _set_up(db: Connection) -> None:
    db.pragma("journal_mode = WAL")
    db.pragma("synchronous = FULL")
    db.pragma("cache_size = -40960")
    db.pragma("temp_store = MEMORY")


def replace(path: Path, successor: Path) -> None:
    """Puts another file in the place of a database that nobody writes to.

    Its write-ahead log goes first, which only the last connection of all can do: with a reader it
    would stay, and be taken for the log of the new file.

    Raises:
        DatabaseLocked: another process reads the file, and goes on with it.
    """
    db = Connection(str(path))
    try:
        end = time.monotonic() + READERS_SECONDS
        while not _leaves_log(db):
            if time.monotonic() > end:
                raise DatabaseLocked(
                    f"{path} is being read by another process; nothing was changed. Try again "
                    "when that has ended"
                )
            time.sleep(PAUSE_SECONDS)
    finally:
        db.close()
    successor.replace(path)


def _leaves_log(db: Connection) -> bool:
    """Whether the database is all in its file, and has no write-ahead log any more."""
    try:
        return bool(db.pragma("journal_mode = DELETE") == "delete")
    except DatabaseLocked:
        return False


def _put_away(tools: _Tools, *, keep_log: bool = False) -> None:
    with contextlib.suppress(HeadwaterError), translated():
        if keep_log:
            tools.db.keep_log()
        tools.checkpoints.close()
        tools.dictionaries.close()
        tools.db.close()
