"""How a receiver gets its result: every node's signed share, each verified, opened here and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mpcgov import registry
from mpcgov.errors import LocalError, PeerError, Refused, SpecError
from mpcgov.results import progress
from mpcgov.results.result import open_result
from mpcgov.spec.envelope import Envelope, open_envelope, sign
from mpcgov.spec.load import validate
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import (
    COMPLAINT_TYPE,
    PROPOSAL_LIMIT_BYTES,
    PROPOSAL_TYPE,
    SHARE_LIMIT_BYTES,
    SHARE_TYPE,
    Complaint,
    Proposal,
    ResultShare,
    job_id,
)
from mpcgov.trust.client import Client

PROPOSAL_REPLY_BYTES = PROPOSAL_LIMIT_BYTES * 3 // 2
REPLY_LIMIT_BYTES = SHARE_LIMIT_BYTES * 3 // 2
"""A share of the largest size in base64, with its signature."""

NOTHING: Mapping[str, Envelope] = MappingProxyType({})

SHARE_TIMEOUT_S = 120.0
"""For the share of a table with a million cells over a slow line."""


def manifest_of(proposal: Proposal) -> Manifest:
    """The manifest of the protocol version that was proposed.

    Raises:
        LocalError: this disk doesn't have it, or has another version.
    """
    protocol = registry.find(proposal.job.protocol_name)
    if protocol.digest != proposal.protocol_digest:
        raise LocalError(
            f"job {job_id(proposal.job_digest)}: proposed with {proposal.protocol}, this disk has {protocol.digest}",
            hint="install the version that the job was proposed with",
            code="protocol",
        )
    return protocol.manifest


def require_receiver(proposal: Proposal, receiver: str) -> None:
    """Nothing, if this one gets the result.

    Raises:
        Refused: it isn't among the job's receivers.
    """
    if receiver not in proposal.job.receivers:
        raise Refused(
            f"job {job_id(proposal.job_digest)}: {receiver} is not a receiver",
            hint=f"the result goes to {', '.join(proposal.job.receivers)}",
            code="receiver",
        )


async def result(
    client: Client, roster: Roster, proposal: Proposal, receiver: str, status: progress.Status | None = None
) -> dict[str, Any]:
    """The result of a job for one of its receivers, or why there is none.

    Args:
        receiver: as the job names it: a party, or 'coordinator'; must be who `client` speaks for.
        status: how the job stands, where that is known; asked for otherwise.

    Raises:
        Refused: not a receiver, or a policy or a person said no.
        PeerError: too early (says by whom it waits), a party failed or can't be reached, or the shares don't agree.
        LocalError: the data of a party aren't what it declared.
    """
    require_receiver(proposal, receiver)
    manifest = manifest_of(proposal)
    job = job_id(proposal.job_digest)
    status = status or await progress.status(client, proposal.parties, job)
    progress.require_released(status)
    return await collect(client, roster, proposal, manifest, receiver, status.shares)


async def collect(
    client: Client,
    roster: Roster,
    proposal: Proposal,
    manifest: Manifest,
    receiver: str,
    given: Mapping[str, Envelope] = NOTHING,
) -> dict[str, Any]:
    """Fetches and verifies every party's share of a released job, and opens the result.

    A job that was asked before, of the same rows, has the result that was given then: the same shares, byte by byte.

    Args:
        given: shares that have come already; they are verified like others.

    Raises:
        PeerError: a share is missing, not signed by its party, made for another receiver, or disagrees with the others;
            of signed shares that disagree the nodes are told, and keep it on record.
    """
    job = job_id(proposal.job_digest)
    signed = await shares(client, roster, proposal, receiver, given)
    opened = [share for _, share in signed]
    others = [share for share in opened if share.job != job]
    if others and len({share.job for share in opened}) > 1:
        raise PeerError(f"{others[0].party}: its share was made for another job than the others'", code="shares")
    asked = await _earlier(client, roster, proposal, others[0].job) if others else proposal
    try:
        signed_by = {share.party: envelope.digest for envelope, share in signed}
        return open_result(asked, manifest, opened) | {"signed": signed_by}
    except PeerError as error:
        complaint = Complaint(
            job=job,
            job_digest=proposal.job_digest,
            receiver=receiver,
            shares={share.party: envelope.digest for envelope, share in signed},
        )
        told = await _complain(client, complaint, proposal.parties)
        hint = f"{error.hint}; on record at {', '.join(told)}" if told else error.hint
        raise PeerError(error.message, hint=hint, code=error.code) from None


async def shares(
    client: Client, roster: Roster, proposal: Proposal, receiver: str, given: Mapping[str, Envelope] = NOTHING
) -> list[tuple[Envelope, ResultShare]]:
    """Every party's share of a released job, in job order, as signed and as read; fetched, if they aren't `given`.

    Raises:
        PeerError: one is missing, not signed by its party, or made for another receiver.
    """
    job = job_id(proposal.job_digest)
    fetches = (_share(client, roster, party, job, receiver, given.get(party)) for party in proposal.parties)
    answers = await asyncio.gather(*fetches, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]


async def _complain(client: Client, complaint: Complaint, parties: Sequence[str]) -> list[str]:
    """Tells every party's node, over this receiver's signature, that the shares it got are no result.

    Returns who has it on record.
    """
    who = client.identity
    body = sign(complaint, COMPLAINT_TYPE, who.name, who.signing_key).to_bytes()
    path = f"/v1/jobs/{complaint.job}/complaints"
    answers = await asyncio.gather(
        *(client.request(party, "POST", path, body) for party in parties), return_exceptions=True
    )
    return [party for party, answer in zip(parties, answers, strict=True) if not isinstance(answer, BaseException)]


async def _earlier(client: Client, roster: Roster, proposal: Proposal, earlier: str) -> Proposal:
    """The proposal of the equal job whose result the nodes gave again, as the coordinator signed it then."""
    party = proposal.parties[0]
    answer = await client.request(
        party, "GET", f"/v1/jobs/{earlier}/proposal", None, SHARE_TIMEOUT_S, PROPOSAL_REPLY_BYTES
    )
    try:
        envelope, signer = validate(answer, Envelope, f"{party}: proposal"), roster.coordinator
        found = open_envelope(
            envelope, PROPOSAL_TYPE, Proposal, signer.id, signer.signing_key, PROPOSAL_LIMIT_BYTES
        )  # fmt: skip
    except SpecError as error:
        raise PeerError(f"{party}: {error.message}", code="shares") from None
    if job_id(found.job_digest) != earlier or found.content_digest != proposal.content_digest:
        raise PeerError(f"{party}: the result that it gives again is of another job", code="shares")
    return found


async def _share(
    client: Client, roster: Roster, party: str, job: str, receiver: str, given: Envelope | None
) -> tuple[Envelope, ResultShare]:
    path, answer = f"/v1/jobs/{job}/share", None
    if given is None:
        answer = await client.request(party, "GET", path, None, SHARE_TIMEOUT_S, REPLY_LIMIT_BYTES)
    try:
        envelope = given or validate(answer, Envelope, f"{party}: share")
        key = roster.member(party).signing_key
        share = open_envelope(envelope, SHARE_TYPE, ResultShare, party, key, SHARE_LIMIT_BYTES)
    except SpecError as error:
        raise PeerError(f"{party}: its share of the result can't be trusted: {error.message}", code="shares") from None
    if share.party != party or share.receiver != receiver:
        raise PeerError(f"{party}: its share was made for another party or receiver", code="shares")
    return envelope, share
