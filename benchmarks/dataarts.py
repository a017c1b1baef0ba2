"""CreateLineageInfo, signed, against OpenLineage job events, in the same run.

Two tables in, one out, five columns. A request repeats what one of some operators said before, or
is of an operator that is new, with two tables that are new. An OpenLineage event has a time of its
own, as a client's would. It is `bare`, of the names and columns alone, or `whole`: what the request
says, all of it, as Headwater writes it into its log.
"""

import hashlib
import hmac
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from benchmarks import client, templates
from benchmarks.client import Loader, Report, summary
from benchmarks.ingest import check_answers, check_arrived
from benchmarks.results import Row
from benchmarks.server import COUNT_EVENTS, Server
from benchmarks.source import INGEST_PATH
from headwater.dialects.dataarts import events
from headwater.dialects.dataarts.operators import CREATE, Operator, Part

PROJECT, WORKSPACE, CONNECTION = "p" * 32, "w" * 32, "c" * 32
PATH = f"/v1/{PROJECT}/lineage/lineage-info"
OPERATORS = 1_000
REPEATED, NEW = "repeated", "new"
BARE, WHOLE, SIGNED = "openlineage, bare", "openlineage, whole", "dataarts"
NEW_SHARE = 4
"""One request of a new operator is timed for so many that repeat: each of them stays for good."""
COLUMNS = 5
SPACE = f"dataarts://{PROJECT}/conn/{CONNECTION}"
_START = datetime(2026, 1, 1, tzinfo=UTC)
_FACETS = "https://openlineage.io/spec/facets"


class Signed:
    """Headers of a request as Huawei's SDK for Python signs it."""

    def __init__(self, key: str, secret: str) -> None:
        self._key, self._secret = key, secret.encode()
        self._names = "content-type;host;user-agent;workspace;x-project-id;x-sdk-date"

    def __call__(self, path: str, body: bytes) -> list[tuple[str, str]]:
        date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        agent = "huaweicloud-usdk-python/3.0"
        said = ("application/json", client.HOST, agent, WORKSPACE, PROJECT, date)
        lines = "".join(f"{name}:{value}\n" for name, value in zip(self._split, said, strict=True))
        digest = hashlib.sha256(body).hexdigest()
        canonical = "\n".join(("POST", f"{path}/", "", lines, self._names, digest))
        text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        made = hmac.digest(self._secret, text.encode(), "sha256").hex()
        shown = f"Access={self._key}, SignedHeaders={self._names}, Signature={made}"
        return [
            ("User-Agent", agent),
            ("workspace", WORKSPACE),
            ("X-Project-Id", PROJECT),
            ("X-Sdk-Date", date),
            ("Authorization", f"SDK-HMAC-SHA256 {shown}"),
        ]

    @property
    def _split(self) -> list[str]:
        return self._names.split(";")


class Source:
    """Requests of one dialect, made and signed before the clock runs."""

    def __init__(self, title: str, key: str, secret: str) -> None:
        self._title = title
        self._signed = Signed(key, secret)
        self._bearer = f"Bearer {key}.{secret}"
        self._sent = 0
        self._known = OPERATORS

    def requests(self, phase: str, count: int) -> Iterator[bytes]:
        first = self._known if phase == NEW else self._sent
        made = []
        for number in range(first, first + count):
            operator = number if phase == NEW else number % OPERATORS
            made.append(self._request(operator, self._sent))
            self._sent += 1
        if phase == NEW:
            self._known += count
        return iter(made)

    def _request(self, operator: int, number: int) -> bytes:
        if self._title == SIGNED:
            return client.post(PATH, create(operator), self._signed)
        body = MAKES[self._title](operator, _START + timedelta(milliseconds=number))
        return client.post(INGEST_PATH, body, lambda *_: [("Authorization", self._bearer)])

    def weigh(self, body: bytes) -> int:
        return 0


def _tables(operator: int) -> tuple[list[str], str]:
    return [f"orders_{operator}", f"customers_{operator % 97}"], f"revenue_{operator}"


def create(operator: int) -> bytes:
    """A CreateLineageInfo body, as the SDK spells it."""
    inputs, output = _tables(operator)

    def table(name: str) -> dict[str, str]:
        return {"catalog": "spark_catalog", "database": "shop", "schema": "", "table": name}

    def column(name: str, field: str) -> dict[str, str]:
        return {"database": "shop", "schema": "", "table": name, "column": field}

    said = {
        "connection_id": CONNECTION,
        "data_source_type": "dli",
        "job_id": f"job_{operator}",
        "node_name": "transform",
        "table_lineage": {
            "input_tables": [table(name) for name in inputs],
            "output_tables": [table(output)],
            "column_lineages": [
                {
                    "input_columns": [column(inputs[n % 2], f"source_{n}")],
                    "output_columns": [column(output, f"column_{n}")],
                }
                for n in range(COLUMNS)
            ],
        },
    }
    return json.dumps(said).encode()


