"""No statement reads a whole table of runs or of events to answer for one job."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.stores.sqlite.connection import QUERIES, Connection
from headwater.stores.sqlite.migrations import migrate

WHOLE = {"needed"}
"""About all jobs."""
OF_A_JOB = sorted(
    name
    for name, text in QUERIES.items()
    if re.search(r"\bjob_id (=|IN)", text) and name not in WHOLE
)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "a.db"
    made = Connection(str(path), create=True)
    migrate(made, print)
    yield made
    made.close()


@pytest.mark.parametrize("name", OF_A_JOB)
def test_runs_of_a_job_are_found_by_an_index(db: Connection, name: str) -> None:
    text = re.sub(r"carray\(\?\d*\)", "json_each('[1]')", QUERIES[name])
    numbered = [int(number) for number in re.findall(r"\?(\d+)", text)]
    values = (1,) * (max(numbered) if numbered else text.count("?"))
    steps = [row[3] for row in db.query(f"EXPLAIN QUERY PLAN {text}", values)]
    assert not [step for step in steps if re.match(r"SCAN (run|r|event|e)\b", step)]
