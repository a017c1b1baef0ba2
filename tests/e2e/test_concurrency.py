"""Many at once: eight connections post the real events, shuffled and repeated; the state is one."""

import asyncio
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from headwater.stores.sqlite import open_store
from tests.contract import feeding
from tests.contract.events import encoded, run_event
from tests.e2e.serving import Server, command, serving, until
from tests.e2e.wire import Connection

LINEAGE = "/api/v1/lineage"
CONNECTIONS = 8


class Answers:
    """What the server said of each body, gathered from all connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.ids: dict[bytes, set[str]] = {}
        self.trouble: list[str] = []

    def add(self, body: bytes, identity: str) -> None:
        with self._lock:
            self.ids.setdefault(body, set()).add(identity)

    def fail(self, what: str) -> None:
        with self._lock:
            self.trouble.append(what)


def post_from_many(server: Server, shares: Sequence[Sequence[bytes]], look: bool) -> Answers:
    """One connection for each share.

    Args:
        look: read each event back as soon as it is acknowledged: it has to be visible.
    """
    answers = Answers()
    start = threading.Barrier(len(shares))

    def send(share: Sequence[bytes]) -> None:
        try:
            with Connection(server.port) as wire:
                start.wait(30)
                for body in share:
                    _post(wire, body, answers, look)
        except (OSError, msgspec.MsgspecError, threading.BrokenBarrierError) as error:
            answers.fail(repr(error))

    senders = [threading.Thread(target=send, args=(share,)) for share in shares]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(90)
    assert answers.trouble == []
    return answers


def _post(wire: Connection, body: bytes, answers: Answers, look: bool) -> None:
    answer = wire.post(LINEAGE, body)
    if answer.status != 200:
        answers.fail(f"{answer}")
        return
    identity = answer.json()["id"]
    answers.add(body, identity)
    if look and wire.request("GET", f"/api/v2/events/{identity}/raw").body != body:
        answers.fail(f"{identity} is acknowledged but cannot be read")


def state_of(database: Path) -> feeding.State:
    async def read() -> feeding.State:
        store = await open_store(database, create=False, read_only=True)
        try:
            return [row async for row in store.state()]
        finally:
            await store.close()

    return asyncio.run(read())


@pytest.mark.parametrize("look", [False, True], ids=["posting", "and reading back"])
def test_the_state_is_the_sequential_one(tmp_path: Path, look: bool) -> None:
    bodies = feeding.lines()
    chance = random.Random(8 + look)
    shuffled = bodies + chance.choices(bodies, k=len(bodies))
    chance.shuffle(shuffled)
    shares = [shuffled[number::CONNECTIONS] for number in range(CONNECTIONS)]
    states = []
    for name, parts in (("sequential", [bodies]), ("concurrent", shares)):
        folder = tmp_path / name
        folder.mkdir()
        with serving(folder) as server:
            answers = post_from_many(server, parts, look)
            assert server.stats()["events"] == len(set(bodies))
        assert all(len(ids) == 1 for ids in answers.ids.values())
        assert answers.ids.keys() == set(bodies)
        states.append(state_of(folder / "hw.db"))
        verified = command(folder, "verify", "--database", str(folder / "hw.db"))
        assert verified.code == 0, verified
    first, second = map(set, states)
    assert (first - second, second - first) == (set(), set())
    assert len(states[0]) == len(states[1])


def test_one_event_from_everywhere_at_once(hw: Server) -> None:
    body = encoded(run_event("COMPLETE", 0, inputs=("a",), outputs=("b",)))
    answers = post_from_many(hw, [[body] * 25] * CONNECTIONS, look=False)
    assert [len(ids) for ids in answers.ids.values()] == [1]
    assert hw.stats() == {"events": 1, "runs": 1, "jobs": 1, "datasets": 2, "namespaces": 1}
    edges = hw.ask("/api/v2/lineage", node="dataset:shop:b")["edges"]
    assert [edge["runs"] for edge in edges] == [1, 1]


def test_a_hundred_runs_of_one_job_at_once(hw: Server) -> None:
    """Acceptance 29: all answers are 2xx, and there is one row for each entity."""
    bodies = [
        encoded(
            run_event(
                "COMPLETE", at % 60, run=f"01935b2a-0000-7000-8000-{at:012x}",
                inputs=("a",), outputs=("b",),
            )
        )
        for at in range(104)
    ]  # fmt: skip
    post_from_many(hw, [bodies[n::CONNECTIONS] for n in range(CONNECTIONS)], look=True)
    assert hw.stats() == {"events": 104, "runs": 104, "jobs": 1, "datasets": 2, "namespaces": 1}
    edges = hw.ask("/api/v2/lineage", node="dataset:shop:b")["edges"]
    assert [edge["runs"] for edge in edges] == [104, 104]


def test_sigterm_under_load_loses_nothing(tmp_path: Path) -> None:
    """What was received is committed and answered, then the server ends with 0."""
    server = Server(tmp_path)
    acknowledged: set[bytes] = set()
    lock, enough = threading.Lock(), threading.Event()

    def send(number: int) -> None:
        try:
            with Connection(server.port) as wire:
                for at in range(100_000):
                    run = f"01935b2a-0000-7000-{number:04x}-{at:012x}"
                    body = encoded(run_event("START", 0, run=run, outputs=("b",)))
                    answer = wire.post(LINEAGE, body)
                    if answer.status != 200:
                        return
                    with lock:
                        acknowledged.add(body)
                        if len(acknowledged) >= 200:
                            enough.set()
        except OSError:
            pass  # its connection was closed between two requests

    senders = [threading.Thread(target=send, args=(number,)) for number in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    assert enough.wait(60)
    server.stop()
    for sender in senders:
        sender.join(30)
        assert not sender.is_alive()
    exported = command(tmp_path, "export", "--database", str(tmp_path / "hw.db"))
    assert acknowledged == set(exported.out.encode().splitlines())


def test_verify_beside_a_server_that_goes_on_writing(tmp_path: Path) -> None:
    """Log and derived state are of one moment, so events that come meanwhile are no difference."""
    ended = threading.Event()
    posted = 0

    def post() -> None:
        nonlocal posted
        with Connection(server.port) as wire:
            while not ended.is_set():
                run = f"01935b2a-0000-7000-8000-{posted:012x}"
                event = run_event("COMPLETE", posted, run=run, inputs=("a",), outputs=("b",))
                assert wire.post(LINEAGE, encoded(event)).status == 200
                posted += 1

    with serving(tmp_path) as server:
        poster = threading.Thread(target=post)
        poster.start()
        try:
            until(lambda: posted > 100 or None, "events come")
            before = posted
            verified = server.command("verify")
            during = posted - before
        finally:
            ended.set()
            poster.join(30)
    assert verified.startswith("Equal: ")
    assert during > 0, "no event came while the log was verified"
