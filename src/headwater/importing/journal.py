"""How far an import has come: a file of lines that only grows, and goes when the import is done.

A line that a crash cut off is the last one and is not read: what it told is done again, and events
that are there already are recognised.
"""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from headwater.importing.names import Names, Step


class Head(msgspec.Struct, frozen=True):
    """What is imported into what: a journal of another import is not gone on with."""

    source: str
    target: str
    version: int = 1


class Line(msgspec.Struct, frozen=True):
    """One page that is stored: where to go on, what it held, whom it named."""

    cursor: str
    events: int
    last: int
    step: Step = Step()
    complete: bool = False
    """No event is left."""


_head = msgspec.json.Decoder(Head)
_line = msgspec.json.Decoder(Line)


class Journal:
    """Reads what an earlier try left, then takes notes of this one."""

    def __init__(self, path: Path, head: Head) -> None:
        self._path = path
        self._head = head
        self._file: BinaryIO | None = None
        self.cursor: str | None = None
        self.events = 0
        self.last = 0
        self.complete = False
        self.resumed = False

    def open(self, names: Names) -> Self:
        """Goes on where the file ends; begins anew where it is of another import."""
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.exists() else []
        keep = 0
        if lines and self._is_ours(lines[0]):
            keep = len(lines[0])
            for text in lines[1:]:
                if not self._take(text, names):
                    break
                keep += len(text)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("r+b" if keep else "wb")
        self._file.truncate(keep)
        self._file.seek(keep)
        if not keep:
            self._write(self._head)
        return self

    def _is_ours(self, text: bytes) -> bool:
        try:
            return text.endswith(b"\n") and _head.decode(text) == self._head
        except msgspec.MsgspecError:
            return False

    def _take(self, text: bytes, names: Names) -> bool:
        try:
            line = _line.decode(text)
        except msgspec.MsgspecError:
            return False
        if not text.endswith(b"\n"):
            return False
        names.add(line.step)
        self._remember(line)
        self.resumed = True
        return True

    def _remember(self, line: Line) -> None:
        self.cursor, self.events, self.last = line.cursor, line.events, line.last
        self.complete = line.complete

    def note(self, line: Line) -> None:
        """What the line tells is stored: a later try begins behind it."""
        self._remember(line)
        self._write(line)

    def _write(self, value: Head | Line) -> None:
        assert self._file is not None
        self._file.write(msgspec.json.encode(value) + b"\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def remove(self) -> None:
        """The import is done."""
        self.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self.close()
