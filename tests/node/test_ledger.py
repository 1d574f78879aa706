"""The ledger at real nodes: what may stand beside an earlier release, what is given again, what can't be set back."""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from scipy import stats

from mpcgov import registry
from mpcgov.errors import DataError, LocalError, MpcgovError, Refused
from mpcgov.lifecycle import Event
from mpcgov.mpc import frames
from mpcgov.node import budget, ledger, operator
from mpcgov.node.run import ending
from mpcgov.node.tables import LEDGER
from mpcgov.results import receive
from mpcgov.spec.load import canonical_json
from mpcgov.spec.places import place
from mpcgov.spec.statement import Proposal, job_id
from tests import nightly
from tests.node.alone import started
from tests.node.network import PARTIES, POLICY, Network, refusal, standing

MANUAL = POLICY.replace("sex: [group], age: [filter]", "sex: [group, filter], age: [filter]")
STANDING = standing(MANUAL, *(f"age = {number}" for number in range(10))) + "    rows_per_unit: {person: 1}\n"
RERUNS = nightly.count(4, 20)
"""By whole nodes; `test_budget.py` does more at one."""


@pytest.fixture
async def nodes(network: Network) -> Network:
    """Three nodes whose policies allow what the tests ask for, if somebody says yes."""
    for party in PARTIES:
        network.policy(party, MANUAL)
    await network.start()
    return network


def approve(network: Network, job: str) -> None:
    """Says yes at every node, which take it up at once."""
    for party in PARTIES:
        network.nodes[party].book.approve(job)
        network.nodes[party].service.decided(job)


def everywhere(where: str | None) -> dict[str, Any]:
    return {"parties": {party: {"dataset": "people", "where": where} for party in PARTIES}}


async def run(network: Network, **changes: Any) -> tuple[Proposal, str]:
    """A job that must be released."""
    proposal = network.proposal(**changes)
    answers = await network.submit(proposal)
    assert {answer["state"] for answer in answers.values()} == {"AWAITING_APPROVAL"}, answers
    job = job_id(proposal.job_digest)
    approve(network, job)
    await network.until(job, "RELEASED")
    return proposal, job


async def failed(network: Network, **changes: Any) -> tuple[str, dict[str, Any]]:
    """A job that all approve and that must fail; the parties' statuses."""
    proposal = network.proposal(**changes)
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    approve(network, job)
    return job, await network.until(job, "FAILED", "ABORTED")


OVER_BUDGET = {"disclosure": {"noise": {"mechanism": "discrete-laplace", "epsilon": "5", "unit": "person", "bound": 1}}}


async def denial(network: Network, party: str = "labour", **changes: Any) -> str:
    """Why a job that must be denied is."""
    answer = (await network.submit(network.proposal(**changes), party))[party]
    assert answer["state"] == "DENIED"
    return "; ".join(answer["reasons"])


def lines(network: Network, party: str) -> list[Any]:
    with network.nodes[party]._store.read() as tx:
        return list(tx.execute(sql.select(LEDGER).order_by(LEDGER.c.at)))


async def opened(network: Network, proposal: Proposal) -> dict[str, Any]:
    async with network.client() as client:
        manifest = registry.find("joint-count").manifest
        return await receive.collect(client, network.roster, proposal, manifest, "coordinator")


async def test_r26_a_subset_of_rows_that_were_released_is_refused_and_says_which_job_and_what_is_allowed(
    nodes: Network,
) -> None:
    _, job = await run(nodes)
    reason = await denial(nodes, **everywhere("age != 41"))
    assert f"job {job} has released a table over labour's people, all rows" in reason
    assert "allowed are exactly the same rows" in reason
    assert "disclosure.noise" in reason
    assert nodes.workers["labour"].runs == [job]


@pytest.mark.slow
async def test_r26_filters_that_differ_in_a_year_are_refused_and_a_partition_passes(nodes: Network) -> None:
    await run(nodes, **everywhere("age between 20 and 29"))
    assert "may differ" in await denial(nodes, **everywhere("age between 20 and 30"))
    await run(nodes, **everywhere("age between 30 and 39"))
    await run(nodes, **everywhere("age < 30 and age > 19"))


async def test_r26_the_general_tracker_is_refused(nodes: Network) -> None:
    await run(nodes, **everywhere("sex = 'F'"))
    await run(nodes, **everywhere("sex != 'F'"))
    for where in ("age = 41 or sex = 'F'", "age = 41 or sex != 'F'", "age = 41", None):
        assert "may differ" in await denial(nodes, **everywhere(where))


