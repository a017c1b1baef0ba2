"""Damaged files: refused by name with the way out, never mended in silence, and salvaged."""

import contextlib
import hashlib
import os
import re
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.faults import (
    check_verified,
    exported,
    failed_start,
    killed,
    sample,
    stopped,
    turned_away,
)
from tests.e2e.serving import Done, command, serving, until


def _contents(folder: Path) -> dict[str, str]:
    """What a refusal may not touch."""
    files = (folder / f"hw.db{end}" for end in ("", "-wal"))
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.exists() and file.stat().st_size
    }


def _is_refused(folder: Path) -> str:
    """By all that would write to the file as if it were whole, and again the next time."""
    before = _contents(folder)
    database = str(folder / "hw.db")
    load = folder / "more.ndjson"
    load.write_bytes(sample(7_000) + b"\n")
    first = failed_start(folder)
    _explained(first, database)
    _explained(failed_start(folder), database)
    _explained(command(folder, "load", "--database", database, str(load)), database)
    assert _contents(folder) == before, "a refusal changes nothing"
    return first.err


def _log_is_refused(folder: Path) -> str:
    """By those, too, that look at the write-ahead log only."""
    before = _contents(folder)
    database = str(folder / "hw.db")
    _explained(command(folder, "keys", "create", "--database", database), database)
    _explained(command(folder, "export", "--database", database), database)
    assert _contents(folder) == before, "a refusal changes nothing"
    return _is_refused(folder)


def _explained(done: Done, database: str) -> None:
    """It ended for want of a good file, and says where that is and what to do."""
    assert done.code == 2, done
    for word in (
        database,
        "headwater verify",
        "headwater rebuild",
        "headwater export --salvage",
    ):
        assert word in done.err
    assert "Traceback" not in done.err


def _flip(file: Path, at: int, bits: int = 0xFF) -> None:
    with file.open("r+b") as opened:
        opened.seek(at)
        (byte,) = opened.read(1)
        opened.seek(at)
        opened.write(bytes([byte ^ bits]))


