"""Keys: their shape, what holds, what is revoked, how often."""

import asyncio
import re
from pathlib import Path

import pytest

from headwater.access import ApiKey, Domain
from headwater.auth.apikeys import KeyRing, RateLimiter, SigningKey, create_key, token_of
from headwater.auth.gate import Gate, is_loopback, require_safe
from headwater.auth.principal import EVERYTHING, Principal, Scope
from headwater.auth.vault import Vault
from headwater.errors import Forbidden, NotFound, RateLimited, Unauthenticated


class Keys:
    def __init__(self, *keys: ApiKey) -> None:
        self.all = list(keys)
        self.version = 0
        self.loads = 0

    async def domains(self) -> list[Domain]:
        return [Domain("default", 0), Domain("other", 0)]

    async def keys(self) -> list[ApiKey]:
        self.loads += 1
        return list(self.all)

    def keys_version(self) -> int:
        return self.version

    def revoke(self, key: ApiKey) -> None:
        self.all.remove(key)
        self.all.append(
            ApiKey(key.id, key.domain, key.scopes, key.secret_hash, key.label, 0, revoked_at=1)
        )
        self.version += 1


def made(*scopes: Scope, domain: str = "default") -> tuple[ApiKey, bytes]:
    key, secret = create_key(domain, scopes, "a label", 5)
    return key, token_of(key, secret).encode()


def gate(keys: Keys, *, insecure: bool = False, rate: float = 0.0) -> Gate:
    return Gate(keys, KeyRing(keys), RateLimiter(rate, lambda: 0.0), insecure)


def test_a_key_signs_while_it_is_in_force(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "secret")
    key, secret = create_key("other", [Scope.READ], "", 5, vault)
    plain, _ = made()
    assert key.sealed is not None
    assert secret.encode() not in key.sealed
    keys = Keys(key, plain)
    ring = KeyRing(keys, vault)
    asyncio.run(ring.refresh())
    expected = SigningKey(secret, Principal.of_key(key.id, "other", {Scope.READ}))
    assert ring.signing(key.id) == ring.signing(key.id) == expected
    assert ring.signing(plain.id) is None, "made without a vault: a Bearer token only"
    assert ring.signing("HWNOBODY\ud800") is None
    keys.revoke(key)
    asyncio.run(ring.refresh())
    assert ring.signing(key.id) is None


def test_a_key_of_another_key_file_does_not_sign(tmp_path: Path) -> None:
    key, secret = create_key("default", [Scope.READ], "", 5, Vault(tmp_path / "lost"))
    ring = KeyRing(Keys(key), Vault(tmp_path / "new"))
    asyncio.run(ring.refresh())
    assert ring.signing(key.id) is None
    assert ring.verify(token_of(key, secret).encode()) is not None


def test_the_gate_admits_who_was_verified_elsewhere() -> None:
    key, _ = made(Scope.READ)
    holder = Principal.of_key(key.id, "default", {Scope.READ})
    closed = gate(Keys(key), rate=1)
    asyncio.run(closed.refresh())
    assert not closed.open
    assert closed.admitted(holder) == holder
    with pytest.raises(RateLimited):
        closed.admitted(holder)
    insecure = gate(Keys(key), insecure=True)
    assert insecure.open
    assert insecure.admitted(holder).scopes == EVERYTHING
    empty = gate(Keys())
    asyncio.run(empty.refresh())
    assert empty.open
    assert asyncio.run(empty.anyone("other")) == Principal.anyone("other")


def bearer(token: bytes) -> bytes:
    return b"Bearer " + token


def test_a_key_has_the_shape_of_an_aws_pair_and_no_secret() -> None:
    key, secret = create_key("default", [Scope.READ, Scope.WRITE], "label", 7)
    assert re.fullmatch(r"HW[A-Z2-7]{18}", key.id)
    assert re.fullmatch(r"[A-Za-z0-9_-]{40}", secret)
    assert (sorted(key.scopes), key.created_at, key.revoked_at) == (["read", "write"], 7, None)
    assert secret not in repr(key)
    assert create_key("default", [], "", 7)[1] != secret


