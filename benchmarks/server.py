"""A server under test: a process of its own, watched through /proc, stopped by SIGTERM."""

import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.client import HOST

START_SECONDS = 600.0
STOP_SECONDS = 120.0
COUNT_EVENTS = "SELECT count(*) FROM event"


class ServerFailed(Exception):
    """The server did not start, or did not stop cleanly."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def serve_command(port: int, database: Path) -> list[str]:
    command = [sys.executable, "-m", "headwater", "serve", "--host", HOST, "--port", str(port)]
    return [*command, "--database", str(database)]


def raw_command(port: int) -> list[str]:
    """The floor: uvicorn over an endpoint that answers without work."""
    command = [sys.executable, "-m", "uvicorn", "benchmarks.floor:answer", "--host", HOST]
    return [*command, "--port", str(port), "--no-access-log", "--log-level", "warning"]


class Server:
    """A server's process; ready inside `with`, stopped after it."""

    def __init__(self, command: Sequence[str], port: int, log: Path) -> None:
        self.port = port
        self._command = command
        self._log = log

    @classmethod
    def headwater(cls, database: Path) -> Self:
        port = free_port()
        return cls(serve_command(port, database), port, database.with_suffix(".log"))

    @classmethod
    def raw(cls, folder: Path) -> Self:
        port = free_port()
        return cls(raw_command(port), port, folder / "raw.log")

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise ServerFailed(f"the server did not start: {self._last_words()}")
            time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise ServerFailed("the server did not stop after SIGTERM") from None
        if code not in (0, -signal.SIGTERM) and error is None:
            raise ServerFailed(f"the server ended with {code}: {self._last_words()}")

    def get(self, path: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=60)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _is_ready(self) -> bool:
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-2_000:].strip()

    @property
    def _processes(self) -> list[Path]:
        """The server's process, and the one that writes for it."""
        main = Path(f"/proc/{self._process.pid}")
        started = (file.read_text().split() for file in main.glob("task/*/children"))
        return [main, *(Path(f"/proc/{each}") for found in started for each in found)]

    @property
    def cpu_seconds(self) -> float:
        ticks = 0
        for process in self._processes:
            # Fields 14 and 15, counted after the name, which may hold spaces.
            text = (process / "stat").read_text()
            ticks += sum(map(int, text.rpartition(")")[2].split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def rss_mb(self) -> float:
        return self._status_mb("VmRSS")

    @property
    def peak_rss_mb(self) -> float:
        return self._status_mb("VmHWM")

    def _status_mb(self, name: str) -> float:
        found = [
            int(line.split()[1]) / 1_024
            for process in self._processes
            for line in (process / "status").read_text().splitlines()
            if line.startswith(name)
        ]
        if not found:
            raise ServerFailed("the server is gone")
        return sum(found)


def database_bytes(database: Path) -> int:
    """The size on disk, write-ahead log and all other companions included."""
    files = database.parent.glob(f"{database.name}*")
    return sum(file.stat().st_size for file in files if file.suffix != ".log")


def count_events(database: Path, query: str = COUNT_EVENTS) -> int:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute(query).fetchone()
        return int(count)
