"""Disks that are full, files that are damaged, servers that are killed, two on one file."""

import contextlib
import hashlib
import os
import random
import re
import resource
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.events import dataset, encoded, facet, run_event
from tests.e2e.serving import HEADWATER, Done, Server, clean_environment, command, serving, until
from tests.e2e.test_kill import Load, _check

ROUNDS = 20
LINEAGE = "/api/v1/lineage"


def _body(number: int, weight: int = 0) -> bytes:
    """A distinct event; the weight is in bytes that do not compress."""
    noise = random.Random(number).randbytes(weight // 2).hex()
    return encoded(
        run_event(
            "COMPLETE",
            number % 600,
            job=f"job-{number % 7}",
            run=f"01935b2a-0000-7000-8000-{number:012x}",
            inputs=(dataset(f"in-{number % 5}"),),
            outputs=(dataset(f"out-{number % 3}"),),
            run_facets={"noise": facet(of=noise)},
        )
    )


def _exported(folder: Path, database: Path) -> list[bytes]:
    done = command(folder, "export", "--database", str(database))
    assert done.code == 0, done
    return done.out.encode().splitlines()


def _verified(folder: Path, database: Path) -> None:
    done = command(folder, "verify", "--database", str(database))
    assert done.code == 0, done


# No room, no right to write


def _refused(answer: httpx.Response) -> bool:
    if answer.status_code == 200:
        return False
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    return True


def _fill(server: Server, taken: list[bytes], weight: int) -> bytes:
    """Posts until an event is refused; that event."""
    for number in range(len(taken), len(taken) + 2_000):
        body = _body(number, weight)
        if _refused(server.post(body)):
            return body
        taken.append(body)
    raise AssertionError("nothing was ever refused")


def _outage(server: Server, database: Path, end: Callable[[], None], reason: str) -> None:
    """From the first refusal until everything that was sent is there.

    Args:
        reason: in the words of readiness; empty where a smaller event would be taken.
    """
    taken = [_body(number) for number in range(20)]
    for body in taken:
        server.taken(body)
    refused = _fill(server, taken, 40_000)
    if reason:
        ready = server.client.get("/readyz")
        assert ready.status_code == 503
        assert reason in ready.json()["checks"]["store"]
    assert server.client.get("/healthz").status_code == 200
    for _ in range(5):
        assert _refused(server.post(refused))
    assert server.stats()["events"] == len(taken), "nothing is half there, and reads go on"
    end()
    until(lambda: server.client.get("/readyz").status_code == 200 or None, "ready again")
    assert server.post(refused).status_code == 200
    taken.append(refused)
    for number in range(100_000, 100_020):
        taken.append(_body(number))
        server.taken(taken[-1])
    assert server.stats()["events"] == len(taken)
    server.stop()
    assert _exported(server.folder, database) == taken
    _verified(server.folder, database)


@contextlib.contextmanager
def _small_disk(place: Path, size: str) -> Iterator[None]:
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)],
        capture_output=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip("mounting a small disk needs root; the limit on file sizes stands in")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    database = disk / "hw.db"

    def more_room() -> None:
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)

    with (
        _small_disk(disk, "6m"),
        serving(tmp_path, "--database", str(database)) as server,
    ):
        _outage(server, database, more_room, "No space left on device")


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        process = server.process.pid
        _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (3 << 20, hard))

        def more_room() -> None:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))

        _outage(server, server.database, more_room, "")


def test_files_that_become_read_only(tmp_path: Path) -> None:
    """What a disk does that has failed; root too may not write to an immutable file."""
    files = [tmp_path / f"hw.db{end}" for end in ("", "-wal")]

    def protect(sign: str) -> int:
        change = ["chattr", f"{sign}i", *map(str, files)]
        return subprocess.run(change, capture_output=True, check=False).returncode

    with serving(tmp_path) as server:
        taken = [_body(number) for number in range(20)]
        for body in taken:
            server.taken(body)
        try:
            if protect("+"):
                pytest.skip("making a file immutable needs root and ext4, xfs or btrfs")
            for _ in range(3):
                assert _refused(server.post(_body(20)))
            ready = server.client.get("/readyz")
            assert ready.status_code == 503
            state = ready.json()["checks"]["store"]
            assert re.search("Operation not permitted|can only be read", state), state
            assert server.stats()["events"] == 20
        finally:
            protect("-")
        until(lambda: server.client.get("/readyz").status_code == 200 or None, "ready again")
        server.taken(_body(20))
        server.stop()
        assert _exported(tmp_path, server.database) == [*taken, _body(20)]
        _verified(tmp_path, server.database)


# Damage


def _killed(folder: Path, count: int) -> list[bytes]:
    """Leaves the files of a server that was killed after so many answers."""
    server = Server(folder)
    bodies = [_body(number) for number in range(count)]
    for body in bodies:
        server.taken(body)
    server.kill()
    return bodies


def _stopped(folder: Path, count: int) -> list[bytes]:
    """Leaves the file of a server that has ended well, and nothing beside it."""
    with serving(folder) as server:
        bodies = [_body(number) for number in range(count)]
        for body in bodies:
            server.taken(body)
    assert not (folder / "hw.db-wal").exists()
    return bodies


