"""A bundle: the list of members, a proposal, everybody's approvals and receipts, the shares, and what they open to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from mpcgov import registry
from mpcgov.errors import LocalError, SpecError
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.ids import JobId, PartyId
from mpcgov.spec.load import Frozen, canonical_json, parse_json
from mpcgov.spec.statement import SHARE_LIMIT_BYTES

LIMIT_BYTES = 4 * SHARE_LIMIT_BYTES


class NodeEvidence(Frozen):
    """What one node has on record of a job: every party's approval and receipt, and how far its own audit log goes."""

    approvals: dict[PartyId, Envelope]
    receipts: dict[PartyId, Envelope]
    head: Envelope


class Bundle(Frozen):
    """The file.

    `protocol`: the protocol's folder, by file; its digest is the one that everybody approved. `heads`: of each party's
    audit log, when the bundle was made. `result`: as its receiver opened it.
    """

    format: Literal["mpcgov-bundle-1"] = "mpcgov-bundle-1"
    job: JobId
    roster: Envelope
    proposal: Envelope
    protocol: dict[str, str]
    approvals: dict[PartyId, Envelope]
    receipts: dict[PartyId, Envelope]
    shares: dict[PartyId, Envelope]
    heads: dict[PartyId, Envelope]
    result: dict[str, Any]

    def to_bytes(self) -> bytes:
        """The file's bytes: canonical JSON, so that there is one way to write it."""
        return canonical_json(self.model_dump(mode="json"))


def read(path: Path) -> Bundle:
    """The bundle in a file; nothing in it is verified but that the file is written in the one way there is.

    Raises:
        SpecError: it isn't one. LocalError: it can't be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LocalError(f"{path}: can't be read ({error.strerror})", code="file") from None
    bundle = parse_json(data, Bundle, str(path), LIMIT_BYTES)
    if bundle.to_bytes() != data:
        raise SpecError(f"{path}: changed since it was written", code="bundle")
    return bundle


def protocol_files(folder: Path) -> dict[str, str]:
    """A protocol's folder by file.

    Raises:
        LocalError: a file in it is no text.
    """
    try:
        return {name: data.decode() for name, data in registry.read_folder(folder).items()}
    except UnicodeDecodeError:
        raise LocalError(f"{folder}: a file in it is no text", code="protocol") from None
