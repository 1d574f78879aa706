"""Checks a bundle offline: every signature, that all statements are about one job, and what the shares open to.

What it can't know: whether the members in the list are who they say. Whoever knows them compares the list's digest.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mpcgov import registry
from mpcgov.errors import MpcgovError, Refused
from mpcgov.evidence.bundle import Bundle, read
from mpcgov.results import result
from mpcgov.spec.assertion import check_all
from mpcgov.spec.envelope import Envelope, open_envelope
from mpcgov.spec.load import LIMIT_BYTES, Frozen, canonical_json, parse_yaml
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.roster import Card, Roster
from mpcgov.spec.statement import (
    APPROVAL_TYPE,
    JOB_HEAD_TYPE,
    PROPOSAL_LIMIT_BYTES,
    PROPOSAL_TYPE,
    RECEIPT_TYPE,
    SHARE_LIMIT_BYTES,
    SHARE_TYPE,
    Approval,
    JobHead,
    Proposal,
    Receipt,
    ResultShare,
    job_id,
    transcript_conflict,
)
from mpcgov.trust import consortium

Statement = TypeVar("Statement", bound=Frozen)


@dataclass(frozen=True)
class Verified:
    """What a bundle proves: `lines` in words, and its result."""

    bundle: Bundle
    roster_digest: str
    lines: tuple[str, ...]


def verify(path: Path) -> Verified:
    """What the bundle in a file proves.

    Raises:
        SpecError: it isn't a bundle, was changed since, or a signature in it doesn't hold.
        Refused: what is signed doesn't fit together; says what and whose. LocalError: the file can't be read.
    """
    bundle = read(path)
    try:
        return _verified(bundle)
    except MpcgovError as error:
        raise type(error)(f"{path}: {error.message}", hint=error.hint, code=error.code) from None


def _verified(bundle: Bundle) -> Verified:
    for envelope in _envelopes(bundle):
        _require_one_way_to_write(envelope)
    roster = consortium.verify_roster(bundle.roster)
    if sorted(one.keyid for one in bundle.roster.signatures) != sorted(card.id for card in consortium.members(roster)):
        raise _unfit("the list of members has a signature too many")
    hq = roster.coordinator
    proposal = _opened(bundle.proposal, PROPOSAL_TYPE, Proposal, hq, PROPOSAL_LIMIT_BYTES)
    if (bundle.job, bundle.roster.digest) != (job_id(proposal.job_digest), proposal.roster_digest):
        raise _unfit("the proposal is of another job or list of members")
    approvals = _of_all(bundle.approvals, APPROVAL_TYPE, Approval, roster, proposal)
    receipts = _of_all(bundle.receipts, RECEIPT_TYPE, Receipt, roster, proposal)
    shares = _of_all(bundle.shares, SHARE_TYPE, ResultShare, roster, proposal, SHARE_LIMIT_BYTES)
    heads = _of_all(bundle.heads, JOB_HEAD_TYPE, JobHead, roster, proposal)
    _require_versions(proposal, approvals, shares)
    _require_receipts(proposal, receipts, shares)
    opened = result.open_result(proposal, _manifest(bundle, proposal), list(shares.values()))
    signed = {party: bundle.shares[party].digest for party in shares}
    if canonical_json(opened | {"signed": signed}) != canonical_json(bundle.result):
        raise _unfit("the shares open to another result than the one that is written in it")
    return Verified(bundle, bundle.roster.digest, tuple(_lines(proposal, approvals, heads, shares)))


def _envelopes(bundle: Bundle) -> Iterator[Envelope]:
    yield from (bundle.roster, bundle.proposal)
    for several in (bundle.approvals, bundle.receipts, bundle.shares, bundle.heads):
        yield from several.values()


def _require_one_way_to_write(envelope: Envelope) -> None:
    """Base64 has bits at its end that nothing is read from: changed ones would go unnoticed."""
    for text in (envelope.payload, *(one.sig for one in envelope.signatures)):
        try:
            same = base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
        except ValueError:
            same = False
        if not same:
            raise _unfit("an envelope was changed since it was signed")


def _opened(
    envelope: Envelope, kind: str, model: type[Statement], signer: Card, limit_bytes: int = LIMIT_BYTES
) -> Statement:
    if len(envelope.signatures) != 1:
        raise _unfit(f"a statement of {signer.id} has {len(envelope.signatures)} signatures")
    return open_envelope(envelope, kind, model, signer.id, signer.signing_key, limit_bytes)


def _of_all(
    envelopes: Mapping[str, Envelope], kind: str, model: type[Statement], roster: Roster, proposal: Proposal,
    limit_bytes: int = LIMIT_BYTES,
) -> dict[str, Statement]:  # fmt: skip
    """Each party's statement about this job, in job order."""
    name = model.__name__.lower()
    if set(envelopes) != set(proposal.parties):
        raise _unfit(f"not exactly one {name} of each party is there")
    found = {}
    for party in proposal.parties:
        one = _opened(envelopes[party], kind, model, roster.member(party), limit_bytes)
        if (getattr(one, "party", ""), getattr(one, "job_digest", "")) != (party, proposal.job_digest):
            raise _unfit(f"the {name} of {party} is about another job or party")
        found[party] = one
    return found


