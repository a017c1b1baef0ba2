"""Moves what the write-ahead log holds into the database file, beside the writer.

Done by the writer itself, every few hundred events would wait for thousands of page writes and a
sync. So a thread of its own does it on a connection of its own; the writer only finishes the rest
when the log has grown far, because a log that is always behind by a little never starts anew.
"""

from concurrent.futures import Future, ThreadPoolExecutor

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
        """Called in the writer's thread."""
        if self._pages < BEGIN_PAGES:
            return
        if self._pages >= FINISH_PAGES:
            self._wait()
            self._writer.checkpoint()
        elif self._running is None or self._running.done():
            self._running = self._thread.submit(self._work)

    def _work(self) -> None:
        with translated():
            if self._db is None:
                self._db = Connection(self._path)
            self._db.checkpoint()

    def _wait(self) -> None:
        if self._running is not None:
            self._running.exception()

    def close(self) -> None:
        self._thread.shutdown()
        if self._db is not None:
            self._db.close()
