"""What noise costs: reserved, committed before anything is dealt, spent for ever; refused when there is not enough."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from mpcgov.errors import SpecError
from mpcgov.lifecycle import TERMINAL
from mpcgov.node import budget, ledger, operator
from mpcgov.node.facts import Balance
from mpcgov.node.shares import share
from mpcgov.node.store import Store
from mpcgov.node.tables import JOBS, LEDGER
from mpcgov.rules.privacy import Spend
from mpcgov.spec.statement import job_id
from tests.node.alone import Dealing, approvals, started, take_through
from tests.node.failpoints import POINTS
from tests.node.killable import Killable, killable
from tests.node.network import PARTIES, POLICY, Network
from tests.node.test_faults import ROOT
from tests.node.test_ledger import denial, everywhere, failed, in_turns, run
from tests.patience import LONG_S

__all__ = ["killable"]

LAPLACE = {"mechanism": "discrete-laplace", "unit": "person", "bound": 1}
GAUSSIAN = {"mechanism": "discrete-gaussian", "unit": "person", "bound": 1}


def noise(amount: str, unit: str = "person") -> dict[str, Any]:
    return {"disclosure": {"min_count": 10, "noise": LAPLACE | {"epsilon": amount, "unit": unit}}}


def of(network: Network, party: str, measure: str = "epsilon", unit: str = "person") -> Balance:
    found = budget.show(network.home(party)).balances
    return next(b for b in found if (b.dataset, b.unit, b.measure) == ("people", unit, measure))


@pytest.fixture
async def nodes(network: Network) -> Network:
    await network.start()
    return network


async def test_r30_a_job_needs_budget_at_every_node_and_costs_the_others_nothing_where_one_has_none(
    nodes: Network,
) -> None:
    budget.set_total(nodes.home("education"), "people", "person", "1", None)
    await run(nodes, **noise("0.75"))
    asked = noise("0.5") | {"purpose": "Youth, once more"}
    reason = await denial(nodes, "education", **asked)
    assert reason == "education: people has epsilon 0.25 left for a person, and this job would take 0.5"
    answers = await nodes.submit(nodes.proposal(**asked))
    assert {party: answer["state"] for party, answer in answers.items()} == {
        "labour": "AWAITING_APPROVAL", "welfare": "AWAITING_APPROVAL", "education": "DENIED"
    }  # fmt: skip
    assert [of(nodes, party).spent for party in PARTIES] == [Fraction(3, 4)] * 3
    assert [of(nodes, party).left for party in PARTIES] == [Fraction(37, 4), Fraction(37, 4), Fraction(1, 4)]
    await run(nodes, **noise("0.25"))


async def test_noise_may_overlap_with_anything_and_is_paid_for(nodes: Network) -> None:
    await run(nodes)
    await run(nodes, **noise("1"), **everywhere("age < 41"))
    nodes.workers["labour"].rows = {"all rows": "41"}
    await run(nodes, **noise("1"), **everywhere("age < 42"))
    gaussian = {"disclosure": {"noise": GAUSSIAN | {"rho": "0.125"}}}
    await run(nodes, **gaussian)
    assert [of(nodes, party).spent for party in PARTIES] == [2] * 3
    assert [of(nodes, party, "rho").spent for party in PARTIES] == [Fraction(1, 8)] * 3
    shown = budget.show(nodes.home("labour")).to_json()
    assert shown["together"][0]["epsilon"] == pytest.approx(1.125 + 2 * (1.125 * 13.8155) ** 0.5, rel=1e-4)


async def test_r33_noise_isnt_drawn_twice_for_the_same_rows_nor_is_it_paid_twice(nodes: Network) -> None:
    await run(nodes, **noise("6"))
    await run(nodes, **noise("6"))  # 4 are left, but it is the same result
    assert [of(nodes, party).spent for party in PARTIES] == [6] * 3
    assert nodes.workers["labour"].phases.count("deal") == 2  # one of them only as far as the commit
    assert nodes.workers["labour"].phases.count("compute") == 1
    nodes.workers["welfare"].rows = {"all rows": "41"}
    _, statuses = await failed(nodes, **noise("6"))
    assert "have changed" in statuses["welfare"]["reason"]
    # Now that they are known to have changed, the result would be another one, with noise of its own.
    assert "welfare: people has epsilon 4 left" in await denial(nodes, "welfare", **noise("6"))


@pytest.mark.parametrize("reruns", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_r33_reruns_are_charged_once_and_get_the_same_signed_bytes(network: Network, reruns: int) -> None:
    """At one node, from the proposal to what it gives the receiver; 6 of 10 are charged, so twice is refused."""
    home, dealt, shares = network.loaded("labour"), [], set()
    book, store = started(home)
    first: str | None = None
    for number in range(reruns + 1):
        proposal = network.proposal(**noise("6"), deadline_s=600 + number)
        proposed = network.envelope(proposal).to_bytes()
        said = approvals(network, "labour", proposal, first)
        job = take_through(home, book, proposed, said, Dealing(lambda: dealt.append("share")))
        shares.add(share(home, book, job, network.hq.card).to_bytes())
        first = first or job
    assert len(shares) == 1
    assert dealt == ["share"]
    with store.read() as tx:
        found = tx.execute(sql.select(LEDGER.c.answers, LEDGER.c.amount).order_by(LEDGER.c.at)).all()
    assert [tuple(line) for line in found] == [(None, "6")] + [(first, None)] * reruns
    store.close()
    assert of(network, "labour").spent == 6
    assert operator.audit_verify(home.path) > 7 * reruns


async def test_another_name_for_the_unit_is_not_another_budget(nodes: Network) -> None:
    await run(nodes, **noise("6"))
    assert "labour: people has epsilon 4 left for a human" in await denial(nodes, **noise("5", "human"))
    budget.set_total(nodes.home("labour"), "people", "household", "2", None)
    assert "labour: people has epsilon 2 left for a household" in await denial(nodes, **noise("5", "household"))
    said = await denial(nodes, **noise("0.5", "human"))
    assert "labour: people has epsilon 0 left for a human" in said
    assert said.endswith("; a human has no budget there")


async def test_the_policy_floors_what_is_spent_in_all(nodes: Network) -> None:
    nodes.policy("labour", POLICY.replace("min_count: 5", 'min_count: 5\n    total_epsilon: "1.5"'))
    await run(nodes, **noise("1"))
    assert "labour: people has epsilon 0.5 left" in await denial(nodes, **noise("0.75"))


async def test_who_says_yes_is_told_what_it_takes_and_what_is_left(nodes: Network) -> None:
    await run(nodes, **noise("1"))
    proposal = nodes.proposal(**noise("2"))
    await nodes.submit(proposal)
    views = {view.job: view for view in operator.jobs(nodes.home("labour"))}
    (line,) = views[job_id(proposal.job_digest)].ledger
    assert line == "takes epsilon 2 from the budget of a person in people; 9 of 10 are left before it"


@pytest.mark.usefixtures("by_hand")
async def test_jobs_at_once_dont_spend_the_same_budget(nodes: Network) -> None:
    jobs = []
    for amount in ("6", "5"):
        proposal = nodes.proposal(**noise(amount))
        await nodes.submit(proposal)
        jobs.append(job_id(proposal.job_digest))
    gate = nodes.workers["labour"].gates["hello"] = asyncio.Event()
    await in_turns(nodes, *jobs)
    statuses = await nodes.until(jobs[1], "ABORTED")
    assert any("has epsilon 4 left" in status["reason"] for status in statuses.values())
    gate.set()
    await nodes.until(jobs[0], "RELEASED")


def test_totals_are_checked_and_on_record(network: Network) -> None:
    home = network.home("labour")
    for dataset, epsilon in (("persons", "1"), ("people", None), ("people", "-1"), ("people", "much")):
        with pytest.raises(SpecError):
            budget.set_total(home, dataset, "person", epsilon, None)
    budget.set_total(home, "people", "person", "1.5", "0.25")
    budget.set_total(home, "people", "person", "2", None)
    assert [(b.measure, b.total) for b in budget.show(home).balances] == [("epsilon", 2), ("rho", Fraction(1, 4))]
    records = [record["facts"] for record in operator.audit_records(home) if record["event"] == "budget set"]
    assert records[-1] == {"dataset": "people", "unit": "person", "epsilon": "2"}


def test_what_everything_together_tells() -> None:
    pure = [Spend("person", "epsilon", Fraction(1, 10))] * 2
    assert ledger.epsilon_at(pure, 1e-6) == pytest.approx(0.2)  # the plain sum is less
    many = [Spend("person", "epsilon", Fraction(1, 10))] * 1000
    assert ledger.epsilon_at(many, 1e-6) == pytest.approx(5 + 2 * (5 * 13.8155) ** 0.5, rel=1e-4)  # not 100
    assert ledger.epsilon_at([], 1e-6) == 0


def states(network: Network, party: str, job: str) -> tuple[str | None, str]:
    """A job's line in a node's ledger, and its state, read from the files of a node that doesn't run."""
    store = Store(network.home(party) / "state")
    with store.read() as tx:
        line = tx.execute(sql.select(LEDGER.c.state).where(LEDGER.c.job == job)).scalar_one_or_none()
        state = tx.execute(sql.select(JOBS.c.state).where(JOBS.c.id == job)).scalar_one()
    store.close()
    return line, state


