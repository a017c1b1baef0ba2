"""The vault: what it seals comes back, and only here; its file is its owner's alone."""

import stat
from pathlib import Path
from threading import Thread

import pytest

from headwater.auth.vault import Vault, vault_of
from headwater.errors import StoreError


def test_what_is_sealed_comes_back_and_only_about_the_same(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "secret")
    sealed = vault.seal(b"plain", b"key 1")
    assert b"plain" not in sealed
    assert sealed != vault.seal(b"plain", b"key 1")
    assert Vault(tmp_path / "secret").unseal(sealed, b"key 1") == b"plain"
    for other, about in ((sealed, b"key 2"), (sealed[:-1], b"key 1"), (b"", b"key 1")):
        with pytest.raises(ValueError, match="sealed by another key file"):
            vault.unseal(other, about)


def test_signatures_hold_for_one_purpose_and_one_file(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "secret")
    signature = vault.sign(b"data", b"token")
    assert len(signature) == 32
    assert signature == Vault(tmp_path / "secret").sign(b"data", b"token")
    assert signature != vault.sign(b"data", b"cursor")
    assert signature != Vault(tmp_path / "other").sign(b"data", b"token")


def test_the_file_is_made_once_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    found: list[bytes] = []
    makers = [Thread(target=lambda: found.append(Vault(path).sign(b"", b""))) for _ in range(16)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    Vault(path).sign(b"", b"")
    path.chmod(0o640)
    with pytest.raises(StoreError, match=r"open to others \(mode 640\): chmod 600"):
        Vault(path).sign(b"", b"")


def test_a_file_without_a_key_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    with pytest.raises(StoreError, match="holds no key"):
        Vault(path).seal(b"", b"")
    assert path.read_bytes() == b""
    with pytest.raises(StoreError, match="cannot make the key file"):
        Vault(tmp_path / "nowhere" / "secret").seal(b"", b"")


def test_the_file_lies_beside_the_database_unless_it_is_named(tmp_path: Path) -> None:
    database = tmp_path / "hw.db"
    assert vault_of(database, "").path == tmp_path / "hw.db.secret"
    assert vault_of(database, "/run/secrets/hw").path == Path("/run/secrets/hw")
