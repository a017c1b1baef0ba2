"""The lock beside a database file: one process writes to it, and says who it is and how far it got.

The file has a line that names the process, and a line with the last position that was acknowledged.
A clean end empties it. So after a kill it says what the database has to hold at least, which the
write-ahead log alone cannot: SQLite takes a log that was cut for one that ends there.

The position is written without a sync, after the commit and before the answer: exact after the end
of a process, a lower bound after the end of the machine.
"""

import contextlib
import os
import sys
from pathlib import Path
from typing import NamedTuple

from headwater.errors import DatabaseLocked, Unavailable

if sys.platform != "win32":
    import fcntl

_TRACE_AT = 64
_LENGTH = 128


class Trace(NamedTuple):
    """What a process left that did not end cleanly.

    Args:
        inode: of the database file; another file of that name is not what the trace is about.
        position: of the last event that was acknowledged.
    """

    inode: int
    position: int


class FileLock:
    """Held from construction to `release`.

    Raises:
        DatabaseLocked: another process holds it; the message names that process.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._inode: int | None = None
        try:
            self._fd = os.open(_beside(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(f"cannot write beside the database: {error}") from error
        try:
            if not _take(self._fd):
                holder = os.pread(self._fd, _TRACE_AT, 0).decode("utf-8", "replace").strip()
                raise DatabaseLocked(f"{database} is in use by {holder or 'another process'}")
            self.left = _read(self._fd, database)
            line = f"process {os.getpid()}".encode().ljust(_TRACE_AT - 1) + b"\n"
            try:
                os.pwrite(self._fd, line, 0)
            except OSError as error:
                raise Unavailable(f"cannot write beside the database: {error}") from error
        except BaseException:
            os.close(self._fd)
            raise

    def mark(self, position: int) -> None:
        """Notes what is acknowledged from now on; a note that fails leaves a lower one."""
        with contextlib.suppress(OSError):
            if self._inode is None:
                self._inode = self._database.stat().st_ino
            os.pwrite(self._fd, b"%020d %020d\n" % (self._inode, position), _TRACE_AT)

    def release(self, *, clean: bool = True) -> None:
        """Args: clean: everything is in the database file; else the trace stays."""
        with contextlib.suppress(OSError):
            if clean:
                os.ftruncate(self._fd, 0)
        os.close(self._fd)


def left_behind(database: Path) -> tuple[bool, Trace | None]:
    """Whether a process writes to the database now; if none, what the last one left."""
    try:
        fd = os.open(_beside(database), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False, None
    try:
        if not _take(fd, shared=True):
            return True, None
        return False, _read(fd, database)
    finally:
        os.close(fd)


def _beside(database: Path) -> Path:
    return database.with_name(database.name + ".lock")


def _take(fd: int, *, shared: bool = False) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _read(fd: int, database: Path) -> Trace | None:
    fields = os.pread(fd, _LENGTH, _TRACE_AT).split()
    try:
        trace = Trace(int(fields[0]), int(fields[1]))
        return trace if database.stat().st_ino == trace.inode else None
    except (OSError, ValueError, IndexError):
        return None
