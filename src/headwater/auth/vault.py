"""The server's own secret: what it encrypts at rest and signs for itself.

A signature is verified with the secret itself, not with a hash of it, so the secrets of keys have
to be had again. They are kept encrypted (AES-256-GCM) under a key that lies in a file of its own,
readable by its owner only: whoever gets the database alone gets no secret.
"""

import hmac
import os
import secrets
import stat
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headwater.errors import StoreError

KEY_BYTES = 32
_NONCE_BYTES = 12


class Vault:
    """Encrypts and signs with the secret in a file, which is made when it is first needed.

    Raises:
        StoreError: the file cannot be read or made, holds no key, or is open to others.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        return self._path

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """Encrypts; `about` names what the secret is for, and is needed to have it again."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about)

    def unseal(self, sealed: bytes, about: bytes) -> bytes:
        """Raises ValueError for what was not sealed here, or was sealed about something else."""
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, about)
        except (InvalidTag, ValueError) as error:
            raise ValueError("sealed by another key file, or damaged") from error

    def sign(self, data: bytes, purpose: bytes) -> bytes:
        """The 32-byte signature (HMAC-SHA-256) of data; no purpose's holds for another one."""
        key = hmac.digest(self._key, b"sign\0" + purpose, "sha256")
        return hmac.digest(key, data, "sha256")

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self._key, b"seal", "sha256"))

    @cached_property
    def _key(self) -> bytes:
        try:
            return self._read()
        except FileNotFoundError:
            return self._make()
        except OSError as error:
            raise StoreError(f"cannot read the key file {self._path}: {error.strerror}") from error

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1_024)
        if os.name == "posix" and mode & 0o077:
            raise StoreError(
                f"the key file {self._path} is open to others (mode {mode:o}): chmod 600 it"
            )
        try:
            key = bytes.fromhex(text.decode("ascii").strip())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise StoreError(f"the key file {self._path} holds no key")
        return key

    def _make(self) -> bytes:
        """Whole or not at all, and whoever is first wins: two processes may make it at once."""
        fresh = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                os.link(fresh, self._path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
            return self._read()
        except OSError as error:
            raise StoreError(f"cannot make the key file {self._path}: {error.strerror}") from error


def vault_of(database: Path, key_file: str) -> Vault:
    """The vault of a database: its file lies beside it unless a setting names another."""
    return Vault(Path(key_file) if key_file else database.with_name(database.name + ".secret"))