async def test_r26_the_same_job_on_changed_rows_is_refused_before_the_commit(nodes: Network) -> None:
    _, first = await run(nodes)
    nodes.workers["welfare"].rows = {"all rows": "41"}
    job, statuses = await failed(nodes, receivers=["labour"])
    said = f"welfare: the rows of people have changed since job {first} released them"
    assert statuses["welfare"]["reason"].startswith(said)
    async with nodes.client("labour") as client:
        error = await refusal(client.request("welfare", "GET", f"/v1/jobs/{job}/share"))
    assert (error.exit_status, error.code) == (3, "snapshot")
    assert all(worker.phases[:4].count("deal") == worker.phases.count("deal") == 1 for worker in nodes.workers.values())
    assert [line.state for line in lines(nodes, "welfare")] == ["final", "refused"]
    # Rows that no release is about may have changed.
    nodes.workers["labour"].rows = nodes.workers["welfare"].rows
    await run(nodes, **everywhere("age > 120"))


async def test_r26_a_source_keeps_the_name_that_jobs_have_used(nodes: Network) -> None:
    """Else a register would begin anew, with another ledger and other budgets, whenever it is given another name."""
    nodes.workers["welfare"].rows |= {"place": json.dumps(place("people.csv", Path("/data"), look=False).texts)}
    await run(nodes, **everywhere("age < 30"))
    home = nodes.home("welfare")
    nodes.datasets("welfare", (home / "datasets.yaml").read_text().replace("people:", "persons:"))
    nodes.policy("welfare", (home / "policy.yaml").read_text().replace("people:", "persons:"))
    alone = {"parties": {party: {} for party in PARTIES} | {"welfare": {"dataset": "persons", "where": "age < 31"}}}
    _, statuses = await failed(nodes, **alone)
    assert statuses["welfare"]["reason"].startswith("welfare: jobs have used the source of persons as people")
    assert [line.state for line in lines(nodes, "welfare")] == ["final", "refused"]
    nodes.workers["welfare"].rows |= {"place": json.dumps(place("firms.csv", Path("/data"), look=False).texts)}
    await run(nodes, **alone)


