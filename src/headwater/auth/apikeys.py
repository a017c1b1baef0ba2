"""API keys: a public id and a secret, one pair for every protocol.

A secret has 240 random bits. No one can try them all, so a Bearer token is compared with a plain
SHA-256: a slow hash protects what people choose, and would cost each request milliseconds here.
Comparison takes constant time. For the protocols that sign, the secret is also kept encrypted.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Protocol

from headwater.access import ApiKey, Domain
from headwater.auth.principal import Principal, Scope
from headwater.auth.vault import Vault
from headwater.errors import RateLimited
from headwater.memo import Memo

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TOKEN = re.compile(rb"(HW[A-Z2-7]{18})\.([A-Za-z0-9_-]{40})")
REMEMBERED = 4_096


def create_key(
    domain: str, scopes: Iterable[Scope], label: str, now: int, vault: Vault | None = None
) -> tuple[ApiKey, str]:
    """A new key for the store, and its secret, which is shown once.

    Args:
        vault: encrypts the secret, so that the key may sign requests (AWS, Huawei); without one
            it serves as a Bearer token only.
    """
    identity = "HW" + "".join(secrets.choice(_ALPHABET) for _ in range(18))
    secret = secrets.token_urlsafe(30)
    names = frozenset(scope.value for scope in scopes)
    sealed = None if vault is None else vault.seal(secret.encode(), identity.encode())
    key = ApiKey(identity, domain, names, _hash(secret.encode()), label, now, sealed=sealed)
    return key, secret


def token_of(key: ApiKey, secret: str) -> str:
    """What a client sends as `Authorization: Bearer <token>`."""
    return f"{key.id}.{secret}"


def _hash(secret: bytes) -> str:
    return sha256(secret).hexdigest()


class KeySource(Protocol):
    """The part of a store that holds keys; `headwater.store.Store` says what each promises."""

    async def domains(self) -> list[Domain]: ...

    async def keys(self) -> list[ApiKey]: ...

    def keys_version(self) -> int: ...


@dataclass(frozen=True)
class SigningKey:
    """What a signature is verified with, and whose it is."""

    secret: str
    principal: Principal

    @cached_property
    def mac(self) -> hmac.HMAC:
        """HMAC-SHA256 under the secret, of nothing yet: to copy it is quicker than to begin one."""
        return hmac.new(self.secret.encode(), digestmod="sha256")


class KeyRing:
    """The keys of a store, as they stand now: a key made or revoked by any process acts as
    soon as the store says so.

    Args:
        vault: has the secrets of keys that sign; without one, no key does.
    """

    def __init__(self, store: KeySource, vault: Vault | None = None) -> None:
        self._store = store
        self._vault = vault
        self._version: int | None = None
        self._keys: dict[bytes, ApiKey] = {}
        # By digest, so that no token stands in memory; only tokens that hold are remembered.
        self._known: Memo[bytes, Principal] = Memo(REMEMBERED)
        self._signing: dict[str, SigningKey] = {}
        self._any = False

    @property
    def version(self) -> int | None:
        return self._version

    @property
    def current(self) -> bool:
        """Whether what was loaded still stands; costs no I/O."""
        return self._version == self._store.keys_version()

    @property
    def empty(self) -> bool:
        """Whether no key was ever made. A revoked one counts: revoking never opens a server."""
        return not self._any

    async def refresh(self) -> None:
        """Loads the keys when they have changed."""
        # Read first: a change during the load is seen as one more change.
        version = self._store.keys_version()
        if version == self._version:
            return
        keys = await self._store.keys()
        self._any = bool(keys)
        self._keys = {key.id.encode(): key for key in keys if key.revoked_at is None}
        self._known.clear()
        self._signing.clear()
        self._version = version

    def verify(self, token: bytes) -> Principal | None:
        """The holder of a token; None when it does not hold. `refresh` comes before."""
        digest = sha256(token).digest()
        return self._known.get(digest) or self._verify(token, digest)

    def _verify(self, token: bytes, digest: bytes) -> Principal | None:
        match = _TOKEN.fullmatch(token)
        key = self._keys.get(match[1]) if match else None
        if match is None or key is None:
            return None
        if not hmac.compare_digest(_hash(match[2]), key.secret_hash):
            return None
        return self._known.put(digest, _principal(key))

    def holder(self, identity: str) -> Principal | None:
        """Whose key this is, if it is in force; `refresh` comes before."""
        key = self._keys.get(identity.encode("utf-8", "replace"))
        return None if key is None else _principal(key)

    def signing(self, identity: str) -> SigningKey | None:
        """The key of this id for verifying what it signed; `refresh` comes before.

        None when no such key is in force, or its secret cannot be had: it was made for Bearer
        tokens only, or under another key file.
        """
        known = self._signing.get(identity)
        if known is not None:
            return known
        key = self._keys.get(identity.encode("utf-8", "replace"))
        if key is None or key.sealed is None or self._vault is None:
            return None
        try:
            secret = self._vault.unseal(key.sealed, key.id.encode()).decode("ascii")
        except ValueError:
            return None
        found = self._signing[identity] = SigningKey(secret, _principal(key))
        return found


def _principal(key: ApiKey) -> Principal:
    scopes = {scope for scope in Scope if scope.value in key.scopes}
    return Principal.of_key(key.id, key.domain, scopes)


class RateLimiter:
    """A token bucket per key: `rate` requests a second, and one second's worth at once.

    Args:
        rate: 0 means no limit.
        clock: seconds, monotonic.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._most = max(rate, 1.0)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key_id: str) -> None:
        """Raises RateLimited when the key has no request left."""
        if not self._rate:
            return
        now = self._clock()
        left, at = self._buckets.get(key_id, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        if left < 1:
            self._buckets[key_id] = (left, now)
            raise RateLimited(max(1, round((1 - left) / self._rate + 0.5)))
        self._buckets[key_id] = (left - 1, now)
