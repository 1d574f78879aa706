"""Collects a bundle from the nodes of a released job, for a receiver of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from mpcgov import registry
from mpcgov.errors import PeerError, Refused, SpecError
from mpcgov.evidence.bundle import Bundle, NodeEvidence, protocol_files
from mpcgov.results import receive, result
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import validate
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.trust.client import Client

REPLY_LIMIT_BYTES = 1 << 20


async def pack(
    client: Client, joined: tuple[Envelope, Roster], proposed: tuple[Envelope, Proposal], receiver: str
) -> Bundle:
    """The bundle of a released job.

    Args:
        proposed: the proposal as the coordinator signed it, and as read.
        receiver: as the job names it; must be who `client` speaks for.

    Raises:
        Refused: not a receiver; or the job was answered by an earlier one's result, whose bundle it is then.
        PeerError: a node can't be reached, has nothing on record, or the nodes' records differ.
    """
    (envelope, roster), (signed_proposal, proposal) = joined, proposed
    receive.require_receiver(proposal, receiver)
    manifest, job = receive.manifest_of(proposal), job_id(proposal.job_digest)
    shares = await receive.shares(client, roster, proposal, receiver)
    earlier = {share.job for _, share in shares} - {job}
    if earlier:
        raise Refused(
            f"job {job}: asked before, and given that result again",
            hint=f"its evidence is that of the earlier one: mpcgov job bundle {min(earlier)}",
            code="repeated",
        )
    found = dict(zip(proposal.parties, await _of_nodes(client, proposal.parties, job), strict=True))
    opened = result.open_result(proposal, manifest, [share for _, share in shares])
    signed = {share.party: one for one, share in shares}
    return Bundle(
        job=job,
        roster=envelope,
        proposal=signed_proposal,
        protocol=protocol_files(registry.find(proposal.job.protocol_name).folder),
        approvals=_agreed("approvals", {party: one.approvals for party, one in found.items()}),
        receipts=_agreed("receipts", {party: one.receipts for party, one in found.items()}),
        shares=signed,
        heads={party: one.head for party, one in found.items()},
        result=opened | {"signed": {party: one.digest for party, one in signed.items()}},
    )


async def _of_nodes(client: Client, parties: tuple[str, ...], job: str) -> list[NodeEvidence]:
    path = f"/v1/jobs/{job}/evidence"
    answers = await asyncio.gather(
        *(client.request(party, "GET", path, None, receive.SHARE_TIMEOUT_S, REPLY_LIMIT_BYTES) for party in parties)
    )
    try:
        return [
            validate(answer, NodeEvidence, f"{party}: evidence") for party, answer in zip(parties, answers, strict=True)
        ]
    except SpecError as error:
        raise PeerError(error.message, code="answer") from None


def _agreed(what: str, of_nodes: Mapping[str, dict[str, Envelope]]) -> dict[str, Envelope]:
    """What all nodes have on record alike."""
    (first, mine), *others = of_nodes.items()
    for party, theirs in others:
        if theirs != mine:
            raise PeerError(f"{first} and {party} have different {what} on record", code="evidence")
    return mine
