"""What every party's node would say of a job if it were proposed, and what the job leaves possible after it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from mpcgov.clock import RealClock
from mpcgov.coordinator.propose import Draft
from mpcgov.errors import MpcgovError
from mpcgov.spec.job import Job
from mpcgov.spec.load import Frozen, canonical_json, validate
from mpcgov.trust.client import Client


class Forecast(Frozen):
    """A node's answer: what it would do with the job, and the sentences that say why."""

    answer: Literal["refuse", "ask", "approve"]
    reasons: Annotated[tuple[str, ...], Field(strict=False, max_length=1000)]


SAYS = {"refuse": "would refuse", "ask": "would ask its people", "approve": "would say yes by itself"}


async def forecasts(client: Client, draft: Draft) -> tuple[str, ...]:
    """One sentence or more for each party; nothing is proposed, recorded in a ledger, or charged."""
    body = canonical_json(draft.proposal(RealClock()).model_dump(mode="json"))
    asked = (_forecast(client, party, body) for party in draft.job.parties)
    return tuple(line for lines in await asyncio.gather(*asked) for line in lines)


async def _forecast(client: Client, party: str, body: bytes) -> list[str]:
    try:
        answer: Any = await client.request(party, "POST", "/v1/forecasts", body)
        found = validate(answer, Forecast, f"{party}: forecast")
    except MpcgovError as error:
        return [f"{party}: its node doesn't say ({error.message})"]
    return [f"{party} {SAYS[found.answer]}" + "".join(f"; {reason}" for reason in found.reasons)]


def leaves(job: Job) -> tuple[str, ...]:
    """Which rows later tables without noise can be over, for each party with data, once this job has been released."""
    if job.disclosure.noise:
        return ("any other table: with noise, what a job tells is paid for from budgets, whatever rows it is over",)
    return tuple(_leaves(party, str(part.dataset), part.where) for party, part in _with_data(job).items())


def _with_data(job: Job) -> Mapping[str, Any]:
    return {party: job.parties[party] for party in job.data_parties}


def _leaves(party: str, dataset: str, where: str | None) -> str:
    if where is None:
        return (
            f"{party}'s {dataset}: all its rows again, in the same cells; in other cells if its people say yes. A part "
            "of the rows no more, unless its policy asks people about overlaps: whoever needs parts later, years or "
            "regions, now asks for one table by these columns too, or for one job for each part"
        )
    return (
        f"{party}'s {dataset}: exactly these rows again (where {where}); or rows that are apart from them for certain, "
        f"up to all of those where not ({where}), as long as these filters stay apart from one another: by themselves "
        "if it has one row of each person, declared so, and hasn't changed, else if its people say yes"
    )
