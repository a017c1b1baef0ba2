"""Users and projects as they stand now: what any process changes acts at once."""

from collections.abc import Sequence
from typing import Protocol

from headwater.access import Project, UserAccount
from headwater.errors import InvalidParameter

RESERVED = frozenset({"auth", "projects", "domains"})
"""Words that stand in paths where a project id stands in others."""

LONGEST = 128


class AccountSource(Protocol):
    """The part of a store that holds users and projects."""

    async def users(self) -> list[UserAccount]: ...

    async def projects(self) -> list[Project]: ...

    def keys_version(self) -> int: ...


def require_project_id(identity: str) -> None:
    """Raises InvalidParameter for what can be no project id."""
    if identity in RESERVED:
        raise InvalidParameter("project_id", f"{identity!r} is a reserved word")
    if identity.startswith("{") or not identity.strip() or not identity.isprintable():
        raise InvalidParameter(
            "project_id",
            f"{identity!r} is not a project id: give the client's credentials a project_id",
        )
    if len(identity) > LONGEST or "/" in identity:
        raise InvalidParameter("project_id", f"is longer than {LONGEST} characters, or holds '/'")


class Directory:
    """Looks up users and projects; `refresh` comes before."""

    def __init__(self, store: AccountSource) -> None:
        self._store = store
        self._version: int | None = None
        self._users: dict[tuple[str, str], UserAccount] = {}
        self._projects: dict[str, Project] = {}

    @property
    def version(self) -> int | None:
        return self._version

    async def refresh(self) -> None:
        """Loads what has changed; costs no I/O but one look at a file when nothing has."""
        version = self._store.keys_version()
        if version == self._version:
            return
        users = await self._store.users()
        projects = await self._store.projects()
        self._users = {(user.domain, user.name): user for user in users}
        self._projects = {project.id: project for project in projects}
        self._version = version

    def user(self, domain: str, name: str) -> UserAccount | None:
        return self._users.get((domain, name))

    @property
    def without_users(self) -> bool:
        return not self._users

    def project(self, identity: str) -> Project | None:
        return self._projects.get(identity)

    def projects(self, domain: str) -> Sequence[Project]:
        """By id."""
        return [project for project in self._projects.values() if project.domain == domain]
