"""What a server takes of the machine, as Linux tells it."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.serving import Server

MIB = 1 << 20


class Taken:
    """Memory, open files, sockets and threads of all processes of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def reset_peak(self) -> None:
        for folder in self._folders():
            (folder / "clear_refs").write_text("5")

    @property
    def peak(self) -> int:
        """The most memory since the last reset, in bytes."""
        return self._server.status("VmHWM")

    @property
    def memory(self) -> int:
        return self._server.status("VmRSS")

    @property
    def threads(self) -> int:
        return self._server.status("Threads")

    @property
    def files(self) -> int:
        return sum(1 for folder in self._folders() for _ in (folder / "fd").iterdir())

    @property
    def sockets(self) -> int:
        found = 0
        for folder in self._folders():
            for file in (folder / "fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    found += file.readlink().name.startswith("socket:")
        return found

    def _folders(self) -> Iterator[Path]:
        return (Path(f"/proc/{process}") for process in self._server.processes)


STOPPED = 0.2
RUNNING = 0.1


@contextmanager
def slowed(server: Server) -> Iterator[None]:
    """Holds up the process that writes, two thirds of the time.

    A load from the server's own cores may be less than the server can take; with this it is not.
    """
    _, *writers = server.processes
    assert writers
    ended = threading.Event()

    def hold_up() -> None:
        while not ended.wait(RUNNING):
            for writer in writers:
                os.kill(writer, signal.SIGSTOP)
            ended.wait(STOPPED)
            for writer in writers:
                os.kill(writer, signal.SIGCONT)

    thread = threading.Thread(target=hold_up)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
