"""The life of a job at real nodes, from the proposal to the result."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.errors import DataError, InternalError, LocalError, PeerError, Refused
from mpcgov.lifecycle import State
from mpcgov.node import daemon, gossip, operator, room, store
from mpcgov.node.run import JobRun
from mpcgov.node.standing import EndNotice
from mpcgov.node.tables import APPROVALS, JOBS
from mpcgov.results import receive
from mpcgov.spec.envelope import Envelope, sign
from mpcgov.spec.load import parse_json
from mpcgov.spec.manifest import Protocol
from mpcgov.spec.statement import APPROVAL_TYPE, RECEIPT_TYPE, Approval, Layout, Proposal, Receipt, job_id
from tests.node.network import PARTIES, POLICY, Network, refusal, when
from tests.patience import LONG_S


async def proposed(network: Network, **changes: Any) -> tuple[Proposal, str]:
    """A job that every node has taken."""
    proposal = network.proposal(**changes)
    await network.submit(proposal)
    return proposal, job_id(proposal.job_digest)


async def approve(network: Network, job: str, *parties: str) -> None:
    for party in parties or PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)


async def test_a_job_that_all_approve_runs_and_its_receiver_opens_the_result(network: Network) -> None:
    await network.start()
    proposal, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RELEASED")
    async with network.client() as client:
        manifest = registry.find("joint-count").manifest
        result = await receive.collect(client, network.roster, proposal, manifest, "coordinator")
    assert result["tables"]["count"]["rows"] == [["North", 10], ["South", 11]]
    await network.at_rest()
    assert [operator.audit_verify(network.home(party)) > 10 for party in PARTIES] == [True] * 3


async def test_two_of_three_approvals_run_nothing_and_it_says_who_is_missing(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour", "welfare")
    for party in PARTIES:
        for of in ("labour", "welfare"):
            await network.holds_approval(party, job, of)
    await asyncio.sleep(1.5)  # in which one that doesn't need the third would start
    statuses = await network.until(job, "APPROVED", "AWAITING_APPROVAL")
    assert {status["state"] for status in statuses.values()} == {"APPROVED", "AWAITING_APPROVAL"}
    assert {tuple(status["waiting_for"]) for status in statuses.values()} == {("education",)}
    assert [worker.runs for worker in network.workers.values()] == [[], [], []]
    async with network.client() as client:
        early = await refusal(client.request("labour", "GET", f"/v1/jobs/{job}/share"))
    assert (early.exit_status, early.code) == (4, "too-early")


async def test_standing_policies_need_nobody(network: Network) -> None:
    for party in PARTIES:
        policy = (network.home(party) / "policy.yaml").read_text()
        network.policy(party, policy.replace("manual", "standing") + "    rows_per_unit: {person: 1}\n")
    await network.start()
    _, job = await proposed(network)
    await network.until(job, "RELEASED")


async def test_an_approval_reaches_all_even_if_its_own_node_takes_it_up_late(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last approval of the others arrives, and starts the job, before education's daemon has seen its own yes.

    Nobody asks for it again: it is given once it is taken up.
    """
    monkeypatch.setattr(gossip, "GOSSIP_EVERY", 10**9)
    await network.start("labour", "welfare")
    monkeypatch.setattr(daemon, "POLL_S", 1.0)
    await network.start("education")
    _, job = await proposed(network)
    await approve(network, job, "labour")
    await network.holds_approval("education", job, "labour")
    await approve(network, job, "education", "welfare")
    await network.until(job, "RELEASED")


