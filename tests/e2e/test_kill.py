"""kill -9 under load: what was acknowledged is there, and what is derived equals a rebuild."""

import random
import sys
import threading
from pathlib import Path
from typing import Any

from tests.contract.events import dataset, encoded, job_event, parent, run_event, schema, symlinks
from tests.e2e.serving import Server, command
from tests.e2e.wire import Connection

LINEAGE = "/api/v1/lineage"
ROUNDS = 5
SENDERS = 8
MOST = 600
"""The server dies after at most so many answers."""


class Load:
    """Senders that post until the server is gone, and what it answered them.

    Args:
        until: after how many answers the server is killed, by the sender that got the last one.
        padding: how many bytes more than its names each event of a run has.
    """

    def __init__(
        self, server: Server, seed: int, until: int, senders: int = SENDERS, padding: int = 0
    ) -> None:
        self._server = server
        self._seed = seed
        self._until = until
        self._senders = senders
        self._padding = padding
        self._lock = threading.Lock()
        self.acknowledged: dict[bytes, str] = {}
        """Body -> id."""
        self.odd: list[str] = []

    def run(self) -> None:
        numbers = range(self._senders)
        senders = [threading.Thread(target=self._send, args=(number,)) for number in numbers]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(60)
            assert not sender.is_alive()

    def _send(self, number: int) -> None:
        chance = random.Random(f"{self._seed} {number}")
        try:
            with Connection(self._server.port) as wire:
                while True:
                    self._post(wire, chance)
        except OSError:
            pass  # the server is gone, as it should be

    def _post(self, wire: Connection, chance: random.Random) -> None:
        bodies = [_event(chance, self._padding) for _ in range(chance.choice((1, 1, 1, 5)))]
        if len(bodies) == 1:
            answer = wire.post(LINEAGE, bodies[0])
            taken = {bodies[0]: answer.json()["id"]} if answer.status == 200 else {}
        else:
            answer = wire.post(LINEAGE + "/batch", b"[" + b",".join(bodies) + b"]")
            whole = answer.status == 200 and answer.json()["status"] == "success"
            taken = dict.fromkeys(bodies, "") if whole else {}
        with self._lock:
            self.acknowledged.update(taken)
            if not taken:
                self.odd.append(f"{answer}")
            if len(self.acknowledged) >= self._until:
                self._server.process.kill()


def _event(chance: random.Random, padding: int) -> bytes:
    """An event about few jobs and many runs, so that every commit also changes what is there."""
    job, run = (
        f"job-{chance.randrange(20)}",
        f"01935b2a-0000-7000-8000-{chance.randrange(400):012x}",
    )
    names = [f"set-{chance.randrange(50)}" for _ in range(4)]
    columns = [f"c{chance.randrange(30)}" for _ in range(10)]
    minute = chance.randrange(600)
    read = tuple(dataset(name) for name in names[:2])
    facets = schema(*columns) | (symlinks(names[3]) if chance.random() < 0.1 else {})
    wrote = (dataset(names[2], facets),)
    if chance.random() < 0.1:
        return encoded(job_event(minute, job=job, inputs=read, outputs=wrote))
    return encoded(
        run_event(
            chance.choice(("START", "RUNNING", "COMPLETE", "FAIL")),
            minute,
            job=job,
            run=run,
            inputs=read,
            outputs=wrote,
            run_facets=parent("dag", run[:-1] + "f") | _padded(padding),
        )
    )


def _padded(size: int) -> dict[str, Any]:
    return {"padding": {"text": "x" * size}} if size else {}


def test_66_25_clients_with_16_kb_each(tmp_path: Path) -> None:
    """Of Marquez' acceptance list: nothing but 200, and all of it is there after the kill."""
    server = Server(tmp_path)
    load = Load(server, 66, 1_000, senders=25, padding=16_000)
    load.run()
    server.kill()
    assert load.odd == []
    assert len(load.acknowledged) >= 1_000
    _check(tmp_path, load.acknowledged)


def test_kill_at_random_moments(tmp_path: Path) -> None:
    """Five times in a row on one database; what a round finds is checked by all that follow."""
    seed = random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")  # shown when the test fails
    chance = random.Random(seed)
    acknowledged: dict[bytes, str] = {}
    for number in range(ROUNDS):
        server = Server(tmp_path, queue_events=200)
        load = Load(server, chance.randrange(1 << 32), chance.randint(1, MOST))
        load.run()
        server.kill()
        assert server.process.returncode == -9, server.log()
        assert load.odd == [], (seed, number)
        assert load.acknowledged
        acknowledged |= load.acknowledged
        _check(tmp_path, acknowledged)


def _check(folder: Path, acknowledged: dict[bytes, str]) -> None:
    """After a restart, and then on the file alone."""
    server = Server(folder)
    try:
        for body, identity in random.Random(len(acknowledged)).sample(
            [item for item in acknowledged.items() if item[1]], 1
        ):
            assert server.stored(identity) == body
        assert server.stats()["events"] >= len(acknowledged)
    finally:
        server.stop()
    database = str(folder / "hw.db")
    exported = command(folder, "export", "--database", database)
    stored = exported.out.encode().splitlines()
    assert len(stored) == len(set(stored))
    assert acknowledged.keys() <= set(stored)
    verified = command(folder, "verify", "--database", database)
    assert verified.code == 0, verified
    assert verified.out.startswith("Equal: ")
