"""Users, projects and maps of connections of a database file, beside its domains and keys."""

import asyncio
from collections.abc import Callable

from headwater.access import ConnectionMap, Project, UserAccount
from headwater.errors import Conflict, NotFound
from headwater.stores.sqlite.connection import Connection
from headwater.stores.sqlite.keybook import KeyBook, T


class AccountBook(KeyBook):
    """All that says who may do what; works beside a running server."""

    async def users(self) -> list[UserAccount]:
        def read(db: Connection) -> list[UserAccount]:
            rows = db.all("user_accounts")
            return [
                UserAccount(row[0], row[1], frozenset(row[2].split()), *row[3:]) for row in rows
            ]

        return await asyncio.to_thread(self._look, read)

    async def put_user(self, user: UserAccount) -> None:
        def put(db: Connection) -> None:
            scopes = " ".join(sorted(user.scopes))
            domain = _domain(db, user.domain)
            db.run("put_user_account", domain, user.name, scopes, user.password, user.created_at)

        await self._told(put)

    async def remove_user(self, domain: str, name: str) -> bool:
        def remove(db: Connection) -> bool:
            known = any(row[:2] == (domain, name) for row in db.all("user_accounts"))
            if known:
                db.run("delete_user_account", _domain(db, domain), name)
            return known

        return await self._told(remove)

    async def projects(self) -> list[Project]:
        def read(db: Connection) -> list[Project]:
            return [Project(*row) for row in db.all("projects")]

        return await asyncio.to_thread(self._look, read)

    async def add_project(self, project: Project) -> None:
        def add(db: Connection) -> None:
            for known, domain, *_ in db.all("projects"):
                if known == project.id:
                    raise Conflict(f"the project {known!r} belongs to the domain {domain!r}")
            domain = _domain(db, project.domain)
            db.run("insert_project", project.id, domain, project.name, project.created_at)

        await self._told(add)

    async def remove_project(self, identity: str) -> bool:
        def remove(db: Connection) -> bool:
            known = any(row[0] == identity for row in db.all("projects"))
            if known:
                db.run("delete_project", identity)
            return known

        return await self._told(remove)

    async def connection_maps(self) -> list[ConnectionMap]:
        def read(db: Connection) -> list[ConnectionMap]:
            return [ConnectionMap(*row) for row in db.all("connection_maps")]

        return await asyncio.to_thread(self._look, read)

    async def put_connection_map(self, mapped: ConnectionMap) -> None:
        def put(db: Connection) -> None:
            row = (mapped.source, mapped.namespace, mapped.pattern, mapped.created_at)
            db.run("put_connection_map", _domain(db, mapped.domain), *row)

        await self._told(put)

    async def remove_connection_map(self, domain: str, source: str) -> bool:
        def remove(db: Connection) -> bool:
            known = any(row[:2] == (domain, source) for row in db.all("connection_maps"))
            if known:
                db.run("delete_connection_map", _domain(db, domain), source)
            return known

        return await self._told(remove)

    async def _told(self, work: Callable[[Connection], T]) -> T:
        """Changes the file, and tells every process that reads it."""
        result = await asyncio.to_thread(self._change, work)
        self._touch()
        return result


def _domain(db: Connection, name: str) -> int:
    row = db.one("domain_by_name", name)
    if row is None:
        raise NotFound(f"there is no domain {name!r}")
    return int(row[0])
