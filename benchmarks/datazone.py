"""DataZone: signed posts beside plain ones in the same run, and reads at the size of real users."""

import http.client
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.client import HOST, Loader, summary
from benchmarks.ingest import check_answers, check_arrived
from benchmarks.results import Distribution, Row
from benchmarks.server import COUNT_EVENTS, Server
from benchmarks.source import INGEST_PATH, EventSource, Load
from headwater.dialects.datazone.names import domain_name

DOMAIN = domain_name("default")
EVENTS = f"/v2/domains/{DOMAIN}/lineage/events"
NODES = f"/v2/domains/{DOMAIN}/lineage/nodes/"
_SAMPLED = 40
"""Pages of events from which the nodes that are asked for are taken."""


def signature(key_id: str, secret: str, path: str, body: bytes) -> list[tuple[str, str]]:
    """The headers that boto3 adds to a post."""
    request = AWSRequest("POST", f"http://{HOST}{path}", {"Client-Token": str(uuid.uuid4())}, body)
    SigV4Auth(Credentials(key_id, secret), "datazone", "us-east-1").add_auth(request)
    return [(name, value) for name, value in request.headers.items() if name.lower() != "host"]


def _make_key(database: Path) -> tuple[str, str]:
    command = [sys.executable, "-m", "headwater", "keys", "create", "--format", "json"]
    done = subprocess.run(
        [*command, "--database", str(database)], capture_output=True, check=True, text=True
    )
    made = json.loads(done.stdout)
    return made["id"], made["secret"]


def posts(load: Load, folder: Path) -> list[Row]:
    """The same load posted plainly and signed, each to a server and a database of its own."""
    plain = _post(load, folder / "plain.db", "openlineage", INGEST_PATH, signed=False)
    signed = _post(load, folder / "signed.db", "datazone, signed", EVENTS, signed=True)
    ratio = float(signed["events/s"] or 0) / float(plain["events/s"] or 1)
    return [plain, signed | {"of openlineage": ratio}]


def _post(load: Load, database: Path, title: str, path: str, *, signed: bool) -> Row:
    headers = partial(signature, *_make_key(database)) if signed else None
    source = partial(EventSource, load, path, headers)
    with Server.headwater(database) as server, Loader(source) as loader:
        check_answers(loader.run(server.port, "warmup", load.warmup, load.connections))
        cpu = server.cpu_seconds
        reports = [
            loader.run(server.port, "events", load.events, load.connections)
            for _ in range(load.repetitions)
        ]
        cpu = server.cpu_seconds - cpu
    check_answers(*reports)
    check_arrived(database, load.warmup + load.timed, COUNT_EVENTS)
    return {
        "posted": title,
        "size": load.size,
        "at a time": load.connections,
        **summary(reports),
        "server CPU µs/event": cpu / load.timed * 1e6,
    }


def reads(database: Path, requests: int) -> list[Row]:
    """Nodes of random events, and pages of events at random times."""
    with Server.headwater(database) as server:
        get = partial(_get, server.port)
        chance = Random(1)
        sample = list(_sample(get, chance))
        datasets = [each for runs in sample for each in runs[2]]
        questions: dict[str, Callable[[], str]] = {
            "GetLineageNode, a dataset": lambda: NODES + quote(chance.choice(datasets), safe=""),
            "GetLineageNode, a run": lambda: NODES + quote(chance.choice(sample)[1], safe=""),
            "GetLineageNode, a job": lambda: NODES + quote(chance.choice(sample)[0], safe=""),
            "GetLineageNode, in the past": lambda: (
                NODES
                + quote(chance.choice(datasets), safe="")
                + f"?timestamp={_moment(get, chance)}"
            ),
            "ListLineageEvents": lambda: f"{EVENTS}?timestampBefore={_moment(get, chance)}",
            "ListLineageNodeHistory": lambda: (
                NODES + quote(chance.choice(datasets), safe="") + "/history"
            ),
        }
        return [_ask(title, make, get, requests) for title, make in questions.items()]


def _ask(title: str, make: Callable[[], str], get: Callable[[str], bytes], requests: int) -> Row:
    times = []
    for path in [make() for _ in range(requests)]:
        begin = time.perf_counter()
        get(path)
        times.append((time.perf_counter() - begin) * 1_000)
    spread = Distribution.of(times)
    return {"read": title, "p50 ms": spread.p50, "p99 ms": spread.p99, "max ms": spread.maximum}


def _get(port: int, path: str) -> bytes:
    with closing(http.client.HTTPConnection(HOST, port, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in {200, 404}:
            raise RuntimeError(f"{path}: {answer.status} {body!r}")
        return body


def _edge(get: Callable[[str], bytes], order: str) -> float:
    said = json.loads(get(f"{EVENTS}?sortOrder={order}&maxResults=1"))
    return float(said["items"][0]["eventTime"])


def _moment(get: Callable[[str], bytes], chance: Random) -> str:
    at = chance.uniform(_edge(get, "ASCENDING"), _edge(get, "DESCENDING"))
    return time.strftime("%Y-%m-%dT%H:%M:%S.000001Z", time.gmtime(at))


def _sample(get: Callable[[str], bytes], chance: Random) -> Iterator[tuple[str, str, list[str]]]:
    """(job, run, datasets) of random events, as sourceIdentifiers."""
    for _ in range(_SAMPLED):
        said = json.loads(get(f"{EVENTS}?timestampBefore={_moment(get, chance)}"))
        for item in said["items"]:
            event = item["eventSummary"]["openLineageRunEventSummary"]
            job = f"{event['job']['namespace']}.{event['job']['name']}"
            uses = [f"{each['namespace']}/{each['name']}"
                    for side in ("inputs", "outputs") for each in event[side]]  # fmt: skip
            if uses:
                yield job, f"{job}/{event['runId']}", uses
