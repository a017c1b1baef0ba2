"""Headwater's domains as DataZone domains; what CreateDomain and DeleteDomain note down."""

import re
from typing import Any

import msgspec

from headwater.access import Domain
from headwater.dialects.datazone import names
from headwater.dialects.datazone.marks import Marks
from headwater.errors import Conflict, Forbidden, InvalidParameter, NotFound
from headwater.http.context import Context
from headwater.http.message import Request
from headwater.store import Reader

AVAILABLE, DELETED = "AVAILABLE", "DELETED"
DEFAULT = "default"
"""It is there from the start, and stays."""

_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a domain's mark says of it; a domain that was made elsewhere has none."""

    status: str = AVAILABLE
    description: str | None = None
    role: str | None = None
    tags: dict[str, str] = {}
    token: str | None = None
    at: int = 0


class Known(msgspec.Struct, frozen=True):
    """A domain: its id, its name everywhere else, and what is said of it."""

    id: str
    name: str
    created_at: int
    said: Said = Said()

    @property
    def there(self) -> bool:
        return self.said.status == AVAILABLE


class Domains:
    """Knows the domains by their ids; each is read once, for only this process marks them."""

    def __init__(self, context: Context) -> None:
        self._store = context.store
        self._clock = context.clock
        self._marks = Marks(context)
        self._known: dict[str, Known] = {}

    async def of(self, request: Request, modelled: bool = True) -> Known:
        """The domain that a request names, when it may be used by who sends it.

        Args:
            modelled: the operation knows ResourceNotFoundException.

        Raises:
            InvalidParameter, NotFound, Forbidden: it is none, or not the sender's.
        """
        identity = request.path[0]
        known = self._known.get(identity)
        if known is None:
            if names.DOMAIN_ID.fullmatch(identity) is None:
                pattern = names.DOMAIN_ID.pattern
                raise InvalidParameter(
                    "domainIdentifier", f"{identity!r} does not have the form {pattern}"
                )
            known = await self._look_up(identity)
        sender = request.principal
        if sender.key_id is not None and (known is None or sender.domain != known.name):
            raise Forbidden(f"this key does not belong to the domain {identity}")
        if known is None or not known.there:
            kind = NotFound if modelled else Forbidden
            raise kind(f"there is no domain {identity}")
        return known

    async def _look_up(self, identity: str) -> Known | None:
        for domain in await self._store.domains():
            if names.domain_name(domain.name) == identity:
                return await self._learn(domain)
        return None

    async def _learn(self, domain: Domain) -> Known:
        identity = names.domain_name(domain.name)
        known = self._known.get(identity)
        if known is None:
            name = domain.name

            async def question(reader: Reader) -> Said | None:
                return await self._marks.read(reader, name, names.domain_mark(name), Said)

            said = await self._store.read(question) or Said()
            known = self._known[identity] = Known(identity, name, domain.created_at, said)
        return known

    async def all(self) -> list[Known]:
        """By name."""
        found = [await self._learn(domain) for domain in await self._store.domains()]
        return sorted((known for known in found if known.there), key=lambda known: known.name)

    async def create(self, name: str, said: Said) -> Known:
        """Makes a domain, or opens a deleted one again; with the token of its making, it is it.

        Raises:
            InvalidParameter: a name that no domain can have.
            Conflict: a domain of this name is there.
        """
        if _NAME.fullmatch(name) is None:
            raise InvalidParameter("name", "has to be 1 to 64 characters, none of them a control")
        try:
            domain = await self._store.create_domain(name, self._clock())
        except Conflict:
            domain = next(each for each in await self._store.domains() if each.name == name)
            known = await self._learn(domain)
            if known.there and said.token is not None and known.said.token == said.token:
                return known
            if known.there and not await self._half_made(known):
                raise
        before = self._known.get(names.domain_name(name))
        made = Known(names.domain_name(name), name, domain.created_at, said)
        return await self._mark(made, 0 if before is None else before.said.at)

    async def _half_made(self, known: Known) -> bool:
        """Whether nothing was ever said of it or stored in it, as when its making was cut off."""

        async def question(reader: Reader) -> bool:
            return await reader.event_span(known.name) is None

        return known.name != DEFAULT and await self._store.read(question)

    async def delete(self, known: Known) -> None:
        """Closes a domain for this protocol; its events stay in the log. Raises Conflict."""
        if known.name == DEFAULT:
            raise Conflict(f"the domain {DEFAULT!r} cannot be deleted")
        said = msgspec.structs.replace(known.said, status=DELETED, token=None)
        await self._mark(msgspec.structs.replace(known, said=said), known.said.at)

    async def _mark(self, known: Known, before: int) -> Known:
        at = max(self._clock(), before + 1)
        said = msgspec.structs.replace(known.said, at=at)
        known = msgspec.structs.replace(known, said=said)
        facet: dict[str, Any] = msgspec.to_builtins(said)
        await self._marks.write(known.name, names.domain_mark(known.name), facet, at)
        self._known[known.id] = known
        return known