@pytest.mark.by_day(1)
@pytest.mark.parametrize("changes", [everywhere("age != 41"), OVER_BUDGET], ids=["ledger", "budget"])
async def test_r27_a_refusal_is_the_same_whatever_the_data(
    nodes: Network, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Over fifty random data sets of 0 to 20,000 rows, some against their declaration: what a node answers, what it
    records and how far it comes. How long that takes doesn't go with the rows: by chance, ranks of fifty go together
    beyond 0.75 less than once in a hundred million times."""
    _, job = await run(nodes)
    for party in PARTIES:
        budget.set_total(nodes.home(party), "people", "person", "1", None)
    rng, answers, sizes, taken_s, refused = random.Random(1), set(), [], [], []
    for number in range(50):
        sizes.append(rng.randrange(1000) * 20)
        rows = [f"{rng.choice(['North', 'Nowhere'])},{rng.choice('FM')},{rng.randrange(120)}\n" for _ in range(20)]
        (tmp_path / f"{number}.csv").write_text("region,sex,age\n" + "".join(rows) * (sizes[-1] // 20))
    for number in range(50):
        party = PARTIES[number % 3]
        (nodes.home(party) / "people.csv").unlink(missing_ok=True)
        (nodes.home(party) / "people.csv").symlink_to(tmp_path / f"{number}.csv")
        nodes.workers[party].rows = {"all rows": str(sizes[number]), "all rows: age": str(rng.getrandbits(64))}
        proposal = nodes.proposal(**changes)
        started = time.perf_counter()
        found = await nodes.submit(proposal, party)
        taken_s.append(time.perf_counter() - started)
        refused.append(job_id(proposal.job_digest))
        answers.add((party, json.dumps(found[party] | {"job": ""})))
    assert len(answers) == 3  # one of each node
    assert all("DENIED" in answer for _, answer in answers)
    assert abs(stats.spearmanr(sizes, taken_s).statistic) < 0.75
    for number, party in enumerate(PARTIES):
        recorded: dict[str, list[str]] = {}
        for record in operator.audit_records(nodes.home(party)):
            if record["event"] != "request":  # these are gathered for a while
                recorded.setdefault(record["job"], []).append(record["event"])
        assert {tuple(recorded[one]) for one in refused[number::3]} == {("proposed", "deny")}
        assert nodes.workers[party].runs == [job]


def test_r27_of_data_that_break_their_declaration_the_others_are_told_that_alone() -> None:
    """The declared exception: of fifty different faults of welfare's data others see one event, one text, one code."""
    rng, seen = random.Random(2), set()
    for _ in range(50):
        kind = rng.choice([DataError, LocalError])
        fault = kind(
            f"people: column {rng.choice('ab')}: {rng.randrange(99)} rows", code=rng.choice(["data", "x", "y"])
        )
        end = ending(fault, "welfare", "ready")
        seen.add((end.event, end.reason, end.code))
        assert "column" in end.detail  # that is for welfare's own people
    assert seen == {(Event.FAIL, "welfare: data contract", "data-contract")}
    assert len(frames.READY) == len(frames.DATA_CONTRACT)


async def test_other_tables_of_the_same_rows_need_a_persons_yes_even_where_the_policy_stands(nodes: Network) -> None:
    for party in PARTIES:
        nodes.policy(party, STANDING)
    proposal = nodes.proposal()
    await nodes.submit(proposal)
    first = job_id(proposal.job_digest)
    await nodes.until(first, "RELEASED")
    proposal = nodes.proposal(params={"by": ["region", "sex"]})
    assert {a["state"] for a in (await nodes.submit(proposal)).values()} == {"AWAITING_APPROVAL"}
    job = job_id(proposal.job_digest)
    view = next(view for view in operator.jobs(nodes.home("labour")) if view.job == job)
    (why,) = view.asks
    assert why.startswith(f"job {first} has released other tables of the same rows")
    assert "suppressed" in why
    approve(nodes, job)
    await nodes.until(job, "RELEASED")
    nodes.policy("labour", MANUAL.replace("min_count: 5", "min_count: 5\n    more_tables: refuse"))
    assert f"job {first} has released related tables" in await denial(nodes, params={"by": ["sex"]})


async def test_a_series_runs_by_itself_until_an_agency_has_had_enough_of_it(nodes: Network) -> None:
    for party in PARTIES:
        nodes.policy(party, STANDING + "    standing_jobs: 2\n" * (party == "labour"))
    noise = {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}
    asked = {"disclosure": {"noise": noise}}
    for age in (1, 2):
        proposal = nodes.proposal(**everywhere(f"age = {age}"), **asked)
        await nodes.submit(proposal)
        await nodes.until(job_id(proposal.job_digest), "RELEASED")
    proposal = nodes.proposal(**everywhere("age = 3"), **asked)
    await nodes.submit(proposal)
    job = job_id(proposal.job_digest)
    (view,) = [view for view in operator.jobs(nodes.home("labour")) if view.job == job]
    assert view.asks == ("2 jobs have released something from people, as many as may by themselves",)
    nodes.nodes["labour"].book.approve(job)
    nodes.nodes["labour"].service.decided(job)
    await nodes.until(job, "RELEASED")


async def related(network: Network) -> tuple[str, str]:
    """Two jobs of the same rows that wait for a yes everywhere, by sex and by region."""
    proposals = [network.proposal(params={"by": [column]}) for column in ("sex", "region")]
    for proposal in proposals:
        assert {answer["state"] for answer in (await network.submit(proposal)).values()} == {"AWAITING_APPROVAL"}
    first, second = (job_id(proposal.job_digest) for proposal in proposals)
    return first, second


@pytest.mark.usefixtures("by_hand")
async def test_a_related_table_that_came_out_after_a_yes_is_found_though_the_clock_was_set_back(nodes: Network) -> None:
    first, second = await related(nodes)
    nodes.nodes["labour"].book.approve(second)
    nodes.clock.offset_s = -60
    approve(nodes, first)
    await nodes.until(first, "RELEASED")
    approve(nodes, second)
    statuses = await nodes.until(second, "ABORTED")
    assert f"job {first} has released a related table since the approval" in statuses["labour"]["reason"]


@pytest.mark.usefixtures("by_hand")
async def test_a_related_table_that_was_weighed_is_no_reason_though_the_clock_was_set_back(nodes: Network) -> None:
    first, second = await related(nodes)
    nodes.clock.offset_s = 60
    approve(nodes, first)
    await nodes.until(first, "RELEASED")
    nodes.clock.offset_s = 0
    approve(nodes, second)
    await nodes.until(second, "RELEASED")


async def in_turns(network: Network, *jobs: str) -> None:
    """Says yes to all jobs at all nodes before any begins; then they begin one after the other, at all nodes alike."""
    for job in jobs:
        for party in PARTIES:
            network.nodes[party].book.approve(job)
    for job in jobs:
        for party in PARTIES:
            network.nodes[party].service.decided(job)
        await network.until(job, "READY", "ABORTED")


@pytest.mark.usefixtures("by_hand")
async def test_two_jobs_at_once_cant_both_pass(nodes: Network) -> None:
    """Neither is released when the other is decided about; the one that starts first wins."""
    proposals = [nodes.proposal(**everywhere(where)) for where in ("age < 30", "age < 31")]
    for proposal in proposals:
        assert {a["state"] for a in (await nodes.submit(proposal)).values()} == {"AWAITING_APPROVAL"}
    jobs = [job_id(proposal.job_digest) for proposal in proposals]
    gate = nodes.workers["labour"].gates["hello"] = asyncio.Event()
    await in_turns(nodes, *jobs)
    statuses = await nodes.until(jobs[1], "ABORTED")
    assert any(f"job {jobs[0]} has released" in status["reason"] for status in statuses.values())
    gate.set()
    await nodes.until(jobs[0], "RELEASED")


async def test_what_was_only_reserved_stands_in_nobodys_way(nodes: Network) -> None:
    nodes.workers["welfare"].faults["ready"] = MpcgovError("no")
    await failed(nodes, **everywhere("age < 30"))
    states = {party: [line.state for line in lines(nodes, party)] for party in PARTIES}
    assert states == {
        "labour": ["void"],
        "welfare": ["refused"],
        "education": ["void"],
    }  # whose fault it was, is charged
    nodes.workers["welfare"].faults.clear()
    await run(nodes, **everywhere("age < 31"))


async def test_r31_what_was_committed_counts_though_the_job_failed(nodes: Network) -> None:
    nodes.workers["welfare"].faults["compute"] = MpcgovError("no")
    job, _ = await failed(nodes, **everywhere("age < 30"))
    assert [line.state for party in PARTIES for line in lines(nodes, party)] == ["final"] * 3
    assert f"job {job} has released" in await denial(nodes, **everywhere("age < 31"))
    nodes.workers["welfare"].faults.clear()
    await run(nodes, **everywhere("age < 30"))


async def test_r33_reruns_give_the_same_bytes_compute_nothing_and_cost_nothing(nodes: Network) -> None:
    proposal, job = await run(nodes)
    first = canonical_json(await opened(nodes, proposal))
    async with nodes.client() as client:
        share = await client.request("labour", "GET", f"/v1/jobs/{job}/share")
        for number in range(RERUNS):
            again, _ = await run(nodes, deadline_s=600 + number)
            if number % 3 == 0:
                path = f"/v1/jobs/{job_id(again.job_digest)}/share"
                assert await client.request("labour", "GET", path) == share
                assert canonical_json(await opened(nodes, again)) == first
    assert json.loads(first)["job"] == job
    for party in PARTIES:
        found = lines(nodes, party)
        assert len(found) == RERUNS + 1
        assert [line.answers for line in found] == [None] + [job] * RERUNS
        assert "deal" in nodes.workers[party].phases
        assert nodes.workers[party].phases.count("compute") == 1
        assert operator.audit_verify(nodes.home(party))


async def test_a_result_is_given_again_only_of_the_same_rows_and_to_equal_jobs(nodes: Network) -> None:
    await run(nodes)
    for change in ({"purpose": "Youth on support, other"}, {"receivers": ["coordinator", "labour"]}):
        await run(nodes, **change)
    assert [line.answers for line in lines(nodes, "labour")] == [None] * 3
    nodes.workers["education"].rows = {"all rows": "39"}
    _, statuses = await failed(nodes)
    assert "the rows of people have changed" in statuses["education"]["reason"]
    assert nodes.workers["labour"].phases.count("compute") == 3


async def test_nodes_that_dont_all_have_the_result_compute_it_anew(nodes: Network) -> None:
    await run(nodes)
    with nodes.nodes["welfare"]._store.write() as tx:
        tx.execute(sql.update(LEDGER).values(stale=True))
    await run(nodes)
    assert nodes.workers["labour"].phases.count("compute") == 2
    assert [line.answers for line in lines(nodes, "labour")] == [None, None]


async def test_a_coordinators_other_job_isnt_passed_for_the_earlier_one(nodes: Network) -> None:
    """A node that gives another job's shares again is found out by whoever opens them."""
    proposal, job = await run(nodes)
    other, another = await run(nodes, purpose="Youth on support, other")
    for party in PARTIES:
        with nodes.nodes[party]._store.write() as tx:
            tx.execute(sql.update(LEDGER).where(LEDGER.c.job == another).values(answers=job))
    with pytest.raises(MpcgovError, match="gives again is of another job"):
        await opened(nodes, other)
    del proposal


def copy(state: Path, to: Path) -> None:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(state, to)


async def nothing(*_: object) -> None:
    """Looks at no head."""


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("more", "said"),
    [(0, r"welfare: ledger rollback: \w+ saw record \d+ of welfare, which has \d+"),
     (100, r"welfare: ledger rollback: \w+ saw another record \d+ of welfare than it has")],
    ids=["shorter", "longer again"],
)  # fmt: skip
async def test_r32_a_node_with_an_old_copy_of_its_database_refuses(
    nodes: Network, tmp_path: Path, more: int, said: str
) -> None:
    await run(nodes, **everywhere("age < 20"))
    await nodes.stop("welfare")
    copy(nodes.home("welfare") / "state", tmp_path / "old")
    await nodes.start("welfare")
    await run(nodes, **everywhere("age = 20"))
    await run(nodes, **everywhere("age = 21"))
    await nodes.stop("welfare")
    copy(tmp_path / "old", nodes.home("welfare") / "state")
    await nodes.start("welfare")
    for _ in range(more):
        nodes.nodes["welfare"].book.note("filled up")
    for peer in ("labour", "education"):
        # They would refuse too; here it is the node itself that must.
        nodes.nodes[peer].book.heads.exchange = nothing
    job, statuses = await failed(nodes, **everywhere("age = 22"))
    assert statuses["welfare"]["state"] == "FAILED"
    assert re.search(said, statuses["welfare"]["reason"])
    async with nodes.client() as client:
        error = await refusal(client.request("welfare", "GET", f"/v1/jobs/{job}/share"))
    assert (error.exit_status, error.code) == (3, "rollback")
    assert nodes.workers["labour"].phases.count("deal") == 3


