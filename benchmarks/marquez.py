"""Marquez' reads over HTTP, at the client, on a database of the size that its users have.

Three parts in one database: the runs of the generator's catalogue, one job with very many runs that
write one dataset, and a layered graph of connected jobs.
"""

import http.client
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from urllib.parse import quote

import msgspec

from benchmarks import templates
from benchmarks.generator import Generator
from benchmarks.ingest import load_file
from benchmarks.results import Distribution, Row
from benchmarks.server import Server, count_events, database_bytes

JOBS, DATASETS = 10_000, 50_000
CONNECTED = 5_000
LAYERS = 50
HOT, GRAPH = "hot", "graph"
HOT_SHARE = 0.24
"""How much of all events are of the job with very many runs: START and COMPLETE of each."""
HOT_SECONDS = 30.0
_FIRST = 1_767_225_600
_FACET = {"_producer": templates.PRODUCER, "_schemaURL": f"{templates.FACETS}/1-0-0/X.json"}


class Reads:
    """The questions: each a title and the path to ask, and how often."""

    def __init__(self, events: int) -> None:
        self.hot_runs = int(events * HOT_SHARE) // 2
        self.deep = min(100_000, self.hot_runs * 4 // 5)

    def paths(self, namespace: str, datasets: str) -> Mapping[str, str]:
        api, ns = "/api/v1", quote(namespace, safe="")
        stock = quote(datasets, safe="")
        middle = quote(f"job:{GRAPH}:{_graph_job(CONNECTED // 2)}")
        hot = f"{api}/namespaces/{HOT}"
        deep = f"limit=10&offset={self.deep}"
        return {
            "lineage, depth 20": f"{api}/lineage?nodeId={middle}&depth=20",
            "lineage, depth 2": f"{api}/lineage?nodeId={middle}&depth=2",
            "jobs": f"{api}/jobs?limit=100",
            "jobs, failed": f"{api}/jobs?limit=100&lastRunStates=FAILED",
            "jobs, offset 5,000": f"{api}/jobs?limit=100&offset=5000",
            "jobs of a namespace": f"{api}/namespaces/{ns}/jobs?limit=100",
            "datasets": f"{api}/namespaces/{stock}/datasets?limit=100",
            "datasets, offset 5,000": f"{api}/namespaces/{stock}/datasets?limit=100&offset=5000",
            "dataset versions": f"{hot}/datasets/{HOT}/versions?limit=10",
            f"dataset versions, offset {self.deep:,}": f"{hot}/datasets/{HOT}/versions?{deep}",
            "runs": f"{hot}/jobs/{HOT}/runs?limit=10",
            "runs, 100 of them": f"{hot}/jobs/{HOT}/runs?limit=100",
            f"runs, offset {self.deep:,}": f"{hot}/jobs/{HOT}/runs?{deep}",
            "events": f"{api}/events/lineage?limit=50",
            f"events, offset {self.deep:,}": f"{api}/events/lineage?{deep}",
            "search": f"{api}/search?q=orders&limit=100",
            "search of jobs, v2beta": "/api/v2beta/search/jobs?q=orders",
            "search of jobs, v2beta, no hit": "/api/v2beta/search/jobs?q=nothing_of_the_kind",
            "stats of events": f"{api}/stats/lineage-events?period=WEEK&timezone=Europe/Paris",
            "stats of jobs": f"{api}/stats/jobs?period=DAY&timezone=UTC",
            "stats of datasets": f"{api}/stats/datasets?period=DAY&timezone=UTC",
            "stats of sources": f"{api}/stats/sources?period=DAY&timezone=UTC",
            "namespaces": f"{api}/namespaces",
            "a job": f"{hot}/jobs/{HOT}",
            "a dataset": f"{hot}/datasets/{HOT}",
        }


def events(count: int, size: templates.Size) -> Iterator[bytes]:
    """The load: about so many events."""
    hot = int(count * HOT_SHARE) // 2
    yield from _graph()
    yield from _hot(hot)
    rest = max(count - 2 * hot - CONNECTED, 2 * 100)
    yield from Generator(1, size, "steady", min(JOBS, rest // 2), DATASETS).events(rest)


def _event(kind: str, second: float, run: int, job: str, part: str, **more: object) -> bytes:
    return msgspec.json.encode(
        {
            "eventType": kind,
            "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(_FIRST + second))
            + f".{int(second * 1000) % 1000:03d}Z",
            "producer": templates.PRODUCER,
            "schemaURL": templates.SCHEMA_URL,
            "run": {"runId": f"{run:08x}-0000-7000-8000-000000000000", "facets": {}},
            "job": {"namespace": part, "name": job, "facets": {}},
            **more,
        }
    )


def _hot(runs: int) -> Iterator[bytes]:
    fields = [{"name": f"c{n}", "type": "BIGINT"} for n in range(10)]
    facets = {"schema": {**_FACET, "fields": fields}}
    uses = {
        "inputs": [{"namespace": HOT, "name": "source", "facets": facets}],
        "outputs": [{"namespace": HOT, "name": HOT, "facets": facets}],
    }
    for run in range(runs):
        yield _event("START", run * HOT_SECONDS, run + (1 << 28), HOT, HOT, **uses)
        yield _event("COMPLETE", (run + 0.6) * HOT_SECONDS, run + (1 << 28), HOT, HOT, **uses)


def _graph() -> Iterator[bytes]:
    """Layers of jobs, each of which reads two datasets of the layer before it."""
    random = Random("layers")
    width = CONNECTED // LAYERS
    for job in range(CONNECTED):
        layer = job // width
        before = [(layer - 1) * width + random.randrange(width) for _ in range(2)]
        names = [f"layered.dataset_{n}" if layer else f"layered.source_{n}" for n in before]
        schema = {**_FACET, "fields": [{"name": f"c{n}", "type": "TEXT"} for n in range(5)]}
        yield _event(
            "COMPLETE", job, job, _graph_job(job), GRAPH,
            inputs=[{"namespace": GRAPH, "name": name} for name in dict.fromkeys(names)],
            outputs=[{"namespace": GRAPH, "name": f"layered.dataset_{job}",
                      "facets": {"schema": schema}}],
        )  # fmt: skip


def _graph_job(number: int) -> str:
    return f"layered.job_{number}"


def prepare(count: int, size: templates.Size, database: Path) -> Row:
    """Writes the load and puts it into a new database."""
    file = database.with_suffix(".ndjson")
    with file.open("wb") as out:
        out.writelines(event + b"\n" for event in events(count, size))
    seconds, _, _ = load_file(file, database)
    file.unlink()
    stored = count_events(database)
    return {
        "question": "load", "requests": stored, "requests/s": stored / seconds,
        "answer kB": database_bytes(database) / 1e3,
    }  # fmt: skip


def ask(count: int, database: Path, requests: int) -> Iterator[Row]:
    """A row for each question: the first answer of a new server, then the others."""
    with Server.headwater(database) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port)
        client.connect()
        namespaces = _largest(client)
        for title, path in Reads(count).paths(*namespaces).items():
            first, _ = _timed(client, path)
            cpu = server.cpu_seconds
            timed = [_timed(client, path) for _ in range(requests)]
            cpu = server.cpu_seconds - cpu
            spread = Distribution.of(milliseconds for milliseconds, _ in timed)
            yield {
                "question": title,
                "requests": requests,
                "first ms": first,
                "p50 ms": spread.p50,
                "p99 ms": spread.p99,
                "server CPU ms": cpu / requests * 1e3,
                "answer kB": timed[0][1] / 1e3,
                "RSS MB": server.rss_mb,
            }


def _timed(client: http.client.HTTPConnection, path: str) -> tuple[float, int]:
    began = time.perf_counter()
    client.request("GET", path)
    response = client.getresponse()
    body = response.read()
    if response.status != 200:
        raise AssertionError(f"{path}: {response.status} {body[:200]!r}")
    return (time.perf_counter() - began) * 1e3, len(body)


def _largest(client: http.client.HTTPConnection) -> tuple[str, str]:
    """The namespaces with the most jobs and the most datasets."""
    client.request("GET", "/api/v2/namespaces?limit=1000")
    items = msgspec.json.decode(client.getresponse().read())["items"]
    jobs = max(items, key=lambda item: item["jobs"] if item["name"] != GRAPH else 0)
    datasets = max(items, key=lambda item: item["datasets"] if item["name"] != GRAPH else 0)
    return jobs["name"], datasets["name"]
