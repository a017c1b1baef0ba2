"""Temporary credentials: a key's rights for a while, without anything stored.

The session token says whose they are and until when, and is signed by the server; the secret that
signs requests is derived from it. Revoking the key ends all of its sessions at once.
"""

import base64
import hmac
import re
import secrets
from typing import NamedTuple

from headwater.auth.vault import Vault

_TOKEN = re.compile(r"(HW[A-Z2-7]{18})\.(\d{1,12})\.([0-9a-f]{16})\.([0-9a-f]{64})")
_TOKEN_PURPOSE = b"session token"
_SECRET_PURPOSE = b"session secret"


class Session(NamedTuple):
    """Credentials until `ends_at` (seconds since 1970)."""

    key_id: str
    secret: str
    token: str
    ends_at: int


def open_session(vault: Vault, key_id: str, ends_at: int) -> Session:
    """New temporary credentials of a key."""
    said = f"{key_id}.{ends_at}.{secrets.token_hex(8)}"
    token = f"{said}.{vault.sign(said.encode(), _TOKEN_PURPOSE).hex()}"
    return _session(vault, key_id, ends_at, token)


def read_session(vault: Vault, token: str) -> Session | None:
    """The session of a token; None when it was not made here. It may have ended."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    said = token.rpartition(".")[0]
    if not hmac.compare_digest(vault.sign(said.encode(), _TOKEN_PURPOSE).hex(), match[4]):
        return None
    return _session(vault, match[1], int(match[2]), token)


def _session(vault: Vault, key_id: str, ends_at: int, token: str) -> Session:
    secret = base64.urlsafe_b64encode(vault.sign(token.encode(), _SECRET_PURPOSE)).decode()
    return Session(key_id, secret.rstrip("="), token, ends_at)
