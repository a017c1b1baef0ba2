"""The embedded store, on SQLite."""

from headwater.stores.sqlite.store import KeyBook, SqliteStore, open_admin, open_store

__all__ = ["KeyBook", "SqliteStore", "open_admin", "open_store"]
