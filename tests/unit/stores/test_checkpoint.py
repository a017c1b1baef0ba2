"""The write-ahead log is moved into the file beside the writer, and starts anew under load."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.stores.sqlite.checkpoint import Checkpoints, Limits
from headwater.stores.sqlite.connection import Connection

LIMITS = Limits(begin=20, long=60, left=10, full=200)


class Log:
    """A database with a writer, and the checkpoints beside it."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.writer = Connection(str(path), create=True)
        self.writer.pragma("journal_mode = WAL")
        self.writer.script("CREATE TABLE page (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self.checkpoints = Checkpoints(str(path), self.writer, limits)

    def commit(self) -> None:
        """Some pages more in the log."""
        self.writer.query("INSERT INTO page (body) VALUES (zeroblob(20000))")
        self.checkpoints.after_commit()

    def rows(self) -> int:
        return int(self.writer.query("SELECT count(*) FROM page")[0][0])

    def rows_in_file(self) -> int:
        """As the database file has them, without its log."""
        alone = Connection(f"file:{self.path}?immutable=1", read_only=True)
        try:
            return int(alone.query("SELECT count(*) FROM page")[0][0])
        finally:
            alone.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    opened = Log(tmp_path / "a.db", LIMITS)
    yield opened
    opened.checkpoints.close()
    opened.writer.close()


def test_pages_are_moved_beside_the_writer(log: Log) -> None:
    while log.checkpoints.behind < LIMITS.begin:
        log.commit()
    log.checkpoints.wait()
    assert log.checkpoints.pages < LIMITS.long, "the writer moves nothing of a short log"
    assert log.checkpoints.behind == 0
    assert log.rows_in_file() == log.rows()


def test_a_long_log_starts_anew(log: Log) -> None:
    lengths = []
    for _ in range(200):
        log.commit()
        log.checkpoints.wait()
        lengths.append(log.checkpoints.pages)
    assert max(lengths) < 2 * LIMITS.long
    assert lengths.count(min(lengths)) > 10


def test_a_reader_holds_the_log_but_not_the_writer(log: Log) -> None:
    log.commit()
    reader = Connection(str(log.path), read_only=True)
    try:
        reader.begin("DEFERRED")
        before = reader.query("SELECT count(*) FROM page")
        while log.checkpoints.pages < 2 * LIMITS.full:
            log.commit()
        assert log.checkpoints.behind > LIMITS.full
        assert reader.query("SELECT count(*) FROM page") == before
    finally:
        reader.close()
    log.commit()
    log.checkpoints.wait()
    log.commit()
    log.checkpoints.wait()
    log.commit()
    assert log.checkpoints.pages < LIMITS.long
    assert log.rows() == log.writer.query("SELECT max(id) FROM page")[0][0]
