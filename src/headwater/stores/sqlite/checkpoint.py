"""Moves what the write-ahead log holds into the database file, beside the writer.

Done by the writer itself, every few hundred events would wait for thousands of page writes and a
sync. So a thread of its own does it on a connection of its own. A log that is always behind by a
little never starts anew: once it is long, the thread goes over it again and again, each time over
less, until so little is left that the writer moves that itself.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from headwater.errors import DatabaseDamaged, HeadwaterError
from headwater.stores.sqlite.connection import Connection, translated


class Limits(NamedTuple):
    """In pages of the log."""

    begin: int = 4_000
    """So many that are not in the file yet are worth a sync."""
    long: int = 16_000
    """From this length on the log is to start anew."""
    left: int = 400
    """Fewer than these the writer moves itself: some milliseconds."""
    full: int = 64_000
    """With so many behind, the writer waits: events come faster than the disk takes them."""


class Checkpoints:
    """Told by the writer after each commit how long the log is."""

    def __init__(self, path: str, writer: Connection, limits: Limits | None = None) -> None:
        self._path = path
        self._writer = writer
        self._limits = limits or Limits()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-checkpoint")
        self._db: Connection | None = None
        self._running: Future[int | None] | None = None
        self._held = False
        self._moved = 0
        self.pages = 0
        writer.on_log_growth(self._grown)

    def _grown(self, pages: int) -> None:
        if pages < self.pages:
            self._moved = 0
        self.pages = pages

    @property
    def behind(self) -> int:
        """How many pages of the log are not known to be in the database file."""
        return self.pages - self._moved

    def after_commit(self) -> None:
        """Called in the writer's thread.

        Raises:
            DatabaseDamaged: the pages cannot be moved. Where only room is wanting, the log grows
                instead: what it holds is durable, and the next attempt comes with the next commit.
        """
        if self._running is not None and self._running.done():
            self.wait()
        limits = self._limits
        enough = limits.left if self.pages >= limits.long else limits.begin
        if self._running is None and self.behind >= enough:
            self._running = self._thread.submit(self._work)
        if self.behind >= limits.full and not self._held:
            self.wait()

    def wait(self) -> None:
        """Until the thread is done with what it has in hand; raises as `after_commit` does."""
        if self._running is None:
            return
        error = self._running.exception()
        self._note(None if error is not None else self._running.result())
        self._running = None
        if isinstance(error, DatabaseDamaged):
            raise error
        if self.pages >= self._limits.long and self.behind < self._limits.left:
            self._note(_attempt(self._writer))

    def _work(self) -> int | None:
        with translated():
            if self._db is None:
                self._db = Connection(self._path)
                # Before it has read the file, a connection knows of no log and moves nothing.
                self._db.pragma("schema_version")
        return _attempt(self._db)

    def _note(self, moved: int | None) -> None:
        """Args: moved: how many pages of the log are in the file; None when the attempt failed."""
        self._held = moved is None or moved <= self._moved
        self._moved = min(self.pages, max(self._moved, moved or 0))

    def close(self) -> None:
        self._thread.shutdown()
        if self._db is not None:
            self._db.close()


def _attempt(db: Connection) -> int | None:
    try:
        with translated():
            return db.checkpoint()
    except DatabaseDamaged:
        raise
    except HeadwaterError:
        return None  # no room, or no right, to move pages now: they are safe where they are
