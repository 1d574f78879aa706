"""What an agency's people see and do: jobs in plain words, decisions with or without a daemon, and a check-up."""

from __future__ import annotations

import asyncio
import re

import pytest

from mpcgov import registry
from mpcgov.cli.words import describe_job
from mpcgov.errors import LocalError, PeerError
from mpcgov.node import operator
from mpcgov.node.book import Book
from mpcgov.spec.manifest import Protocol
from mpcgov.spec.statement import job_id
from tests.node.network import PARTIES, Network


@pytest.fixture
async def job(network: Network) -> str:
    """A job that has been proposed to labour, whose daemon is off again."""
    await network.start("labour")
    parties = {"labour": {"dataset": "people", "where": "age < 25"}, "welfare": {"dataset": "people"}, "education": {}}
    proposal = network.proposal(parties=parties, receivers=["coordinator", "labour"])
    await network.submit(proposal, "labour")
    await network.stop("labour")
    return job_id(proposal.job_digest)


async def test_a_job_is_shown_with_everything_that_a_person_must_know(network: Network, job: str) -> None:
    (view,) = operator.jobs(network.home("labour"))
    assert (view.job, view.state, view.asked_by) == (job, "AWAITING_APPROVAL", "hq")
    assert (view.purpose, view.legal_basis) == ("Youth on support, 2025 report", "Statistics Act, section 12")
    assert view.protocol == f"joint-count@{registry.find('joint-count').digest}"
    assert (view.parties, view.receivers) == (PARTIES, ("coordinator", "labour"))
    assert view.waiting_for == PARTIES
    assert view.own_data == (
        "data set people, rows where age < 25", "column region: group", "column age: filter",
    )  # fmt: skip
    assert view.others == ("welfare brings people, all rows", "education brings no rows, it only computes")
    assert "cells below 10 are suppressed" in view.disclosure
    assert view.reveals[0] == (
        "the coordinator, labour: table count: the count of all parties' rows together by region, 2 cells"
    )
    manifest = registry.find("joint-count").manifest
    assert all(any(leak.what in line for line in view.reveals) for leak in manifest.leakage)
    assert view.to_json()["job"] == job


async def test_a_job_that_counts_one_agencys_rows_only_is_shown_as_what_it_is(network: Network) -> None:
    await network.start("labour")
    nobody = {"dataset": "people", "where": "age < 0"}
    for parties in (
        {"labour": {"dataset": "people"}, "welfare": {}, "education": {}},
        {"labour": {"dataset": "people"}, "welfare": nobody, "education": nobody},
    ):
        await network.submit(network.proposal(parties=parties), "labour")
    alone, emptied = sorted(operator.jobs(network.home("labour")), key=lambda view: "age" in view.others[0])
    assert "the coordinator: nobody but labour brings rows, so the counts are its own" in alone.reveals
    assert emptied.others == (
        "welfare brings people, rows where age < 0", "education brings people, rows where age < 0",
    )  # fmt: skip
    assert any(emptied.others[0] in line for line in describe_job(emptied)[0][1])


async def test_totals_are_shown_as_true_ones_or_as_noisy_ones_that_tell_nothing_more(network: Network) -> None:
    noise = {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}
    await network.start("labour")
    for rules in ({}, {"noise": noise}):
        asked = {"params": {"by": ["region", "sex"]}, "disclosure": {"min_count": 10, "margins": True, **rules}}
        await network.submit(network.proposal(**asked), "labour")
    said = [line for view in operator.jobs(network.home("labour")) for line in view.reveals if "totals" in line]
    table = "totals of rows, columns and the whole table, but not"
    assert sorted(said) == [
        f"the coordinator: the noisy {table} below 10", f"the coordinator: the true {table} if that tells too much",
    ]  # fmt: skip


async def test_a_version_that_this_machine_lacks_is_not_explained_by_another(
    network: Network, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = registry.find("joint-count")
    other = Protocol(found.folder, "sha256:" + "0" * 64, found.manifest)
    monkeypatch.setattr(registry, "find", lambda name: other)
    (view,) = operator.jobs(network.home("labour"))
    assert view.reveals == ("this machine doesn't have the protocol version that is proposed, so nothing can be said",)


async def test_decisions_work_without_a_daemon_and_twice(network: Network, job: str) -> None:
    home = network.home("labour")
    assert operator.approve(home, job).state == "APPROVED"
    assert operator.approve(home, job).state == "APPROVED"
    assert operator.approve(home, job).waiting_for == ("welfare", "education")
    assert operator.reject(home, job, "changed our mind").state == "REJECTED"
    assert operator.reject(home, job, "again").reason == "changed our mind"
    with pytest.raises(PeerError, match="too late to approve"):
        operator.approve(home, job)
    events = [record["event"] for record in operator.audit_records(home) if record["job"] == job]
    assert [event for event in events if event != "request"] == ["proposed", "ask", "approve", "reject"]


async def test_an_unknown_job_is_an_error_of_the_asker(network: Network, job: str) -> None:
    for decide in (operator.approve, lambda home, job: operator.reject(home, job, "no")):
        with pytest.raises(LocalError) as caught:
            decide(network.home("labour"), "aaaa-aaaa-aaaa")
        assert caught.value.exit_status == 2


async def test_a_job_whose_time_is_over_cant_be_approved(
    network: Network, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network.clock.offset_s = 3601
    monkeypatch.setattr(operator, "RealClock", lambda: network.clock)
    with pytest.raises(PeerError, match="the time to decide is over"):
        operator.approve(network.home("labour"), job)
    (view,) = operator.jobs(network.home("labour"))
    assert view.state == "EXPIRED"


async def test_two_decisions_at_once_are_one(network: Network, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one comes after this one has looked and before it writes."""
    home = network.home("labour")
    look = Book.proposal

    def late(book: Book, job: str) -> object:
        monkeypatch.setattr(Book, "proposal", look)
        operator.reject(home, job, "no")
        return look(book, job)

    monkeypatch.setattr(Book, "proposal", late)
    with pytest.raises(PeerError, match="too late to approve"):
        operator.approve(home, job)
    assert operator.jobs(home)[0].state == "REJECTED"
    with operator.opened(home) as (_, book, _):
        assert book.approvals(job) == {}


async def test_the_check_up_finds_what_is_wrong(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    await network.start()

    async def findings() -> dict[str, tuple[bool, str]]:
        found = await asyncio.to_thread(operator.doctor, network.home("labour"))
        return {finding.name: (finding.ok, finding.text) for finding in found}

    (network.home("labour") / "people.csv").write_text("region,sex,age\n")
    assert all(ok for ok, _ in (await findings()).values())
    await network.stop("education")
    network.clock.offset_s = 3600
    network.datasets("labour", "people: []")
    found = await findings()
    bad = {name: text for name, (ok, text) in found.items() if not ok}
    assert set(bad) == {"datasets.yaml", "party labour", "party welfare", "party education"}
    assert re.fullmatch(r"its clock is 3[56]\d\d s ahead of this one", bad["party welfare"])
    assert "no connection" in bad["party education"]


def test_a_folder_that_is_no_home_is_one_finding(network: Network) -> None:
    (finding,) = operator.doctor(network.folder)
    assert not finding.ok
