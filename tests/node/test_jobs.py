"""The life of a job at real nodes, from the proposal to the result."""

from __future__ import annotations

import asyncio

from mpcgov import receive, registry
from mpcgov.node import operator
from mpcgov.spec.statement import job_id
from tests.node.network import PARTIES, Network


async def test_a_job_that_all_approve_runs_and_its_receiver_opens_the_result(network: Network) -> None:
    await network.start()
    proposal = network.proposal()
    job = job_id(proposal.job_digest)
    answers = await network.submit(proposal)
    assert {answer["state"] for answer in answers.values()} == {"AWAITING_APPROVAL"}
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, "RELEASED")
    async with network.client() as client:
        manifest = registry.find("joint-count").manifest
        result = await receive.collect(client, network.roster, proposal, manifest, "coordinator")
    assert result["tables"]["count"]["rows"] == [["North", 10], ["South", 11]]
