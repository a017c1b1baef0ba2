"""What is printed: nothing that comes from outside steers the terminal."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.cli import output
from headwater.cli.output import safe

HOSTILE = "a\x1b[31mb\nc\rd\x00\x7f\x9be\u202ef\u2066g\u200bh\ufeff\ud800[bold]:smile:"


def test_what_could_steer_a_terminal_is_escaped() -> None:
    assert safe(HOSTILE) == (
        r"a\x1b[31mb\x0ac\x0dd\x00\x7f\x9be\u202ef\u2066g\u200bh\ufeff\ud800[bold]:smile:"
    )


def test_other_scripts_stay() -> None:
    text = "заказы 注文 الطلبات 🛒 a\\b 'c' \"d\""
    assert safe(text) == text


@given(st.text())
def test_no_control_is_left(text: str) -> None:
    shown = safe(text)
    assert all(ord(char) >= 0x20 and not 0x7F <= ord(char) < 0xA0 for char in shown)
    shown.encode()  # no lone surrogate is left


@pytest.mark.parametrize(
    ("called", "shown"),
    [
        (".venv/bin/headwater", ".venv/bin/headwater"),
        ("/o p t/headwater", "'/o p t/headwater'"),
        ("/x/headwater/__main__.py", "headwater"),
    ],
)
def test_what_to_type_next_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, called: str, shown: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert output.program() == shown
    found = tmp_path / "headwater"
    found.touch(0o755)
    assert output.program() == "headwater"


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": "\x1b\x7f\x9b\u202e\U000e0041 é", "n": [1, 2]}
    output.json(msgspec.json.encode(value))
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert not set("\x1b\x7f\x9b\u202e\U000e0041") & set(printed)


def test_a_table_in_a_pipe_is_whole_and_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    long = "n" * 300
    output.table(("name", "rows", "tags"), [(long, 7, ["a", "b"]), ("x\n\x1b", 12_345, None)])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head == "NAME".ljust(300) + "   ROWS  TAGS"
    assert first == long + "      7  a, b"
    assert second == r"x\x0a\x1b".ljust(300) + "  12345"


def test_a_table_on_a_terminal_reads_no_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "interactive", lambda: True)
    output.table(("name",), [("[red]x[/red] :smile:",), ("\x1b]0;owned\x07",)])
    printed = capsys.readouterr().out
    assert "[red]x[/red] :smile:" in printed
    assert r"\x1b]0;owned\x07" in printed


def test_an_empty_table_has_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("a", "b"), [])
    assert capsys.readouterr().out == "A  B\n"


def test_a_name_that_the_terminal_cannot_write_is_escaped() -> None:
    code = "from headwater.cli import main; main(['events', '--limit', 'заказ'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONIOENCODING": "latin-1", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"\\u0437" in done.stderr
    assert b"Traceback" not in done.stderr
