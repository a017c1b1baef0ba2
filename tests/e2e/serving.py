"""A real server: `python -m headwater serve` in a process of its own, until it is stopped."""

import contextlib
import gzip
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx

from tests.contract.events import encoded

HEADWATER = (sys.executable, "-m", "headwater")
MARK = "  address   "
PATIENCE = 30.0

T = TypeVar("T")


class Done(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a process that must see no setting but those given."""
    ours = ("HEADWATER", "OPENLINEAGE", "XDG", "DBT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home), **more}


def command(home: Path, *arguments: str, given: bytes = b"") -> Done:
    """Runs `headwater` to its end; `given` is its standard input."""
    done = subprocess.run(
        [*HEADWATER, *arguments],
        input=given,
        capture_output=True,
        env=clean_environment(home),
        cwd=home,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def until(look: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """What the look finds, as soon as it finds anything."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {patience} s")


class Server:
    """`headwater serve` on a database in a folder, on a port that was free.

    Args:
        settings: values of settings, as the environment variables say them.
    """

    def __init__(self, folder: Path, *arguments: str, **settings: object) -> None:
        self.folder = folder
        self.database = folder / "hw.db"
        self._log = folder / "serve.log"
        variables = {f"HEADWATER_{name.upper()}": str(value) for name, value in settings.items()}
        start = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*HEADWATER, "serve", "--port", "0", "--database", str(self.database), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(folder, **variables),
                cwd=folder,
            )
        try:
            self.url = until(lambda: self._address(start), "the server says its address")
            self.port = int(self.url.rpartition(":")[2])
            self.client = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)
            until(self._ready, "the server is ready")
        except BaseException:
            self.kill()
            raise

    def log(self) -> str:
        """What all servers of this folder wrote."""
        return self._log.read_text(errors="replace")

    def _address(self, start: int) -> str | None:
        assert self.process.poll() is None, self.log()
        for line in self.log()[start:].splitlines():
            if line.startswith(MARK):
                return line.removeprefix(MARK).strip()
        return None

    def _ready(self) -> bool | None:
        with contextlib.suppress(httpx.TransportError):
            return self.client.get("/readyz").status_code == 200 or None
        return None

    def command(self, *arguments: str) -> str:
        """Runs `headwater` on the database beside the server; its output when it ends well."""
        done = command(self.folder, *arguments, "--database", str(self.database))
        assert done.code == 0, done
        return done.out

    @property
    def processes(self) -> list[int]:
        """The server's process and those that it started; Linux tells."""
        main = self.process.pid
        started = Path(f"/proc/{main}/task").glob("*/children")
        return [main, *(int(each) for file in started for each in file.read_text().split())]

    def status(self, name: str) -> int:
        """A number of `/proc/PID/status`, of all processes together; memory in bytes."""
        total = 0
        for process in self.processes:
            text = Path(f"/proc/{process}/status").read_text()
            found = re.search(rf"^{name}:\s+(\d+)( kB)?", text, re.MULTILINE)
            assert found is not None, name
            total += int(found[1]) * (1024 if found[2] else 1)
        return total

    @property
    def spent(self) -> float:
        """The seconds of processor time that its processes have taken."""
        ticks = 0
        for process in self.processes:
            after = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(after[11]) + int(after[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What it is asked meanwhile takes less processor time, on a busy machine too."""
        before = self.spent
        yield
        spent = self.spent - before
        assert spent < seconds, f"{spent:.1f} s of processor time"

    # Questions.

    def ask(self, path: str, **params: str | int) -> Any:
        """The JSON of a good answer."""
        answer = self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stats(self) -> dict[str, int]:
        found: dict[str, int] = self.ask("/api/v2/stats")["counts"]
        return found

    def edges(self, node: str, **params: str | int) -> set[tuple[str, str, str]]:
        """(source, target, origins) of each edge around a node; a field is `name.field`."""
        graph = self.ask("/api/v2/lineage", node=node, **params)
        assert graph["truncated"] is False
        names = {
            each["id"]: each["name"] if each["field"] is None else f"{each['name']}.{each['field']}"
            for each in graph["nodes"]
        }
        return {
            (names[edge["source"]], names[edge["target"]], "+".join(edge["origins"]))
            for edge in graph["edges"]
        }

    # Events.

    def post(self, event: object, path: str = "/api/v1/lineage", **headers: str) -> httpx.Response:
        body = event if isinstance(event, bytes) else encoded(event)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            path, content=body, headers={"content-type": "application/json", **given}
        )

    def post_zipped(self, event: object) -> httpx.Response:
        return self.post(gzip.compress(encoded(event)), content_encoding="gzip")

    def taken(self, event: object) -> str:
        """Posts an event that has to be taken; its id."""
        answer = self.post(event)
        assert answer.status_code == 200, answer.text
        identity: str = answer.json()["id"]
        return identity

    def stored(self, identity: str) -> bytes:
        """The bytes of an event, as they are kept."""
        answer = self.client.get(f"/api/v2/events/{identity}/raw")
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-headwater-masked"] == "false"
        return answer.content

    # Ends.

    def stop(self) -> None:
        """SIGTERM; everything was answered, so it ends well."""
        self.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.log()

    def kill(self) -> None:
        """kill -9, unless it has ended."""
        self.close()
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self) -> None:
        if hasattr(self, "client"):
            self.client.close()


@contextlib.contextmanager
def serving(folder: Path, *arguments: str, **settings: object) -> Iterator[Server]:
    """A server for the time of a block; it has to end well unless the block did not."""
    server = Server(folder, *arguments, **settings)
    try:
        yield server
    except BaseException:
        server.kill()
        raise
    if server.process.poll() is None:
        server.stop()
    else:
        server.close()
