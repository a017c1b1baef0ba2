"""Disks that are full or read-only, two servers on one file, kill -9 twenty times in a row."""

import asyncio
import contextlib
import random
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from headwater import replay
from headwater.dialects.openlineage.decode import Decoder
from headwater.event import Event
from headwater.stores.sqlite import open_store
from tests.e2e.faults import (
    check_verified,
    exported,
    failed_start,
    killed,
    sample,
    turned_away,
)
from tests.e2e.serving import Server, command, serving, until
from tests.e2e.test_kill import Load

ROUNDS = 20

# No room, no right to write


def _fill(server: Server, taken: list[bytes], weight: int) -> bytes:
    """Posts until an event is refused; that event."""
    for number in range(len(taken), len(taken) + 2_000):
        body = sample(number, weight)
        if turned_away(server.post(body)):
            return body
        taken.append(body)
    raise AssertionError("nothing was ever refused")


def _outage(server: Server, database: Path, end: Callable[[], None], reason: str) -> None:
    """From the first refusal until everything that was sent is there.

    Args:
        reason: in the words of readiness; empty where a smaller event would be taken.
    """
    taken = [sample(number) for number in range(20)]
    for body in taken:
        server.taken(body)
    refused = _fill(server, taken, 40_000)
    if reason:
        ready = server.client.get("/readyz")
        assert ready.status_code == 503
        assert reason in ready.json()["checks"]["store"]
    assert server.client.get("/healthz").status_code == 200
    for _ in range(5):
        assert turned_away(server.post(refused))
    assert server.stats()["events"] == len(taken), "nothing is half there, and reads go on"
    end()
    until(lambda: server.client.get("/readyz").status_code == 200 or None, "ready again")
    assert server.post(refused).status_code == 200
    taken.append(refused)
    for number in range(100_000, 100_020):
        taken.append(sample(number))
        server.taken(taken[-1])
    assert server.stats()["events"] == len(taken)
    server.stop()
    assert exported(server.folder, database) == taken
    check_verified(server.folder, database)


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
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)

        def limit(soft: int) -> None:
            for process in server.processes:
                resource.prlimit(process, resource.RLIMIT_FSIZE, (soft, hard))

        def more_room() -> None:
            limit(hard)

        limit(3 << 20)
        _outage(server, server.database, more_room, "")


def test_files_that_become_read_only(tmp_path: Path) -> None:
    """What a disk does that has failed; root too may not write to an immutable file."""
    files = [tmp_path / f"hw.db{end}" for end in ("", "-wal")]

    def protect(sign: str) -> int:
        change = ["chattr", f"{sign}i", *map(str, files)]
        return subprocess.run(change, capture_output=True, check=False).returncode

    with serving(tmp_path) as server:
        taken = [sample(number) for number in range(20)]
        for body in taken:
            server.taken(body)
        try:
            if protect("+"):
                pytest.skip("making a file immutable needs root and ext4, xfs or btrfs")
            for _ in range(3):
                assert turned_away(server.post(sample(20)))
            ready = server.client.get("/readyz")
            assert ready.status_code == 503
            state = ready.json()["checks"]["store"]
            assert re.search("Operation not permitted|can only be read", state), state
            assert server.stats()["events"] == 20
        finally:
            protect("-")
        until(lambda: server.client.get("/readyz").status_code == 200 or None, "ready again")
        server.taken(sample(20))
        server.stop()
        assert exported(tmp_path, server.database) == [*taken, sample(20)]
        check_verified(tmp_path, server.database)


# Two on one file


def test_a_second_server_is_refused(tmp_path: Path) -> None:
    load = tmp_path / "more.ndjson"
    load.write_bytes(sample(1) + b"\n")
    database = str(tmp_path / "hw.db")
    with serving(tmp_path) as server:
        server.taken(sample(0))
        for done in (
            failed_start(tmp_path),
            command(tmp_path, "load", "--database", database, str(load)),
        ):
            assert done.code == 2, done
            assert f"{database} is in use by process {server.process.pid}" in done.err
        server.taken(sample(2))
        assert server.stats()["events"] == 2


def test_the_lock_of_a_killed_server_is_no_obstacle(tmp_path: Path) -> None:
    bodies = killed(tmp_path, 3)
    assert b"process" in (tmp_path / "hw.db.lock").read_bytes()
    with serving(tmp_path) as server:
        assert server.stats()["events"] == len(bodies)
    assert (tmp_path / "hw.db.lock").read_bytes() == b""


# kill -9


def decode(_: str, body: bytes) -> Event:
    return Decoder().decode(body)


@pytest.mark.timeout(240)
def test_twenty_kills_in_a_row(tmp_path: Path) -> None:
    """Every acknowledged event is there after each, and what is derived equals a rebuild."""
    seed = random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")  # shown when the test fails
    chance = random.Random(seed)
    acknowledged: dict[bytes, str] = {}
    for number in range(ROUNDS):
        server = Server(tmp_path)
        assert server.stats()["events"] >= len(acknowledged), (seed, number)
        load = Load(server, chance.randrange(1 << 32), chance.randint(1, 150))
        load.run()
        server.kill()
        assert load.odd == [], (seed, number)
        acknowledged |= load.acknowledged
        asyncio.run(_check_whole(tmp_path / "hw.db", acknowledged.keys()))
    with serving(tmp_path) as server:
        assert server.stats()["events"] >= len(acknowledged)


async def _check_whole(database: Path, acknowledged: AbstractSet[bytes]) -> None:
    """In this process: twenty times the start of a command would take longer than all the rest."""
    store = await open_store(database, read_only=True)
    try:
        bodies = [event.body async for event in store.log()]
        assert len(bodies) == len(set(bodies))
        assert acknowledged <= set(bodies)
        scratch = database.with_name("scratch.db")
        verdict = await replay.verify(store, decode, open_store, scratch, lambda *_: None)
        assert verdict.equal, verdict
    finally:
        await store.close()
