"""Decides who may pass: the one place where a Bearer key meets the scope that a route needs."""

import ipaddress

from headwater.auth.apikeys import KeyRing, KeySource, RateLimiter
from headwater.auth.principal import EVERYTHING, Principal, Scope
from headwater.errors import Forbidden, NotFound, Unauthenticated

DEFAULT_DOMAIN = "default"
_SCHEME = b"bearer "


class Gate:
    """Admits requests by their Bearer key.

    An open server takes everyone: one that is `insecure`, or for which no key was ever made. The
    first key closes it at once, without a restart. Only on an open server may a request choose its
    domain; a key belongs to one.
    """

    def __init__(
        self, store: KeySource, keys: KeyRing, limiter: RateLimiter, insecure: bool = False
    ) -> None:
        self._store = store
        self._keys = keys
        self._limiter = limiter
        self._insecure = insecure
        self._open: dict[str, Principal] = {DEFAULT_DOMAIN: Principal.anyone(DEFAULT_DOMAIN)}

    async def identify(self, authorization: bytes | None, domain: str | None = None) -> Principal:
        """Who sends this.

        Args:
            authorization: the header of that name.
            domain: the domain that the request asks for; None for the credential's own.

        Raises:
            Unauthenticated: the server needs a key, and this is none that holds.
            Forbidden: the key belongs to another domain.
            NotFound: there is no such domain.
            RateLimited: the key has sent too much.
        """
        await self.refresh()
        return self._known(authorization, domain) or await self._anyone(domain)

    def recognized(
        self, authorization: bytes | None, domain: str | None = None
    ) -> Principal | None:
        """`identify` as far as it needs no I/O; None: it does."""
        return self._known(authorization, domain) if self._keys.current else None

    def _known(self, authorization: bytes | None, domain: str | None) -> Principal | None:
        """None: whoever speaks to an open server, of a domain that nobody has asked for yet."""
        holder = None
        if authorization is not None and authorization[:7].lower() == _SCHEME:
            holder = self._keys.verify(authorization[7:].strip())
        if holder is not None and holder.key_id is not None:
            if domain is not None and domain != holder.domain:
                raise Forbidden("this key belongs to another domain")
            return self.admitted(holder)
        if not self.open:
            raise Unauthenticated
        return self._open.get(domain or DEFAULT_DOMAIN)

    async def refresh(self) -> None:
        """Makes sure that keys made or revoked by now are known; costs no I/O when none was."""
        if not self._keys.current:
            await self._keys.refresh()

    @property
    def open(self) -> bool:
        """Whether everyone is taken, whatever credential they show; `refresh` comes before."""
        return self._insecure or self._keys.empty

    def admitted(self, holder: Principal) -> Principal:
        """The holder of a key whose credential was found to hold, in whatever protocol.

        Raises:
            RateLimited: the key has sent too much.
        """
        if holder.key_id is not None:
            self._limiter.take(holder.key_id)
        if not self._insecure:
            return holder
        return Principal(holder.domain, holder.key_id, EVERYTHING)

    async def anyone(self, domain: str | None = None) -> Principal:
        """Whoever speaks to an open server; raises NotFound when there is no such domain."""
        return self._open.get(domain or DEFAULT_DOMAIN) or await self._anyone(domain)

    async def admit(
        self, authorization: bytes | None, scope: Scope, domain: str | None = None
    ) -> Principal:
        """`identify`, and raises Forbidden too when the scope is missing."""
        principal = await self.identify(authorization, domain)
        if scope not in principal.scopes:
            raise Forbidden(f"this key lacks the scope {scope.value!r}")
        return principal

    async def _anyone(self, domain: str | None) -> Principal:
        """Domains are never taken away, so what was found once is remembered."""
        for known in await self._store.domains():
            self._open[known.name] = Principal.anyone(known.name)
        if domain not in self._open:
            raise NotFound(f"there is no domain {domain!r}")
        return self._open[domain]


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def require_safe(host: str, keys: KeyRing, insecure: bool) -> None:
    """Raises Forbidden where the server would stand open to other machines."""
    await keys.refresh()
    if insecure or is_loopback(host) or not keys.empty:
        return
    raise Forbidden(
        f"refusing to listen on {host} without a key: whoever reaches it could read and write "
        "everything. Make a key first (headwater keys create), or say --insecure."
    )
