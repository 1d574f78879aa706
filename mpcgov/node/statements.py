"""The signed statements that nodes exchange about a job: each read, verified, and checked to be about that very job."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mpcgov import registry
from mpcgov.errors import PeerError, SpecError
from mpcgov.node.home import NodeHome
from mpcgov.spec.assertion import Assertion, check_all
from mpcgov.spec.envelope import Envelope, open_envelope, sign
from mpcgov.spec.ids import digest
from mpcgov.spec.job import COORDINATOR
from mpcgov.spec.load import Frozen, canonical_json, parse_json
from mpcgov.spec.order import Outcome
from mpcgov.spec.roster import Card, Roster
from mpcgov.spec.statement import (
    APPROVAL_TYPE,
    COMPLAINT_TYPE,
    PROPOSAL_LIMIT_BYTES,
    PROPOSAL_TYPE,
    RECEIPT_TYPE,
    SHARE_TYPE,
    Approval,
    Complaint,
    Proposal,
    Receipt,
    ResultShare,
    Transcript,
    job_id,
)

ENVELOPE_LIMIT_BYTES = PROPOSAL_LIMIT_BYTES * 3 // 2
"""A proposal of the largest size in base64, with its signature."""


def read_proposal(body: bytes, roster: Roster) -> tuple[Envelope, Proposal]:
    """The proposal in an envelope that the roster's coordinator signed.

    Raises:
        SpecError: it isn't one, or the signature doesn't hold.
    """
    return _read_proposal(body, roster.coordinator.id, roster.coordinator.signing_key)


@functools.lru_cache(maxsize=4)
def _read_proposal(body: bytes, signer: str, key: str) -> tuple[Envelope, Proposal]:
    """Of bytes that were read a moment ago the same comes out: a large one takes a second, and is asked for often."""
    envelope = parse_json(body, Envelope, "proposal", ENVELOPE_LIMIT_BYTES)
    return envelope, open_envelope(envelope, PROPOSAL_TYPE, Proposal, signer, key, PROPOSAL_LIMIT_BYTES)


@functools.lru_cache(maxsize=64)
def _opened(body: bytes, what: str, payload_type: str, model: type[Frozen], signer: str, key: str) -> Any:
    """What a party has signed, which is read when it comes and whenever it counts: verified once for the same bytes."""
    return open_envelope(parse_json(body, Envelope, what), payload_type, model, signer, key)


@dataclass(frozen=True)
class Agreed:
    """What all parties' approvals of a job come to: whether a person gave this node's own.

    `answers`: the equal job that was released before and whose result all would give again, if all name the same.
    `signed`: by party, how many different people have signed its yes with passkeys.
    """

    by_a_person: bool
    answers: str | None
    signed: Mapping[str, int] = field(default_factory=dict)


def agreed(me: str, approvals: Mapping[str, Approval], proposal: Proposal) -> Agreed:
    """What the approvals of all parties come to.

    Raises:
        PeerError: they were given for other versions of what will run; names the node and both digests.
    """
    conflict = version_conflict(me, approvals, proposal)
    if conflict is not None:
        raise PeerError(conflict, code="agreement")
    named, own = {approval.answers for approval in approvals.values()}, approvals[me]
    signed = {party: len(approval.people) for party, approval in approvals.items()}
    return Agreed(own.approved_by == "operator", named.pop() if len(named) == 1 else None, signed)


def make_approval(
    home: NodeHome,
    proposal: Proposal,
    standing: bool,
    policy_digest: str,
    now: float,
    answers: str | None,
    people: tuple[Assertion, ...] = (),
) -> Envelope:
    """This agency's signed yes to one proposal, with one version of everything that will run.

    Args:
        standing: whether the policy gave it, and nobody was asked.
        answers: the equal job whose result this node would give again.
        people: what those who said yes have signed with their passkeys.
    """
    approval = Approval(
        job=job_id(proposal.job_digest),
        job_digest=proposal.job_digest,
        party=home.party,
        roster_digest=proposal.roster_digest,
        protocol_digest=proposal.protocol_digest,
        engine_digest=registry.engine_digest(),
        policy_digest=policy_digest,
        approved_by="standing policy" if standing else "operator",
        approved_at=int(now),
        expires_at=proposal.approve_before,
        answers=answers,
        people=people,
    )
    return sign(approval, APPROVAL_TYPE, home.party, home.identity.signing_key)


def read_approval(body: bytes, signer: Card, proposal: Proposal, now: float) -> Approval:
    """A party's approval of exactly this proposal.

    Raises:
        SpecError: it isn't one, or not of this party, this proposal or this roster; or a word of one of its people in
            it doesn't hold.
        PeerError: it has expired.
    """
    approval: Approval = _opened(body, "approval", APPROVAL_TYPE, Approval, signer.id, signer.signing_key)
    if approval.party != signer.id:
        raise SpecError(f"{signer.id} sent an approval in the name of {approval.party}", code="approval")
    if approval.job_digest != proposal.job_digest or approval.job != job_id(proposal.job_digest):
        raise SpecError(f"{signer.id} approved another proposal: {approval.job_digest}", code="approval")
    if approval.roster_digest != proposal.roster_digest:
        raise SpecError(f"{signer.id} approved under another roster: {approval.roster_digest}", code="approval")
    check_all(approval.people, proposal.job_digest, signer.id, "approve")
    if min(approval.expires_at, proposal.approve_before) <= now:
        raise PeerError(f"{signer.id}: its approval has expired", code="expired")
    return approval


def read_receipt(body: bytes, signer: Card, proposal: Proposal) -> Receipt:
    """A party's receipt for exactly this job.

    Raises:
        SpecError: it isn't one, or not of this party, its position or this job.
    """
    receipt: Receipt = _opened(body, "receipt", RECEIPT_TYPE, Receipt, signer.id, signer.signing_key)
    position = proposal.parties.index(signer.id)
    if (receipt.job_digest, receipt.party, receipt.position) != (proposal.job_digest, signer.id, position):
        raise SpecError(f"{signer.id} sent a receipt for another job, party or position", code="receipt")
    return receipt


def read_complaint(body: bytes, signer: Card, proposal: Proposal) -> Complaint:
    """A receiver's complaint about the result of exactly this job.

    Raises:
        SpecError: it isn't one, or not of this receiver, this job or its parties.
    """
    envelope = parse_json(body, Envelope, "complaint")
    complaint = open_envelope(envelope, COMPLAINT_TYPE, Complaint, signer.id, signer.signing_key)
    job = (proposal.job_digest, job_id(proposal.job_digest), receiver_name(signer))
    if (complaint.job_digest, complaint.job, complaint.receiver) != job:
        raise SpecError(f"{signer.id} sent a complaint about another job, or for another receiver", code="complaint")
    if others := set(complaint.shares) - set(proposal.parties):
        raise SpecError(f"{signer.id} sent a complaint about shares of {len(others)} others", code="complaint")
    return complaint


def version_conflict(me: str, approvals: Mapping[str, Approval], proposal: Proposal) -> str | None:
    """Why the parties' versions don't go together, naming a node and both digests; None if they do.

    Args:
        approvals: of all parties, by name.
    """
    own = registry.engine_digest()
    for party, approval in approvals.items():
        if approval.protocol_digest != proposal.protocol_digest:
            name, other = proposal.job.protocol_name, approval.protocol_digest
            return f"{party} has {name} {other}, the proposal pins {proposal.protocol_digest}"
        if approval.engine_digest != own and party == me:
            return f"{me} approved with mpcgov {approval.engine_digest}, its node still runs {own}: start it anew"
        if approval.engine_digest != own:
            return f"{party} has mpcgov {approval.engine_digest}, {me} has {own}"
    return None


def binding(parties: tuple[str, ...], approvals: Mapping[str, bytes]) -> str:
    """The digest of all parties' approvals, in job order: the same at every node, or the engines won't talk."""
    digests = [parse_json(approvals[party], Envelope, "approval").digest for party in parties]
    return digest(canonical_json(digests))


def make_receipt(
    home: NodeHome, proposal: Proposal, layout_digest: str, transcripts: Mapping[str, Transcript]
) -> Envelope:
    """This party's signed word that its part is done, and of what went between it and each other party."""
    receipt = Receipt(
        job_digest=proposal.job_digest,
        party=home.party,
        position=proposal.parties.index(home.party),
        layout_digest=layout_digest,
        transcripts=dict(transcripts),
    )
    return sign(receipt, RECEIPT_TYPE, home.party, home.identity.signing_key)


def make_share(home: NodeHome, proposal: Proposal, receiver: str, outcome: Outcome) -> Envelope:
    """This party's share of the result, signed for one receiver."""
    share = ResultShare(
        job=job_id(proposal.job_digest),
        job_digest=proposal.job_digest,
        party=home.party,
        receiver=receiver,
        point=proposal.parties.index(home.party) + 1,
        layout=outcome.layout,
        shares=outcome.shares,
        cost=outcome.cost,
    )
    return sign(share, SHARE_TYPE, home.party, home.identity.signing_key)


def receiver_name(caller: Card) -> str:
    """The name under which a job's receivers list a member."""
    return COORDINATOR if caller.role == "coordinator" else caller.id
