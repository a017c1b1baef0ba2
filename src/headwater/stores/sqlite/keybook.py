"""Domains and keys of a database file."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from headwater.access import ApiKey, Domain
from headwater.errors import Conflict, NotFound
from headwater.stores.sqlite.connection import Connection
from headwater.stores.sqlite.integrity import examine_idle, understood

T = TypeVar("T")
LOOK_SECONDS = 0.005


class KeyBook:
    """Domains and keys, through a short connection of its own; works beside a running server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = path.with_name(path.name + ".keys")
        self._mark_file = str(self._mark)
        self._version = 0
        self._looked_at = float("-inf")

    async def domains(self) -> list[Domain]:
        return await asyncio.to_thread(
            self._look, lambda db: [Domain(*row) for row in db.all("domains")]
        )

    async def create_domain(self, name: str, now: int) -> Domain:
        def make(db: Connection) -> Domain:
            if db.one("domain_by_name", name) is not None:
                raise Conflict(f"the domain {name!r} exists already")
            db.run("insert_domain", name, now)
            return Domain(name, now)

        return await asyncio.to_thread(self._change, make)

    async def keys(self) -> list[ApiKey]:
        def read(db: Connection) -> list[ApiKey]:
            return [
                ApiKey(row[0], row[1], frozenset(row[2].split()), *row[3:])
                for row in db.all("api_keys")
            ]

        return await asyncio.to_thread(self._look, read)

    async def add_key(self, key: ApiKey) -> None:
        def add(db: Connection) -> None:
            if db.one("domain_by_name", key.domain) is None:
                raise NotFound(f"there is no domain {key.domain!r}")
            scopes = " ".join(sorted(key.scopes))
            db.run(
                "insert_api_key",
                key.id,
                key.domain,
                scopes,
                key.secret_hash,
                key.label,
                key.created_at,
                key.revoked_at,
            )
            if key.sealed is not None:
                db.run("insert_api_secret", key.id, key.sealed)

        await asyncio.to_thread(self._change, add)
        self._touch()

    async def revoke_key(self, identity: str, now: int) -> bool:
        def revoke(db: Connection) -> bool:
            if db.one("api_key_in_force", identity) is None:
                return False
            db.run("revoke_api_key", now, identity)
            return True

        revoked = await asyncio.to_thread(self._change, revoke)
        self._touch()
        return revoked

    def keys_version(self) -> int:
        """The length of a file beside the database that every change of a key makes longer.

        Asked with every request; a change by another process is seen `LOOK_SECONDS` later.
        """
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            try:
                self._version = os.stat(self._mark_file).st_size  # noqa: PTH116 # half the time
            except FileNotFoundError:
                self._version = 0
        return self._version

    def _touch(self) -> None:
        with self._mark.open("ab") as mark:
            mark.write(b".")
        self._looked_at = float("-inf")

    def _look(self, work: Callable[[Connection], T]) -> T:
        with understood(self._path):
            db = Connection(str(self._path), read_only=True)
            try:
                return work(db)
            finally:
                db.close()

    def _change(self, work: Callable[[Connection], T]) -> T:
        examine_idle(self._path)
        with understood(self._path):
            db = Connection(str(self._path))
            try:
                db.pragma("synchronous = FULL")
                db.begin()
                try:
                    result = work(db)
                    db.commit()
                except BaseException:
                    db.rollback()
                    raise
                return result
            finally:
                db.close()
