"""`headwater import-marquez --server`: from a server that speaks Marquez' API, over HTTP."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.e2e import marquez
from tests.e2e.faults import check_verified
from tests.e2e.serving import HEADWATER, Done, Server, clean_environment, command, serving, until


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Filled once; it is only read from."""
    with serving(tmp_path_factory.mktemp("installation")) as server:
        marquez.fill(server)
        yield server


def imported(home: Path, *arguments: str) -> Done:
    done = command(home, "import-marquez", *arguments)
    assert "Traceback" not in done.err, done.err
    return done


@contextmanager
def opened(folder: Path) -> Iterator[Server]:
    """A server on what was imported into `hw.db` of a folder."""
    with serving(folder) as server:
        yield server


def test_everything_comes_over(installation: Server, tmp_path: Path) -> None:
    done = imported(tmp_path, "--server", installation.url, "--database", "hw.db")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("457 events read, ")
    assert " 0 repeated, 0 refused. " in done.out
    assert [each.name for each in tmp_path.glob("*.import")] == []
    with opened(tmp_path) as copy:
        assert marquez.shown(copy) == marquez.shown(installation)
        assert copy.ask(marquez.path("namespaces", "old"))["isHidden"] is True
        for parts in (("etl", "jobs", "gone"), ("old", "datasets", "forgotten")):
            answer = copy.client.get(marquez.path("namespaces", *parts))
            assert answer.status_code == 404
        graphs = [
            each.ask("/api/v1/lineage", nodeId="job:legacy:mirror", depth=5)
            for each in (installation, copy)
        ]
        assert marquez.told(graphs[0]) == marquez.told(graphs[1])
        events = [
            each.ask("/api/v1/events/lineage", limit=1000, sortDirection="asc")
            for each in (installation, copy)
        ]
        assert events[0]["totalCount"] == events[1]["totalCount"] == 457
    check_verified(tmp_path, tmp_path / "hw.db")


def test_a_second_import_adds_nothing(installation: Server, tmp_path: Path) -> None:
    first = imported(tmp_path, "--server", installation.url, "--database", "hw.db")
    again = imported(tmp_path, "--server", f"{installation.url}/api/v1/", "--database", "hw.db")
    assert (first.code, again.code) == (0, 0), again
    assert ": 0 accepted, " in again.out.replace("descriptions. ", "descriptions: ")


def test_into_a_running_server(installation: Server, hw: Server) -> None:
    home = hw.folder
    done = imported(home, "--server", installation.url, "--to", hw.url, "--journal", "j.import")
    assert (done.code, done.err) == (0, "")
    assert marquez.shown(hw) == marquez.shown(installation)
    again = imported(home, "--server", installation.url, "--to", hw.url)
    assert " 0 accepted, " in again.out
    assert not (home / "j.import").exists()


class Relay(ThreadingHTTPServer):
    """Stands before an installation; holds the questions for events from one on, when told to."""

    daemon_threads = True

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Relayed)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.client = httpx.Client(base_url=url, trust_env=False)
        self.after: list[str] = []
        self.hold_from = 10**9
        self.held = threading.Event()
        self.released = threading.Event()


class _Relayed(BaseHTTPRequestHandler):
    server: Relay

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if "sortDirection" in asked:
            self.server.after.append(asked["after"][0])
            if len(self.server.after) >= self.server.hold_from:
                self.server.held.set()
                self.server.released.wait(60)
                return
        answer = self.server.client.get(self.path)
        self.send_response(answer.status_code)
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Nothing: the test says what matters."""


@pytest.fixture
def relay(installation: Server) -> Iterator[Relay]:
    with Relay(installation.url) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()
        server.client.close()


def test_a_killed_import_goes_on_where_it_stopped(
    installation: Server, relay: Relay, tmp_path: Path
) -> None:
    relay.hold_from = 4
    arguments = ("import-marquez", "--server", relay.url, "--database", "hw.db")
    process = subprocess.Popen(
        [*HEADWATER, *arguments], env=clean_environment(tmp_path), cwd=tmp_path
    )
    assert relay.held.wait(60)
    process.kill()
    process.wait()
    assert (tmp_path / "hw.db.import").exists()
    relay.released.set()
    asked, relay.hold_from = len(relay.after), 10**9
    done = imported(tmp_path, *arguments[1:])
    assert done.code == 0
    assert done.err.startswith("Going on after 400 events.")
    assert relay.after[0].startswith("1900-")
    assert min(relay.after[asked:]) == marquez.INSTANT
    assert not (tmp_path / "hw.db.import").exists()
    with opened(tmp_path) as copy:
        assert marquez.shown(copy) == marquez.shown(installation)


def started(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*HEADWATER, *arguments],
        env=clean_environment(home),
        cwd=home,
        stderr=subprocess.PIPE,
    )


def interrupted(process: subprocess.Popen[bytes]) -> str:
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert b"Traceback" not in told, told.decode()
    return told.decode().splitlines()[-1] if told else ""


def test_ctrl_c_while_marquez_is_waited_for(
    installation: Server, relay: Relay, tmp_path: Path
) -> None:
    relay.hold_from = 4
    arguments = ("import-marquez", "--server", relay.url, "--database", "hw.db")
    with started(tmp_path, *arguments) as process:
        assert relay.held.wait(60)
        told = interrupted(process)
    assert process.returncode == 130
    assert told.startswith("Interrupted. 400 accepted, 0 repeated, 0 refused. The same command")
    relay.released.set()
    relay.hold_from = 10**9
    assert imported(tmp_path, *arguments[1:]).err.startswith("Going on after 400 events.")
    with opened(tmp_path) as copy:
        assert marquez.shown(copy) == marquez.shown(installation)


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize("to_server", [False, True])
def test_ctrl_c_in_the_middle_of_the_work(
    installation: Server, relay: Relay, hw: Server, tmp_path: Path, page: int, to_server: bool
) -> None:
    """It ends, or had ended before; the same command then brings over what is left."""
    target = ("--to", hw.url) if to_server else ("--database", "hw.db")
    arguments = ("import-marquez", "--server", relay.url, *target)
    with started(tmp_path, *arguments) as process:
        until(lambda: len(relay.after) >= page or None, "pages are asked for")
        told = interrupted(process)
    assert process.returncode in (0, 130)
    if process.returncode:
        assert told.startswith("Interrupted. ")
    assert imported(tmp_path, *arguments[1:]).code == 0
    if to_server:
        assert marquez.shown(hw) == marquez.shown(installation)
        return
    with opened(tmp_path) as copy:
        assert marquez.shown(copy) == marquez.shown(installation)


def test_what_is_wrong_with_the_source_is_told(hw: Server, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        done = imported(tmp_path, "--server", nowhere, "--database", "hw.db")
        assert done.code == 1
        assert f"no server answers at {nowhere}" in done.err
    other = imported(tmp_path, "--server", f"{hw.url}/docs", "--database", "hw.db")
    assert (other.code, "is this the address of Marquez?" in other.err) == (1, True), other
    neither = imported(tmp_path, "--database", "hw.db")
    assert (neither.code, "--server or --dsn" in neither.err) == (2, True)
    both = imported(tmp_path, "--server", hw.url, "--to", hw.url, "--database", "hw.db")
    assert (both.code, "--database or --to" in both.err) == (2, True)
