"""What a dictionary trained on the site's own events is worth: bytes and processor time of a body.

A database is filled by `headwater load`, which trains dictionaries as it grows. The same events,
later ones than any that it was trained on, are then written with each and without.
"""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.ingest import EventsMissing, load_file
from benchmarks.results import Row
from benchmarks.source import Load
from headwater.stores.sqlite.bodies import Bodies
from headwater.stores.sqlite.connection import Connection

BATCH = 100
"""As many bodies at a time as a busy commit has."""


def run(load: Load, folder: Path) -> list[Row]:
    """A row for each dictionary; `of none` is what a body takes against one without."""
    generator = load.generator()
    file, database = folder / f"{load.size}.ndjson", folder / f"{load.size}.db"
    with file.open("wb") as out:
        out.writelines(event + b"\n" for event in generator.events(load.timed))
    load_file(file, database)
    file.unlink()
    later = list(generator.events(load.events))
    with closing(sqlite3.connect(database)) as db:
        known = db.execute(
            "SELECT id, body FROM dictionary WHERE body <> '' ORDER BY id"
        ).fetchall()
        counts = dict(db.execute("SELECT dictionary_id, count(*) FROM event_body GROUP BY 1"))
    if not known:
        raise EventsMissing(f"{load.timed} events trained no dictionary")
    rows: list[Row] = []
    for identity, dictionary in [(0, b""), *known]:
        row = _measured(later, identity, dictionary, database)
        plain = rows[0]["bytes stored"] if rows else row["bytes stored"]
        assert isinstance(plain, float)
        assert isinstance(row["bytes stored"], float)
        share: Row = {"of none": row["bytes stored"] / plain, "events": counts.get(identity, 0)}
        rows.append(
            {"size": load.size, "mode": load.mode, "dictionary": identity or "none"} | row | share
        )
    return rows


def _measured(events: Sequence[bytes], identity: int, dictionary: bytes, database: Path) -> Row:
    with closing(Connection(str(database), read_only=True)) as db:
        bodies = Bodies(db)
        bodies.adopt(identity, dictionary)
        begin = time.process_time()
        stored = [
            body
            for at in range(0, len(events), BATCH)
            for _, _, body in bodies.compressed(list(enumerate(events[at : at + BATCH])))
        ]
        written = time.process_time()
        restored = [bodies.restore(identity, body) for body in stored]
        read = time.process_time()
    if restored != list(events):
        raise EventsMissing("what was restored is not what was written")
    return {
        "bytes": sum(map(len, events)) / len(events),
        "bytes stored": sum(map(len, stored)) / len(events),
        "write µs": (written - begin) / len(events) * 1e6,
        "read µs": (read - written) / len(events) * 1e6,
    }
