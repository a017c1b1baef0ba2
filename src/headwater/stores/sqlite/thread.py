"""A writing side in a thread of this process."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from headwater.event import Received
from headwater.records import Projected
from headwater.store import Receipt
from headwater.stores.sqlite.condition import Condition
from headwater.stores.sqlite.lock import FileLock
from headwater.stores.sqlite.migrations import Progress
from headwater.stores.sqlite.writing import WriteSide

T = TypeVar("T")


class WriterThread:
    """What `WriterProcess` is, in this process. Commits are done one after the other."""

    width = 1

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._side = WriteSide(path, lock)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-writer")

    @property
    def condition(self) -> Condition:
        return self._side

    def open(self, *, create: bool, progress: Progress) -> None:
        """As `WriteSide.open`."""
        try:
            self._thread.submit(self._side.open, create=create, progress=progress).result()
        except BaseException:
            self._thread.shutdown()
            raise

    async def commit(
        self, batch: Sequence[tuple[Received, Projected | None]], positions: Sequence[int] | None
    ) -> list[Receipt]:
        """As `WriteSide.commit`."""

        def commit() -> list[Receipt]:
            receipts = self._side.commit(batch, positions)
            self._side.changes.note(self._side.named, self._side.last)
            return receipts

        return await self._done(commit)

    async def probe(self) -> None:
        """As `WriteSide.probe`."""
        await self._done(self._side.probe)

    async def close(self) -> bool:
        """As `WriteSide.close`."""
        whole = await self._done(self._side.close)
        self._thread.shutdown()
        return whole

    async def _done(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
