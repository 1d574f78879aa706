"""One record of the audit log, and with which key it is signed."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import Field

from mpcgov.spec.envelope import pae
from mpcgov.spec.ids import Digest
from mpcgov.spec.load import Frozen

RECORD_TYPE = "application/vnd.mpcgov.audit-record+json"


class Record(Frozen):
    """One thing that happened: when, what, about which job, with which facts (names, states, digests, counts)."""

    sequence: int = Field(ge=1)
    at: float
    event: str
    job: str
    facts: dict[str, Any]
    previous: Digest


def former_key(change: Record) -> Ed25519PublicKey | None:
    """The former key that a record of a new one names; None if it names none."""
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(change.facts["former"]))
    except (KeyError, TypeError, ValueError):
        return None


def is_signed(row: Any, key: Ed25519PublicKey) -> bool:
    """Whether a record was signed with a key."""
    try:
        key.verify(base64.b64decode(row.signature, validate=True), pae(RECORD_TYPE, row.record))
    except (InvalidSignature, binascii.Error, TypeError, ValueError):
        return False
    return True
