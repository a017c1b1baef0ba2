"""What the tests of faults share: events of a chosen weight, and the ends of servers."""

import random
import subprocess
from pathlib import Path

import httpx

from tests.contract.events import dataset, encoded, facet, run_event
from tests.e2e.serving import HEADWATER, Done, Server, clean_environment, command, serving


def sample(number: int, weight: int = 0) -> bytes:
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


def exported(folder: Path, database: Path) -> list[bytes]:
    done = command(folder, "export", "--database", str(database))
    assert done.code == 0, done
    return done.out.encode().splitlines()


def check_verified(folder: Path, database: Path) -> None:
    done = command(folder, "verify", "--database", str(database))
    assert done.code == 0, done


def turned_away(answer: httpx.Response) -> bool:
    if answer.status_code == 200:
        return False
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    return True


def killed(folder: Path, count: int) -> list[bytes]:
    """Leaves the files of a server that was killed after so many answers."""
    server = Server(folder)
    bodies = [sample(number) for number in range(count)]
    for body in bodies:
        server.taken(body)
    server.kill()
    return bodies


def stopped(folder: Path, count: int) -> list[bytes]:
    """Leaves the file of a server that has ended well, and nothing beside it."""
    with serving(folder) as server:
        bodies = [sample(number) for number in range(count)]
        for body in bodies:
            server.taken(body)
    assert not (folder / "hw.db-wal").exists()
    return bodies


def failed_start(folder: Path) -> Done:
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