NODES_TOO = [point for point in POINTS if point[0] in ("recorded", "durable")]


@pytest.mark.slow
async def test_r31_a_node_killed_at_any_point_of_its_ledger_has_spent_if_and_only_if_it_had_committed(
    network: Network, killable: Killable
) -> None:
    """Whole nodes, of which welfare's is killed."""
    others = ["labour", "education"]
    await network.start(*others)
    spent, jobs = Fraction(0), []
    for number, (moment, event, line, dealt) in enumerate(NODES_TOO):
        await killable.serve("welfare", moment, event)
        if jobs:
            assert states(network, "welfare", jobs[-1])[0] == NODES_TOO[number - 1][2], NODES_TOO[number - 1]
            assert of(network, "welfare").spent == spent, NODES_TOO[number - 1]
        job = await _approved(network, number)
        assert await killable.ended() == -signal.SIGKILL, (moment, event)
        received = sum(
            size
            for party in others
            for (of_job, peer, phase), size in network.workers[party].received.items()
            if (of_job, peer) == (job, "welfare") and phase in ("deal", "compute")
        )
        assert (received > 0) == dealt, (moment, event)
        jobs.append(job)
        spent += Fraction(1, 2) if line == "final" else 0
        if line is None:  # to this node nothing has begun; nor may it begin in the next round
            operator.reject(network.home("welfare"), job, "enough")
    await killable.serve("welfare", "never", "never")
    assert states(network, "welfare", jobs[-1]) == ("final", "RELEASED")
    assert {states(network, "welfare", job)[1] for job in jobs[1:-1]} == {"FAILED"}
    assert of(network, "welfare").spent == spent
    assert operator.audit_verify(network.home("welfare")) > len(NODES_TOO)
    await _others_spent_what_they_committed(network, others, jobs)


