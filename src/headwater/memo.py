"""A bounded memory of things already worked out."""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """A dict that forgets its oldest entries once their weights exceed the budget."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._weight = 0
        self._entries: dict[K, tuple[V, int]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        return entry[0] if entry is not None else None

    def put(self, key: K, value: V, weight: int = 1) -> V:
        """Keeps the value under the key; an entry heavier than the whole budget is not kept."""
        self.drop(key)
        if weight <= self._budget:
            self._entries[key] = (value, weight)
            self._weight += weight
            while self._weight > self._budget:
                self.drop(next(iter(self._entries)))
        return value

    def drop(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._weight -= entry[1]

    def clear(self) -> None:
        self._entries.clear()
        self._weight = 0
