"""What is found to be wrong with an event while it is read."""

from collections.abc import Callable
from typing import TypeVar

from headwater.errors import InvalidEvent, Problem

T = TypeVar("T")

Report = Callable[[str, str], None]
"""Takes a pointer and a reason."""

LIMIT = 100
"""So many flags, and so many refusals, are kept of one event or node; the rest repeat them."""


_KEY = 200
"""A pointer is for people: of a longer key it shows the beginning."""


LONGEST = 16_384
"""Characters of a name inside a facet; what is longer is not read. Of the node that a facet belongs
to, the setting decides; here the same has to hold whenever the event is read again."""

MOST = 50_000
"""Members of a list inside a facet that are read, and datasets of an event."""


def fits(pointer: str, report: Report, *names: str | None) -> bool:
    """Whether names are short enough to be read; reports it when one is not."""
    for name in names:
        if name is not None and len(name) > LONGEST:
            report(pointer, f"longer than {LONGEST} characters: not read")
            return False
    return True


def first(found: list[T], pointer: str, report: Report, most: int = MOST) -> list[T]:
    """As many of them as are read; reports it when there are more."""
    if len(found) <= most:
        return found
    report(pointer, f"more than {most}: the rest is not read")
    return found[:most]


def step(key: str) -> str:
    """One step of a JSON pointer."""
    shown = key if len(key) <= _KEY else key[:_KEY] + "…"
    return "/" + shown.replace("~", "~0").replace("/", "~1")


class Findings:
    """Flags on an event that is kept, and the reasons why it is not.

    Args:
        strict: a fault refuses the event instead of flagging it.
    """

    __slots__ = ("flags", "refused", "strict")

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.flags: list[Problem] = []
        self.refused: list[Problem] = []

    def odd(self, pointer: str, reason: str) -> None:
        """The specification allows it, but it is worth saying."""
        if len(self.flags) < LIMIT:
            self.flags.append(Problem(pointer, reason))

    def fault(self, pointer: str, reason: str) -> None:
        """Against the specification, but understood."""
        if self.strict:
            self.refuse(pointer, reason)
        else:
            self.odd(pointer, reason)

    def refuse(self, pointer: str, reason: str) -> None:
        """The event cannot be identified."""
        if len(self.refused) < LIMIT:
            self.refused.append(Problem(pointer, reason))

    def take_over(self, own: "Findings", under: str = "") -> None:
        """What was found apart, of a part of the event that stands at a pointer."""
        for problem in own.refused:
            self.refuse(under + problem.pointer, problem.reason)
        for problem in own.flags:
            self.odd(under + problem.pointer, problem.reason)

    @property
    def clean(self) -> bool:
        """Nothing was found."""
        return not self.flags and not self.refused

    def settle(self) -> None:
        """Raises InvalidEvent when anything was refused."""
        if self.refused:
            raise InvalidEvent(tuple(self.refused))
