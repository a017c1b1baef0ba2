"""What must hold before a database file is used. Nothing here changes it, and nothing is mended.

SQLite reads a write-ahead log up to the first frame whose checksum is off, and takes that for its
end. After a kill that is right: the frames behind it belong to a commit that nobody was answered.
It is wrong where a byte has changed or the file was cut, and then what follows is gone without a
word. Two things tell them apart: the trace in the lock file, and the frames behind the end.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from headwater.errors import DatabaseDamaged, DatabaseLocked, StoreError
from headwater.stores.sqlite.connection import Connection, translated
from headwater.stores.sqlite.lock import Trace, left_behind
from headwater.stores.sqlite.migrations import check, migrations

CLEAN_SECONDS = 1.0
UNCLEAN_SECONDS = 30.0
"""How long the pages are checked at a start; a file of 256 MB takes less than a second."""

_HEADER = struct.Struct(">IIIIIIII")
_FRAME = struct.Struct(">IIIIII")
_MAGIC = 0x377F0682
_WAY_OUT = (
    "Nothing was changed. 'headwater verify' says what is wrong; 'headwater rebuild' derives "
    "everything again from the events; 'headwater export --salvage' writes out every event that "
    "can be read."
)


def damaged(path: Path, reason: str) -> DatabaseDamaged:
    return DatabaseDamaged(f"{path} is damaged: {reason}. {_WAY_OUT}")


def examine(path: Path, left: Trace | None, seconds: float | None = None) -> None:
    """Looks at a file that no process writes to.

    Args:
        left: what the last process left when it did not end cleanly.
        seconds: how long to check pages; by default longer after an unclean end.

    Raises:
        DatabaseDamaged: the message names the file and the way out.
        DatabaseTooNew: it was made by a newer version.
    """
    log = path.with_name(path.name + "-wal")
    unclean = left is not None or _size(log) > 0
    _sync(log)
    try:
        with translated():
            db = Connection(str(path), read_only=True)
            try:
                version = check(db)
                _examine_log(log, db.log_frames())
                _examine_position(db, version, left)
                if seconds is None:
                    seconds = UNCLEAN_SECONDS if unclean else CLEAN_SECONDS
                wrong = db.quick_check(seconds) if seconds else []
            finally:
                db.close()
    except DatabaseDamaged as error:
        raise damaged(path, error.message) from error
    if wrong:
        raise damaged(path, "; ".join(wrong).replace("\n", " "))


def examine_idle(path: Path) -> None:
    """The same without the pages, unless a process writes: that one has looked at its start.

    A process may begin to write meanwhile, and then what was seen means nothing.
    """
    busy, left = left_behind(path)
    if busy:
        return
    try:
        examine(path, left, seconds=0)
    except DatabaseDamaged:
        if not left_behind(path)[0]:
            raise


def require_current(path: Path) -> None:
    """Raises StoreError: an earlier version made the file, and nothing has upgraded it since."""
    with translated(), closing(Connection(str(path), read_only=True)) as db:
        version, known = check(db), len(migrations())
    if version < known:
        raise StoreError(
            f"the database has schema {version}, this version has {known}: "
            "'headwater serve' upgrades it, and so does 'headwater rebuild'"
        )


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """`translated`, of questions to a file that an earlier version may have made: it may have no
    such table, and then says so in words that help.
    """
    try:
        with translated():
            yield
    except (DatabaseDamaged, DatabaseLocked):
        raise
    except StoreError:
        require_current(path)
        raise


def examine_pages(path: Path) -> list[str]:
    """What is wrong with the pages of a file, to its end; also beside a server."""
    with translated(), closing(Connection(str(path), read_only=True)) as db:
        return db.quick_check(float("inf"), shown=20)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _sync(log: Path) -> None:
    """What a killed process wrote but did not sync counts from now on, so it has to last."""
    if _size(log):
        fd = os.open(log, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _examine_position(db: Connection, version: int, left: Trace | None) -> None:
    last = 0
    if version:
        row = db.one("last_position")
        last = int(row[0]) if row is not None else 0
    if left is not None and last < left.position:
        raise DatabaseDamaged(
            f"its log of events ends at position {last}, but {left.position} was acknowledged: "
            "the database file or its write-ahead log was cut, changed, or replaced by an older "
            f"copy (if that was meant, delete the .lock file beside it)"
        )


# The write-ahead log: https://www.sqlite.org/fileformat2.html#the_write_ahead_log


class _Frame(NamedTuple):
    chained: bool
    """Whether it was written right after the one before it."""
    commits: bool


def _examine_log(log: Path, valid: int) -> None:
    """Args: valid: how many frames SQLite takes."""
    if not _size(log):
        return
    with log.open("rb") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return
        magic, _, page, _, *salts, first, second = _HEADER.unpack(head)
        order = ">" if magic & 1 else "<"
        if magic | 1 != _MAGIC | 1 or _checksum(order, (0, 0), head[:24]) != (first, second):
            if _size(log) > _HEADER.size + _FRAME.size:
                raise DatabaseDamaged("the head of its write-ahead log is off")
            return
        committed = False
        for frame in _frames(file, page, order, salts, valid):
            # A commit that failed leaves frames, but its last one ends their chain. Where the chain
            # goes on behind a commit, that commit had succeeded.
            committed = frame.chained and committed
            if committed:
                raise DatabaseDamaged(
                    f"its write-ahead log breaks off at frame {valid + 1}, and commits follow"
                )
            committed = frame.commits


def _frames(
    file: BinaryIO, page: int, order: str, salts: list[int], valid: int
) -> Iterator[_Frame]:
    """The frames of the present log behind those that SQLite takes."""
    file.seek(_HEADER.size + valid * (_FRAME.size + page))
    before: tuple[int, int] | None = None
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        data = file.read(page)
        _, pages, *rest = _FRAME.unpack(head)
        if rest[:2] != salts:
            before = None
            continue
        stored = (rest[2], rest[3])
        chained = before is not None and stored == _checksum(
            order, _checksum(order, before, head[:8]), data
        )
        yield _Frame(chained, pages > 0)
        before = stored


def _checksum(order: str, start: tuple[int, int], data: bytes) -> tuple[int, int]:
    a, b = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data[: len(data) // 4 * 4])
    for at in range(0, len(words) - 1, 2):
        a = (a + words[at] + b) & 0xFFFFFFFF
        b = (b + words[at + 1] + a) & 0xFFFFFFFF
    return a, b