def _cut(log: Path) -> None:
    os.truncate(log, log.stat().st_size // 2)


def _flip_middle(log: Path) -> None:
    _flip(log, log.stat().st_size // 2)


def _flip_last(log: Path) -> None:
    _flip(log, log.stat().st_size - 100)


def _flip_head(log: Path) -> None:
    _flip(log, 18)


def _remove(log: Path) -> None:
    log.unlink()


@pytest.mark.parametrize("harm", [_cut, _flip_middle, _flip_last, _flip_head, _remove])
def test_a_damaged_write_ahead_log(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    bodies = killed(tmp_path, 30)
    harm(tmp_path / "hw.db-wal")
    _log_is_refused(tmp_path)
    database = str(tmp_path / "hw.db")
    assert command(tmp_path, "verify", "--database", database).code == 1
    salvaged = command(tmp_path, "export", "--salvage", "--database", database)
    if harm in {_flip_head, _remove}:  # not even the tables had been moved into the file
        assert salvaged.code == 2
        assert "nothing can be read" in salvaged.err
        return
    assert salvaged.code == 1
    kept = salvaged.out.encode().splitlines()
    assert kept == bodies[: len(kept)]
    lost = range(len(kept) + 1, len(bodies) + 1)
    assert lost
    span = f"{lost[0]}-{lost[-1]}" if len(lost) > 1 else f"{lost[0]}"
    assert f"{len(lost)} events cannot be read: positions {span}." in salvaged.err
    _rebuild_keeps(tmp_path, kept)


def _rebuild_keeps(folder: Path, kept: list[bytes]) -> None:
    """A rebuild goes on without what is lost only when it is told to; then all is well."""
    database = folder / "hw.db"
    before = _contents(folder)
    refused = command(folder, "rebuild", "--database", str(database))
    assert refused.code == 1, refused
    assert "rebuild --salvage" in refused.err
    assert _contents(folder) == before
    rebuilt = command(folder, "rebuild", "--salvage", "--database", str(database))
    assert rebuilt.code == 0, rebuilt
    assert (folder / "hw.db.damaged").exists()
    assert not list(folder.glob("hw.db.rebuild*"))
    assert exported(folder, database) == kept
    check_verified(folder, database)
    with serving(folder) as server:
        server.taken(sample(9_999))


def test_a_log_is_compared_with_its_frames_where_no_trace_was_left(tmp_path: Path) -> None:
    """After a move to another disk only the frames behind the bad one tell of the damage."""
    killed(tmp_path, 30)
    (tmp_path / "hw.db.lock").unlink()
    _flip_middle(tmp_path / "hw.db-wal")
    assert "commits follow" in _log_is_refused(tmp_path)


def test_a_torn_end_is_no_damage(tmp_path: Path) -> None:
    """A commit that nobody was answered may be there in part after a kill."""
    bodies = killed(tmp_path, 30)
    log = tmp_path / "hw.db-wal"
    head = log.read_bytes()[:32]
    page = struct.unpack_from(">I", head, 8)[0]
    salts = head[16:24]
    whole = struct.pack(">II", 2, 0) + salts + bytes(8) + bytes(page)
    torn = struct.pack(">II", 3, 40) + salts + bytes(8) + bytes(100)
    with log.open("ab") as opened:
        opened.write(whole + whole + torn)
    with serving(tmp_path) as server:
        assert server.stats()["events"] == len(bodies)
        assert server.post(bodies[-1]).status_code == 200
        assert server.stats()["events"] == len(bodies)
    check_verified(tmp_path, tmp_path / "hw.db")


def _roots(database: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return dict(opened.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage"))


@pytest.mark.parametrize("table", ["edge", "event_by_id", "run", "node"])
def test_a_damaged_page_of_what_is_derived(tmp_path: Path, table: str) -> None:
    """The events are whole, so a rebuild mends all of it."""
    bodies = stopped(tmp_path, 40)
    database = tmp_path / "hw.db"
    _flip(database, (_roots(database)[table] - 1) * 4096)
    _is_refused(tmp_path)
    verified = command(tmp_path, "verify", "--database", str(database))
    assert verified.code == 1, verified
    salvaged = command(tmp_path, "export", "--salvage", "--database", str(database))
    assert (salvaged.code, salvaged.out.encode().splitlines()) == (0, bodies), salvaged
    rebuilt = command(tmp_path, "rebuild", "--database", str(database))
    assert rebuilt.code == 0, rebuilt
    check_verified(tmp_path, database)
    assert exported(tmp_path, database) == bodies


def test_a_damaged_page_of_the_log(tmp_path: Path) -> None:
    bodies = [sample(number, 3_000) for number in range(60)]
    with serving(tmp_path) as server:
        for body in bodies:
            server.taken(body)
    database = tmp_path / "hw.db"
    data = database.read_bytes()
    root = _roots(database)["event_body"]
    assert data[(root - 1) * 4096] == 5, "an inner page"
    cell = struct.unpack_from(">H", data, (root - 1) * 4096 + 12 + 2 * 3)[0]
    (leaf,) = struct.unpack_from(">I", data, (root - 1) * 4096 + cell)
    _flip(database, (leaf - 1) * 4096)
    _is_refused(tmp_path)
    salvaged = command(tmp_path, "export", "--salvage", "--database", str(database))
    kept = salvaged.out.encode().splitlines()
    assert salvaged.code == 1
    assert 0 < len(bodies) - len(kept) < 10
    assert kept == [body for body in bodies if body in kept], "in the order of the log"
    assert f"{len(bodies) - len(kept)} events cannot be read" in salvaged.err
    _rebuild_keeps(tmp_path, kept)


@pytest.mark.parametrize("at", [3, 17, 70])
def test_a_damaged_head_of_the_file(tmp_path: Path, at: int) -> None:
    stopped(tmp_path, 5)
    _flip(tmp_path / "hw.db", at)
    done = failed_start(tmp_path)
    assert done.code == 2, done
    assert str(tmp_path / "hw.db") in done.err


def test_a_file_that_was_cut(tmp_path: Path) -> None:
    bodies = [sample(number, 3_000) for number in range(60)]
    with serving(tmp_path) as server:
        for body in bodies:
            server.taken(body)
    os.truncate(tmp_path / "hw.db", (tmp_path / "hw.db").stat().st_size * 3 // 4)
    _is_refused(tmp_path)
    database = str(tmp_path / "hw.db")
    assert command(tmp_path, "verify", "--database", database).code == 1
    salvaged = command(tmp_path, "export", "--salvage", "--database", database)
    assert salvaged.code == 1, salvaged
    kept = salvaged.out.encode().splitlines()
    assert kept
    assert set(kept) < set(bodies)
    lost = len(bodies) - len(kept)
    assert f"{lost} events cannot be read" in salvaged.err


def test_a_flipped_byte_inside_an_event(tmp_path: Path) -> None:
    """No page tells of it; the event's own checksum does, and harms no other."""
    bodies = stopped(tmp_path, 20)
    database = tmp_path / "hw.db"
    with contextlib.closing(sqlite3.connect(database)) as opened:
        rows = opened.execute("SELECT body FROM event_body WHERE position = 7")
        ((packed,),) = rows.fetchall()
    for copy in re.finditer(re.escape(packed), database.read_bytes()):  # pages keep old ones
        _flip(database, copy.start() + len(packed) // 2, 0x01)
    with serving(tmp_path) as server:
        listed = server.ask("/api/v2/events", limit=50, order="asc")["items"]
        answers = [server.client.get(f"/api/v2/events/{each['id']}/raw") for each in listed]
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [503]
        assert server.client.get("/readyz").status_code == 200
        server.taken(sample(500))
    verified = command(tmp_path, "verify", "--database", str(database))
    assert verified.code == 1
    assert "position 7" in verified.err
    assert "1 events cannot be read (positions 7)" in verified.err
    salvaged = command(tmp_path, "export", "--salvage", "--database", str(database))
    assert salvaged.code == 1
    kept = [body for body in (*bodies, sample(500)) if body != bodies[6]]
    assert salvaged.out.encode().splitlines() == kept
    _rebuild_keeps(tmp_path, kept)


def test_damage_that_is_met_while_running(tmp_path: Path) -> None:
    stopped(tmp_path, 40)
    database = tmp_path / "hw.db"
    with serving(tmp_path) as server:
        with database.open("r+b") as opened:
            opened.seek(4096)
            opened.write(b"\xff" * (database.stat().st_size - 4096))
        statuses = {
            server.client.get(path).status_code
            for path in ("/api/v2/events", "/api/v2/jobs", "/api/v2/runs", "/api/v2/search?q=job")
        }
        assert 503 in statuses
        assert statuses <= {200, 503}
        assert turned_away(server.post(sample(900)))
        ready = server.client.get("/readyz")
        assert ready.status_code == 503
        assert "damaged" in ready.json()["checks"]["store"]
        said = "Nothing is written to it any more"
        until(lambda: said in server.log() or None, "the log tells the operator")
        assert str(tmp_path) not in ready.text
    assert failed_start(tmp_path).code == 2
