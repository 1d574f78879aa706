"""A party's own result: a party that is a receiver collects the shares from all nodes like any other receiver."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mpcgov.node.operator import opened
from mpcgov.results import receive
from mpcgov.trust.client import Client


async def result_of(home: Path, job: str) -> dict[str, Any]:
    """The result of a job for the party whose home this is.

    Raises:
        LocalError: this node doesn't know the job. Refused: the party is no receiver of it.
        PeerError: too early, or a party failed, or its node can't be reached.
    """
    with opened(home) as (node, book, _):
        book.job(job)
        proposal, roster = book.proposal(job), book.roster
    async with Client(node.identity, roster) as client:
        return await receive.result(client, roster, proposal, node.party)
