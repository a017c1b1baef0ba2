"""The bytes of events, compressed; a dictionary trained on the site's own events helps most."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import zstandard

from headwater.errors import DatabaseDamaged
from headwater.event import Octets
from headwater.stores.sqlite.connection import Connection

LEVEL = 3
NO_DICTIONARY = 0
APART_BYTES = 1 << 20
"""For less, handing over to another thread and back takes longer than it saves."""

Compressed = list[tuple[int, int, bytes]]
"""(position, dictionary, compressed body) rows; dictionary 0 is none."""


class Unreadable(DatabaseDamaged):
    """The stored bytes of an event are damaged."""


class Bodies:
    """Compresses and restores bodies. Each thread that works with them has its own."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        plain = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self._compressors: dict[int, zstandard.ZstdCompressor] = {NO_DICTIONARY: plain}
        self._restorers: dict[int, zstandard.ZstdDecompressor] = {
            NO_DICTIONARY: zstandard.ZstdDecompressor()
        }
        self._current = NO_DICTIONARY
        self._thread: ThreadPoolExecutor | None = None
        self._begun: Future[Compressed] | None = None

    def adopt(self, identity: int, dictionary: bytes) -> None:
        """Compresses with this dictionary from now on; an empty one is no dictionary."""
        if dictionary:
            data = zstandard.ZstdCompressionDict(dictionary)
            data.precompute_compress(level=LEVEL)
            self._compressors = {
                identity: zstandard.ZstdCompressor(level=LEVEL, dict_data=data, write_checksum=True)
            }
            self._current = identity

    def begin(self, rows: Sequence[tuple[int, Octets]]) -> Callable[[], Compressed]:
        """Begins to compress (position, body) rows; what is returned gives them once they are.

        Much is compressed beside the caller, who has work of his own for as long.
        """
        if self._begun is not None:
            wait([self._begun])  # of a commit that failed: contexts are not shared
        if sum([len(body) for _, body in rows]) < APART_BYTES:
            return lambda: self.compressed(rows)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-bodies")
        self._begun = self._thread.submit(self.compressed, rows)
        return self._begun.result

    def compressed(self, rows: Sequence[tuple[int, Octets]]) -> Compressed:
        """All in one call, which lets go of the interpreter's lock once and not for every body."""
        if not rows:
            return []
        frames = self._compressors[self._current].multi_compress_to_buffer([b for _, b in rows])
        return [
            (position, self._current, frames[place].tobytes())
            for place, (position, _) in enumerate(rows)
        ]

    def restore(self, dictionary: int, body: bytes) -> bytes:
        """Raises Unreadable: the bytes are not what was written; each frame has its checksum."""
        try:
            restorer = self._restorers.get(dictionary)
            if restorer is None:
                restorer = self._restorers[dictionary] = self._load(dictionary)
            return restorer.decompress(body)
        except zstandard.ZstdError as error:
            raise Unreadable("the stored bytes of an event are damaged") from error

    def _load(self, dictionary: int) -> zstandard.ZstdDecompressor:
        row = self._db.one("dictionary_by_id", dictionary)
        if row is None:
            raise Unreadable("a compression dictionary is lost")
        return zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(row[0]))
