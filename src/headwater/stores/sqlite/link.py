"""The event loop's end of the socket to the process that writes."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from headwater.event import Octets
from headwater.stores.sqlite.frames import Answer, Ended, Order, frame, parse


class Link(asyncio.Protocol):
    """Gives orders; answers come in the order of the orders.

    Args:
        heard: is told every answer, also one that nobody waits for any more.
    """

    def __init__(self, heard: Callable[[Answer], None]) -> None:
        self._heard = heard
        self._read = bytearray()
        self._waiting: deque[asyncio.Future[Answer]] = deque()
        self._transport: asyncio.Transport | None = None

    async def ask(self, order: Order, more: Sequence[Octets] = ()) -> Answer:
        """Raises Ended: the process is gone, whatever it had done."""
        if self._transport is None:
            raise Ended
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._transport.writelines(frame(order, more))
        return await answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not registered as one

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (found := parse(self._read)) is not None:
            answer, size = found
            del self._read[:size]
            self._heard(answer)
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(Ended())
