"""The process that writes: it ends with the server, and the server outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headwater.dialects.openlineage.decode import Decoder
from headwater.errors import Conflict, Unavailable
from headwater.event import Received
from headwater.ids import digest_of
from headwater.ingest import Ingest
from headwater.projection import Projector
from headwater.store import Receipt
from headwater.stores.sqlite import open_store
from headwater.telemetry import Telemetry
from tests.e2e.faults import check_verified, exported, sample, turned_away
from tests.e2e.serving import HEADWATER, Server, clean_environment, command, serving, until


def _writer(server: Server) -> int:
    (writer,) = server.processes[1:]
    return writer


def _gone(process: int) -> bool | None:
    """Also when nobody has fetched its end yet."""
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text() or None
    except FileNotFoundError:
        return True


def test_it_is_gone_when_the_server_was_killed_and_the_next_one_starts_at_once(
    tmp_path: Path,
) -> None:
    server = Server(tmp_path, writer_process=True)
    bodies = [sample(number) for number in range(50)]
    for body in bodies:
        server.taken(body)
    writer = _writer(server)
    server.kill()
    with serving(tmp_path, writer_process=True) as again:
        until(lambda: _gone(writer), "the writing process ends")
        again.taken(sample(50))
    assert exported(tmp_path, server.database) == [*bodies, sample(50)]
    check_verified(tmp_path, server.database)


def test_another_one_starts_when_it_was_killed(tmp_path: Path) -> None:
    taken: list[bytes] = []
    with serving(tmp_path, writer_process=True) as server:
        for number in range(60):
            if number % 20 == 10:
                os.kill(writer := _writer(server), signal.SIGKILL)
                until(lambda: _gone(writer), "the writing process ends")  # at once
            body = sample(number)
            while turned_away(server.post(body)):
                time.sleep(0.05)
            taken.append(body)
        assert server.client.get("/readyz").status_code == 200
        assert "the next event starts another one" in server.log()
    assert exported(tmp_path, server.database) == taken
    check_verified(tmp_path, server.database)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_lets_the_server_end_well(tmp_path: Path, number: signal.Signals) -> None:
    """What Ctrl-C and a service manager do: every process of the group is told."""
    with serving(tmp_path, writer_process=True) as server:
        server.taken(sample(1))
        writer = _writer(server)
        for process in (writer, server.process.pid):
            os.kill(process, number)
        assert server.process.wait(30) == 0, server.log()
    assert _gone(writer)
    assert not (tmp_path / "hw.db-wal").exists()
    assert exported(tmp_path, server.database) == [sample(1)]


def test_without_it_one_process_does_all(tmp_path: Path) -> None:
    with serving(tmp_path, writer_process=False) as server:
        server.taken(sample(1))
        assert server.processes == [server.process.pid]
    assert exported(tmp_path, server.database) == [sample(1)]


def test_a_machine_that_starts_no_process_is_told_as_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept, and it goes on when the machine can again."""
    bodies = [sample(number) for number in range(3)]

    received = [
        Received("default", "openlineage", body, digest_of(body), Decoder().decode(body), 0)
        for body in bodies
    ]
    items = [(each, Projector().project(each)) for each in received]

    async def story() -> list[bytes]:
        store = await open_store(tmp_path / "hw.db", apart=True)
        (writer,) = _children(os.getpid()) or []
        os.kill(writer, signal.SIGKILL)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", str(tmp_path / "none"))
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await store.commit(items)
        assert [receipt.repeated for receipt in await store.commit(items)] == [False] * 3
        logged = [event.body async for event in store.log()]
        await store.close()
        return logged

    assert asyncio.run(story()) == bodies


@pytest.mark.parametrize("killed", [False, True])
def test_several_commits_are_under_way(tmp_path: Path, killed: bool) -> None:
    """Each event has its own receipt, and one that contradicts the log fails alone; what was under
    way when the process was killed is told as unavailable, and sent again.
    """
    bodies = [sample(number) for number in range(600)]
    items = [_received(body) for body in bodies]
    items.insert(300, _received(bodies[1], token="t"))

    async def story() -> tuple[list[Receipt | BaseException], int]:
        store = await open_store(tmp_path / "hw.db", apart=True)
        ingest = Ingest(store, Telemetry())
        ingest.start()
        await ingest.enqueue(_received(bodies[0], token="t"))
        most = 0
        waiting: list[asyncio.Future[Receipt]] = []
        for number, item in enumerate(items):
            waiting.append(ingest.enqueue(item))
            if number == 300 and killed:
                os.kill((_children(os.getpid()) or [])[0], signal.SIGKILL)
            if number % 20 == 19:
                await asyncio.sleep(0)
                most = max(most, len(ingest._under_way))
        results = await asyncio.gather(*waiting, return_exceptions=True)
        again = [at for at, result in enumerate(results) if isinstance(result, Unavailable)]
        assert bool(again) == killed
        for at in again:
            (results[at],) = await asyncio.gather(ingest.enqueue(items[at]), return_exceptions=True)
        await ingest.close()
        await store.close()
        return results, most

    results, most = asyncio.run(story())
    assert isinstance(results.pop(300), Conflict)
    assert 1 < most <= 8
    assert len({result.id for result in results if isinstance(result, Receipt)}) == len(bodies)
    kept = exported(tmp_path, tmp_path / "hw.db")
    assert set(bodies) < set(kept)
    assert len(kept) == len(bodies) + 1  # the one with a token is exported along with it
    check_verified(tmp_path, tmp_path / "hw.db")


def _received(body: bytes, token: str | None = None) -> Received:
    event, digest = Decoder().decode(body), digest_of(body, token)
    return Received("default", "openlineage", body, digest, event, 0, token)


def test_a_large_file_is_loaded_through_it(tmp_path: Path) -> None:
    """Ctrl-C ends both, and loading again goes on where it ended."""
    events = [sample(number, 2_000) for number in range(6_000)]
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join(events))
    assert file.stat().st_size > 8 << 20
    database = tmp_path / "hw.db"
    load = [*HEADWATER, "load", str(file), "--database", str(database)]
    process = subprocess.Popen(
        load, cwd=tmp_path, env=clean_environment(tmp_path), stderr=subprocess.PIPE
    )
    writer = until(lambda: _children(process.pid), "the writing process starts")[0]
    log = tmp_path / "hw.db-wal"
    until(lambda: (log.exists() and log.stat().st_size > 1 << 20) or None, "something is written")
    for each in (writer, process.pid):
        os.kill(each, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    until(lambda: _gone(writer), "the writing process ends")
    done = command(tmp_path, "load", str(file), "--database", str(database))
    assert done.code == 0, done
    assert sorted(exported(tmp_path, database)) == sorted(events)
    check_verified(tmp_path, database)


def _children(process: int) -> list[int] | None:
    files = Path(f"/proc/{process}/task").glob("*/children")
    return [int(each) for file in files for each in file.read_text().split()] or None
