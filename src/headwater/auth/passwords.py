"""Passwords of users: a slow hash at rest, and a bound on how often a stranger may guess.

What people choose can be guessed, so a check costs 16 MiB and some 50 ms (scrypt), in a thread
beside the event loop. Guesses are bounded by where they come from, never by whom they name: nobody
can lock a user out by guessing at their name from elsewhere.
"""

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Callable
from typing import NamedTuple

from headwater.errors import RateLimited
from headwater.memo import Memo

_COST, _BLOCK, _LANES = 1 << 14, 8, 1
_MEMORY = 64 << 20
_SALT_BYTES = 16
AT_ONCE = 2
"""Checks that run at the same time; more wait."""

GUESSES = 10
GUESS_SECONDS = 60
SOURCES = 10_000


def hash_password(password: str) -> str:
    """`scrypt$N$r$p$salt$hash`."""
    salt = os.urandom(_SALT_BYTES)
    made = _scrypt(password, salt, _COST, _BLOCK, _LANES)
    parts = (base64.b64encode(part).decode() for part in (salt, made))
    return "$".join(("scrypt", str(_COST), str(_BLOCK), str(_LANES), *parts))


def check_password(password: str, stored: str) -> bool:
    """Whether this is the password of which a hash was stored."""
    _, cost, block, lanes, salt, made = stored.split("$")
    again = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(again, base64.b64decode(made))


def stamp_of(stored: str) -> str:
    """Stands for the password in a token: another password has another."""
    return hashlib.sha256(stored.encode()).hexdigest()[:16]


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    plain = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(plain, salt=salt, n=cost, r=block, p=lanes, maxmem=_MEMORY, dklen=32)


class _Guesses(NamedTuple):
    number: int
    since: float


class PasswordDesk:
    """Checks passwords off the event loop.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._guesses: Memo[str, _Guesses] = Memo(SOURCES)
        self._nobody: str | None = None

    async def check(self, password: str, stored: str | None, source: str) -> bool:
        """Whether the password is right; `stored` is None for a user that does not exist, which
        takes as long to say.

        Raises:
            RateLimited: too many wrong ones came from this source.
        """
        self._take(source)
        async with self._slots:
            right = await asyncio.to_thread(self._check, password, stored)
        if right:
            self._guesses.drop(source)
        return right

    def _check(self, password: str, stored: str | None) -> bool:
        if stored is not None:
            return check_password(password, stored)
        if self._nobody is None:
            self._nobody = hash_password("")
        check_password(password, self._nobody)
        return False

    def _take(self, source: str) -> None:
        """Counts before the check, so that many at once are not many more."""
        now = self._clock()
        count, since = self._guesses.get(source) or _Guesses(0, now)
        if now - since >= GUESS_SECONDS:
            count, since = 0, now
        if count >= GUESSES:
            wait = max(1, round(since + GUESS_SECONDS - now + 0.5))
            raise RateLimited(wait, "too many wrong passwords came from this address")
        self._guesses.put(source, _Guesses(count + 1, since))
