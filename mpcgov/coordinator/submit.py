"""Asking every party's node at once for its verdict on a proposal; one no ends it at all of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from mpcgov.coordinator.home import StoredJob
from mpcgov.coordinator.propose import first_cause
from mpcgov.errors import MpcgovError, PeerError, Refused, SpecError
from mpcgov.lifecycle import State
from mpcgov.spec.load import Frozen, validate
from mpcgov.trust.client import Client, named

VERDICT_TIMEOUT_S = 10.0
CANCEL_TIMEOUT_S = 3.0


class Verdict(Frozen):
    """One node's answer to a proposal, after its policy had its say."""

    job: str
    state: str
    reasons: list[str]


@dataclass(frozen=True)
class Cancellation:
    """Which parties ended a job when they were told to, and why the others didn't."""

    done: tuple[str, ...]
    failed: tuple[MpcgovError, ...]


async def submit(client: Client, job: StoredJob) -> None:
    """Returns once every party's node has taken the proposal; none of them denied it.

    Raises:
        Refused: at least one policy says no, with every reason; the job is cancelled at the others.
        PeerError: a node can't be reached within 10 s; the job is cancelled at the others.
    """
    body = job.envelope.to_bytes()
    parties = job.proposal.parties
    answers = await asyncio.gather(*(_verdict(client, party, body) for party in parties))
    errors = [answer for answer in answers if answer is not None]
    if not errors:
        return
    await cancel(client, job)
    cause = first_cause(errors)
    raise MpcgovError.from_json(cause.to_json() | {"message": f"job {job.id}: {cause.message}"})


async def cancel(client: Client, job: StoredJob) -> Cancellation:
    """Ends a job at every party that still waits with it; tells who did and who couldn't."""
    parties = job.proposal.parties
    answers = await asyncio.gather(*(_cancel(client, party, job.id) for party in parties))
    pairs = list(zip(parties, answers, strict=True))
    done = tuple(party for party, answer in pairs if answer is None)
    return Cancellation(done, tuple(answer for _, answer in pairs if answer is not None))


async def _verdict(client: Client, party: str, body: bytes) -> MpcgovError | None:
    """None if the node took the proposal."""
    try:
        answer = await client.request(party, "POST", "/v1/jobs", body, VERDICT_TIMEOUT_S)
        verdict = validate(answer, Verdict, f"{party}: verdict")
    except SpecError as error:
        return PeerError(error.message, code="answer")
    except MpcgovError as error:
        return error
    if verdict.state == State.DENIED.value:
        reasons = ", ".join(verdict.reasons) or "no reason given"
        hint = "nothing was run; change the job or ask that agency"
        return Refused(named(party, reasons), hint=hint, code="denied")
    return None


async def _cancel(client: Client, party: str, job: str) -> MpcgovError | None:
    try:
        answer: Any = await client.request(party, "POST", f"/v1/jobs/{job}/cancel", b"{}", CANCEL_TIMEOUT_S)
    except MpcgovError as error:
        return error
    state = answer.get("state") if isinstance(answer, dict) else None
    if state in (None, State.CANCELLED.value):
        return None
    return PeerError(f"{party}: the job is {state}", code="state")