@pytest.mark.parametrize("parties", [PARTIES[:1], pytest.param(PARTIES[1:], marks=pytest.mark.slow)])
def test_r31_at_each_node_and_every_point_it_is_spent_if_and_only_if_committed_and_nothing_dealt_before(
    network: Network, tmp_path: Path, parties: tuple[str, ...]
) -> None:
    """Real processes and a real SIGKILL at all of the ledger's points, of each of these nodes; no network."""
    asked, jobs = [], []
    for party in parties:
        for number, (moment, event, *_) in enumerate(POINTS):
            proposal = network.proposal(**noise("0.5"), **everywhere(f"age = {number}"))
            jobs.append(job_id(proposal.job_digest))
            files = [tmp_path / f"{party}-{number}-{name}" for name in ("asked", "one", "two")]
            bodies = [network.envelope(proposal).to_bytes(), *approvals(network, party, proposal)]
            for path, body in zip(files, bodies, strict=True):
                path.write_bytes(body)
            asked.append("\t".join(map(str, (network.home(party), moment, event, *files))) + "\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/node/run_killed.py")], input="".join(asked), text=True, check=True,
        capture_output=True, timeout=LONG_S, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    ends = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert len(ends) == len(jobs) == len(parties) * len(POINTS)
    for number, (status, dealt) in enumerate(ends):
        party, (moment, event, line, may_deal) = parties[number // len(POINTS)], POINTS[number % len(POINTS)]
        assert status == -signal.SIGKILL, (party, moment, event, done.stderr)
        assert (dealt > 0) == may_deal, (party, moment, event)
        assert states(network, party, jobs[number])[0] == line, (party, moment, event)
    for party in parties:
        assert of(network, party).spent == Fraction(sum(point[2] == "final" for point in POINTS), 2)
        assert operator.audit_verify(network.home(party)) > len(POINTS)


async def _others_spent_what_they_committed(network: Network, others: list[str], jobs: list[str]) -> None:
    """Whatever became of the one that was killed: the decision is each node's own."""
    for job in jobs:
        await network.until(job, *(state.value for state in TERMINAL), parties=tuple(others))
    for party in others:
        committed = {r["job"] for r in operator.audit_records(network.home(party)) if r["event"] == "commit"}
        for job in jobs:
            assert (states(network, party, job)[0] == "final") == (job in committed)
        assert of(network, party).spent == Fraction(len(committed), 2)


async def _approved(network: Network, number: int) -> str:
    """A job of its own that every party has approved."""
    proposal = network.proposal(**noise("0.5"), **everywhere(f"age = {number}"))
    job = job_id(proposal.job_digest)
    await network.submit(proposal)
    await asyncio.to_thread(operator.approve, network.home("welfare"), job)
    for party in ("labour", "education"):
        network.nodes[party].book.approve(job)
        network.nodes[party].service.decided(job)
    return job