def _start(folder: Path) -> Done:
    """A start that has to fail."""
    done = subprocess.run(
        [*HEADWATER, "serve", "--port", "0", "--database", str(folder / "hw.db")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=clean_environment(folder),
        cwd=folder,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


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
    load.write_bytes(_body(7_000) + b"\n")
    first = _start(folder)
    _explained(first, database)
    _explained(_start(folder), database)
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
    bodies = _killed(tmp_path, 30)
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
    assert _exported(folder, database) == kept
    _verified(folder, database)
    with serving(folder) as server:
        server.taken(_body(9_999))


def test_a_log_is_compared_with_its_frames_where_no_trace_was_left(tmp_path: Path) -> None:
    """After a move to another disk only the frames behind the bad one tell of the damage."""
    _killed(tmp_path, 30)
    (tmp_path / "hw.db.lock").unlink()
    _flip_middle(tmp_path / "hw.db-wal")
    assert "commits follow" in _log_is_refused(tmp_path)


def test_a_torn_end_is_no_damage(tmp_path: Path) -> None:
    """A commit that nobody was answered may be there in part after a kill."""
    bodies = _killed(tmp_path, 30)
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
    _verified(tmp_path, tmp_path / "hw.db")


def _roots(database: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return dict(opened.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage"))


@pytest.mark.parametrize("table", ["edge", "event_by_id", "run", "node"])
def test_a_damaged_page_of_what_is_derived(tmp_path: Path, table: str) -> None:
    """The events are whole, so a rebuild mends all of it."""
    bodies = _stopped(tmp_path, 40)
    database = tmp_path / "hw.db"
    _flip(database, (_roots(database)[table] - 1) * 4096)
    _is_refused(tmp_path)
    verified = command(tmp_path, "verify", "--database", str(database))
    assert verified.code == 1, verified
    salvaged = command(tmp_path, "export", "--salvage", "--database", str(database))
    assert (salvaged.code, salvaged.out.encode().splitlines()) == (0, bodies), salvaged
    rebuilt = command(tmp_path, "rebuild", "--database", str(database))
    assert rebuilt.code == 0, rebuilt
    _verified(tmp_path, database)
    assert _exported(tmp_path, database) == bodies


def test_a_damaged_page_of_the_log(tmp_path: Path) -> None:
    bodies = [_body(number, 3_000) for number in range(60)]
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
    _stopped(tmp_path, 5)
    _flip(tmp_path / "hw.db", at)
    done = _start(tmp_path)
    assert done.code == 2, done
    assert str(tmp_path / "hw.db") in done.err


def test_a_file_that_was_cut(tmp_path: Path) -> None:
    bodies = [_body(number, 3_000) for number in range(60)]
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
    bodies = _stopped(tmp_path, 20)
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
        server.taken(_body(500))
    verified = command(tmp_path, "verify", "--database", str(database))
    assert verified.code == 1
    assert "position 7" in verified.err
    assert "1 events cannot be read (positions 7)" in verified.err
    salvaged = command(tmp_path, "export", "--salvage", "--database", str(database))
    assert salvaged.code == 1
    kept = [body for body in (*bodies, _body(500)) if body != bodies[6]]
    assert salvaged.out.encode().splitlines() == kept
    _rebuild_keeps(tmp_path, kept)


def test_damage_that_is_met_while_running(tmp_path: Path) -> None:
    _stopped(tmp_path, 40)
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
        assert _refused(server.post(_body(900)))
        ready = server.client.get("/readyz")
        assert ready.status_code == 503
        assert "damaged" in ready.json()["checks"]["store"]
        said = "Nothing is written to it any more"
        until(lambda: said in server.log() or None, "the log tells the operator")
        assert str(tmp_path) not in ready.text
    assert _start(tmp_path).code == 2


# Two on one file


def test_a_second_server_is_refused(tmp_path: Path) -> None:
    load = tmp_path / "more.ndjson"
    load.write_bytes(_body(1) + b"\n")
    database = str(tmp_path / "hw.db")
    with serving(tmp_path) as server:
        server.taken(_body(0))
        for done in (
            _start(tmp_path),
            command(tmp_path, "load", "--database", database, str(load)),
        ):
            assert done.code == 2, done
            assert f"{database} is in use by process {server.process.pid}" in done.err
        server.taken(_body(2))
        assert server.stats()["events"] == 2


def test_the_lock_of_a_killed_server_is_no_obstacle(tmp_path: Path) -> None:
    bodies = _killed(tmp_path, 3)
    assert b"process" in (tmp_path / "hw.db.lock").read_bytes()
    with serving(tmp_path) as server:
        assert server.stats()["events"] == len(bodies)
    assert (tmp_path / "hw.db.lock").read_bytes() == b""


# kill -9


@pytest.mark.timeout(240)
def test_twenty_kills_in_a_row(tmp_path: Path) -> None:
    """Every acknowledged event is there after each, and what is derived equals a rebuild."""
    seed = random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")  # shown when the test fails
    chance = random.Random(seed)
    acknowledged: dict[bytes, str] = {}
    for number in range(ROUNDS):
        server = Server(tmp_path)
        load = Load(server, chance.randrange(1 << 32), chance.randint(1, 150))
        load.run()
        server.kill()
        assert load.odd == [], (seed, number)
        acknowledged |= load.acknowledged
        _check(tmp_path, acknowledged)
