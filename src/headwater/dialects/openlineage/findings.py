"""What is found to be wrong with an event while it is read."""

from collections.abc import Callable

from headwater.errors import InvalidEvent, Problem

Report = Callable[[str, str], None]
"""Takes a pointer and a reason."""

LIMIT = 100
"""So many flags, and so many refusals, are kept of one event or node; the rest repeat them."""


_KEY = 200
"""A pointer is for people: of a longer key it shows the beginning."""


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

    def settle(self) -> None:
        """Raises InvalidEvent when anything was refused."""
        if self.refused:
            raise InvalidEvent(tuple(self.refused))
