"""Questions over HTTP, measured at the client: lineage of a big graph, impact, search."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import quote

import msgspec

from benchmarks import graph
from benchmarks.client import Loader, Report, get
from benchmarks.graph import Shape
from benchmarks.ingest import load_file
from benchmarks.results import Row
from benchmarks.server import Server, database_bytes

AS_OF = "2026-06-01T00:00:00Z"
IMPACT_NODES = 10_000
_IMPACT_DEPTH = 20
_HUBS = 20
_WORDS = ("orders", "payments", "customers", "shop", "daily", "drivers", "sales.orders")
_LISTS = ("items", "results", "nodes")


class QuestionSource:
    """Reads of a graph, from random nodes; the phase is the title of the question."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._random = Random(f"questions {shape.seed}")

    def requests(self, phase: str, count: int) -> Iterator[bytes]:
        paths = QUESTIONS[phase](self._shape, self._random)
        return (get(next(paths)) for _ in range(count))

    def weigh(self, body: bytes) -> int:
        """How many nodes, or found names, an answer holds."""
        answer = msgspec.json.decode(body)
        lists = (answer.get(name) for name in _LISTS)
        return next((len(found) for found in lists if isinstance(found, list)), 0)


Paths = Callable[[Shape, Random], Iterator[str]]


def lineage_path(node: str, **parameters: str | int) -> str:
    more = "".join(f"&{name}={quote(str(value))}" for name, value in parameters.items())
    return f"/api/v2/lineage?node={quote(node)}{more}"


def search_path(text: str) -> str:
    return f"/api/v2/search?q={quote(text)}"


def _from_datasets(shape: Shape, random: Random, **parameters: str | int) -> Iterator[str]:
    while True:
        yield lineage_path(graph.dataset_node(random.randrange(shape.datasets)), **parameters)


def _from_fields(shape: Shape, random: Random, **parameters: str | int) -> Iterator[str]:
    while True:
        number, column = random.randrange(shape.datasets), random.randrange(graph.COLUMNS)
        yield lineage_path(graph.field_node(number, column), **parameters)


def _impact(_shape: Shape, random: Random) -> Iterator[str]:
    """From often read sources, whose whole downstream is far more than the limit."""
    while True:
        node = graph.dataset_node(random.randrange(_HUBS))
        yield lineage_path(node, direction="down", depth=_IMPACT_DEPTH, limit=IMPACT_NODES)


def _odd(_shape: Shape, _random: Random, title: str, depth: int, limit: int) -> Iterator[str]:
    node = graph.shape_nodes()[title]
    while True:
        yield lineage_path(node, direction="down", depth=depth, limit=limit)


def _names(shape: Shape, random: Random, make: Callable[[Random, int], str]) -> Iterator[str]:
    while True:
        yield search_path(make(random, random.randrange(shape.datasets)))


LINEAGE: Mapping[str, Paths] = {
    "depth 5 down": partial(_from_datasets, direction="down", depth=5),
    "depth 5 up": partial(_from_datasets, direction="up", depth=5),
    "depth 5 both": partial(_from_datasets, direction="both", depth=5),
    "depth 5 down as of": partial(_from_datasets, direction="down", depth=5, as_of=AS_OF),
    "impact of 10,000": _impact,
    "hub of 10,000 readers": partial(_odd, title="hub", depth=2, limit=30_000),
    "chain of 500": partial(_odd, title="chain", depth=1_000, limit=5_000),
    "3,000 columns": partial(_odd, title="wide", depth=5, limit=5_000),
}
COLUMN_LINEAGE: Mapping[str, Paths] = {
    "columns depth 5 down": partial(_from_fields, direction="down", depth=5),
    "columns depth 5 up": partial(_from_fields, direction="up", depth=5),
}
SEARCH: Mapping[str, Paths] = {
    "common word": partial(_names, make=lambda random, _: random.choice(_WORDS)),
    "whole name": partial(_names, make=lambda _, number: graph.dataset_name(number)),
    "prefix": partial(_names, make=lambda _, number: graph.dataset_name(number)[:14]),
    "substring": partial(_names, make=lambda _, number: graph.dataset_name(number)[7:17]),
    "no match": partial(_names, make=lambda _, number: f"zzqx{number}"),
}
QUESTIONS: Mapping[str, Paths] = {**LINEAGE, **COLUMN_LINEAGE, **SEARCH}
FEW = frozenset(("impact of 10,000", "hub of 10,000 readers", "3,000 columns", "chain of 500"))


def prepare(shape: Shape, database: Path) -> Row:
    """Write the graph's events and load them into a new database."""
    file = database.with_suffix(".ndjson")
    count = graph.write(shape, file)
    seconds, cpu, peak = load_file(file, database)
    file.unlink()
    return {
        "question": "load",
        "requests": count,
        "requests/s": count / seconds,
        "server CPU ms": cpu / count * 1e3,
        "RSS MB": peak,
        "db MB": database_bytes(database) / 1e6,
    }


def ask(
    shape: Shape, titles: Sequence[str], database: Path, count: int, connections: int
) -> Iterator[Row]:
    """A row for each question, asked `count` times after a tenth as many to warm up."""
    with Server.headwater(database) as server, Loader(partial(QuestionSource, shape)) as loader:
        for title in titles:
            times = max(count // 20, 1) if title in FEW else count
            loader.run(server.port, title, max(times // 10, connections), connections)
            cpu = server.cpu_seconds
            report = loader.run(server.port, title, times, connections)
            cpu = server.cpu_seconds - cpu
            yield _row(title, report, cpu, server.rss_mb)


def _row(title: str, report: Report, cpu: float, rss: float) -> Row:
    return {
        "question": title,
        "requests": report.requests,
        "p50 ms": report.latency_ms.p50,
        "p99 ms": report.latency_ms.p99,
        "max ms": report.latency_ms.maximum,
        "nodes p50": report.weights.p50,
        "nodes p99": report.weights.p99,
        "answer kB p50": report.answer_bytes.p50 / 1e3,
        "answer kB p99": report.answer_bytes.p99 / 1e3,
        "server CPU ms": cpu / report.requests * 1e3,
        "requests/s": report.per_second,
        "refused": report.refused,
        "RSS MB": rss,
    }
