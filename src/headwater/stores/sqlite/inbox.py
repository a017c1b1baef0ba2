"""Orders as they come, read while the ones before them are carried out."""

import sys
import threading
from queue import Empty, SimpleQueue

from headwater.stores.sqlite.frames import Commit, Ended, Order, Wire

TOGETHER_BYTES = 4 << 20
"""Commits that wait are done together up to this size."""
_SWITCH_SECONDS = 0.001

Ordered = tuple[Order, memoryview]


class Inbox:
    """Reads orders in a thread of its own.

    Without it a large order would be half in the socket, and half with who sends it: its rest comes
    only when the event loop there finds the time.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._orders: SimpleQueue[Ordered | None] = SimpleQueue()
        self._next: Ordered | None = None
        sys.setswitchinterval(_SWITCH_SECONDS)  # the reader is not to wait long for its turn
        threading.Thread(target=self._read, name="headwater-inbox", daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                self._orders.put(self._wire.order())
        except Ended:
            self._orders.put(None)

    def take(self) -> list[Ordered]:
        """The next order, or all commits that wait; raises Ended when nobody gives orders now."""
        first = self._next or self._orders.get()
        self._next = None
        if first is None:
            raise Ended
        taken = [first]
        size = len(first[1])
        while isinstance(taken[-1][0], Commit) and size < TOGETHER_BYTES:
            try:
                following = self._orders.get_nowait()
            except Empty:
                break
            if following is None or not isinstance(following[0], Commit):
                self._put_back(following)
                break
            taken.append(following)
            size += len(following[1])
        return taken

    def _put_back(self, order: Ordered | None) -> None:
        if order is None:
            self._orders.put(None)  # nothing comes after it
        else:
            self._next = order
