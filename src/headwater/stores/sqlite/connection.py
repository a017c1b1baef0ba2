"""A connection to a SQLite file: named statements, bulk rows, errors in Headwater's words."""

import re
import time
from array import array as integers
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from itertools import chain
from typing import Any

import apsw

from headwater.errors import DatabaseDamaged, DatabaseLocked, StoreError, Unavailable

Row = tuple[Any, ...]
Value = Any

_BULK_SIZES = (128, 96, 64, 48, 32, 24, *range(16, 0, -1))
_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_ROWS = re.compile(r"VALUES \(([?, ]+)\)")
BUSY_MS = 10_000
_AWAY = (
    apsw.IOError,
    apsw.CantOpenError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.NoMemError,
)
"""What may pass without anyone touching the file."""


def parse_queries(text: str) -> dict[str, str]:
    """Splits files of statements, each headed by `-- name: <name>`; raises ValueError for a name
    that stands twice.
    """
    pieces = _NAME.split(text)
    names, bodies = pieces[1::2], pieces[2::2]
    if len(set(names)) < len(names):
        raise ValueError(f"a statement's name stands twice: {sorted(names)}")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}


QUERIES = parse_queries(
    "\n".join(
        resources.files("headwater.stores.sqlite").joinpath(file).read_text("utf-8")
        for file in ("queries.sql", "slices.sql")
    )
)


@contextmanager
def translated() -> Iterator[None]:
    """Turns the engine's errors into ours: the one place that knows both."""
    try:
        yield
    except apsw.BusyError as error:
        raise DatabaseLocked("the database is locked by another process") from error
    except apsw.FullError as error:
        raise Unavailable("the disk that holds the database is full", retry_after=2) from error
    except apsw.ReadOnlyError as error:
        raise Unavailable("the database can only be read now", retry_after=2) from error
    except _AWAY as error:
        raise Unavailable(f"the database cannot be used now: {error}", retry_after=2) from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise DatabaseDamaged(f"the database file is damaged: {error}") from error
    except apsw.Error as error:
        raise StoreError(f"the database refused: {error}") from error


class Connection:
    """One connection, used by one thread at a time."""

    def __init__(self, path: str, *, read_only: bool = False, create: bool = False) -> None:
        """Args: path: a file, or a `file:` URI of one that is read only and changed by nobody."""
        # A reader's rows are many, and a lock for each column of each is a lock too many.
        reading = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOMUTEX
        flags = reading if read_only else apsw.SQLITE_OPEN_READWRITE
        if create and not read_only:
            flags |= apsw.SQLITE_OPEN_CREATE
        if path.startswith("file:"):
            flags |= apsw.SQLITE_OPEN_URI
        with translated():
            self._db = apsw.Connection(path, flags=flags, statementcachesize=400)
            self._db.set_busy_timeout(BUSY_MS)
        self._bulk: dict[tuple[str, int], tuple[str, int]] = {}

    def pragma(self, text: str) -> Value:
        with translated():
            row = self._db.execute(f"PRAGMA {text}").fetchone()
            return row[0] if row else None

    def script(self, text: str) -> None:
        with translated():
            self._db.execute(text).fetchall()

    def all(self, name: str, *values: Value) -> list[Row]:
        return self._db.execute(QUERIES[name], values).fetchall()

    def one(self, name: str, *values: Value) -> Row | None:
        return self._db.execute(QUERIES[name], values).fetchone()

    def each(self, name: str, *values: Value) -> Iterator[Row]:
        return iter(self._db.execute(QUERIES[name], values))

    def query(self, text: str, values: Sequence[Value] = ()) -> list[Row]:
        """For the few statements that are put together from parts; values are always bound."""
        return self._db.execute(text, values).fetchall()

    def scan(self, text: str) -> Iterator[Row]:
        """As `query`, row by row: what comes before a damaged page is had."""
        return iter(self._db.execute(text))

    def run(self, name: str, *values: Value) -> None:
        self._db.execute(QUERIES[name], values).fetchall()

    def bulk(self, name: str, rows: Sequence[Row]) -> None:
        """Runs a `VALUES (...)` statement for many rows in few steps.

        Each step lets go of the interpreter's lock once, so a busy event loop cannot hold up the
        writer between rows (measured: 20 to 80 times faster than row by row under load).
        """
        start, count = 0, len(rows)
        for size in _BULK_SIZES:
            while count - start >= size:
                text, _ = self._bulk_text(name, size)
                values = tuple(chain.from_iterable(rows[start : start + size]))
                self._db.execute(text, values).fetchall()
                start += size

    def _bulk_text(self, name: str, size: int) -> tuple[str, int]:
        known = self._bulk.get((name, size))
        if known is None:
            match = _ROWS.search(QUERIES[name])
            assert match is not None, name
            group = f"({match[1]})"
            text = QUERIES[name].replace(match[0], "VALUES " + ", ".join([group] * size), 1)
            known = self._bulk[name, size] = (text, size)
        return known

    def begin(self, mode: str = "IMMEDIATE") -> None:
        self._db.execute(f"BEGIN {mode}").fetchall()

    def commit(self) -> None:
        self._db.execute("COMMIT").fetchall()

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK").fetchall()

    def on_log_growth(self, tell: Callable[[int], None]) -> None:
        """Tells after each commit how many pages the write-ahead log holds; ends automatic ones."""

        def told(_: apsw.Connection, __: str, pages: int) -> int:
            tell(pages)
            return apsw.SQLITE_OK

        self._db.set_wal_hook(told)

    def checkpoint(self) -> int:
        """Moves what can be moved from the write-ahead log without waiting for anyone; returns how
        many frames of it are in the file now.
        """
        _, moved = self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return moved

    def log_frames(self) -> int:
        """How many frames of the write-ahead log hold: what follows them is not committed."""
        frames, _ = self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        return frames

    @property
    def open_transaction(self) -> bool:
        return self._db.in_transaction

    @property
    def system_error(self) -> int:
        """The operating system's number of the last failure of a file; 0 for none."""
        return self._db.system_errno

    def quick_check(self, seconds: float, shown: int = 3) -> list[str]:
        """What is wrong with the pages; nothing, too, when the time is over before their end."""
        end = time.monotonic() + seconds
        self._db.set_progress_handler(lambda: time.monotonic() > end, 10_000)
        try:
            rows = self._db.execute(f"PRAGMA quick_check({shown})").fetchall()
        except apsw.InterruptError:
            return []
        except (apsw.CorruptError, apsw.NotADBError) as error:
            return [str(error)]
        finally:
            self._db.set_progress_handler(None)
        return [str(text) for (text,) in rows if text != "ok"]

    def keep_log(self) -> None:
        """The write-ahead log stays as it is when this connection closes as the last one."""
        self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

    def close(self) -> None:
        with translated():
            self._db.close()


def array(values: Iterable[Value]) -> Value:
    """Binds many values as one parameter, read in SQL by `carray(?)`; never empty."""
    items = tuple(values)
    return apsw.carray(integers("q", items) if isinstance(items[0], int) else items)