def _require_versions(proposal: Proposal, approvals: Mapping[str, Approval], shares: Mapping[str, ResultShare]) -> None:
    for party, approval in approvals.items():
        check_all(approval.people, proposal.job_digest, party, "approve")
        if (approval.protocol_digest, approval.roster_digest) != (proposal.protocol_digest, proposal.roster_digest):
            raise _unfit(f"{party} approved another version")
    if len({approval.engine_digest for approval in approvals.values()}) > 1:
        raise _unfit("the parties had different versions of mpcgov")
    receivers = {share.receiver for share in shares.values()}
    if len(receivers) > 1 or not receivers <= set(proposal.job.receivers):
        raise _unfit("the shares are for different receivers, or for one that the job doesn't name")


def _require_receipts(proposal: Proposal, receipts: Mapping[str, Receipt], shares: Mapping[str, ResultShare]) -> None:
    for party, receipt in receipts.items():
        if receipt.position != proposal.parties.index(party) or receipt.layout_digest != shares[party].layout.digest:
            raise _unfit(f"the receipt of {party} is for another position or layout")
    if conflict := transcript_conflict(receipts):
        raise _unfit(conflict)


def _manifest(bundle: Bundle, proposal: Proposal) -> Manifest:
    files = {name: text.encode() for name, text in bundle.protocol.items()}
    if registry.digest(files) != proposal.protocol_digest:
        raise _unfit("the protocol in it isn't the one that was approved")
    return parse_yaml(bundle.protocol["manifest.yaml"], Manifest, "manifest.yaml")


def _lines(
    proposal: Proposal, approvals: Mapping[str, Approval], heads: Mapping[str, JobHead],
    shares: Mapping[str, ResultShare],
) -> Iterator[str]:  # fmt: skip
    yield f"job {job_id(proposal.job_digest)}: {proposal.job.purpose} ({proposal.job.legal_basis})"
    yield f"proposed {_when(proposal.proposed_at)}, protocol {proposal.protocol}"
    for party, approval in approvals.items():
        by = _who(approval)
        log = f"its audit log had {heads[party].head.sequence} records"
        yield f"{party}: approved {_when(approval.approved_at)} by {by}; {log}"
    receiver = next(iter(shares.values())).receiver
    yield f"all {len(shares)} shares for {receiver} are signed by their parties and open to the result that is in it"


def _who(approval: Approval) -> str:
    if approval.approved_by != "operator":
        return "its standing policy"
    names = ", ".join(one.known_as for one in approval.people)
    return f"people who signed with passkeys: {names}" if names else "a person"


def _when(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _unfit(what: str) -> Refused:
    return Refused(what, hint="the bundle proves nothing; ask for it again", code="bundle")
