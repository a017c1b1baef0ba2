"""A bounded memory of things already worked out."""

from collections.abc import Callable, Hashable
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_AT_ONCE = 16
"""One of so many parts is forgotten at a time: a dict looks long for its first entry."""


class Memo(Generic[K, V]):
    """A dict that forgets its oldest entries once their weights exceed the budget."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._weight = 0
        self._entries: dict[K, V] = {}
        self._weights: dict[K, int] = {}
        """Of the entries that do not weigh 1."""
        self.get: Callable[[K], V | None] = self._entries.get
        """The value of a key; the dict's own method, because nothing is called more often."""

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: K, value: V, weight: int = 1) -> V:
        """Keeps the value under the key; an entry heavier than the whole budget is not kept."""
        if key in self._entries:
            self.drop(key)
        if weight <= self._budget:
            self._entries[key] = value
            if weight != 1:
                self._weights[key] = weight
            self._weight += weight
            if self._weight > self._budget:
                self._forget()
        return value

    def _forget(self) -> None:
        """The oldest entries, but never the newest one."""
        spared = self._budget - self._budget // _AT_ONCE
        left = self._weight
        oldest: list[K] = []
        for key in islice(self._entries, len(self._entries) - 1):
            if left <= spared:
                break
            left -= self._weights.get(key, 1)
            oldest.append(key)
        for key in oldest:
            self.drop(key)

    def drop(self, key: K) -> None:
        if key in self._entries:
            del self._entries[key]
            self._weight -= self._weights.pop(key, 1)

    def clear(self) -> None:
        self._entries.clear()
        self._weights.clear()
        self._weight = 0
