"""What the commands print: tables, JSON, messages. Names come from outside, so all are escaped.

Colour and width belong to a terminal only; what goes into a pipe is plain, and never cut.
"""

import re
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import msgspec

if TYPE_CHECKING:
    from rich.console import Console

# C0 and C1 controls, DEL, lone surrogates; line and paragraph separators, and what turns the
# direction of text or hides in it: a name must not move the cursor or dress up as another.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def safe(text: str) -> str:
    """The text with every character that could steer a terminal written as an escape."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escaped(match: re.Match[str]) -> str:
    """An escape of JSON: a character beyond the first plane is a pair of surrogates."""
    if match[0] == "\n":
        return "\n"  # white space: inside a string a line end is already `\\n`
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def program() -> str:
    """`headwater` as it can be typed here: with its path, when it was called by it."""
    called = Path(sys.argv[0])
    if called.name != "headwater" or shutil.which("headwater") is not None:
        return "headwater"
    return shlex.quote(str(called))


def interactive() -> bool:
    """Whether a person reads what is printed."""
    return sys.stdout.isatty()


def console(stderr: bool = False) -> "Console":
    """A console that prints text as it is: no markup, no emoji codes, no guessed highlights."""
    from rich.console import Console  # 90 ms: only where colour or a bar is wanted

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def line(text: str = "") -> None:
    """A line of an answer."""
    click.echo(text)


def lines(texts: Iterable[str]) -> None:
    for text in texts:
        line(text)


def pieces(rows: Iterable[Iterable[tuple[str, str]]]) -> None:
    """Lines made of (text, style); the styles show on a terminal only. The text is escaped."""
    if not interactive():
        lines("".join(text for text, _ in row) for row in rows)
        return
    from rich.text import Text

    terminal = console()
    for row in rows:
        terminal.print(Text.assemble(*row), soft_wrap=True)


def note(text: str) -> None:
    """A line beside the answer: for people, on stderr."""
    click.echo(text, err=True)


def json(body: bytes) -> None:
    """An answer for programs: as the API gives it, indented, and harmless on a terminal."""
    text = msgspec.json.format(body, indent=2).decode()
    line(_UNSAFE.sub(_json_escaped, text))


def json_of(value: object) -> None:
    json(msgspec.json.encode(value))


def raw(body: bytes) -> None:
    """Bytes as they were received; on a terminal, steering characters are escaped."""
    if interactive():
        line(_UNSAFE.sub(_json_escaped, body.decode("utf-8", "backslashreplace")))
        return
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows under headings; numbers stand to the right."""
    cells = [[cell(value) for value in row] for row in rows]
    numeric = [
        bool(cells) and all(_NUMBER.fullmatch(row[at]) for row in cells)
        for at in range(len(columns))
    ]
    lines = [[name.upper() for name in columns], *cells]
    widths = [max(_width(row[at]) for row in lines) for at in range(len(columns))]
    pieces(_row(row, widths, numeric, number == 0) for number, row in enumerate(lines))


def _row(
    row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool], head: bool
) -> list[tuple[str, str]]:
    """Nothing is folded or cut: a name or an id stays whole for whoever copies it."""
    found: list[tuple[str, str]] = []
    for text, width, right in zip(row, widths, numeric, strict=True):
        space = " " * (width - _width(text))
        style = "bold" if head else STYLES.get(text, "")
        found.append(((space + text if right else text + space) + "  ", style))
    while found and not (rest := found[-1][0].rstrip()):
        found.pop()
    return [*found[:-1], (rest, found[-1][1])] if found else []


def _width(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


_NUMBER = re.compile(r"\d*")


def cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else ""
        case list() | tuple():
            return ", ".join(cell(part) for part in value)
        case _:
            return safe(str(value))


STYLES = {
    "COMPLETE": "green",
    "FAIL": "red",
    "ABORT": "red",
    "FAILED": "red",
    "RUNNING": "yellow",
    "START": "yellow",
    "dataset": "cyan",
    "job": "magenta",
    "field": "blue",
    "run": "yellow",
}


def stop(message: str, code: int = 1) -> NoReturn:
    """Ends the command with one line on stderr."""
    note(f"headwater: {safe(message)}")
    raise click.exceptions.Exit(code)
