"""A writing side in a process of its own, which takes its own processor.

Writing and serving share nothing but the file, yet in one process they share the interpreter's
lock. `WriterProcess` does what `WriteSide` does, by orders over a socket to a process that has one.
The lock of the database is held by both, so it is free once both have ended.
"""

import contextlib
import logging
import pickle
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from headwater.errors import DatabaseDamaged, HeadwaterError, Unavailable
from headwater.event import Octets, Received
from headwater.records import Projected
from headwater.store import Receipt
from headwater.stores.sqlite.batches import Packer
from headwater.stores.sqlite.condition import DAMAGED_SECONDS, Condition
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
from headwater.stores.sqlite.lock import FileLock, Trace
from headwater.stores.sqlite.migrations import Progress as Tell

_KEY = 16
_END_SECONDS = 60.0
"""How long the process may take to end after it was told to, or after its socket closed."""

_log = logging.getLogger(__name__)


class WriterProcess(Condition):
    """Used by the writer's thread. It outlives its process: when that ends by itself, the next
    commit starts another one.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        super().__init__(path)
        self._lock = lock
        self._packer = Packer()
        self._process: subprocess.Popen[bytes] | None = None
        self._wire: Wire | None = None

    def open(self, *, create: bool, progress: Tell) -> None:
        """As `WriteSide.open`."""
        self._start(self._lock.left, create=create, progress=progress)

    def commit(
        self, batch: Sequence[tuple[Received, Projected | None]], positions: Sequence[int] | None
    ) -> list[Receipt]:
        """Raises Unavailable: nothing of the batch is known to be kept."""
        said, bodies = self._packer.pack(batch, positions)
        answer = self._told(Commit(len(said)), [said, *bodies])
        if answer.receipts:
            last = max(receipt.position for receipt in answer.receipts)
            named = answer.named
            keys = (named[at : at + _KEY] for at in range(0, len(named), _KEY))
            self.changes.note(keys, last)
        return answer.receipts

    def probe(self) -> None:
        """As `WriteSide.probe`."""
        self._told(Probe())

    def close(self) -> bool:
        """As `WriteSide.close`."""
        if self._wire is None:
            return False
        try:
            if self.damaged:
                self._ask(Condemn(self.failure or ""))
            return self._ask(Close()).whole
        except Unavailable:
            return False
        finally:
            self._end()

    def _told(self, order: Order, more: Sequence[Octets] = ()) -> Answer:
        """Gives an order, to a new process where the last one has ended."""
        if self.damaged:
            raise Unavailable(self.failure, DAMAGED_SECONDS)
        if self._wire is None:
            self._restart()
        return self._ask(order, more)

    def _restart(self) -> None:
        try:
            self._start(self._lock.trace, create=False, progress=_log.warning)
        except DatabaseDamaged as error:
            self.condemn(error)
            raise Unavailable(error.message, DAMAGED_SECONDS) from error
        except HeadwaterError as error:
            self.failure = error.message
            raise Unavailable(error.message) from error

    def _start(self, left: Trace | None, *, create: bool, progress: Tell) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            files = (theirs.fileno(), self._lock.fd)
            module = f"{__package__}.process_main"
            try:
                self._process = subprocess.Popen(  # noqa: S603 # our own program
                    [sys.executable, "-m", module, *map(str, files), str(self._path)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=files,
                )
            except OSError as error:
                ours.close()
                reason = f"no process that writes can be started: {error.strerror}"
                raise Unavailable(reason) from error
        self._wire = Wire(ours)
        try:
            self._ask(Open(create, left), progress=progress)
        except BaseException:
            self._end()
            raise

    def _ask(
        self, order: Order, more: Sequence[Octets] = (), progress: Tell = _log.warning
    ) -> Answer:
        """Raises what the order led to; Unavailable: the process has ended, whatever it had done.

        An event of which it is not known whether it was kept is safe to send again.
        """
        assert self._wire is not None
        try:
            self._wire.send(order, more)
            while isinstance(answer := self._wire.answer(), Progress):
                progress(answer.text)
        except Ended:
            self._end()
            self.failure = "the process that writes to the database has ended"
            _log.warning("%s: %s; the next event starts another one", self._path, self.failure)
            raise Unavailable(self.failure) from None
        for level, text in answer.logged:
            _log.log(level, "%s", text)
        if not self.damaged:
            self.damaged, self.failure = answer.damaged, answer.failure
        self.wrote_at = answer.wrote_at
        if answer.error:
            raise pickle.loads(answer.error)  # noqa: S301 # of our own process
        return answer

    def _end(self) -> None:
        """Lets the process end, which it does when nobody can give it an order."""
        wire, self._wire = self._wire, None
        process, self._process = self._process, None
        if wire is not None:
            wire.close()
        if process is not None:
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END_SECONDS)
