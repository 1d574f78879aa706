"""What parties commit to, and what a receiver says of a result that can't be: on record, signed, at every node."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.errors import PeerError, Refused, SpecError
from mpcgov.node import operator
from mpcgov.results import receive
from mpcgov.spec.envelope import sign
from mpcgov.spec.statement import (
    COMPLAINT_TYPE,
    Complaint,
    Proposal,
    Receipt,
    Transcript,
    job_id,
    transcript_conflict,
)
from tests.node.network import PARTIES, Network, refusal

HASHES = {pair: "sha256:" + f"{number:064x}" for number, pair in enumerate((a, b) for a in PARTIES for b in PARTIES)}


def honest(party: str) -> dict[str, Transcript]:
    others = [other for other in PARTIES if other != party]
    return {other: Transcript(sent=HASHES[party, other], received=HASHES[other, party]) for other in others}


async def through(network: Network, *states: str, **changes: Any) -> tuple[Proposal, str]:
    proposal = network.proposal(**changes)
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, *states)
    return proposal, job


async def test_parties_that_differ_about_what_one_sent_the_other_release_nothing(network: Network) -> None:
    for party, worker in network.workers.items():
        worker.transcripts = honest(party)
    await network.start()
    await through(network, "RELEASED")
    lie = Transcript(sent=HASHES["welfare", "education"], received=HASHES["welfare", "welfare"])
    network.workers["welfare"].transcripts = honest("welfare") | {"education": lie}
    proposal = network.proposal(params={"by": ["sex"]})
    network.proposal = lambda **_: proposal
    _, job = await through(network, "ABORTED", "FAILED")
    said = "education and welfare: what education says it sent isn't what welfare says it received"
    for party in PARTIES:
        status = await network.status(party, job)
        assert (status["state"], said in status["reason"]) == ("ABORTED", True)
        assert len(network.nodes[party].book.receipts(job)) == 3
    async with network.client() as hq:
        assert (await refusal(hq.request("labour", "GET", f"/v1/jobs/{job}/share"))).exit_status == 4


def test_a_party_that_leaves_a_transcript_out_differs_from_who_has_it() -> None:
    def receipt(party: str, transcripts: dict[str, Transcript]) -> Receipt:
        digest = HASHES["labour", "labour"]
        position = PARTIES.index(party)
        return Receipt(job_digest=digest, party=party, position=position, layout_digest=digest, transcripts=transcripts)

    told = {party: receipt(party, honest(party)) for party in PARTIES}
    assert transcript_conflict(told) is None
    assert transcript_conflict({party: receipt(party, {}) for party in PARTIES}) is None
    told["labour"] = receipt("labour", {})
    assert (transcript_conflict(told) or "").startswith("labour and welfare: ")


async def test_a_result_whose_shares_disagree_is_on_record_everywhere_and_not_given_again(network: Network) -> None:
    network.workers["welfare"].off_by = 1
    await network.start()
    proposal, job = await through(network, "RELEASED")
    manifest = registry.find("joint-count").manifest
    async with network.client() as hq:
        with pytest.raises(PeerError, match="the shares don't agree") as caught:
            await receive.collect(hq, network.roster, proposal, manifest, "coordinator")
    assert caught.value.hint.endswith("; on record at labour, welfare, education")
    for party in PARTIES:
        status = await network.status(party, job)
        assert (status["state"], status["code"]) == ("RELEASED", "shares")
        assert status["reason"] == "coordinator says: the shares of the result don't agree"
        (record,) = [r for r in operator.audit_records(network.home(party)) if r["event"] == "complaint"]
        assert record["facts"]["own_as_given"]
        assert set(record["facts"]["shares"]) == set(PARTIES)
    network.workers["welfare"].off_by = 0
    again, _ = await through(network, "RELEASED")
    assert again.content_digest == proposal.content_digest
    async with network.client() as hq:
        result = await receive.collect(hq, network.roster, again, manifest, "coordinator")
    assert result["tables"]["count"]["rows"]


async def test_a_complaint_is_taken_from_a_receiver_about_a_released_job_only(network: Network) -> None:
    await network.start()
    proposal, job = await through(network, "RELEASED")
    shares = dict.fromkeys(PARTIES, proposal.job_digest)
    good = Complaint(job=job, job_digest=proposal.job_digest, receiver="coordinator", shares=shares)
    path = f"/v1/jobs/{job}/complaints"
    async with network.client() as hq, network.client("welfare") as welfare:
        theirs = sign(good, COMPLAINT_TYPE, "welfare", network.identity("welfare").signing_key).to_bytes()
        assert isinstance(await refusal(welfare.request("labour", "POST", path, theirs)), Refused)
        others = {f"x{number}": proposal.job_digest for number in range(500)}
        for other in ({"receiver": "welfare"}, {"job_digest": network.roster_digest}, {"shares": shares | others}):
            body = sign(good.model_copy(update=other), COMPLAINT_TYPE, "hq", network.hq.signing_key).to_bytes()
            assert (await refusal(hq.request("labour", "POST", path, body))).exit_status == SpecError("").exit_status
        assert (await network.status("labour", job))["reason"] == ""
        body = sign(good, COMPLAINT_TYPE, "hq", network.hq.signing_key).to_bytes()
        for _ in range(2):
            await hq.request("labour", "POST", path, body)
    records = [r for r in operator.audit_records(network.home("labour")) if r["event"] == "complaint"]
    assert [record["facts"]["own_as_given"] for record in records] == [False]
    assert (await network.status("labour", job))["reason"].startswith("coordinator says: ")


async def test_each_receivers_complaint_is_on_record_once(network: Network) -> None:
    await network.start()
    proposal, job = await through(network, "RELEASED", receivers=["coordinator", "labour"])
    for name, receiver in [("hq", "coordinator"), ("labour", "labour")] * 2:
        complaint = Complaint(job=job, job_digest=proposal.job_digest, receiver=receiver, shares={})
        body = sign(complaint, COMPLAINT_TYPE, name, network.identity(name).signing_key).to_bytes()
        async with network.client(name) as client:
            await client.request("welfare", "POST", f"/v1/jobs/{job}/complaints", body)
    records = [r for r in operator.audit_records(network.home("welfare")) if r["event"] == "complaint"]
    assert [record["facts"]["receiver"] for record in records] == ["coordinator", "labour"]
    said = "says: the shares of the result don't agree"
    assert (await network.status("welfare", job))["reason"] == f"coordinator {said}; labour {said}"
