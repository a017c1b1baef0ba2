"""A writing side in a process of its own, which takes its own processor.

Writing and serving share nothing but the file, yet in one process they share the interpreter's
lock. `WriterProcess` does what a `WriteSide` does, by orders over a socket to a process that has
one. The lock of the database is held by both, so it is free once both have ended.
"""

import asyncio
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
from headwater.stores.sqlite import batches
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
from headwater.stores.sqlite.link import Link
from headwater.stores.sqlite.lock import FileLock, Trace
from headwater.stores.sqlite.migrations import Progress as Tell

_KEY = 16
_END_SECONDS = 60.0
"""How long the process may take to end after it was told to, or after its socket closed."""

_log = logging.getLogger(__name__)


class WriterProcess(Condition):
    """It outlives its process: when that ends by itself, the next order starts another one. Orders
    are carried out in the order they came; several may be under way.
    """

    width = 8

    def __init__(self, path: Path, lock: FileLock) -> None:
        super().__init__(path)
        self._lock = lock
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._link: Link | None = None
        self._changing = asyncio.Lock()
        """Held while the process ends or another one starts."""

    @property
    def condition(self) -> Condition:
        return self

    def open(self, *, create: bool, progress: Tell) -> None:
        """As `WriteSide.open`."""
        self._start(self._lock.left, create=create, progress=progress)

    async def commit(
        self, batch: Sequence[tuple[Received, Projected | None]], positions: Sequence[int] | None
    ) -> list[Receipt]:
        """Raises Unavailable: nothing of the batch is known to be kept."""
        said, bodies = batches.pack(batch, positions)
        order = Commit(len(said))
        return (await self._told(order, [said, *bodies])).receipts

    async def probe(self) -> None:
        """As `WriteSide.probe`."""
        await self._told(Probe())

    async def close(self) -> bool:
        """As `WriteSide.close`."""
        try:
            async with self._changing:
                link = await self._linked()
            if link is None:
                return False
            if self.damaged:
                await self._ask(link, Condemn(self.failure or ""))
            return (await self._ask(link, Close())).whole
        except Unavailable:
            return False
        finally:
            async with self._changing:
                await self._end()

    async def _told(self, order: Order, more: Sequence[Octets] = ()) -> Answer:
        """Gives an order, to a new process where the last one has ended."""
        if self.damaged:
            raise Unavailable(self.failure, DAMAGED_SECONDS)
        link = self._link
        if link is None or self._changing.locked():
            async with self._changing:
                link = await self._linked()
                if link is None:
                    await asyncio.to_thread(self._restart)
                    link = await self._linked()
                    assert link is not None
        return await self._ask(link, order, more)

    async def _linked(self) -> Link | None:
        """The way to the process; None: there is none."""
        if self._link is None and self._socket is not None:
            link = Link(self._heard)
            ours, self._socket = self._socket, None
            await asyncio.get_running_loop().create_connection(lambda: link, sock=ours)
            self._link = link
        return self._link

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
                process = subprocess.Popen(  # noqa: S603 # our own program
                    [sys.executable, "-m", module, *map(str, files), str(self._path)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=files,
                )
            except OSError as error:
                ours.close()
                reason = f"no process that writes can be started: {error.strerror}"
                raise Unavailable(reason) from error
        try:
            wire = Wire(ours)
            wire.send(Open(create, left))
            while isinstance(answer := wire.answer(), Progress):
                progress(answer.text)
            self._heard(answer)
            _require(answer)
        except BaseException as error:
            ours.close()
            _reap(process)
            if isinstance(error, Ended):
                raise self._gone() from None
            raise
        self._socket, self._process = ours, process

    async def _ask(self, link: Link, order: Order, more: Sequence[Octets] = ()) -> Answer:
        """Raises what the order led to; Unavailable: the process has ended, whatever it had done.

        An event of which it is not known whether it was kept is safe to send again.
        """
        try:
            answer = await link.ask(order, more)
        except Ended:
            async with self._changing:
                if self._link is link:
                    await self._end()
                    raise self._gone() from None
            raise Unavailable(self.failure) from None
        _require(answer)
        return answer

    def _heard(self, answer: Answer) -> None:
        """How the writing side stands since an order was carried out, whoever waits for that."""
        for level, text in answer.logged:
            _log.log(level, "%s", text)
        if not self.damaged:
            self.damaged, self.failure = answer.damaged, answer.failure
        self.wrote_at = answer.wrote_at
        if answer.named:
            named = answer.named
            keys = (named[at : at + _KEY] for at in range(0, len(named), _KEY))
            self.changes.note(keys, answer.last)

    def _gone(self) -> Unavailable:
        self.failure = "the process that writes to the database has ended"
        _log.warning("%s: %s; the next event starts another one", self._path, self.failure)
        return Unavailable(self.failure)

    async def _end(self) -> None:
        """Lets the process end, which it does when nobody can give it an order."""
        link, self._link = self._link, None
        process, self._process = self._process, None
        if link is not None:
            link.close()
        if process is not None:
            await asyncio.to_thread(_reap, process)


def _require(answer: Answer) -> None:
    if answer.error:
        raise pickle.loads(answer.error)  # noqa: S301 # of our own process


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
