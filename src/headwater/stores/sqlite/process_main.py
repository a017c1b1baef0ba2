"""The process that writes: it does what it is told over a socket, until that closes."""

import logging
import os
import pickle
import signal
import socket
import sys
from collections import deque
from pathlib import Path

from headwater.errors import DatabaseDamaged, StoreError
from headwater.garbage import collect_seldom, share_arena
from headwater.stores.sqlite.batches import unpack
from headwater.stores.sqlite.frames import (
    Answer,
    Close,
    Commit,
    Condemn,
    Ended,
    Open,
    Order,
    Probe,
    Progress,
    Wire,
)
from headwater.stores.sqlite.inbox import Inbox, Ordered
from headwater.stores.sqlite.lock import FileLock
from headwater.stores.sqlite.writing import WriteSide


class _Lines(logging.Handler):
    """Keeps what is logged for the next answer: the process that serves has the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._kept: deque[tuple[int, str]] = deque()

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append((record.levelno, self.format(record)))

    def taken(self) -> list[tuple[int, str]]:
        lines = []
        while self._kept:
            lines.append(self._kept.popleft())
        return lines


class Servant:
    """Carries out orders in the order they come; commits that wait, in one transaction."""

    def __init__(self, wire: Wire, path: Path, lock: int) -> None:
        self._wire = wire
        self._inbox = Inbox(wire)
        self._path = path
        self._lock = lock
        self._lines = _Lines()
        self._side: WriteSide | None = None
        logging.basicConfig(level=logging.WARNING, handlers=[self._lines], force=True)

    def serve(self) -> None:
        """Returns after `Close`; raises Ended when who gives the orders is gone."""
        while True:
            orders = self._inbox.take()
            for answer in self._answers(orders):
                self._describe(answer)
                self._wire.send(answer)
            if isinstance(orders[-1][0], Close):
                return

    def _answers(self, orders: list[Ordered]) -> list[Answer]:
        """What fails together is done one by one, so that each is told its own."""
        try:
            if isinstance(orders[0][0], Commit):
                return self._committed(orders)
            return [self._carried_out(orders[0][0])]
        except Exception as error:  # noqa: BLE001 # told to who gave the order
            if len(orders) > 1:
                return [answer for order in orders for answer in self._answers([order])]
            return [Answer(error=_pickled(error))]

    @property
    def _opened(self) -> WriteSide:
        if self._side is None:
            raise StoreError("no database is open")
        return self._side

    def _committed(self, orders: list[Ordered]) -> list[Answer]:
        side = self._opened
        read = [
            unpack(more[: order.said], more[order.said :])
            for order, more in orders
            if isinstance(order, Commit)
        ]
        places = [each for _, positions in read for each in positions or ()]
        receipts = side.commit([item for items, _ in read for item in items], places or None)
        named = b"".join(side.named)
        last = max([receipt.position for receipt in receipts], default=0)
        answers = []
        at = 0
        for items, _ in read:
            mine = receipts[at : at + len(items)]
            at += len(items)
            answers.append(Answer(receipts=mine, named=named, last=last))
            named = b""
        return answers

    def _carried_out(self, order: Order) -> Answer:
        if isinstance(order, Open):
            lock = FileLock(self._path, self._lock, order.left)
            side = WriteSide(self._path, lock)
            side.open(create=order.create, progress=self._tell)
            self._side = side
            return Answer()
        match order:
            case Probe():
                self._opened.probe()
            case Condemn(reason):
                self._opened.condemn(DatabaseDamaged(reason))
            case Close():
                return Answer(whole=self._opened.close())
        return Answer()

    def _describe(self, answer: Answer) -> None:
        answer.logged = self._lines.taken()
        if self._side is not None:
            answer.failure = self._side.failure
            answer.damaged = self._side.damaged
            answer.wrote_at = self._side.wrote_at

    def _tell(self, text: str) -> None:
        self._wire.send(Progress(text))


def _pickled(error: Exception) -> bytes:
    """An error that cannot be pickled is told by its words."""
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)  # noqa: S301 # our own bytes: some errors can be written, not read
    except Exception:  # noqa: BLE001 # whatever the error's class does
        return pickle.dumps(StoreError(f"{type(error).__name__}: {error}"))
    return pickled


def main(connection: int, lock: int, path: str) -> None:
    """Works until told to close. When who gives the orders ends without that, this process ends as
    one that was killed: what was committed is durable, and the trace in the lock tells the rest.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for who gives the orders
    collect_seldom()
    share_arena()
    try:
        Servant(Wire(socket.socket(fileno=connection)), Path(path), lock).serve()
    except Ended:
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
