"""What a server's process takes of the machine, as Linux tells it."""

import contextlib
import re
from pathlib import Path

from tests.e2e.serving import Server

MIB = 1 << 20


class Taken:
    """Memory, open files, sockets and threads of a server."""

    def __init__(self, server: Server) -> None:
        self._folder = Path(f"/proc/{server.process.pid}")

    def reset_peak(self) -> None:
        (self._folder / "clear_refs").write_text("5")

    @property
    def peak(self) -> int:
        """The most memory since the last reset, in bytes."""
        return self._status("VmHWM") * 1024

    @property
    def memory(self) -> int:
        return self._status("VmRSS") * 1024

    @property
    def threads(self) -> int:
        return self._status("Threads")

    @property
    def files(self) -> int:
        return sum(1 for _ in (self._folder / "fd").iterdir())

    @property
    def sockets(self) -> int:
        found = 0
        for file in (self._folder / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found += file.readlink().name.startswith("socket:")
        return found

    def _status(self, name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+)", (self._folder / "status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1])
