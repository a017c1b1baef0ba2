"""Which nodes the latest commits named: what was worked out of a node before still holds if none
did. Only the process that writes knows it.
"""

from collections.abc import Iterable

from headwater.ids import Key

KEPT = 100_000
"""After so many nodes all count as changed, and it begins anew."""


class Changes:
    """Noted by the writer's thread, read by all."""

    def __init__(self) -> None:
        self._newest: dict[Key, int] = {}
        self._floor = 0

    def note(self, keys: Iterable[Key], position: int) -> None:
        """Called when a commit is visible, and before anyone is told of it."""
        if len(self._newest) > KEPT:
            self._floor = position
            self._newest = {}
        self._newest.update(dict.fromkeys(keys, position))

    def since(self, key: Key) -> int:
        """The position of the latest event that named the node, or one after it."""
        return max(self._newest.get(key, 0), self._floor)