def whole_event(operator: int, time: datetime) -> bytes:
    """All that the request says, as an OpenLineage job event."""
    said = Operator(PROJECT, WORKSPACE)
    part = Part(CREATE, create(operator))
    said.add(part)
    name = f"manual.{uuid.uuid5(uuid.NAMESPACE_URL, said.job_name)}@node.{PROJECT}-workspace-"
    drawn = events.job_event(said, (part,), name + WORKSPACE, int(time.timestamp() * 1e6), {})
    return drawn.body


def bare_event(operator: int, time: datetime) -> bytes:
    """The same lineage as an OpenLineage job event."""
    inputs, output = _tables(operator)
    schema = f"{_FACETS}/1-2-0/ColumnLineageDatasetFacet.json"

    def dataset(name: str, **facets: object) -> dict[str, object]:
        return {"namespace": SPACE, "name": f"spark_catalog.shop.{name}", "facets": facets}

    def source(n: int) -> dict[str, str]:
        name = f"spark_catalog.shop.{inputs[n % 2]}"
        return {"namespace": SPACE, "name": name, "field": f"source_{n}"}

    columns = {
        "_producer": templates.PRODUCER,
        "_schemaURL": schema,
        "fields": {f"column_{n}": {"inputFields": [source(n)]} for n in range(COLUMNS)},
    }
    event = {
        "eventTime": time.isoformat(timespec="milliseconds"),
        "producer": templates.PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
        "job": {"namespace": WORKSPACE, "name": f"job_{operator}.transform", "facets": {}},
        "inputs": [dataset(name) for name in inputs],
        "outputs": [dataset(output, columnLineage=columns)],
    }
    return json.dumps(event).encode()


MAKES: dict[str, Callable[[int, datetime], bytes]] = {
    BARE: bare_event,
    WHOLE: whole_event,
    SIGNED: lambda operator, _: create(operator),
}


class Side:
    """One dialect: its server, its database and its load."""

    def __init__(self, title: str, folder: Path, stack: ExitStack) -> None:
        self.title = title
        self.database = folder / f"{title.replace(', ', '-')}.db"
        source = partial(Source, title, *_made_key(self.database))
        self.server = stack.enter_context(Server.headwater(self.database))
        self._loader = stack.enter_context(Loader(source))
        self._reports: dict[str, list[Report]] = {REPEATED: [], NEW: []}
        self._cpu = dict.fromkeys(self._reports, 0.0)

    def warm_up(self, connections: int) -> None:
        check_answers(self._loader.run(self.server.port, REPEATED, 2 * OPERATORS, connections))

    def repeat(self, phase: str, events: int, connections: int) -> None:
        before = self.server.cpu_seconds
        report = self._loader.run(self.server.port, phase, events, connections)
        self._reports[phase].append(report)
        self._cpu[phase] += self.server.cpu_seconds - before

    def row(self, phase: str, connections: int) -> Row:
        reports = self._reports[phase]
        check_answers(*reports)
        return {
            "requests": self.title,
            "operators": phase,
            "bytes": len(MAKES[self.title](1, _START)),
            "at a time": connections,
            **summary(reports),
            "server CPU µs/event": self._cpu[phase] / sum(each.requests for each in reports) * 1e6,
        }


def run(events: int, repetitions: int, connections: int, folder: Path) -> list[Row]:
    """Each dialect against a server and a database of its own. Their repetitions take turns, so
    that what else the machine does hits both."""
    sizes = {REPEATED: events, NEW: events // NEW_SHARE}
    rows: list[Row] = []
    with ExitStack() as stack:
        sides = [Side(title, folder, stack) for title in MAKES]
        for side in sides:
            side.warm_up(connections)
        for phase, size in sizes.items():
            for _ in range(repetitions):
                for side in sides:
                    side.repeat(phase, size, connections)
            found = [side.row(phase, connections) for side in sides]
            bare, whole, _ = rates = [float(row["events/s"] or 0) for row in found]
            rows += (
                row | {"of bare": rate / bare, "of whole": rate / whole}
                for row, rate in zip(found, rates, strict=True)
            )
    for side in sides:
        arrived = 2 * OPERATORS + sum(sizes.values()) * repetitions
        check_arrived(side.database, arrived, COUNT_EVENTS)
    return rows


def _made_key(database: Path) -> tuple[str, str]:
    """A key and the project; the server that is started then is closed to others."""
    where = ("--database", str(database))
    _headwater("projects", "add", PROJECT, *where)
    made = json.loads(_headwater("keys", "create", "--format", "json", *where))
    return made["id"], made["secret"]


def _headwater(*words: str) -> str:
    command = [sys.executable, "-m", "headwater", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
