"""How far a long command is: a bar on stderr where a person watches, nothing elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from headwater.cli import output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_TICK = 0.1


class Bar:
    """A progress bar.

    Args:
        title: what is being done.
        total: how much there is; None where nobody knows.
        unit: `bytes`, or what is counted.
    """

    def __init__(self, title: str, total: int | None = None, unit: str = "events") -> None:
        self._title = title
        self._total = total
        self._unit = unit
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._began = time.monotonic()
        self._ticked = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _rich(self._unit)
            self._task = self._bar.add_task(self._title, total=self._total, note="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if self._bar is not None and self._task is not None:
            if kind is None and self._total is not None:
                self._bar.update(self._task, completed=self._total)
            self._bar.stop()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def rate(self, count: int) -> str:
        """A count per second since the start."""
        return f"{count / max(self.seconds, 1e-3):,.0f}/s"

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        """Cheap enough to be called for every batch."""
        now = time.monotonic()
        if self._bar is None or self._task is None or now - self._ticked < _TICK:
            return
        self._ticked = now
        self._total = total if total is not None else self._total
        self._bar.update(self._task, completed=done, total=self._total, note=note)

    def tell(self, text: str) -> None:
        """A line of its own on stderr, above the bar. The text is escaped already."""
        if self._bar is None:
            click.echo(text, err=True)
        else:
            self._bar.console.print(text, soft_wrap=True)


def _rich(unit: str) -> "Progress":
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if unit == "bytes" else MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=output.console(stderr=True),
        transient=True,
    )
