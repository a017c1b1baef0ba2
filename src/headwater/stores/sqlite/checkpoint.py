"""Moves what the write-ahead log holds into the database file, beside the writer.

Done by the writer itself, every few hundred events would wait for thousands of page writes and a
sync. So a thread of its own does it on a connection of its own; the writer only finishes the rest
when the log has grown far, because a log that is always behind by a little never starts anew.
"""

from concurrent.futures import Future, ThreadPoolExecutor

from headwater.errors import DatabaseDamaged, HeadwaterError
from headwater.stores.sqlite.connection import Connection, translated

BEGIN_PAGES = 2_000
FINISH_PAGES = 32_000


class Checkpoints:
    """Told by the writer after each commit how long the log is."""

    def __init__(self, path: str, writer: Connection) -> None:
        self._path = path
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-checkpoint")
        self._db: Connection | None = None
        self._running: Future[None] | None = None
        self._pages = 0
        writer.on_log_growth(self._grown)

    def _grown(self, pages: int) -> None:
        self._pages = pages

    def after_commit(self) -> None:
        """Called in the writer's thread.

        Raises:
            DatabaseDamaged: the pages cannot be moved. Where only room is wanting, the log grows
                instead: what it holds is durable, and the next attempt comes with the next commit.
        """
        if self._pages < BEGIN_PAGES:
            return
        if self._pages >= FINISH_PAGES:
            self._wait()
            _attempt(self._writer)
        elif self._running is None:
            self._running = self._thread.submit(self._work)
        elif self._running.done():
            self._wait()
            self._running = self._thread.submit(self._work)

    def _work(self) -> None:
        with translated():
            if self._db is None:
                self._db = Connection(self._path)
        _attempt(self._db)

    def _wait(self) -> None:
        """Raises what the last attempt did, if it was of weight."""
        if self._running is not None:
            error = self._running.exception()
            self._running = None
            if isinstance(error, DatabaseDamaged):
                raise error

    def close(self) -> None:
        self._thread.shutdown()
        if self._db is not None:
            self._db.close()


def _attempt(db: Connection) -> None:
    try:
        with translated():
            db.checkpoint()
    except DatabaseDamaged:
        raise
    except HeadwaterError:
        pass  # no room, or no right, to move pages now: they are safe where they are
