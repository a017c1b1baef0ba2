"""The bytes of events, compressed; a dictionary trained on the site's own events helps most."""

import zstandard

from headwater.stores.sqlite.connection import Connection

LEVEL = 3
NO_DICTIONARY = 0


class Bodies:
    """Compresses and restores bodies. One per thread: contexts are not shared."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        plain = zstandard.ZstdCompressor(level=LEVEL, write_content_size=True)
        self._compressors: dict[int, zstandard.ZstdCompressor] = {NO_DICTIONARY: plain}
        self._restorers: dict[int, zstandard.ZstdDecompressor] = {
            NO_DICTIONARY: zstandard.ZstdDecompressor()
        }
        self._current = NO_DICTIONARY

    def adopt(self, identity: int, dictionary: bytes) -> None:
        """Compresses with this dictionary from now on; an empty one is no dictionary."""
        if dictionary:
            data = zstandard.ZstdCompressionDict(dictionary)
            data.precompute_compress(level=LEVEL)
            self._compressors = {
                identity: zstandard.ZstdCompressor(
                    level=LEVEL, dict_data=data, write_content_size=True
                )
            }
            self._current = identity

    def compress(self, body: bytes) -> tuple[int, bytes]:
        """Returns the id of the dictionary used (0: none) and the compressed bytes."""
        return self._current, self._compressors[self._current].compress(body)

    def restore(self, dictionary: int, body: bytes) -> bytes:
        restorer = self._restorers.get(dictionary)
        if restorer is None:
            row = self._db.one("dictionary_by_id", dictionary)
            assert row is not None
            data = zstandard.ZstdCompressionDict(row[0])
            restorer = zstandard.ZstdDecompressor(dict_data=data)
            self._restorers[dictionary] = restorer
        return restorer.decompress(body)
