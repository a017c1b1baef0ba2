"""The command line as a user has it: real processes, on files and against a running server."""

import gzip
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from headwater import samples

HEADWATER = (sys.executable, "-m", "headwater")
BOARD = "dataset:looker://shop:dashboards.revenue_overview"
LINES = [line for path in samples.paths() for line in path.read_bytes().splitlines()]
SHOP = b"".join(line + b"\n" for line in LINES)
ADDRESS = re.compile(r"address +(http://\S+)")


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Runs commands in a folder and a home of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HEADWATER", "XDG"))},
            "HOME": str(home),
            "COLUMNS": "80",
        }
        self.database = home / "hw.db"

    def start(self, *arguments: str, stdin: bytes | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*HEADWATER, *arguments],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.home,
        )

    def run(self, *arguments: str, stdin: bytes | None = None) -> Done:
        with self.start(*arguments, stdin=stdin) as process:
            out, err = process.communicate(stdin, timeout=60)
        assert b"Traceback" not in err, err.decode()
        return Done(process.returncode, out.decode(), err.decode())

    def on_file(self, *arguments: str, stdin: bytes | None = None) -> Done:
        return self.run(*arguments, "--database", str(self.database), stdin=stdin)

    def good(self, *arguments: str, stdin: bytes | None = None) -> str:
        done = self.on_file(*arguments, stdin=stdin)
        assert done.code == 0, done
        return done.out


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A database with the samples, for questions only."""
    shell = Shell(tmp_path_factory.mktemp("shop"))
    shell.good("load", "-", stdin=SHOP)
    return shell


class Server:
    """`headwater serve` on a database, until it is stopped."""

    def __init__(self, shell: Shell, *arguments: str) -> None:
        self.process = shell.start(
            "serve", "--port", "0", "--database", str(shell.database), *arguments
        )
        self.said: list[str] = []
        self.url = self._until(ADDRESS)
        self._until(re.compile(r"access +(.+)"))

    def _until(self, pattern: re.Pattern[str]) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.decode())
            if match := pattern.search(self.said[-1]):
                return match[1]
        raise AssertionError(self.said)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def server(shell: Shell) -> Iterator[Server]:
    running = Server(shell)
    yield running
    if running.process.poll() is None:
        running.stop()


# load, export


def test_loading_counts_and_repeating_doubles_nothing(shell: Shell) -> None:
    (shell.home / "in" / "deep").mkdir(parents=True)
    (shell.home / "in" / "deep" / "a.ndjson.gz").write_bytes(gzip.compress(SHOP))
    (shell.home / "in" / "b.json").write_bytes(b"[" + b",\n".join(LINES[:10]) + b"]")
    first = shell.good("load", "in")
    count = len(LINES)
    assert first.startswith(f"{count} accepted, 10 repeated, 0 refused.")
    again = shell.good("load", "-", stdin=gzip.compress(SHOP))
    assert again.startswith(f"0 accepted, {count} repeated, 0 refused.")


def test_refusals_name_file_line_and_reason(shell: Shell) -> None:
    body = LINES[0] + b'\n{"job": \n\n{"eventTime": 7}\n' + LINES[1][:50]
    (shell.home / "odd.ndjson").write_bytes(body)
    done = shell.on_file("load", "odd.ndjson")
    assert done.code == 1
    assert done.out.startswith("1 accepted, 0 repeated, 3 refused.")
    assert [line.split(": ")[0] for line in done.err.splitlines()] == [
        "odd.ndjson:2",
        "odd.ndjson:4",
        "odd.ndjson:5",
    ]


def test_an_interrupted_load_says_what_is_kept(shell: Shell) -> None:
    with shell.start("load", "-", "--database", str(shell.database), stdin=b"") as process:
        assert process.stdin is not None
        for _ in range(3):
            process.stdin.write(SHOP)
        process.stdin.flush()
        while "216" not in shell.run("export", "--database", str(shell.database)).err:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.decode().startswith(f"Interrupted. {len(LINES)} accepted, 226 repeated, 0 refused.")


def test_export_gives_the_bytes_back(shop: Shell, shell: Shell) -> None:
    assert shop.good("export").encode() == SHOP
    target = shell.home / "out.ndjson"
    shop.good("export", "--output", str(target))
    assert target.read_bytes() == SHOP
    assert list(shell.home.iterdir()) == [target]


def test_export_of_events_with_line_breaks(shell: Shell) -> None:
    pretty = json.dumps(json.loads(LINES[0]), indent=1).encode() + b"\n"
    (shell.home / "1.event.json").write_bytes(pretty)
    shell.good("load", "1.event.json")
    shell.good("load", "-", stdin=LINES[1])
    done = shell.on_file("export")
    assert (done.code, done.out.encode()) == (1, LINES[1] + b"\n")
    assert "1 events hold line breaks" in done.err
    assert "--output FOLDER/" in done.err
    shell.good("export", "--output", "out/")
    assert (shell.home / "out" / "events.ndjson").read_bytes() == LINES[1] + b"\n"
    assert (shell.home / "out" / "000000000001.event.json").read_bytes() == pretty
    again = shell.good("load", "out")
    assert again.startswith("0 accepted, 2 repeated")


def test_export_of_a_window_of_receipt(shop: Shell) -> None:
    assert shop.good("export", "--until", "2020-01-01") == ""
    assert shop.good("export", "--since", "1h").encode() == SHOP


# lineage


def test_the_upstream_tree_of_the_dashboard(shop: Shell) -> None:
    tree = shop.good("lineage", BOARD)
    first, second, *_ = tree.splitlines()
    assert first == BOARD
    assert second.startswith(("└── job:", "├── job:"))
    assert "dataset:" in tree
    assert "\x1b" not in tree


def test_formats_of_lineage(shop: Shell) -> None:
    graph = json.loads(shop.good("lineage", BOARD, "--format", "json"))
    assert graph["direction"] == "up"
    nodes = len(graph["nodes"])
    assert nodes > 5
    table = shop.good("lineage", BOARD, "--format", "table").splitlines()
    assert len(table) == nodes + 1
    assert table[0].split() == ["HOPS", "KIND", "NAMESPACE", "NAME", "MISSING"]
    dot = shop.good("lineage", BOARD, "--format", "dot")
    assert dot.count(" -> ") == len(graph["edges"])
    mermaid = shop.good("lineage", BOARD, "--format", "mermaid")
    assert mermaid.count(" --> ") == len(graph["edges"])


def test_columns_and_evidence(shop: Shell) -> None:
    tree = shop.good("lineage", BOARD, "--columns", "--evidence")
    assert "field:" in tree
    assert re.search(r"\[(column|explicit)[^]]*last seen 2026-", tree)


def test_as_of_a_time_before_everything(shop: Shell) -> None:
    done = shop.on_file("lineage", BOARD, "--as-of", "2020-01-01")
    assert len(done.out.splitlines()) <= 1


def test_an_unknown_node_gets_suggestions(shop: Shell) -> None:
    done = shop.on_file("lineage", "dataset:looker://shop:revenue_overview")
    assert done.code == 1
    assert "Is it one of these?" in done.err
    assert BOARD in done.err


# the same answers from a file and from a server


def test_a_server_answers_like_the_file(shell: Shell, server: Server) -> None:
    loaded = shell.run("load", "-", "--server", server.url, stdin=SHOP)
    assert (loaded.code, loaded.out.split(".")[0]) == (
        0,
        f"{len(LINES)} accepted, 0 repeated, 0 refused",
    )
    event = json.loads(shell.good("events", "--format", "json", "--limit", "1"))["items"][0]
    run = json.loads(shell.good("runs", "--format", "json", "--limit", "1"))["items"][0]
    for arguments in (
        ("lineage", BOARD),
        ("lineage", BOARD, "--both", "--depth", "2", "--format", "table"),
        ("events", "--limit", "7"),
        ("events", "--limit", "1500", "--format", "json"),
        ("events", "--node", BOARD),
        ("events", event["id"]),
        ("events", event["id"], "--raw"),
        ("runs",),
        ("runs", "--state", "fail", "--since", "2026-11-01"),
        ("runs", run["run_id"]),
        ("search", "revenue"),
        ("search", "revenue", "--kind", "job", "--format", "json"),
    ):
        asked = shell.run(*arguments, "--server", server.url)
        assert asked == shell.on_file(*arguments), arguments
        assert asked.code == 0, asked
        assert asked.out
    exported = shell.run("export", "--server", server.url)
    assert sorted(exported.out.encode().splitlines()) == sorted(LINES)


def test_a_domain_that_is_not_there_is_told(shop: Shell) -> None:
    done = shop.on_file("search", "x", "--domain", "nowhere")
    assert (done.code, done.err) == (1, "headwater: there is no domain 'nowhere'\n")


def test_a_server_that_is_not_there_is_told(shell: Shell) -> None:
    done = shell.run("search", "x", "--server", "http://127.0.0.1:9")
    assert done.code == 1
    assert done.err.startswith("headwater: no server answers at http://127.0.0.1:9")


# serve, keys


def test_serve_says_where_it_is_and_ends_well(shell: Shell, server: Server) -> None:
    assert re.fullmatch(r"Headwater \d\S+\n", server.said[0])
    assert f"database  {shell.database}" in server.said[2]
    assert "open to this machine" in server.said[3]
    assert server.stop() == 0


def test_a_database_in_use_is_refused_by_name(shell: Shell, server: Server) -> None:
    for arguments in (("serve", "--port", "0"), ("load", "-"), ("rebuild",)):
        done = shell.on_file(*arguments)
        assert done.code == 2, done
        assert f"process {server.process.pid}" in done.err
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--workers", "2"), "SQLite"),
        (("--host", "0.0.0.0"), "without a key"),
        (("--port", "70000"), "70000"),
        (("--database", "postgres://x/y"), "PostgreSQL"),
    ],
)
def test_what_serve_refuses(shell: Shell, arguments: tuple[str, ...], message: str) -> None:
    done = shell.run("serve", "--port", "0", "--database", str(shell.database), *arguments)
    assert done.code == 2, done
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_keys_act_at_once_on_a_running_server(shell: Shell, server: Server) -> None:
    ask = ("search", "x", "--server", server.url)
    assert shell.run(*ask).code == 0
    made = json.loads(shell.good("keys", "create", "--label", "ci", "--format", "json"))
    assert made["token"].startswith(made["id"] + ".")
    refused = shell.run(*ask)
    assert refused.code == 1
    assert "--key" in refused.err
    assert shell.run(*ask, "--key", made["token"]).code == 0
    listed = json.loads(shell.good("keys", "list", "--format", "json"))
    assert [(key["id"], key["scopes"], key["label"]) for key in listed] == [
        (made["id"], ["read", "write"], "ci")
    ]
    assert made["token"].partition(".")[2] not in shell.good("keys", "list")
    shell.good("keys", "revoke", made["id"])
    assert "does not hold" in shell.run(*ask, "--key", made["token"]).err
    assert shell.on_file("keys", "revoke", made["id"]).code == 1


def test_domains(shell: Shell) -> None:
    assert shell.good("domains", "create", "sales") == "Created sales.\n"
    assert shell.on_file("domains", "create", "sales").code == 1
    names = [each["name"] for each in json.loads(shell.good("domains", "list", "--format", "json"))]
    assert names == ["default", "sales"]
    shell.good("load", "-", "--domain", "sales", stdin=LINES[0])
    assert shell.good("export") == ""
    assert shell.good("export", "--domain", "sales").encode() == LINES[0] + b"\n"
    assert shell.on_file("keys", "create", "--domain", "nowhere").code == 1


def test_what_only_reads_makes_no_database(shell: Shell) -> None:
    for arguments in (("search", "x"), ("keys", "list"), ("export",), ("verify",), ("rebuild",)):
        done = shell.on_file(*arguments)
        assert (done.code, done.err) == (
            1,
            f"headwater: there is no database at {shell.database}\n",
        )
    assert list(shell.home.iterdir()) == []


# rebuild, verify


def test_rebuild_and_verify(shell: Shell) -> None:
    shell.good("load", "-", stdin=SHOP)
    assert shell.good("verify").startswith("Equal: ")
    before = shell.good("lineage", BOARD, "--both", "--format", "json")
    assert shell.good("rebuild").startswith(f"Rebuilt from {len(LINES)} events")
    assert shell.good("lineage", BOARD, "--both", "--format", "json") == before
    with sqlite3.connect(shell.database) as database:
        database.execute("DELETE FROM edge")
    database.close()
    done = shell.on_file("verify")
    assert done.code == 1
    assert "differ from a rebuild" in done.err
    assert "only derived: " in done.err


# demo


def test_the_demo_loads_once_and_shows_a_tree(shell: Shell) -> None:
    first = shell.run("demo", "--no-serve")
    assert first.code == 0, first
    assert f"Loaded {len(LINES)} sample events." in first.out
    assert BOARD in first.out
    assert "└── " in first.out
    second = shell.run("demo", "--no-serve")
    assert second.code == 0
    assert "Loaded" not in second.out
    assert second.out in first.out


def test_the_demo_serves(shell: Shell) -> None:
    with shell.start("demo", "--port", "0") as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line.decode()
            if "headwater search --server" in said:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert "curl -s 'http://127.0.0.1:" in said


def test_the_demo_on_a_taken_port_says_how_to_choose_another(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shell.run("demo", "--port", str(port))
    assert done.code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.err
    assert f"headwater demo --port {port + 1}" in done.err
