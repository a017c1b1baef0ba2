"""Where `load` takes events from: files, folders and stdin, in any layout of JSON, gzip too.

Everything is read in constant memory, and an event keeps its own bytes: a line without its line
end, an element of an array without what stands around it.
"""

import asyncio
import gzip
import io
import itertools
import signal
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from headwater.cli.scan import LARGEST, scan, whole
from headwater.errors import NotFound

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES = tuple(stem + packed for stem in (".json", ".ndjson", ".jsonl") for packed in ("", ".gz"))
STDIN = "-"
VERBATIM = ".event.json"
"""A file of this name is one event to its last byte, as `export` writes what is no line."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BUFFER = 1 << 18


class Item(NamedTuple):
    """One event as it stands in a file, and the line it begins at."""

    file: str
    line: int
    body: bytes
    dialect: str = "openlineage"


class Refusal(NamedTuple):
    """A place in a file that gave no event, and why."""

    file: str
    line: int
    reason: str


def find(source: str) -> list[Path]:
    """The files below a folder, sorted; or the file itself.

    Raises:
        NotFound: there is no such file, or the folder holds none that could be read.
    """
    path = Path(source)
    if not path.exists():
        raise NotFound(f"{source}: no such file or folder")
    if not path.is_dir():
        return [path]
    found = sorted(
        inner
        for inner in path.rglob("*")
        if inner.name.lower().endswith(SUFFIXES) and inner.is_file()
    )
    if not found:
        raise NotFound(f"{source}: holds no file named {', '.join('*' + s for s in SUFFIXES)}")
    return found


class Waiting(io.RawIOBase):
    """A stream of which a read may have to wait: it is there that Ctrl-C is raised, for asyncio
    would only hear of it when something came.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if _cancelled():  # it came just before
                raise KeyboardInterrupt
            return self._stream.readinto1(buffer)
        finally:
            signal.signal(signal.SIGINT, before)


def _cancelled() -> bool:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # nothing runs that could be
        return False
    return task is not None and task.cancelling() > 0


class Reading:
    """Reads what a source holds; knows how many bytes of how many are read.

    Args:
        source: a file, a folder, or `-` for stdin.
    """

    def __init__(self, source: str) -> None:
        self._files = [] if source == STDIN else find(source)
        self._done = 0
        self._current: io.BufferedReader | None = None
        self.total: int | None = None
        """Bytes on disk; None where it cannot be known: stdin, a pipe."""
        if self._files and all(path.is_file() for path in self._files):
            self.total = sum(path.stat().st_size for path in self._files)

    @property
    def consumed(self) -> int:
        """Bytes read so far, as they stand on disk: compressed ones count as such."""
        if self._current is None or not self._current.seekable():
            return self._done
        return self._done + self._current.tell()

    def __iter__(self) -> Iterator[Item | Refusal]:
        if not self._files:
            stdin = cast("io.BufferedReader", sys.stdin.buffer)
            yield from _Source("stdin", io.BufferedReader(Waiting(stdin))).read()
        for path in self._files:
            try:
                opened = path.open("rb")
            except OSError as error:
                yield Refusal(str(path), 0, error.strerror or "cannot be opened")
                continue
            with opened as stream:
                self._current = stream
                try:
                    if path.name.endswith(VERBATIM):
                        yield Item(str(path), 1, stream.read(LARGEST))
                    else:
                        yield from _Source(str(path), stream).read()
                finally:
                    self._done = self.consumed
                    self._current = None


class _Source:
    """One stream of events."""

    def __init__(self, name: str, stream: io.BufferedReader) -> None:
        self._name = name
        self._stream: io.BufferedReader | gzip.GzipFile = stream
        self._line = 1

    def read(self) -> Iterator[Item | Refusal]:
        try:
            if self._stream.peek(2)[:2] == _GZIP:
                # Read by itself: a buffer around it would lose what stands before a damage.
                self._stream = gzip.GzipFile(fileobj=self._stream)
            yield from self._events()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield self._refusal(f"damaged gzip: {str(error).rstrip('.')}")
        except OSError as error:
            yield self._refusal(error.strerror or str(error))

    def _events(self) -> Iterator[Item | Refusal]:
        if self._stream.peek(2)[:2] in _UTF16:
            yield self._refusal("this is UTF-16; JSON is UTF-8")
            return
        head = self._readline(_BUFFER).removeprefix(_BOM)
        while head.isspace():
            self._line += head.count(b"\n")
            head = self._readline(_BUFFER)
        if not head:
            return
        if head.lstrip()[:1] == b"[":
            yield from self._values(head)
            return
        if not head.endswith(b"\n"):
            head += self._readline()
        second = self._readline()
        if whole(head) or not second or whole(second):
            yield from self._lines(head, second)
        else:
            yield from self._values(head + second)

    def _lines(self, *first: bytes) -> Iterator[Item | Refusal]:
        """One event a line. Only the line end goes: white space is part of the event's bytes."""
        for line in itertools.chain(first, iter(self._readline, b"")):
            if len(line) > LARGEST:
                yield self._refusal(f"a line of over {LARGEST >> 20} MiB")
                self._finish(line)
            elif not line.isspace() and line:
                body = line.removesuffix(b"\n").removesuffix(b"\r")
                if body.lstrip()[:1] == b"[":
                    yield from self._array(body)
                else:
                    yield Item(self._name, self._line, body)
            self._line += 1

    def _array(self, body: bytes) -> Iterator[Item | Refusal]:
        for _, value, problem in scan(io.BytesIO(body)):
            yield self._refusal(problem) if problem else Item(self._name, self._line, value)

    def _values(self, head: bytes) -> Iterator[Item | Refusal]:
        """Values that span lines: one after the other, or the elements of an array."""
        start = self._line
        for line, value, problem in scan(cast("BinaryIO", self._stream), head):
            self._line = start + line
            yield self._refusal(problem) if problem else Item(self._name, self._line, value)

    def _readline(self, limit: int = LARGEST) -> bytes:
        return self._stream.readline(limit + 1)

    def _finish(self, line: bytes) -> None:
        while line and not line.endswith(b"\n"):
            line = self._readline()

    def _refusal(self, reason: str) -> Refusal:
        return Refusal(self._name, self._line, reason)
