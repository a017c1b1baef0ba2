"""Ctrl-C ends a load of stdin wherever it comes: while it waits for more, and while it stores."""

import contextlib
import itertools
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO

import pytest

from headwater import samples
from tests.e2e.serving import HEADWATER, clean_environment, command, until

SHOP = b"".join(path.read_bytes() for path in samples.paths())


def started(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*HEADWATER, "load", "-", "--database", "hw.db"],
        env=clean_environment(home),
        cwd=home,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


class Feeder(threading.Thread):
    """Writes events into a pipe for as long as anyone reads it."""

    def __init__(self, pipe: IO[bytes], until: int) -> None:
        super().__init__()
        self.fed = threading.Event()
        self._pipe = pipe
        self._until = until

    def run(self) -> None:
        with contextlib.suppress(OSError):
            for number in itertools.count():
                if number == self._until:
                    self.fed.set()
                self._pipe.write(SHOP)
                self._pipe.flush()


def interrupted(process: subprocess.Popen[bytes]) -> str:
    """What it says last."""
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr is not None
    told = process.stderr.read().decode()
    assert "Traceback" not in told, told
    return told.splitlines()[-1]


def test_a_load_of_stdin_to_which_nothing_comes(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        until(lambda: (tmp_path / "hw.db").exists() or None, "the database is made")
        assert interrupted(process).startswith("Interrupted. 0 accepted, 0 repeated, 0 refused.")


@pytest.mark.parametrize("chunks", [1, 5, 13, 40])
def test_a_load_of_stdin_to_which_more_comes_than_it_stores(tmp_path: Path, chunks: int) -> None:
    with started(tmp_path) as process:
        assert process.stdin is not None
        feeder = Feeder(process.stdin, chunks)
        feeder.start()
        try:
            assert feeder.fed.wait(60)
            assert interrupted(process).startswith("Interrupted. ")
        finally:
            process.kill()
            feeder.join(60)
            with contextlib.suppress(OSError):
                process.stdin.close()
    verified = command(tmp_path, "verify", "--database", "hw.db")
    assert verified.code == 0, verified
