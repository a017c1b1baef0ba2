"""What was worked out of nodes, kept until an event names the node again."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from threading import Lock
from typing import Generic, TypeVar

from headwater.ids import Key
from headwater.memo import Memo
from headwater.slices import Browser

V = TypeVar("V")


class Kept(Generic[V]):
    """Values by the key of their node; one for the process, used by all threads.

    Args:
        budget: about how many bytes the values may take.
    """

    def __init__(self, budget: int) -> None:
        self._values: Memo[Key, tuple[int, V]] = Memo(budget)
        self._lock = Lock()

    async def fresh(
        self, browser: Browser, keys: Iterable[Key], others: Collection[Key] = ()
    ) -> dict[Key, V]:
        """The values that still hold in what the browser sees.

        Args:
            others: nodes whose events may change the values too.
        """
        known = {key: kept for key in keys if (kept := self._values.get(key)) is not None}
        if known and others:
            oldest = min(position for position, _ in known.values())
            if len(await browser.unchanged(dict.fromkeys(others, oldest))) < len(others):
                return {}
        fresh = await browser.unchanged({key: kept[0] for key, kept in known.items()})
        return {key: known[key][1] for key in fresh}

    def keep(self, position: int, key: Key, value: V, weight: int) -> None:
        """Args: position: the last event that the browser saw which the value is of."""
        with self._lock:
            self._values.put(key, (position, value), weight)


async def counted(
    kept: Kept[int],
    browser: Browser,
    key: Key,
    count: Callable[[Key], Awaitable[int]],
    others: Collection[Key] = (),
) -> int:
    """A number that changes only when an event names the node, or one of the others, as it was
    counted once."""
    known = (await kept.fresh(browser, (key,), others)).get(key)
    if known is None:
        known = await count(key)
        kept.keep(await browser.position(), key, known, 1)
    return known
