"""Brings a database file to the schema of this code; refuses one that is newer."""

import time
from collections.abc import Callable, Sequence
from importlib import resources

from headwater.errors import DatabaseDamaged, DatabaseTooNew
from headwater.stores.sqlite.connection import Connection

APPLICATION = 0x48574C47
"""Marks a file as Headwater's (`HWLG`)."""

Progress = Callable[[str], None]


def migrations() -> list[str]:
    """The scripts, oldest first; their number is the version of the schema."""
    folder = resources.files("headwater.stores.sqlite").joinpath("migrations")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return [folder.joinpath(name).read_text("utf-8") for name in names]


def check(db: Connection, scripts: Sequence[str] | None = None) -> int:
    """The schema version of a file that this code may use.

    Raises:
        DatabaseTooNew: it was made by a newer version.
        DatabaseDamaged: it is a SQLite file, but not one of ours.
    """
    known = len(migrations() if scripts is None else scripts)
    version = int(db.pragma("user_version"))
    tables = int(db.query("SELECT count(*) FROM sqlite_schema")[0][0])
    if db.pragma("application_id") != APPLICATION and tables:
        raise DatabaseDamaged("the file is a SQLite database, but not one of Headwater's")
    if version > known:
        raise DatabaseTooNew(
            f"the database has schema {version}, this version knows {known}: use a newer Headwater"
        )
    return version


def migrate(db: Connection, progress: Progress, scripts: Sequence[str] | None = None) -> None:
    """Applies what is missing; each script with its version number in one transaction.

    Args:
        scripts: by default those of this code.
    """
    known = migrations() if scripts is None else list(scripts)
    version = check(db, known)
    for number, script in enumerate(known[version:], start=version + 1):
        began = time.monotonic()
        if version:
            progress(f"migrating the database to schema {number} of {len(known)}")
        db.begin()
        try:
            db.script(script)
            db.script(f"PRAGMA application_id = {APPLICATION}")
            db.script(f"PRAGMA user_version = {number}")
            db.commit()
        except BaseException:
            db.rollback()
            raise
        if version:
            progress(f"schema {number} reached in {time.monotonic() - began:,.1f} s")
