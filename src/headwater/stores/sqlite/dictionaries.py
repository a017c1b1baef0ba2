"""Compression dictionaries, trained on the site's own events while the server works.

A dictionary halves what an event takes again, and its time too. The first is trained after a
thousand events, later ones when the log has grown far beyond what the last one saw. A row names
the dictionary that it was written with, so old rows stay readable.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import zstandard

from headwater.stores.sqlite.bodies import Bodies
from headwater.stores.sqlite.connection import Connection, array, translated

MILESTONES = (1_000, 50_000, 1_000_000)
"""The log lengths at which a dictionary is trained."""
SAMPLES = 1_200
SAMPLE_BYTES = 24 << 20
LONGEST_SAMPLE = 128 << 10
DICTIONARY_BYTES = 112 << 10


class Dictionaries:
    """Told by the writer after each commit where the log ends."""

    def __init__(self, path: str, writer: Connection, bodies: Bodies) -> None:
        self._path = path
        self._writer = writer
        self._bodies = bodies
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="headwater-dictionary")
        self._training: Future[bytes | None] | None = None
        row = writer.one("newest_dictionary")
        self._made = 0
        if row is not None:
            self._made = int(row[0])
            bodies.adopt(self._made, row[1])

    def after_commit(self, position: int) -> None:
        """Called in the writer's thread."""
        if self._training is not None:
            if self._training.done():
                trained, self._training = self._training, None
                self._install(trained.result())
        elif self._made < len(MILESTONES) and position >= MILESTONES[self._made]:
            self._training = self._thread.submit(self._train, position)

    def _train(self, position: int) -> bytes | None:
        """Reads a spread of events and trains on them; None when they have too little in common."""
        with translated():
            db = Connection(self._path, read_only=True)
            try:
                bodies = Bodies(db)
                step = max(position // SAMPLES, 1)
                wanted = array(range(position, 0, -step))
                samples: list[bytes | bytearray | memoryview[int]] = []
                size = 0
                for dictionary, body in db.all("sample_bodies", wanted, LONGEST_SAMPLE):
                    if size >= SAMPLE_BYTES:
                        break
                    sample = bodies.restore(dictionary, body)
                    samples.append(sample)
                    size += len(sample)
            finally:
                db.close()
        try:
            return zstandard.train_dictionary(DICTIONARY_BYTES, samples).as_bytes()
        except zstandard.ZstdError:
            return None

    def _install(self, dictionary: bytes | None) -> None:
        identity = self._made + 1
        with translated():
            self._writer.run(
                "insert_dictionary", identity, dictionary or b"", time.time_ns() // 1000
            )
        self._made = identity
        if dictionary:
            self._bodies.adopt(self._made, dictionary)

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
