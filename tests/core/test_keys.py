"""Keys on disk: never overwritten, never readable by others."""

import stat

import pytest

from mpcgov import keys
from mpcgov.errors import LocalError


def test_private_keys_are_readable_by_their_owner_only(identities) -> None:
    folder = identities["labour"].tls_key_path.parent
    for name in ("tls.key", "signing.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_existing_keys_are_never_overwritten(tmp_path) -> None:
    keys.create(tmp_path, "party", "tax", "127.0.0.1:1")
    before = (tmp_path / "keys/signing.key").read_bytes()
    with pytest.raises(LocalError, match="there are keys already"):
        keys.create(tmp_path, "party", "tax", "127.0.0.1:1")
    assert (tmp_path / "keys/signing.key").read_bytes() == before


@pytest.mark.parametrize("name", ["tls.key", "signing.key"])
def test_keys_that_others_can_read_are_refused(tmp_path, name: str) -> None:
    keys.create(tmp_path, "party", "tax", "127.0.0.1:1")
    (tmp_path / "keys" / name).chmod(0o640)
    with pytest.raises(LocalError, match="readable by others") as caught:
        keys.load(tmp_path, "party", "tax", "127.0.0.1:1")
    assert "chmod 600" in caught.value.hint


def test_missing_keys_are_a_clear_error(tmp_path) -> None:
    with pytest.raises(LocalError, match="can't be read"):
        keys.load(tmp_path, "party", "tax", "127.0.0.1:1")


def test_a_broken_certificate_has_no_digest() -> None:
    with pytest.raises(LocalError, match="not a PEM certificate"):
        keys.certificate_digest("-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
