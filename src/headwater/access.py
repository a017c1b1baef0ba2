"""Who may use a database: domains, keys, users, and what belongs to a domain by configuration.

None of it comes from events. A store fills the port `Book` beside that of `headwater.store`.
"""

from typing import Protocol

import msgspec


class Domain(msgspec.Struct, frozen=True):
    name: str
    created_at: int


class ApiKey(msgspec.Struct, frozen=True):
    """A credential: `id` is public, of the secret a hash is kept.

    `sealed` is the secret encrypted, for the protocols that sign with it; None for a key that was
    made before there were any.
    """

    id: str
    domain: str
    scopes: frozenset[str]
    secret_hash: str
    label: str
    created_at: int
    revoked_at: int | None = None
    sealed: bytes | None = None


class UserAccount(msgspec.Struct, frozen=True):
    """Someone who may ask for a token by name and password; of the password a hash is kept."""

    domain: str
    name: str
    scopes: frozenset[str]
    password: str
    created_at: int


class Project(msgspec.Struct, frozen=True):
    """A project id of Huawei clients; it belongs to one domain."""

    id: str
    domain: str
    name: str
    created_at: int


class ConnectionMap(msgspec.Struct, frozen=True):
    """Which namespace the tables of a data connection have in other producers' events.

    `source` is the namespace that they have without a map. `pattern` makes the name of a table
    there of its `{catalog}`, `{database}`, `{schema}` and `{table}`.
    """

    domain: str
    source: str
    namespace: str
    pattern: str
    created_at: int


class Book(Protocol):
    """What is set up in a database; a change by any process acts at once."""

    async def domains(self) -> list[Domain]: ...

    async def create_domain(self, name: str, now: int) -> Domain:
        """Raises Conflict when it exists."""
        ...

    async def keys(self) -> list[ApiKey]: ...

    async def add_key(self, key: ApiKey) -> None: ...

    async def revoke_key(self, identity: str, now: int) -> bool:
        """False when no such key is in force."""
        ...

    async def users(self) -> list[UserAccount]: ...

    async def put_user(self, user: UserAccount) -> None:
        """Adds a user, or replaces the one of that name. Raises NotFound without the domain."""
        ...

    async def remove_user(self, domain: str, name: str) -> bool:
        """False when there is none."""
        ...

    async def projects(self) -> list[Project]: ...

    async def add_project(self, project: Project) -> None:
        """Raises Conflict when the id is taken, NotFound without the domain."""
        ...

    async def remove_project(self, identity: str) -> bool:
        """False when there is none."""
        ...

    async def connection_maps(self) -> list[ConnectionMap]: ...

    async def put_connection_map(self, mapped: ConnectionMap) -> None:
        """Adds a map, or replaces that of the same source. Raises NotFound without the domain."""
        ...

    async def remove_connection_map(self, domain: str, source: str) -> bool:
        """False when there is none."""
        ...

    def keys_version(self) -> int:
        """Changes whenever any process changes who may do what: keys, users, projects, maps of
        connections. Cheap enough for every request.
        """
        ...
