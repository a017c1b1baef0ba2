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
from headwater.garbage import collect_seldom
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
    """Carries out orders one by one."""

    def __init__(self, wire: Wire, path: Path, lock: int) -> None:
        self._wire = wire
        self._path = path
        self._lock = lock
        self._lines = _Lines()
        self._side: WriteSide | None = None
        logging.basicConfig(level=logging.WARNING, handlers=[self._lines], force=True)

    def serve(self) -> None:
        """Returns after `Close`; raises Ended when who gives the orders is gone."""
        while True:
            order, more = self._wire.order()
            try:
                answer = self._carried_out(order, more)
            except Exception as error:  # noqa: BLE001 # told to who gave the order
                answer = Answer(error=_pickled(error))
            self._describe(answer)
            self._wire.send(answer)
            if isinstance(order, Close):
                return

    def _carried_out(self, order: Order, more: memoryview) -> Answer:
        if isinstance(order, Open):
            lock = FileLock(self._path, self._lock, order.left)
            side = WriteSide(self._path, lock)
            side.open(create=order.create, progress=self._tell)
            self._side = side
            return Answer()
        if self._side is None:
            raise StoreError("no database is open")
        match order:
            case Commit(said):
                receipts = self._side.commit(*unpack(more[:said], more[said:]))
                return Answer(receipts=receipts, named=b"".join(self._side.named))
            case Probe():
                self._side.probe()
            case Condemn(reason):
                self._side.condemn(DatabaseDamaged(reason))
            case Close():
                return Answer(whole=self._side.close())
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
    try:
        Servant(Wire(socket.socket(fileno=connection)), Path(path), lock).serve()
    except Ended:
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
