"""The embedded store, on SQLite."""

from headwater.stores.sqlite.accounts import AccountBook
from headwater.stores.sqlite.store import SqliteStore, open_admin, open_store

__all__ = ["AccountBook", "SqliteStore", "open_admin", "open_store"]
