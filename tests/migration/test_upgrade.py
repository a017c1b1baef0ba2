"""Databases of earlier versions open, migrate and verify; those of later ones are refused."""

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.errors import DatabaseDamaged, DatabaseTooNew, StoreError
from headwater.stores.sqlite.connection import Connection
from headwater.stores.sqlite.migrations import check, migrate, migrations
from tests.e2e.serving import command, serving

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("v*.db.gz"))
SCHEMA = Path(__file__).parents[2] / "src/headwater/stores/sqlite/schema.sql"

ADD_COLOUR = "ALTER TABLE node ADD COLUMN colour TEXT; CREATE INDEX by_colour ON node (colour);"
FAILS = "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1);"


def unpacked(fixture: Path, folder: Path) -> Path:
    path = folder / "hw.db"
    path.write_bytes(gzip.decompress(fixture.read_bytes()))
    return path


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Connection]:
    """A connection to the newest fixture."""
    db = Connection(str(unpacked(FIXTURES[-1], tmp_path)))
    yield db
    db.close()


def objects(database: Path) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(database)) as opened:
        rows = opened.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
        return {(kind, name, " ".join(sql.split())) for kind, name, sql in rows}


def version_of(database: Path) -> int:
    with closing(sqlite3.connect(database)) as opened:
        return int(opened.execute("PRAGMA user_version").fetchone()[0])


def test_every_schema_has_its_fixture() -> None:
    """The present one too: it is the earlier one of the next."""
    made = [f"v{number}.db.gz" for number in range(1, len(migrations()) + 1)]
    assert sorted(path.name for path in FIXTURES) == sorted(made), (
        "run: python scripts/make_database_fixture.py"
    )


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.name)
def test_an_earlier_database_serves_and_verifies(fixture: Path, tmp_path: Path) -> None:
    database = unpacked(fixture, tmp_path)
    with serving(tmp_path, "--insecure") as server:
        assert server.stats()["events"] > 0
    assert version_of(database) == len(migrations())
    verified = command(tmp_path, "verify", "--database", str(database))
    assert verified.code == 0, verified
    domains = command(tmp_path, "domains", "list", "--database", str(database))
    assert "second" in domains.out


@pytest.mark.parametrize(
    "words",
    [
        ("verify",),
        ("lineage", "job:etl:enrich_orders"),
        ("events", "--node", "job:etl:bulk_copy"),
        ("keys", "list"),
        ("projects", "list"),
        ("projects", "add", "0123456789abcdef0123456789abcdef"),
    ],
    ids=" ".join,
)
def test_what_nothing_has_upgraded_yet_says_so(words: tuple[str, ...], tmp_path: Path) -> None:
    """Where a question can be asked of it all the same, as an export, it is answered."""
    database = unpacked(FIXTURES[0], tmp_path)
    done = command(tmp_path, *words, "--database", str(database))
    assert done.code != 0
    assert "schema 1" in done.err, done
    assert "headwater serve" in done.err, done
    assert version_of(database) == 1
    exported = command(tmp_path, "export", "--database", str(database))
    assert (exported.code, bool(exported.out)) == (0, True), exported


def test_the_schema_file_is_the_sum_of_the_migrations(tmp_path: Path) -> None:
    summed, stated = tmp_path / "summed.db", tmp_path / "stated.db"
    db = Connection(str(summed), create=True)
    migrate(db, print)
    db.close()
    with closing(sqlite3.connect(stated)) as opened:
        opened.executescript(SCHEMA.read_text("utf-8"))
    assert objects(summed) == objects(stated)


def test_the_newest_fixture_has_the_schema_of_this_code(tmp_path: Path) -> None:
    """A migration that has been released is never edited."""
    fixture = unpacked(FIXTURES[-1], tmp_path)
    stated = tmp_path / "stated.db"
    with closing(sqlite3.connect(stated)) as opened:
        opened.executescript(SCHEMA.read_text("utf-8"))
    assert objects(fixture) == objects(stated)


def test_a_migration_says_what_it_does_and_keeps_what_is_there(old: Connection) -> None:
    scripts = [*migrations(), ADD_COLOUR, "UPDATE node SET colour = 'blue';"]
    before = old.query("SELECT key, name FROM node ORDER BY key")
    said: list[str] = []
    migrate(old, said.append, scripts)
    number = len(scripts)
    assert [line for line in said if line.startswith("migrating")] == [
        f"migrating the database to schema {number - 1} of {number}",
        f"migrating the database to schema {number} of {number}",
    ]
    assert check(old, scripts) == number
    assert old.query("SELECT key, name FROM node ORDER BY key") == before
    assert old.query("SELECT DISTINCT colour FROM node") == [("blue",)]
    migrate(old, said.append, scripts)
    assert len(said) == 4, "done once"


def test_a_migration_that_fails_leaves_the_version_before_it(old: Connection) -> None:
    known = len(migrations())
    with pytest.raises(StoreError):
        migrate(old, print, [*migrations(), ADD_COLOUR, FAILS])
    assert int(old.pragma("user_version")) == known + 1
    assert old.query("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == [(0,)]
    migrate(old, print, [*migrations(), ADD_COLOUR, "CREATE TABLE half (x);"])
    assert int(old.pragma("user_version")) == known + 2


def test_code_before_the_migration_refuses_the_database(old: Connection) -> None:
    migrate(old, print, [*migrations(), ADD_COLOUR])
    with pytest.raises(DatabaseTooNew, match="use a newer Headwater"):
        check(old)


@pytest.mark.parametrize(
    "words", [("serve", "--port", "0"), ("verify",), ("export",), ("rebuild",)]
)
def test_a_newer_database_is_refused_and_untouched(tmp_path: Path, words: tuple[str, ...]) -> None:
    database = unpacked(FIXTURES[-1], tmp_path)
    with closing(sqlite3.connect(database)) as opened:
        opened.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    before = database.read_bytes()
    done = command(tmp_path, *words, "--database", str(database))
    assert done.code == 2, done
    assert f"the database has schema {len(migrations()) + 1}" in done.err
    assert "use a newer Headwater" in done.err
    assert database.read_bytes() == before


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as opened:
        opened.execute("CREATE TABLE theirs (x)")
    db = Connection(str(other))
    try:
        with pytest.raises(DatabaseDamaged, match="not one of Headwater's"):
            migrate(db, print)
    finally:
        db.close()
    done = command(tmp_path, "serve", "--port", "0", "--database", str(other))
    assert done.code == 2
    assert "not one of Headwater's" in done.err
