"""An identity's keys: Ed25519 to sign, P-256 for TLS. Made at the agency, kept in its home, never sent anywhere."""

from __future__ import annotations

import datetime as dt
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mpcgov import files
from mpcgov.errors import LocalError
from mpcgov.spec.ids import digest
from mpcgov.spec.roster import Card

WARN_DAYS = 60
"""How long before a certificate's end people are told: a new roster takes every member's signature."""

FOLDER = "keys"
LEDGER_KEY = "ledger.key"
LEDGER_KEY_BYTES = 32

RESTORE = "restore keys/ from a backup, or make new keys: docs/operations.md"

VALID_DAYS = 3650
"""Certificates are pinned by the roster, which is what ends their life; the date is only a backstop."""


@dataclass(frozen=True)
class Identity:
    """Who we are on the network: a name, a signing key, and where TLS finds its certificate and key."""

    role: Literal["party", "coordinator"]
    name: str
    address: str | None
    signing_key: Ed25519PrivateKey
    certificate_path: Path
    tls_key_path: Path
    ledger_key: bytes = field(repr=False)
    """What fingerprints of rows are kept under: it outlives the signing key, since the ledger does."""

    @property
    def public_key(self) -> str:
        """What the signing key's signatures are verified with, in hexadecimal digits."""
        return self.signing_key.public_key().public_bytes_raw().hex()

    @property
    def card(self) -> Card:
        """The public half."""
        pem = self.certificate_path.read_text()
        return Card(
            role=self.role,
            id=self.name,
            address=self.address,
            certificate=pem,
            certificate_digest=certificate_digest(pem),
            signing_key=self.public_key,
        )


def create(
    home: Path,
    role: Literal["party", "coordinator"],
    name: str,
    address: str | None,
    *,
    folder_name: str = FOLDER,
    ledger_key: bytes | None = None,
) -> Identity:
    """New keys in a folder of `home`, readable by their owner only.

    Args:
        ledger_key: of the identity whose ledger these keys go on with; None for a new one.

    Raises:
        LocalError: there are keys already, which are never overwritten; or the new ones can't be written.
    """
    require_none(home, folder_name)
    with files.whole_folder(home / folder_name, 0o700) as folder:
        tls_key = ec.generate_private_key(ec.SECP256R1())
        _write(folder / "tls.crt", _certificate(name, tls_key).public_bytes(serialization.Encoding.PEM), 0o644)
        _write(folder / "tls.key", _private_pem(tls_key), 0o600)
        _write(folder / "signing.key", _private_pem(Ed25519PrivateKey.generate()), 0o600)
        if ledger_key is not None:
            _write(folder / LEDGER_KEY, ledger_key.hex().encode(), 0o600)
    return load(home, role, name, address, folder_name)


def require_none(home: Path, folder_name: str = FOLDER) -> None:
    """Nothing, if there are no keys in a folder of `home` yet.

    Raises:
        LocalError: there are.
    """
    folder = home / folder_name
    if folder.exists():
        raise LocalError(f"{folder}: there are keys already", hint="choose another --home; keys are never overwritten")


def load(
    home: Path,
    role: Literal["party", "coordinator"],
    name: str,
    address: str | None,
    folder_name: str = FOLDER,
) -> Identity:
    """The identity whose keys are in a folder of `home`.

    Raises:
        LocalError: keys are missing, broken, or readable by others.
    """
    folder = home / folder_name
    key, tls_key = _private_key(folder / "signing.key"), _private_key(folder / "tls.key")
    if not isinstance(key, Ed25519PrivateKey):
        raise LocalError(f"{folder / 'signing.key'}: not an Ed25519 key", code="keys")
    try:
        pem = (folder / "tls.crt").read_text()
        certificate = _only_certificate(pem)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise LocalError(f"{folder / 'tls.crt'}: can't be read ({why})", hint=RESTORE, code="keys") from None
    except LocalError as error:
        raise LocalError(f"{folder / 'tls.crt'}: {error.message}", hint=RESTORE, code="keys") from None
    if certificate.public_key() != tls_key.public_key():
        raise LocalError(f"{folder}: tls.crt and tls.key don't belong together", hint=RESTORE, code="keys")
    ledger_key = _ledger_key(folder / LEDGER_KEY, key)
    return Identity(role, name, address, key, folder / "tls.crt", folder / "tls.key", ledger_key)


def certificate_digest(pem: str) -> str:
    """The SHA-256 of a certificate's DER bytes: what is pinned and what a handshake shows.

    Raises:
        LocalError: not one PEM certificate.
    """
    return digest(_only_certificate(pem).public_bytes(serialization.Encoding.DER))


def certificate_end(pem: str) -> dt.datetime:
    """When a certificate expires, UTC.

    Raises:
        LocalError: not one PEM certificate.
    """
    return _only_certificate(pem).not_valid_after_utc


def expired(pem: str) -> str:
    """The day on which a certificate expired; "" while it is valid."""
    end = certificate_end(pem)
    return end.date().isoformat() if end <= dt.datetime.now(dt.UTC) else ""


def ends_soon(card: Card) -> str:
    """What people should know of the end of a member's certificate; "" if it is further off than WARN_DAYS."""
    end = certificate_end(card.certificate)
    days = (end - dt.datetime.now(dt.UTC)).days
    if days > WARN_DAYS:
        return ""
    if over := expired(card.certificate):
        return f"{card.id}: its certificate expired on {over}"
    return f"{card.id}: its certificate expires on {end.date().isoformat()}, in {days} days"


def _only_certificate(pem: str) -> x509.Certificate:
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        certificates = []
    if len(certificates) != 1:
        raise LocalError("not a PEM certificate", code="certificate")
    return certificates[0]


def _certificate(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _private_pem(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _private_key(path: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(_read_private(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise LocalError(f"{path}: not a private key", hint=RESTORE, code="keys") from None


def _ledger_key(path: Path, signing_key: Ed25519PrivateKey) -> bytes:
    """The key that was kept when signing keys were rotated, or, before that, one made from the signing key."""
    if not path.exists():
        info = b"mpcgov ledger snapshot"
        return HKDF(hashes.SHA256(), LEDGER_KEY_BYTES, salt=None, info=info).derive(signing_key.private_bytes_raw())
    try:
        kept = bytes.fromhex(_read_private(path).decode("ascii"))
    except ValueError:
        kept = b""
    if len(kept) != LEDGER_KEY_BYTES:
        raise LocalError(f"{path}: not a ledger's key", hint="restore keys/ from a backup", code="keys")
    return kept


def _read_private(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        data = path.read_bytes()
    except OSError as error:
        raise LocalError(f"{path}: can't be read ({error.strerror})", hint="is --home right?", code="keys") from None
    if mode & 0o077:
        raise LocalError(f"{path}: readable by others", hint=f"chmod 600 {path}", code="keys")
    return data
