"""What an ingest benchmark posts: the load's settings, and its requests in the load's process."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks import client
from benchmarks.client import Headers
from benchmarks.generator import Generator, Mode
from benchmarks.templates import Size

INGEST_PATH = "/api/v1/lineage"


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load: `repetitions` timed times `events`, after a warm-up of every job."""

    seed: int = 1
    size: Size = "medium"
    mode: Mode = "steady"
    events: int = 20_000
    repetitions: int = 3
    connections: int = 64
    jobs: int = 10_000
    datasets: int = 50_000

    @property
    def warmup(self) -> int:
        """The events of the warm-up: steady load must find every job known."""
        return 2 * (self.jobs if self.mode == "steady" else min(self.jobs, 500))

    @property
    def timed(self) -> int:
        return self.events * self.repetitions

    def generator(self) -> Generator:
        return Generator(self.seed, self.size, self.mode, self.jobs, self.datasets)


class EventSource:
    """Events of one generator, posted one by one; its phases go on where the last one ended.

    Args:
        headers: what each request needs beside the usual headers. Such requests are made before the
            clock runs: to sign one costs more than to send it.
    """

    def __init__(self, load: Load, path: str = INGEST_PATH, headers: Headers | None = None) -> None:
        self._generator = load.generator()
        self._path = path
        self._headers = headers

    def requests(self, phase: str, count: int) -> Iterator[bytes]:
        events = self._generator.events(count)
        made = (client.post(self._path, event, self._headers) for event in events)
        return made if self._headers is None else iter(list(made))

    def weigh(self, body: bytes) -> int:
        return 0
