"""Tokens that a server gives out and knows again without keeping them.

A token says whose it is, for which project, and until when, under the server's signature; so it
survives a restart. It falls with its key, and with the password that it was given for.
"""

import base64
import binascii
import hmac

import msgspec

from headwater.auth.vault import Vault
from headwater.errors import Unauthenticated

LIFE_SECONDS = 24 * 3600
_PURPOSE = b"dataarts token"
_PREFIX = b"HWT1."


class ExpiredToken(Unauthenticated):
    """The token must be updated."""


class Claims(msgspec.Struct, frozen=True, array_like=True):
    """What a token says; times are microseconds since 1970.

    `key_id` is None for a token of a user (`user`, `stamp` of the password), and both are for one
    that an open server gave to anyone. `project` is None for a token of the whole domain.
    """

    domain: str
    issued: int
    expires: int
    method: str
    key_id: str | None = None
    user: str | None = None
    stamp: str | None = None
    project: str | None = None


_claims = msgspec.msgpack.Decoder(Claims)


def write(vault: Vault, claims: Claims) -> str:
    said = msgspec.msgpack.encode(claims)
    signed = vault.sign(said, _PURPOSE) + said
    return (_PREFIX + base64.urlsafe_b64encode(signed)).decode()


def read(vault: Vault, token: bytes, now: int) -> Claims:
    """What a token of this server says.

    Raises:
        ExpiredToken: it did hold.
        Unauthenticated: it never did.
    """
    if not token.startswith(_PREFIX):
        raise Unauthenticated("decrypt token fail")
    try:
        signed = base64.b64decode(token[len(_PREFIX) :], altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unauthenticated("decrypt token fail") from error
    said = signed[32:]
    if not hmac.compare_digest(vault.sign(said, _PURPOSE), signed[:32]):
        raise Unauthenticated("decrypt token fail")
    claims = _claims.decode(said)
    if now >= claims.expires:
        raise ExpiredToken
    return claims