def test_only_the_whole_token_holds() -> None:
    key, token = made(Scope.WRITE)
    other, _ = made(Scope.WRITE)
    ring = KeyRing(Keys(key, other))
    asyncio.run(ring.refresh())
    assert ring.verify(token) == Principal("default", key.id, frozenset({Scope.WRITE}))
    assert ring.verify(token) is ring.verify(token)
    wrong = token[:-1] + (b"A" if token[-1:] != b"A" else b"B")
    secret = token.partition(b".")[2]
    strangers = (b"", secret, token + b"x", wrong, other.id.encode() + b"." + secret, b"\xff.\0")
    assert [ring.verify(stranger) for stranger in strangers] == [None] * len(strangers)


def test_admin_may_everything_and_write_may_not_read() -> None:
    assert Principal.of_key("k", "d", [Scope.ADMIN]).scopes == EVERYTHING
    writer = Principal.of_key("k", "d", [Scope.WRITE])
    assert [writer.may(scope) for scope in Scope] == [True, False, False]
    assert not any(Principal.nobody().may(scope) for scope in Scope)
    assert all(Principal.anyone("d").may(scope) for scope in Scope)


def test_the_first_key_closes_the_server_and_revoking_it_does_not_open_it() -> None:
    async def story() -> None:
        keys = Keys()
        door = gate(keys)
        assert await door.admit(b"Bearer unknown", Scope.ADMIN) == Principal.anyone("default")
        key, token = made(Scope.READ)
        keys.all.append(key)
        keys.version += 1
        with pytest.raises(Unauthenticated):
            await door.admit(None, Scope.READ)
        holder = await door.admit(b"bEARER  " + token + b" ", Scope.READ)
        assert holder.key_id == key.id
        with pytest.raises(Forbidden, match="write"):
            await door.admit(bearer(token), Scope.WRITE)
        keys.revoke(key)
        for credential in (bearer(token), None, b"Basic abc"):
            with pytest.raises(Unauthenticated):
                await door.admit(credential, Scope.READ)

    asyncio.run(story())


def test_keys_are_loaded_once_for_each_change() -> None:
    async def story() -> None:
        key, token = made(Scope.READ)
        keys = Keys(key)
        door = gate(keys)
        for _ in range(3):
            await door.admit(bearer(token), Scope.READ)
        assert keys.loads == 1
        keys.version += 1
        await door.admit(bearer(token), Scope.READ)
        assert keys.loads == 2

    asyncio.run(story())


def test_a_key_belongs_to_one_domain() -> None:
    async def story() -> None:
        key, token = made(Scope.ADMIN, domain="other")
        door = gate(Keys(key))
        assert (await door.identify(bearer(token), "other")).domain == "other"
        with pytest.raises(Forbidden, match="another domain"):
            await door.identify(bearer(token), "default")

    asyncio.run(story())


def test_an_open_server_knows_its_domains() -> None:
    async def story() -> None:
        door = gate(Keys())
        assert (await door.identify(None, "other")).domain == "other"
        with pytest.raises(NotFound):
            await door.identify(None, "none")

    asyncio.run(story())


def test_an_insecure_server_takes_everyone_and_knows_whom_it_can() -> None:
    async def story() -> None:
        key, token = made(Scope.READ, domain="other")
        door = gate(Keys(key), insecure=True)
        assert await door.admit(None, Scope.WRITE) == Principal.anyone("default")
        holder = await door.admit(bearer(token), Scope.WRITE)
        assert (holder.domain, holder.key_id) == ("other", key.id)

    asyncio.run(story())


def test_the_rate_of_each_key() -> None:
    now = [0.0]
    limiter = RateLimiter(2.0, lambda: now[0])
    for _ in range(2):
        limiter.take("a")
    with pytest.raises(RateLimited) as caught:
        limiter.take("a")
    assert caught.value.retry_after == 1
    limiter.take("b")
    now[0] = 0.5
    limiter.take("a")
    with pytest.raises(RateLimited):
        limiter.take("a")
    slow = RateLimiter(0.1, lambda: now[0])
    slow.take("a")
    with pytest.raises(RateLimited) as caught:
        slow.take("a")
    assert caught.value.retry_after == 10
    free = RateLimiter(0.0, lambda: now[0])
    for _ in range(1_000):
        free.take("a")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    asyncio.run(require_safe(host, KeyRing(Keys()), insecure=False))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_other_machines_need_a_key_or_a_word(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(Forbidden, match="--insecure"):
        asyncio.run(require_safe(host, KeyRing(Keys()), insecure=False))
    asyncio.run(require_safe(host, KeyRing(Keys()), insecure=True))
    asyncio.run(require_safe(host, KeyRing(Keys(made()[0])), insecure=False))