async def test_a_node_that_comes_late_catches_up(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await network.stop("welfare")
    await approve(network, job)
    await asyncio.sleep(0.5)
    await network.start("welfare")
    await network.until(job, "RELEASED")


async def test_a_rejection_ends_the_job_everywhere_and_says_who_and_why(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour")
    await asyncio.to_thread(operator.reject, network.home("welfare"), job, "not before the election")
    statuses = await network.until(job, "REJECTED", "CANCELLED")
    assert statuses["welfare"]["state"] == "REJECTED"
    for party in ("labour", "education"):
        assert statuses[party]["reason"] == "rejected by welfare: not before the election"
    with pytest.raises(PeerError, match="too late"):
        operator.approve(network.home("education"), job)


async def test_a_denial_ends_the_job_everywhere_and_says_who_and_why(network: Network) -> None:
    policy = (network.home("labour") / "policy.yaml").read_text()
    network.policy("labour", policy.replace("min_count: 5", "min_count: 20"))
    await network.start()
    answers = await network.submit(proposal := network.proposal())
    assert answers["labour"]["state"] == "DENIED"
    assert answers["labour"]["reasons"] == ["labour needs min_count 20, the job says 10"]
    statuses = await network.until(job_id(proposal.job_digest), "DENIED", "CANCELLED")
    assert statuses["welfare"]["reason"] == "denied by labour: labour needs min_count 20, the job says 10"
    async with network.client() as client:
        denied = await refusal(client.request("labour", "GET", f"/v1/jobs/{job_id(proposal.job_digest)}/share"))
    assert (denied.exit_status, "min_count 20" in denied.message) == (3, True)


async def test_a_policy_tightened_before_the_approval_wins(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour", "welfare")
    network.policy("education", "protocols: []\n")
    with pytest.raises(Refused, match="education doesn't allow protocol"):
        await asyncio.to_thread(operator.approve, network.home("education"), job)
    statuses = await network.until(job, "REJECTED", "CANCELLED")
    assert "rejected by education: education doesn't allow protocol" in statuses["labour"]["reason"]


async def test_a_policy_tightened_after_the_approval_wins(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour")
    network.policy("labour", "")
    await approve(network, job, "welfare", "education")
    statuses = await network.until(job, "ABORTED", "CANCELLED")
    assert statuses["labour"]["reason"] == "labour: its policy is empty, so nothing is allowed"
    assert statuses["welfare"]["reason"] == "labour: its policy is empty, so nothing is allowed"
    assert network.workers["labour"].runs == []


@pytest.fixture
def other_program(monkeypatch: pytest.MonkeyPatch) -> str:
    """From now on this disk has another version of the protocol; all nodes of a test share a disk."""
    found, changed = registry.find, "sha256:" + "f" * 64

    def find(name: str) -> Protocol:
        protocol = found(name)
        return Protocol(protocol.folder, changed, protocol.manifest)

    monkeypatch.setattr(registry, "find", find)
    return changed


async def test_a_program_changed_after_the_proposal_is_refused_naming_node_and_digests(
    network: Network, request: pytest.FixtureRequest
) -> None:
    await network.start()
    proposal, job = await proposed(network)
    changed = request.getfixturevalue("other_program")
    text = f"labour has joint-count {changed}, the proposal pins {proposal.protocol_digest}"
    with pytest.raises(Refused, match=text):
        await asyncio.to_thread(operator.approve, network.home("labour"), job)
    statuses = await network.until(job, "REJECTED", "CANCELLED")
    assert text in statuses["education"]["reason"]


async def test_a_program_changed_after_the_approval_ends_the_job_naming_node_and_digests(
    network: Network, request: pytest.FixtureRequest
) -> None:
    await network.start()
    proposal, job = await proposed(network)
    await network.stop("education")
    await approve(network, job)
    await network.until(job, "APPROVED", parties=("labour", "welfare"))
    changed = request.getfixturevalue("other_program")
    await network.start("education")
    statuses = await network.until(job, "ABORTED")
    for party in PARTIES:
        assert f"has joint-count {changed}, the proposal pins {proposal.protocol_digest}" in statuses[party]["reason"]
        assert network.workers[party].runs == []


async def test_another_engine_at_one_node_ends_the_job_naming_both_digests(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    await network.start()
    _, job = await proposed(network)
    own, other = registry.engine_digest(), "sha256:" + "e" * 64
    with monkeypatch.context() as patch:
        patch.setattr(registry, "engine_digest", lambda: other)
        await approve(network, job, "welfare")
    await approve(network, job, "labour", "education")
    statuses = await network.until(job, "ABORTED")
    words = (
        f"welfare has mpcgov {other}, ",  # who looks first says it to all
        f"welfare approved with mpcgov {other}, its node still runs {own}: start it anew",
    )
    assert any(text in statuses["labour"]["reason"] for text in words)
    assert words[1] in statuses["welfare"]["reason"] or "says: welfare has mpcgov" in statuses["welfare"]["reason"]
    assert own in statuses["labour"]["reason"]
    assert network.workers["labour"].runs == []


async def test_a_job_expires_where_it_waits(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour")
    for party in ("welfare", "education"):  # who gives its approval to a node that is ahead is told that it is too late
        await network.holds_approval(party, job, "labour")
    network.clock.offset_s = 3601
    await network.until(job, "EXPIRED")


async def test_cancelling_ends_a_waiting_job_and_can_be_repeated(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour")
    async with network.client() as client:
        for party in (*PARTIES, *PARTIES):
            answer = await client.request(party, "POST", f"/v1/jobs/{job}/cancel", b"{}")
            assert answer["state"] == "CANCELLED"
    await approve_is_too_late(network, job)


async def approve_is_too_late(network: Network, job: str) -> None:
    with pytest.raises(PeerError, match="too late"):
        await asyncio.to_thread(operator.approve, network.home("welfare"), job)


async def test_cancelling_a_job_under_way_is_too_late(network: Network) -> None:
    network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    async with network.client() as client:
        error = await refusal(client.request("labour", "POST", f"/v1/jobs/{job}/cancel", b"{}"))
    assert error.exit_status == 4
    network.workers["labour"].gates["compute"].set()
    await network.until(job, "RELEASED")


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        (DataError("people: column age: 3 rows out of range"), "FAILED", "welfare: data contract"),
        (LocalError("people.csv: no such file"), "FAILED", "welfare: data contract"),
        (InternalError("the process that computes died"), "FAILED", "welfare: the process that computes died (phase"),
        (PeerError("labour: sent nonsense", code="peer-protocol"), "ABORTED", "labour: sent nonsense (phase ready)"),
        (RuntimeError("secret 4711"), "FAILED", "welfare: internal error: RuntimeError (phase ready)"),
    ],
)
async def test_what_goes_wrong_at_one_node_ends_the_job_at_all(
    network: Network, fault: Exception, state: str, reason: str
) -> None:
    network.workers["welfare"].faults["ready"] = fault
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    statuses = await network.until(job, "FAILED", "ABORTED")
    assert statuses["welfare"]["state"] == state
    for status in statuses.values():
        assert reason in status["reason"]
        assert "4711" not in status["reason"]
        assert "rows" not in status["reason"]
    view = next(view for view in operator.jobs(network.home("welfare")) if view.job == job)
    assert ("3 rows" in view.detail) == isinstance(fault, DataError)
    # The nodes are none the worse for it.
    network.workers["welfare"].faults.clear()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RELEASED")


async def test_a_node_that_gives_up_says_why_and_its_worker_just_falls_silent(network: Network) -> None:
    """What becomes of welfare's worker is no news to the others' workers; what its node says is."""
    network.workers["welfare"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    await asyncio.sleep(0.2)
    network.nodes["welfare"].service._runs[job].abort(PeerError("the moon: fell down", code="stream"))
    statuses = await network.until(job, "ABORTED")
    said = {"welfare says: the moon: fell down (phase compute)"}
    assert {statuses[party]["reason"] for party in ("labour", "education")} == said
    assert statuses["welfare"]["reason"] == "the moon: fell down (phase compute)"
    assert [worker.hung_up for worker in network.workers.values()] == [[], [], []]


async def test_who_hung_up_is_blamed_only_if_nobody_knows_better(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpcgov.node.run.GRACE_S", 3.0)  # in which somebody who knows better says so
    network.workers["labour"].faults["compute"] = PeerError("welfare: hung up", code="peer-lost")
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    while "compute" not in network.workers["labour"].phases:  # noqa: ASYNC110 - a list, not an event
        await asyncio.sleep(0.01)
    network.nodes["labour"].service.ended(
        job, "welfare", EndNotice(event="abort", reason="education: out of memory (phase compute)", code="memory")
    )
    statuses = await network.until(job, "ABORTED")
    assert statuses["labour"]["reason"] == "welfare says: education: out of memory (phase compute)"


def passes_in_compute(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's deadline passes once all workers compute, and not before."""
    inner = JobRun._until_over

    async def until_over(run: JobRun, timeout_s: float) -> None:
        if timeout_s == run._proposal.job.deadline_s:
            await when(lambda: all("compute" in one.phases for one in network.workers.values()), "nobody computes")
        else:
            await inner(run, timeout_s)

    monkeypatch.setattr(JobRun, "_until_over", until_over)


async def test_the_deadline_ends_a_job_and_names_the_phase(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    passes_in_compute(network, monkeypatch)
    monkeypatch.setattr("mpcgov.node.run.LATE_S", 0.1)
    network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network, deadline_s=4)
    await approve(network, job)
    statuses = await network.until(job, "ABORTED")
    assert any("the deadline of 4 s has passed (compute)" in status["reason"] for status in statuses.values())


async def test_a_worker_that_says_after_the_deadline_for_whom_it_waits_is_heard(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine counts from when it begins, a moment after the node does: the node's own deadline names nobody."""
    passes_in_compute(network, monkeypatch)
    monkeypatch.setattr("mpcgov.node.run.LATE_S", LONG_S)
    for party in PARTIES:
        network.workers[party].gates["compute"] = asyncio.Event()
    said = "the deadline of 4 s has passed (compute; still waiting for labour)"
    network.workers["welfare"].faults["compute"] = PeerError(said, code="deadline")
    await network.start()
    _, job = await proposed(network, deadline_s=4)
    await approve(network, job)
    await when(lambda: "compute" in network.workers["welfare"].phases, "welfare never computes")
    await asyncio.sleep(0.5)  # in which a node that doesn't wait for its worker would end the job
    network.workers["welfare"].gates["compute"].set()
    statuses = await network.until(job, "ABORTED")
    assert statuses["welfare"]["reason"] == said


async def test_a_share_goes_to_receivers_only_and_only_when_released(network: Network) -> None:
    network.workers["education"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network, receivers=["labour"])
    await approve(network, job)
    await network.until(job, "RUNNING")
    async with network.client("labour") as receiver, network.client() as hq:
        assert (await refusal(receiver.request("welfare", "GET", f"/v1/jobs/{job}/share"))).code == "too-early"
        network.workers["education"].gates["compute"].set()
        await network.until(job, "RELEASED")
        for party in PARTIES:
            assert (await refusal(hq.request(party, "GET", f"/v1/jobs/{job}/share"))).exit_status == 3
            assert "payload" in await receiver.request(party, "GET", f"/v1/jobs/{job}/share")


async def test_a_party_that_receives_opens_its_own_result(network: Network) -> None:
    from mpcgov.node.result import result_of

    await network.start()
    _, job = await proposed(network, receivers=["coordinator", "labour"])
    await approve(network, job)
    await network.until(job, "RELEASED")
    result = await result_of(network.home("labour"), job)
    assert result["tables"]["count"]["rows"] == [["North", 10], ["South", 11]]
    with pytest.raises(Refused):
        await result_of(network.home("welfare"), job)


async def test_nothing_is_released_without_every_receipt(network: Network) -> None:
    """One node's worker is done and its receipt is out; the others' aren't: no share, to nobody."""
    network.workers["education"].gates["compute"] = asyncio.Event()
    for party in ("labour", "welfare"):
        network.workers[party].bulk_bytes = 0
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    run = network.nodes["labour"].service._runs[job]
    await when(lambda: run.phase == "receipts", "labour's worker was never done")
    await asyncio.sleep(0.5)  # in which one that doesn't wait for all receipts would go on
    status = await network.status("labour", job)
    assert (status["state"], status["phase"]) == ("RUNNING", "receipts")
    async with network.client() as client:
        assert (await refusal(client.request("labour", "GET", f"/v1/jobs/{job}/share"))).code == "too-early"
    assert holds_outcome(network, "labour", job)
    with pytest.raises(PeerError, match="RUNNING"):
        network.nodes["labour"].book.outcome(job)


async def test_parties_with_different_layouts_release_nothing(network: Network) -> None:
    proposal = network.proposal()
    tables = network.workers["labour"].outcome_tables(proposal)
    network.workers["labour"].layout = Layout(modulus="17", degree=1, tables=tables)
    await network.start()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    await approve(network, job)
    statuses = await network.until(job, "ABORTED")
    assert all("layout" in status["reason"] for status in statuses.values())
    async with network.client() as client:
        for party in PARTIES:
            assert (await refusal(client.request(party, "GET", f"/v1/jobs/{job}/share"))).exit_status == 4
            assert not holds_outcome(network, party, job)


async def test_the_same_proposal_again_runs_nothing_twice(network: Network) -> None:
    await network.start()
    proposal, job = await proposed(network)
    assert (await network.submit(proposal))["labour"] == {"job": job, "state": "AWAITING_APPROVAL", "reasons": []}
    await approve(network, job)
    await network.until(job, "RELEASED")
    assert (await network.submit(proposal))["labour"]["state"] == "RELEASED"
    await network.stop()
    await network.start()
    assert (await network.submit(proposal))["labour"]["state"] == "RELEASED"
    await approve(network, job)
    await asyncio.sleep(1.2)
    assert [worker.runs for worker in network.workers.values()] == [[job]] * 3


async def test_a_job_under_way_when_a_node_stops_fails_and_never_runs_again(network: Network) -> None:
    network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    proposal, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    # As after SIGKILL: nothing is said or written on the way out.
    network.nodes["labour"].book.move = None
    await network.stop("labour")
    await network.until(job, "ABORTED", parties=("welfare", "education"))
    network.workers["labour"].gates.clear()
    await network.start("labour")
    status = await network.status("labour", job)
    assert (status["state"], status["reason"]) == ("FAILED", "labour: its node stopped in mid-job")
    assert (await network.submit(proposal))["labour"]["state"] == "FAILED"
    await asyncio.sleep(1.2)
    assert network.workers["labour"].runs == [job]


async def test_approvals_that_are_not_what_they_should_be_are_refused(network: Network) -> None:
    await network.start()
    proposal, job = await proposed(network)
    await network.stop("welfare")
    operator.approve(network.home("welfare"), job)
    good = operator_approval(network, "welfare", job)
    approval = parse_json(good.body, Approval, "approval")
    key = network.identity("welfare").signing_key

    def signed(**changes: Any) -> Envelope:
        return sign(approval.model_copy(update=changes), APPROVAL_TYPE, "welfare", key)

    body = bytearray(good.body)
    body[-20] ^= 1
    bad = {
        "a flipped bit": good.model_copy(update={"payload": base64.b64encode(bytes(body)).decode()}),
        "another type": good.model_copy(update={"payloadType": RECEIPT_TYPE}),
        "no signature": good.model_copy(update={"signatures": ()}),
        "another's name": signed(party="education"),
        "another's signature": sign(approval, APPROVAL_TYPE, "welfare", network.identity("education").signing_key),
        "another job": signed(job_digest="sha256:" + "0" * 64),
        "another roster": signed(roster_digest="sha256:" + "0" * 64),
        "expired": signed(expires_at=int(network.clock.now()) - 1),
    }
    async with network.client("welfare") as client, network.client("education") as other:
        for what, envelope in bad.items():
            error = await refusal(client.request("labour", "POST", f"/v1/jobs/{job}/approvals", envelope.to_bytes()))
            assert error.exit_status in (2, 4), what
        stolen = await refusal(other.request("labour", "POST", f"/v1/jobs/{job}/approvals", good.to_bytes()))
        assert "has not signed" in stolen.message
        assert network.nodes["labour"].book.approvals(job) == {}
        await client.request("labour", "POST", f"/v1/jobs/{job}/approvals", good.to_bytes())
        assert list(network.nodes["labour"].book.approvals(job)) == ["welfare"]
    del proposal


def operator_approval(network: Network, party: str, job: str) -> Envelope:
    with operator.opened(network.home(party)) as (_, book, _):
        return parse_json(book.approvals(job)[party], Envelope, "approval")


async def test_receipts_that_are_not_what_they_should_be_are_refused(network: Network) -> None:
    network.workers["welfare"].gates["compute"] = asyncio.Event()
    await network.start()
    proposal, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    layout = "sha256:" + "0" * 64
    good = Receipt(job_digest=proposal.job_digest, party="welfare", position=1, layout_digest=layout)
    key = network.identity("welfare").signing_key
    changes: list[dict[str, Any]] = [{"position": 0}, {"party": "labour"}, {"job_digest": layout}]
    async with network.client("welfare") as client:
        for change in changes:
            envelope = sign(good.model_copy(update=change), RECEIPT_TYPE, "welfare", key)
            error = await refusal(client.request("labour", "POST", f"/v1/jobs/{job}/receipts", envelope.to_bytes()))
            assert error.exit_status == 2
    assert network.nodes["labour"].book.receipts(job) == {}


async def test_an_edited_database_starts_nothing(network: Network) -> None:
    """An insider swaps a proposal, or another party's approval, in the database: signatures are verified afresh."""
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour", "welfare")
    await network.until(job, "APPROVED", parties=("labour", "welfare"))
    jobs = network.nodes["labour"].book
    await network.holds_approval("labour", job, "welfare")
    with jobs._audit.entry() as entry:
        forged = jobs.approvals(job)["labour"]
        entry.tx.execute(APPROVALS.update().where(APPROVALS.c.party == "welfare").values(envelope=forged))
        entry.record("tampered")
    await approve(network, job, "education")
    statuses = await network.until(job, "ABORTED", "CANCELLED")
    assert "welfare has not signed it" in statuses["labour"]["reason"]
    assert network.workers["labour"].runs == []


async def test_a_swapped_proposal_is_found(network: Network) -> None:
    await network.start("labour")
    proposal, other = network.proposal(), network.proposal(disclosure={"min_count": 5})
    await network.submit(proposal, "labour")
    job, body = job_id(proposal.job_digest), network.envelope(other).to_bytes()
    with network.nodes["labour"]._store.write() as tx:
        tx.execute(JOBS.update().values(proposal=body))
    with pytest.raises(PeerError, match="no longer as the coordinator signed it"):
        operator.approve(network.home("labour"), job)


async def test_data_are_shared_only_after_a_commit_that_is_on_record(network: Network) -> None:
    await network.start()
    with network.nodes["labour"]._store.write() as tx:
        condition = 'instr(CAST(NEW.record AS TEXT), \'"event":"commit"\') > 0'
        tx.exec_driver_sql(
            f"CREATE TRIGGER full BEFORE INSERT ON audit WHEN {condition} BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    _, job = await proposed(network)
    await approve(network, job)
    statuses = await network.until(job, "FAILED", "ABORTED")
    assert (statuses["labour"]["state"], "database" in statuses["labour"]["reason"]) == ("FAILED", True)
    assert all("labour: the node can't use its database" in status["reason"] for status in statuses.values())
    assert network.workers["labour"].phases[-1] == "deal"


async def test_a_coordinator_cant_fill_the_disk_with_jobs_that_wait(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WAITING_LIMIT", 2)
    await network.start("labour")
    for _ in range(2):
        await network.submit(network.proposal(), "labour")
    error = await refusal(network.submit(network.proposal(), "labour"))
    assert (error.exit_status, error.code) == (3, "too-many")


async def test_a_coordinator_cant_fill_the_disk_with_jobs_that_are_denied(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are kept as all others are; what was taken counts for a day, and setting the clock back changes nothing."""
    denied = {"purpose": "x" * 900}
    network.policy("labour", POLICY.replace('["*"]', '["nothing"]', 1))
    monkeypatch.setattr(room, "DAY_BYTES", 12_000)
    await network.start("labour")
    answers, refused = [], None
    while refused is None:
        assert len(answers) < 10, "it takes them all"
        try:
            answers.append((await network.submit(network.proposal(**denied), "labour"))["labour"]["state"])
        except Refused as error:
            refused = error
    assert (set(answers), refused.code, refused.exit_status) == ({"DENIED"}, "too-many", 3)
    network.clock.offset_s = -3600.0
    assert (await refusal(network.submit(network.proposal(**denied), "labour"))).code == "too-many"
    network.clock.offset_s = 86400.0
    assert (await network.submit(network.proposal(**denied), "labour"))["labour"]["state"] == "DENIED"


async def test_a_node_that_cant_record_does_nothing_and_recovers(network: Network) -> None:
    await network.start("labour")
    database = network.nodes["labour"]._store
    with database.write() as tx:
        tx.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    body = network.envelope(proposal := network.proposal()).to_bytes()
    async with network.client() as client:
        error = await refusal(client.request("labour", "POST", "/v1/jobs", body))
        assert (error.exit_status, error.code) == (4, "store")
        assert network.nodes["labour"].book.find(job_id(proposal.job_digest)) is None
        with database.write() as tx:
            tx.exec_driver_sql("DROP TRIGGER full")
        answer = await client.request("labour", "POST", "/v1/jobs", body)
        assert answer["state"] == "AWAITING_APPROVAL"


def holds_outcome(network: Network, party: str, job: str) -> bool:
    with network.nodes[party]._store.read() as tx:
        return store.outcome(tx, job) is not None


async def test_a_job_whose_end_the_disk_had_no_room_for_ends_as_soon_as_it_has(network: Network) -> None:
    """And gives back what it had reserved: nothing may wait for a restart."""
    network.workers["labour"].gates["compute"] = asyncio.Event()
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RUNNING")
    database = network.nodes["labour"]._store
    with database.write() as tx:
        tx.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    network.nodes["labour"].service._runs[job].abort(PeerError("welfare: gone", code="stream"))
    await when(lambda: job not in network.nodes["labour"].service._runs, "the job is still under way")
    assert network.nodes["labour"].book.job(job).state is State.RUNNING
    with database.write() as tx:
        tx.exec_driver_sql("DROP TRIGGER full")
    await when(lambda: network.nodes["labour"].book.job(job).state is State.ABORTED, "the job is never ended")
    assert network.nodes["labour"].book.job(job).reason == "welfare: gone (phase compute)"
    assert operator.audit_verify(network.home("labour")) > 5
    network.workers["labour"].gates.clear()
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RELEASED")


async def test_a_node_remembers_nothing_of_a_jobs_approvals_once_it_has_ended(network: Network) -> None:
    """Or it would need more memory with each job."""
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour")
    found = network.nodes["labour"].service._gossip
    await when(lambda: len(found._delivered) == 2, "nobody got labour's approval")
    await approve(network, job, "welfare", "education")
    await network.until(job, "RELEASED")
    await when(lambda: not found._delivered, "its approvals are never forgotten")
