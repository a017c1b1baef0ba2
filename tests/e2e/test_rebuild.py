"""A rebuild takes the place of a database that others read, and whose keys others change."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater import replay
from headwater.dialects.openlineage.stored import StoredEvents
from headwater.errors import DatabaseLocked, Unavailable
from headwater.event import Event
from headwater.stores.sqlite import open_store, writing
from tests.contract.events import encoded, run_event
from tests.e2e.serving import command

READER = """
import apsw, sys
db = apsw.Connection(sys.argv[1], flags=apsw.SQLITE_OPEN_READONLY)
db.execute("BEGIN")
print(db.execute("SELECT count(*) FROM event").fetchone()[0], flush=True)
sys.stdin.read()
print(db.execute("SELECT count(*) FROM event").fetchone()[0], flush=True)
"""


@contextmanager
def reading(database: Path) -> Iterator[None]:
    """Another process that sees one state of the database for the time of the block."""
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    try:
        seen = reader.stdout.readline()
        yield
        reader.stdin.close()
        assert reader.stdout.readline() == seen
        assert reader.wait(30) == 0
    finally:
        reader.kill()
        reader.wait()
        reader.stdout.close()


def load(folder: Path, start: int, count: int) -> list[bytes]:
    bodies = [
        encoded(run_event("COMPLETE", at, run=f"01935b2a-0000-7000-8000-{at:012x}"))
        for at in range(start, start + count)
    ]
    (folder / "events.ndjson").write_bytes(b"\n".join(bodies))
    done = command(folder, "load", "events.ndjson", "--database", "hw.db")
    assert done.code == 0, done
    return bodies


def rebuild(folder: Path, progress: replay.Progress = lambda done, total: None) -> int:
    events = StoredEvents()

    def decode(dialect: str, body: bytes) -> Event:
        return events.decode(body)

    return asyncio.run(replay.rebuild(folder / "hw.db", open_store, decode, progress))


def holds(folder: Path, bodies: list[bytes]) -> None:
    exported = command(folder, "export", "--database", "hw.db")
    assert exported.out.encode().splitlines() == bodies
    verified = command(folder, "verify", "--database", "hw.db")
    assert verified.code == 0, verified
    assert not list(folder.glob("*.rebuild*"))


def test_a_reader_never_leaves_its_log_to_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it reads, the write-ahead log stays, with pages of the old file in it."""
    monkeypatch.setattr(writing, "READERS_SECONDS", 0.3)
    database = tmp_path / "hw.db"
    bodies = load(tmp_path, 0, 300)
    inode = database.stat().st_ino
    with reading(database):
        bodies += load(tmp_path, 300, 20)
        assert (tmp_path / "hw.db-wal").stat().st_size > 0
        with pytest.raises(DatabaseLocked, match="being read by another process"):
            rebuild(tmp_path)
        assert database.stat().st_ino == inode
        assert command(tmp_path, "runs", "--database", "hw.db").code == 0
    holds(tmp_path, bodies)
    assert rebuild(tmp_path) == 320
    assert database.stat().st_ino != inode
    holds(tmp_path, bodies)


def test_keys_that_change_during_a_rebuild_are_as_they_are_at_its_end(tmp_path: Path) -> None:
    bodies = load(tmp_path, 0, 50)

    def keys(*words: str) -> str:
        done = command(tmp_path, "keys", *words, "--database", "hw.db")
        assert done.code == 0, done
        return done.out

    def force() -> dict[str, bool]:
        """By label, whether the key is in force."""
        listed = json.loads(keys("list", "--format", "json"))
        return {key["label"]: key["revoked_at"] is None for key in listed}

    keys("create", "--label", "old")
    (old,) = (key["id"] for key in json.loads(keys("list", "--format", "json")))

    def change(done: int, total: int) -> None:
        if "new" not in force():
            keys("create", "--label", "new")
            keys("revoke", old)

    rebuild(tmp_path, change)
    assert force() == {"old": False, "new": True}
    holds(tmp_path, bodies)


def test_a_second_rebuild_is_refused_and_harms_no_first(tmp_path: Path) -> None:
    bodies = load(tmp_path, 0, 50)
    refused: list[int] = []

    def again(done: int, total: int) -> None:
        second = command(tmp_path, "rebuild", "--database", "hw.db")
        assert "is in use by process" in second.err
        refused.append(second.code)

    assert rebuild(tmp_path, again) == 50
    assert set(refused) == {2}
    holds(tmp_path, bodies)


def test_what_a_killed_verify_or_rebuild_left_decides_nothing(tmp_path: Path) -> None:
    load(tmp_path, 100, 20)
    left = (tmp_path / "hw.db").read_bytes()
    (tmp_path / "hw.db").unlink()
    bodies = load(tmp_path, 0, 50)
    for name in ("verify", "rebuild"):
        (tmp_path / f"hw.db.{name}").write_bytes(left)
        done = command(tmp_path, name, "--database", "hw.db")
        assert done.code == 0, done
    holds(tmp_path, bodies)


def test_a_new_database_that_is_not_whole_takes_no_place(tmp_path: Path) -> None:
    scratch = tmp_path / "hw.db.rebuild"
    scratch.touch()
    replay.require_whole(scratch)
    (tmp_path / "hw.db.rebuild-wal").touch()
    with pytest.raises(Unavailable, match="nothing was changed"):
        replay.require_whole(scratch)
