"""What the tests of import-marquez share: an installation with all that one can hold, and how it
is compared with what was imported.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.contract.events import Members, facet
from tests.e2e.serving import Server

RUNS = 450
"""More than two pages of run events that all have one time."""
INSTANT = "2026-11-01T08:00:00.123456Z"
JOB, TABLE = "nightly.load", "public.orders"
WAREHOUSE = "postgres://wh:5432"


def path(*parts: str) -> str:
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def run_id(number: int) -> str:
    return f"01935b2a-0000-7000-8000-{number:012d}"


def run_event(number: int, time: str, job: str = JOB, **members: Any) -> Members:
    return {
        "eventType": "COMPLETE",
        "eventTime": time,
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run_id(number)},
        "job": {"namespace": "etl", "name": job},
        "inputs": [{"namespace": WAREHOUSE, "name": "public.raw"}],
        "outputs": [],
        **members,
    }


def orders() -> Members:
    fields = [{"name": "id", "type": "INT"}, {"name": "email", "type": "TEXT"}]
    return {
        "namespace": WAREHOUSE,
        "name": TABLE,
        "facets": {
            "schema": facet(fields=fields),
            "documentation": facet(description="All orders."),
        },
    }


def events() -> Iterator[Members]:
    """Many at once, then one for each of some minutes."""
    for number in range(RUNS):
        yield run_event(number, INSTANT, outputs=[orders()])
    parent = {"run": {"runId": run_id(2_000)}, "job": {"namespace": "etl", "name": "nightly"}}
    for number in range(5):
        run = {"runId": run_id(1_000 + number), "facets": {"parent": facet(**parent)}}
        yield run_event(0, f"2026-11-01T09:{number:02d}:00Z", "nightly.check", run=run)
    yield run_event(3_000, "2026-11-01T10:00:00Z", "gone")
    old = {"namespace": "old", "name": "forgotten"}
    yield run_event(3_001, "2026-11-01T10:01:00Z", "last", outputs=[old])


def fill(server: Server) -> None:
    """By events and by what Marquez' own clients write."""
    posted = list(events())
    for start in range(0, len(posted), 100):
        assert server.post(posted[start : start + 100], "/api/v1/lineage/batch").is_success
    put(server, {"ownerName": "ana", "description": "Loads."}, "namespaces", "etl")
    put(server, {"ownerName": "bo"}, "namespaces", "legacy")
    source = {"type": "MYSQL", "connectionUrl": "mysql://db:3306/x", "description": "The shop."}
    put(server, source, "sources", "shop")
    put(server, {"description": "About people."}, "tags", "PII")
    put(server, {"description": "Never used."}, "tags", "SPARE")
    table = {
        "type": "DB_TABLE",
        "physicalName": "x.customers",
        "sourceName": "shop",
        "fields": [{"name": "name", "type": "TEXT", "description": "In full.", "tags": ["PII"]}],
        "description": "Who buys.",
    }
    put(server, table, "namespaces", "legacy", "datasets", "customers")
    put(server, table | {"physicalName": "x.b"}, "namespaces", "legacy", "datasets", "b%:/ä")
    job = {
        "type": "STREAM",
        "inputs": [{"namespace": "legacy", "name": "customers"}],
        "outputs": [{"namespace": WAREHOUSE, "name": TABLE}],
        "location": "https://example.com/code",
        "description": "By hand.",
        "tags": ["PII"],
    }
    put(server, job, "namespaces", "legacy", "jobs", "mirror")
    write(server, "POST", "namespaces", WAREHOUSE, "datasets", TABLE, "tags", "PII")
    write(server, "POST", "namespaces", WAREHOUSE, "datasets", TABLE, "tags", "GOLD")
    write(
        server, "POST", "namespaces", WAREHOUSE, "datasets", TABLE, "fields", "email", "tags", "PII"
    )
    write(server, "POST", "namespaces", "etl", "jobs", JOB, "tags", "GOLD")
    write(server, "DELETE", "namespaces", "etl", "jobs", "gone")
    write(server, "DELETE", "namespaces", "old")


def put(server: Server, body: Members, *parts: str) -> None:
    answer = server.client.put(path(*parts), json=body)
    assert answer.status_code == 200, answer.text


def write(server: Server, method: str, *parts: str) -> None:
    answer = server.client.request(method, path(*parts))
    assert answer.status_code == 200, answer.text


PAGES = (
    (("namespaces",), "namespaces"),
    (("sources",), "sources"),
    (("tags",), "tags"),
    (("namespaces", "etl", "jobs"), "jobs"),
    (("namespaces", "legacy", "jobs"), "jobs"),
    (("namespaces", "legacy", "datasets"), "datasets"),
    (("namespaces", WAREHOUSE, "datasets"), "datasets"),
)
# What Marquez does not tell, so that an import cannot know it.
UNTOLD = frozenset({"createdAt", "updatedAt", "lastModifiedAt", "currentVersion"})


def shown(server: Server) -> dict[str, dict[str, Any]]:
    """What an installation shows, by list and name."""
    found = {}
    for parts, members in PAGES:
        page = server.ask(path(*parts), limit=1000)[members]
        found["/".join(parts)] = {each["name"]: told(each) for each in page}
    return found


def told(value: Any) -> Any:
    """An answer without what an import cannot know, and without the origin of facets."""
    if isinstance(value, dict):
        left = {name: told(each) for name, each in value.items() if name not in UNTOLD}
        return {name: each for name, each in left.items() if name[:1] != "_"}
    return [told(each) for each in value] if isinstance(value, list) else value
