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
import time
from pathlib import Path
from typing import NamedTuple, Self

from headwater.errors import DatabaseLocked, Unavailable

if sys.platform != "win32":
    import fcntl

_TRACE_AT = 64
_LENGTH = 128
_PATIENCE_SECONDS = 10.0


class Trace(NamedTuple):
    """What a process left that did not end cleanly.

    Args:
        inode: of the database file; another file of that name is not what the trace is about.
        position: of the last event that was acknowledged.
    """

    inode: int
    position: int


class FileLock:
    """Held from `acquire` to `release`, also by a process that inherits the descriptor."""

    def __init__(self, database: Path, fd: int, left: Trace | None) -> None:
        """Args: fd: of the file beside the database, locked; left: by the process before."""
        self._database = database
        self._inode: int | None = None
        self.fd = fd
        self.left = left

    @classmethod
    def acquire(cls, database: Path) -> Self:
        """Takes the lock in the name of this process.

        Raises:
            DatabaseLocked: another process holds it; the message names that process.
        """
        try:
            fd = os.open(_beside(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(f"cannot write beside the database: {error}") from error
        try:
            _wait_for(fd, database)
            left = _read(fd, database)
            line = f"process {os.getpid()}".encode().ljust(_TRACE_AT - 1) + b"\n"
            try:
                os.pwrite(fd, line, 0)
            except OSError as error:
                raise Unavailable(f"cannot write beside the database: {error}") from error
        except BaseException:
            os.close(fd)
            raise
        return cls(database, fd, left)

    @property
    def trace(self) -> Trace | None:
        """What would be left if the process ended now."""
        return _read(self.fd, self._database)

    def mark(self, position: int) -> None:
        """Notes what is acknowledged from now on; a note that fails leaves a lower one."""
        with contextlib.suppress(OSError):
            if self._inode is None:
                self._inode = self._database.stat().st_ino
            os.pwrite(self.fd, b"%020d %020d\n" % (self._inode, position), _TRACE_AT)

    def release(self, *, clean: bool = True) -> None:
        """Args: clean: everything is in the database file; else the trace stays."""
        with contextlib.suppress(OSError):
            if clean:
                os.ftruncate(self.fd, 0)
        os.close(self.fd)


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


def _wait_for(fd: int, database: Path) -> None:
    """Takes the lock. Who was killed may have left a process that writes its last commit: that one
    is waited for; one that is alive is not.
    """
    patience = time.monotonic() + _PATIENCE_SECONDS
    while not _take(fd):
        holder = os.pread(fd, _TRACE_AT, 0).decode("utf-8", "replace").strip()
        if _alive(holder) or time.monotonic() > patience:
            raise DatabaseLocked(f"{database} is in use by {holder or 'another process'}")
        time.sleep(0.02)


def _alive(holder: str) -> bool:
    """Whether the process of this name (`process 123`) is there, or cannot be told to be gone."""
    try:
        os.kill(int(holder.partition(" ")[2]), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OSError):
        return True
    return True


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
