"""What this node tells the other parties' nodes about a job: its approval, its receipt, and its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from mpcgov.errors import MpcgovError, PeerError, SpecError
from mpcgov.node.book import Book
from mpcgov.node.causes import Silence, said
from mpcgov.node.standing import EndNotice
from mpcgov.node.statements import read_receipt
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import IN_LOOP_BYTES, canonical_json, validate
from mpcgov.spec.roster import Card
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.trust.client import Client

REPLY_LIMIT_BYTES = IN_LOOP_BYTES
"""An approval, a receipt or a reason; a peer that answers more could only keep this node from its other jobs."""

REQUEST_S = 5.0
END_REQUEST_S = 2.0
END_TRIES = 5
RETRY_S = 1.0
RECEIPT_RETRY_S = 0.2
SILENCE_S = 8.0
"""How long a peer may be unreachable while receipts are exchanged."""


class PeerClient(Client):
    """A node's requests to the other nodes: what those answer is their word, and never makes a failure of our own."""

    def _refusal(self, party: str, status: int, message: str, hint: str, code: str) -> MpcgovError:
        return said(party, message, code)

    def _unreachable(self, card: Card, error: Exception) -> PeerError:
        found = super()._unreachable(card, error)
        return Silence((card.id,), found.message.removeprefix(f"{card.id}: "), found.code, found.hint)


async def send_approval(client: Client, job: str, party: str, approval: bytes) -> dict[str, Any]:
    """Gives a peer this node's approval, and returns what it answers: its own approval, or how the job ended there.

    Raises:
        MpcgovError: it can't be reached, doesn't know the job yet, or answers nonsense.
    """
    answer = await client.request(party, "POST", f"/v1/jobs/{job}/approvals", approval, REQUEST_S, REPLY_LIMIT_BYTES)
    if not isinstance(answer, dict):
        raise PeerError(f"{party}: answers nonsense", code="answer")
    return answer


async def send_end(client: Client, job: str, parties: tuple[str, ...], end: EndNotice) -> None:
    """Tells the peers how this node's job ended; tries a few times, as peers may not know the job yet, or be down.

    A peer that misses it learns the same when it sends its approval, or loses its stream.
    """
    body = canonical_json(end.model_dump(mode="json"))
    await asyncio.gather(*(_send_end(client, job, party, body) for party in parties))


async def _send_end(client: Client, job: str, party: str, body: bytes) -> None:
    for _ in range(END_TRIES):
        try:
            await client.request(party, "POST", f"/v1/jobs/{job}/end", body, END_REQUEST_S, REPLY_LIMIT_BYTES)
        except MpcgovError:
            await asyncio.sleep(RETRY_S)
        else:
            return


async def exchange_receipt(client: Client, book: Book, proposal: Proposal, party: str, arrived: asyncio.Event) -> None:
    """Returns once the peer has this node's receipt and this node has the peer's.

    Args:
        arrived: set when the peer's receipt has arrived by itself.

    Raises:
        PeerError: the peer has ended the job otherwise, or can't be reached any more.
    """
    job, loop = job_id(proposal.job_digest), asyncio.get_running_loop()
    own, heard_at, delivered = book.receipts(job)[book.me], loop.time(), False
    while True:
        try:
            path = f"/v1/jobs/{job}/receipts"
            answer = await client.request(party, "POST", path, own, REQUEST_S, REPLY_LIMIT_BYTES)
        except MpcgovError as error:
            if error.code != "unreachable" or loop.time() - heard_at > SILENCE_S:
                raise
        else:
            delivered, heard_at = True, loop.time()
            keep_receipt(book, proposal, party, answer)
        if delivered and party in book.receipts(job):
            return
        if delivered:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), RETRY_S)
        else:
            await asyncio.sleep(RECEIPT_RETRY_S)


def keep_receipt(book: Book, proposal: Proposal, party: str, answer: Any) -> None:
    """Takes a peer's receipt out of its answer, if there is one.

    Raises:
        PeerError: it isn't a receipt of this party for this job.
    """
    value = answer.get("receipt") if isinstance(answer, dict) else None
    if value is None:
        return
    try:
        envelope = validate(value, Envelope, f"{party}: receipt")
        receipt = read_receipt(envelope.to_bytes(), book.roster.member(party), proposal)
    except SpecError as error:
        raise PeerError(f"{party}: {error.message}", code="receipt") from None
    book.keep_receipt(job_id(proposal.job_digest), party, receipt.layout_digest, envelope.to_bytes())
