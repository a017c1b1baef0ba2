"""A bounded memory of things already worked out."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memo(Generic[K, V]):
    """A dict that forgets its oldest entries once their weights exceed the budget."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._weight = 0
        self._entries: OrderedDict[K, V] = OrderedDict()  # a dict looks long for its first entry
        self._weights: dict[K, int] = {}
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
            self._weights[key] = weight
            self._weight += weight
            while self._weight > self._budget:
                oldest, _ = self._entries.popitem(last=False)
                self._weight -= self._weights.pop(oldest)
        return value

    def drop(self, key: K) -> None:
        if key in self._entries:
            del self._entries[key]
            self._weight -= self._weights.pop(key)

    def clear(self) -> None:
        self._entries.clear()
        self._weights.clear()
        self._weight = 0