async def test_r38_a_peer_that_shows_an_earlier_head_is_refused_with_both_on_record(nodes: Network) -> None:
    await run(nodes, **everywhere("age < 20"))
    heads = nodes.nodes["labour"].book.heads
    before = {party: heads.show(party) for party in PARTIES}
    await run(nodes, **everywhere("age = 20"))
    nodes.nodes["labour"].book.heads.show = before.__getitem__
    _, statuses = await failed(nodes, **everywhere("age = 21"))
    assert any("of labour, which now shows" in status["reason"] for status in statuses.values())
    found = [r for p in ("welfare", "education") for r in operator.audit_records(nodes.home(p))]
    conflicts = [record for record in found if record["event"] == "heads conflict"]
    assert conflicts
    assert all(len(record["facts"]["saw_and_shows"]) == 2 for record in conflicts)


def test_fingerprints_are_kept_under_the_nodes_own_key(network: Network) -> None:
    kept = {party: ledger.keyed(network.identity(party), "people", {"all rows": "40"}) for party in PARTIES}
    assert len({snapshot["all rows"] for snapshot in kept.values()}) == 3
    assert all(snapshot["all rows"] != "40" and len(snapshot["all rows"]) == 64 for snapshot in kept.values())
    assert ledger.keyed(network.identity("labour"), "people", {"all rows": "40"}) == kept["labour"]
    assert ledger.keyed(network.identity("labour"), "persons", {"all rows": "40"}) != kept["labour"]


async def test_a_job_that_isnt_in_the_ledger_is_never_committed(nodes: Network) -> None:
    with pytest.raises(Refused, match="not in this node's ledger"):
        nodes.nodes["labour"].book.releases.commit("aaaa-aaaa-aaaa")


def test_a_head_that_is_kept_isnt_written_again_and_a_later_one_is(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each job's nodes show each other the same heads in both directions; each write waits for the disk."""
    (own, store), (peer, _) = (started(network.loaded(party)) for party in ("labour", "welfare"))
    written: list[bool] = []
    write = store.write
    monkeypatch.setattr(store, "write", lambda: written.append(True) or write())
    own.note("started")
    for number in range(2):
        peer.note(f"something {number}")
        body = canonical_json(peer.heads.show("labour").model_dump(mode="json"))
        written.clear()
        own.heads.answer("welfare", body)
        own.heads.answer("welfare", body)
        assert written == [True]
        seen = own.heads.show("welfare").seen
        assert seen is not None
        assert seen == peer.heads.show("labour").head
