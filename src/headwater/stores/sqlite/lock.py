"""The lock beside a database file: one process writes to it, and says who it is."""

import os
import sys
from pathlib import Path

from headwater.errors import DatabaseLocked, Unavailable

if sys.platform != "win32":
    import fcntl


class FileLock:
    """Held from construction to `release`.

    Raises:
        DatabaseLocked: another process holds it; the message names that process.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise Unavailable(f"cannot write beside the database: {error}") from error
        if sys.platform != "win32":
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = os.read(self._fd, 200).decode("utf-8", "replace").strip()
                os.close(self._fd)
                raise DatabaseLocked(
                    f"{database} is in use by {holder or 'another process'}"
                ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"process {os.getpid()}".encode(), 0)

    def release(self) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)
