"""What a member may answer or send to make another node fail, or take the blame."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mpcgov.errors import InternalError, LocalError, MpcgovError, PeerError, Refused
from mpcgov.node import operator, peers
from mpcgov.node.standing import EndNotice
from mpcgov.spec.statement import job_id
from mpcgov.trust import consortium
from tests.node.network import PARTIES, Network, refusal
from tests.node.test_jobs import approve, proposed


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "claim",
    [
        LocalError("labour: people: 3 rows out of range", code="data-contract"),
        InternalError("internal error"),
        PeerError("the node can't use its database", code="store"),
        PeerError("its node was stopped", code="stopped"),
        Refused("no"),
    ],
)
async def test_what_a_peer_calls_its_failure_is_never_this_nodes_own(
    network: Network, monkeypatch: pytest.MonkeyPatch, claim: MpcgovError
) -> None:
    await network.start()

    def receipt(*_: Any) -> dict[str, Any]:
        raise claim

    monkeypatch.setattr(network.nodes["welfare"].service, "receipt", receipt)
    _, job = await proposed(network)
    await approve(network, job)
    statuses = await network.until(job, "ABORTED", parties=("labour", "education"))
    await asyncio.sleep(0.1)
    for party in ("labour", "education"):
        assert not statuses[party]["reason"].startswith((f"{party}: ", "education: data", "labour: data contract"))
    assert PARTIES == ("labour", "welfare", "education")


async def computing(network: Network) -> str:
    """A job in which labour computes, and nobody else can go on."""
    network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    return job


FORGED = [
    ("abort", "welfare: data contract", "data-contract"),
    ("abort", "welfare: its policy forbids it", "policy"),
    ("abort", "labour: data contract", "data-contract"),
    ("cancel", "labour: its node was stopped", "stopped"),
    ("abort", "the node can't use its database", "store"),
    ("abort", "education says: welfare: data contract", "data-contract"),
]


@pytest.mark.by_day(1)
@pytest.mark.parametrize(("event", "reason", "code"), FORGED)
async def test_what_a_party_says_of_another_stands_on_record_as_its_word(
    network: Network, event: str, reason: str, code: str
) -> None:
    """One request by education must not make all nodes, the innocent one included, record whom it names."""
    job = await computing(network)
    async with network.client("education") as client:
        body = EndNotice(event=event, reason=reason, code=code).model_dump_json().encode()
        for party in ("labour", "welfare"):
            await client.request(party, "POST", f"/v1/jobs/{job}/end", body)
    statuses = await network.until(job, "ABORTED")
    for party in PARTIES:
        assert "education says: " in statuses[party]["reason"], statuses
        assert statuses[party]["code"] == "hearsay"
        assert not statuses[party]["reason"].startswith("welfare")
    assert [operator.audit_verify(network.home(party)) > 5 for party in PARTIES] == [True] * 3


async def test_who_knows_of_itself_is_believed_before_who_talks_of_it(network: Network) -> None:
    """And where they disagree, every version is on record."""
    job = await computing(network)
    service = network.nodes["labour"].service
    service.ended(job, "education", EndNotice(event="abort", reason="welfare: data contract", code="data-contract"))
    service.ended(job, "welfare", EndNotice(event="abort", reason="welfare: out of memory", code="memory"))
    status = (await network.until(job, "ABORTED", parties=("labour",)))["labour"]
    assert status["reason"].startswith("welfare: out of memory")
    await network.at_rest()
    versions = [
        record["facts"]
        for record in operator.audit_records(network.home("labour"))
        if record["event"] == "ended elsewhere" and record["facts"]["party"] == "education"
    ]
    assert [version["reason"] for version in versions] == ["education says: welfare: data contract"]


@pytest.mark.parametrize("job_state", ["AWAITING_APPROVAL", "APPROVED"])
async def test_a_job_that_waits_ends_by_a_partys_word_as_its_word(network: Network, job_state: str) -> None:
    await network.start()
    _, job = await proposed(network)
    if job_state == "APPROVED":
        await approve(network, job, "labour")
    forged = EndNotice(event="abort", reason="rejected by welfare: no", code="rejected")
    for _ in range(100):
        network.nodes["labour"].service.ended(job, "education", forged)
    assert len(network.nodes["labour"].service._background) < 10
    status = (await network.until(job, "CANCELLED", "ABORTED", parties=("labour",)))["labour"]
    assert (status["reason"], status["code"]) == ("education says: rejected by welfare: no", "hearsay")


@pytest.mark.parametrize(
    ("code", "kept"), [("data-contract", "told"), ("rollback", "told"), ("policy", "policy"), ("rejected", "rejected")]
)
async def test_a_partys_no_finds_nobodys_data_or_log_wanting(network: Network, code: str, kept: str) -> None:
    await network.start("labour")
    proposal = network.proposal()
    await network.submit(proposal, "labour")
    job = job_id(proposal.job_digest)
    network.nodes["labour"].service.ended(job, "education", EndNotice(event="deny", reason="labour: no", code=code))
    status = await network.status("labour", job)
    assert (status["state"], status["reason"], status["code"]) == ("CANCELLED", "denied by education: labour: no", kept)


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    "claim",
    [
        LocalError("labour: people: 3 rows out of range", code="data-contract"),
        Refused("ledger rollback: labour saw another record", code="rollback"),
        InternalError("internal error"),
        PeerError("the node can't use its database", code="store"),
    ],
)
async def test_what_a_peer_answers_where_heads_are_shown_is_not_the_askers_fault(
    network: Network, monkeypatch: pytest.MonkeyPatch, claim: MpcgovError
) -> None:
    await network.start()

    def answer(*_: Any) -> Any:
        raise claim

    monkeypatch.setattr(network.nodes["welfare"].book.heads, "answer", answer)
    _, job = await proposed(network)
    await approve(network, job)
    statuses = await network.until(job, "ABORTED", parties=("labour", "education"))
    for party in ("labour", "education"):
        assert statuses[party]["reason"].startswith(
            ("welfare says: ", "education says: welfare ", "labour says: welfare ")
        )
        assert statuses[party]["code"] in ("hearsay", "told")


async def test_a_roster_that_is_joined_while_the_node_runs_stops_what_the_old_one_allowed(network: Network) -> None:
    """The next roster may be there because a member of the old one was put out."""
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour", "welfare")
    await network.holds_approval("education", job, "labour")
    await network.holds_approval("education", job, "welfare")
    cards = [network.identity(party).card for party in PARTIES]
    envelope = consortium.create(cards, network.hq, 1, 2)
    for party in PARTIES:
        envelope = consortium.sign_roster(envelope, network.identity(party))
    book = network.nodes["education"].book
    consortium.join(network.home("labour"), envelope, network.identity("labour"))
    answer = await network.submit(network.proposal(), "labour")
    assert answer["labour"]["reasons"] == ["labour has joined another roster, which its node is about to take up"]
    await asyncio.to_thread(book.approve, job)
    network.nodes["education"].service.decided(job)
    statuses = await network.until(job, "ABORTED")
    assert "labour has joined another roster" in statuses["labour"]["reason"]
    assert network.workers["labour"].runs == []


async def test_a_proposal_of_a_year_that_no_calendar_has_is_refused_and_blocks_nothing(network: Network) -> None:
    await network.start("labour")
    far = {"proposed_at": 10**15, "approve_before": 10**15 + 3600}
    good = network.proposal()
    forged = good.model_copy(update=far)
    with pytest.raises(LocalError, match="approve_before"):
        await network.submit(forged, "labour")
    await network.submit(good, "labour")
    assert [view.state for view in operator.jobs(network.home("labour"))] == ["AWAITING_APPROVAL"]


async def test_a_node_reads_no_endless_answer(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading hundreds of megabytes, packed into a few, would keep it from its other jobs, or take all its memory."""
    await network.start()
    monkeypatch.setattr(network.nodes["welfare"].service, "approval", lambda *_: {"approval": None, "x": "0" * 10**6})
    async with network.client("labour") as client:
        error = await refusal(peers.send_approval(client, "aaaa-aaaa-aaaa", "welfare", b"{}"))
        assert error.code == "unknown-job"
        _, job = await proposed(network)
        error = await refusal(peers.send_approval(client, job, "welfare", b"{}"))
    assert isinstance(error, PeerError)
    assert error.message.startswith("welfare: ")
