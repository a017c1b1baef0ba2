"""How the command line starts, and how it ends."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from headwater import __version__, cli, errors
from headwater.cli import main

HEAVY = {"rich", "httpx", "uvicorn", "apsw", "asyncio", "headwater.settings"}
HEADWATER = [sys.executable, "-m", "headwater"]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from headwater.cli import main; main(['--help'], standalone_mode=False);"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) & HEAVY == set()
    assert all(f"\n  {name} " in done.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        ("load", "event.json"),
        ("lineage", "job:shop:load"),
        ("search", "load"),
        ("runs",),
        ("events",),
        ("keys", "list"),
        ("export",),
        ("verify",),
        ("rebuild",),
    ],
)
def test_a_file_is_asked_without_what_only_servers_and_terminals_need(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """They take longer to load than most answers to find."""
    event = b'{"eventTime":"2026-11-01T08:00:00Z","job":{"namespace":"shop","name":"load"}}'
    (tmp_path / "event.json").write_bytes(event)
    here = ["--database", "hw.db"]
    subprocess.run([*HEADWATER, "load", "event.json", *here], cwd=tmp_path, check=True)
    code = (
        f"import sys; from headwater.cli import main; main({[*words, *here]!r},"
        "standalone_mode=False); print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert set(done.stderr.split()) & {"rich", "httpx", "uvicorn"} == set()


def test_every_command_explains_itself() -> None:
    for name in cli.COMMANDS:
        done = CliRunner().invoke(main, [name, "--help"])
        assert done.exit_code == 0, done.output
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert command.name == name


def test_version() -> None:
    done = subprocess.run([*HEADWATER, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"headwater {__version__}\n"


def test_an_unknown_command_is_told() -> None:
    done = CliRunner().invoke(main, ["frobnicate"])
    assert done.exit_code == 2
    assert "No such command 'frobnicate'" in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (errors.NotFound("no \x1b[31mnode"), 1, "headwater: no \\x1b[31mnode\n"),
        (errors.DatabaseLocked("in use"), 2, "headwater: in use\n"),
        (errors.InvalidParameter("--x", "is off"), 2, "headwater: --x: is off\n"),
        (PermissionError(13, "Permission denied", "/x"), 1, "headwater: /x: Permission denied\n"),
    ],
)
def test_what_goes_wrong_on_purpose_is_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, message: str
) -> None:
    @click.command("fail")
    def fail() -> None:
        raise error

    monkeypatch.setattr(main, "get_command", lambda ctx, name: fail)
    done = CliRunner().invoke(main, ["fail"])
    assert (done.exit_code, done.stderr) == (code, message)


def test_database_and_server_are_one_or_the_other(tmp_path: Path) -> None:
    arguments = ["search", "x", "--database", str(tmp_path / "x.db"), "--server", "http://x"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "--database or --server, not both" in done.stderr


def test_a_database_on_the_command_line_beats_a_server_in_the_environment(tmp_path: Path) -> None:
    missing = tmp_path / "x.db"
    done = CliRunner().invoke(
        main, ["search", "x", "--database", str(missing)], env={"HEADWATER_SERVER": "http://x"}
    )
    assert done.exit_code == 1
    assert done.stderr == f"headwater: there is no database at {missing}\n"
