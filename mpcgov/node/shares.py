"""This party's share of a released result, for a receiver that asks for it; and what bears the job out."""

from __future__ import annotations

import asyncio
from typing import Any

from mpcgov.errors import Refused
from mpcgov.evidence.bundle import NodeEvidence
from mpcgov.lifecycle import State
from mpcgov.node import standing
from mpcgov.node.book import Book
from mpcgov.node.home import NodeHome
from mpcgov.node.requests import RequestLog
from mpcgov.node.statements import make_share, receiver_name
from mpcgov.spec.envelope import Envelope, sign
from mpcgov.spec.load import IN_LOOP_BYTES, parse_json
from mpcgov.spec.roster import Card
from mpcgov.spec.statement import JOB_HEAD_TYPE, JobHead


def share(home: NodeHome, book: Book, job: str, caller: Card) -> Envelope:
    """This party's share of a released result, made for the receiver that asks.

    Raises:
        Refused: the caller is no receiver. PeerError: the job isn't released.
    """
    row, receiver = book.job(job), receiver_name(caller)
    if receiver not in row.receivers:
        hint = f"it goes to {', '.join(row.receivers)}"
        raise Refused(f"job {job}: {receiver} is not a receiver", hint=hint, code="receiver")
    if row.state is not State.RELEASED:
        raise standing.no_result(row)
    given = book.answers(job) or job
    return make_share(home, book.proposal(given), receiver, book.outcome(given))


async def with_the_end(
    turn: asyncio.Semaphore, home: NodeHome, book: Book, requests: RequestLog, job: str, caller: Card
) -> dict[str, Any]:
    """What a receiver that waited for a job's end is told with it: this party's share, if it is small and can be made
    at once; else it asks.

    Args:
        turn: only so many shares are made for a member at once.
        requests: has it that the share was given, as if it had been asked for by itself.
    """
    row = book.job(job)
    if row.state is not State.RELEASED or receiver_name(caller) not in row.receivers or turn.locked():
        return {}
    async with turn:
        own = await asyncio.to_thread(share, home, book, job, caller)
    if len(own.payload) > IN_LOOP_BYTES:
        return {}
    requests.record(caller.id, "GET /v1/jobs/{job}/share", "ok", job)
    return {"share": own.model_dump(mode="json")}


def evidence(home: NodeHome, book: Book, job: str) -> NodeEvidence:
    """What this node has on record of a released job, as its parties signed it.

    Raises:
        PeerError: the job isn't released.
    """
    row = book.job(job)
    if row.state is not State.RELEASED:
        raise standing.no_result(row)
    approvals, receipts = (
        {party: parse_json(body, Envelope, "statement") for party, body in one(job).items()}
        for one in (book.approvals, book.receipts)
    )
    head = JobHead(job_digest=book.proposal(job).job_digest, party=home.party, head=book.heads.own())
    signed = sign(head, JOB_HEAD_TYPE, home.party, home.identity.signing_key)
    return NodeEvidence(approvals=approvals, receipts=receipts, head=signed)
