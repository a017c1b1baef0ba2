"""The embedded store, on SQLite."""

from headwater.stores.sqlite.keybook import KeyBook
from headwater.stores.sqlite.store import SqliteStore, open_admin, open_store

__all__ = ["KeyBook", "SqliteStore", "open_admin", "open_store"]
