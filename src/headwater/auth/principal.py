"""Who sends a request, and what they may do."""

import enum
from collections.abc import Iterable
from typing import Self

import msgspec


class Scope(enum.Enum):
    """What a credential allows; `admin` allows everything, `write` does not allow reading."""

    WRITE = "write"
    READ = "read"
    ADMIN = "admin"

    # Members are singletons; the hash of Enum is a Python function, this one is not.
    __hash__ = object.__hash__


EVERYTHING = frozenset(Scope)


class Principal(msgspec.Struct, frozen=True):
    """The sender of a request. `scopes` are complete: what `admin` implies is in them.

    `domain` is None for one who has shown nothing, `key_id` for one who needs no key.
    """

    domain: str | None
    key_id: str | None
    scopes: frozenset[Scope]

    @classmethod
    def of_key(cls, key_id: str, domain: str, scopes: Iterable[Scope]) -> Self:
        """The holder of a key."""
        granted = frozenset(scopes)
        return cls(domain, key_id, EVERYTHING if Scope.ADMIN in granted else granted)

    @staticmethod
    def nobody() -> "Principal":
        """One who has shown no credential and may do nothing."""
        return _NOBODY

    @classmethod
    def anyone(cls, domain: str) -> Self:
        """Whoever speaks to an open server: may do everything."""
        return cls(domain, None, EVERYTHING)

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes


_NOBODY = Principal(None, None, frozenset())
