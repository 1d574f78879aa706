"""What breaks, in which phase of a job, at which of its parties; and that the same holds in every case.

The others end the job, name who failed, release nothing; every audit log verifies; the one that failed comes back and
knows that its job has ended; and the next job is released. What is only slow harms nothing.
`scripts/faults --all` runs every case and writes the table of docs/reliability.md; a nightly run takes some, so that
each fault and each phase comes up. By day only those run that are tested nowhere else.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from mpcgov.errors import MpcgovError
from mpcgov.node import operator
from mpcgov.node.tables import LEDGER
from mpcgov.results import receive
from mpcgov.spec.job import COORDINATOR
from tests.faults.ways import BETWEEN, FAULTS, HARMLESS, RECEIPTS
from tests.node.network import PARTIES, Network, refusal
from tests.patience import LONG_S

PHASES = ("hello", "ready", "deal", "compute", RECEIPTS)
SPLITTING = BETWEEN | {"disk full", "disk read-only", "database locked", "not heard by anybody", "hears nobody"}
"""Who has all receipts releases what a party that can't get, or record, the last one can't."""
AT_NIGHT = {"node killed", "node stopped", "node told to stop", "port taken over"} | {
    "disk read-only", "slow disk", "clock a day ahead", "clock a day behind", "not heard by anybody", "hears nobody",
    "100 ms on each way",
}  # fmt: skip
"""What always breaks in `tests/node/test_faults.py`, or like "wrong certificate"; and, from the disk on, in made-up
time: `tests/simulation/test_matrix.py`."""
BEFORE_RECEIPTS = SPLITTING | {"child dies"}
ROLES = ("first", "middle", "last")
ENDS = ("RELEASED", "ABORTED", "FAILED")


def cases() -> list[Any]:
    """Every fault in every phase at every role; or each in two phases nightly, the phases and roles in turn, and by day
    some in one."""
    every = [
        (fault, phase, role)
        for fault, phase, role in itertools.product(FAULTS, PHASES, ROLES)
        if phase != RECEIPTS or fault not in BEFORE_RECEIPTS
    ]
    if os.environ.get("MPCGOV_FAULTS") == "all":
        return every
    wanted: list[Any] = []
    for number, fault in enumerate(FAULTS):
        phases = [PHASES[number % 5], PHASES[(number + 2) % 5]]
        found = [(phase, [role for f, p, role in every if (f, p) == (fault, phase)]) for phase in phases]
        always, *nightly = [(fault, phase, roles[number % len(roles)]) for phase, roles in found if roles]
        if fault in AT_NIGHT:
            nightly.insert(0, always)
        else:
            wanted.append(always)
        wanted += [pytest.param(*case, marks=pytest.mark.slow) for case in nightly]
    return wanted


def among_receipts() -> list[tuple[str, str]]:
    """What splits the nodes, at every role or at one."""
    if os.environ.get("MPCGOV_FAULTS") == "all":
        return list(itertools.product(sorted(SPLITTING), ROLES))
    return [("disk full", "first"), ("no way from one to another", "last")]


async def reached(network: Network, victim: str, job: str, phase: str) -> None:
    deadline = time.monotonic() + LONG_S
    async with network.client() as client:
        while (await client.request(victim, "GET", f"/v1/jobs/{job}"))["phase"] != phase:
            assert time.monotonic() < deadline, "the job never came so far"
            await asyncio.sleep(0.05)


def written(line: str) -> None:
    """For scripts/faults."""
    if path := os.environ.get("MPCGOV_FAULTS_TO"):
        with Path(path).open("a") as file:
            file.write(line + "\n")


async def nobody_has_a_share(network: Network, job: str, parties: tuple[str, ...]) -> None:
    async with network.client() as client:
        for party in parties:
            with pytest.raises(MpcgovError):
                await client.request(party, "GET", f"/v1/jobs/{job}/share")


def says_who(reason: str, fault: str, victim: str) -> bool:
    """Whether a reason names the party that failed; or, if none did, the connection and nobody."""
    if fault in BETWEEN:
        said = reason.rsplit(" says: ", maxsplit=1)[-1]
        return said.startswith("the connection with ") and "says that it reaches" in said
    return reason.startswith(victim)


@pytest.mark.by_day(4)
@pytest.mark.parametrize(("fault", "phase", "role"), cases())
async def test_a_fault_at_one_party_ends_the_job_at_all_and_harms_nothing_else(
    network: Network, fault: str, phase: str, role: str
) -> None:
    victim = PARTIES[ROLES.index(role)]
    others = tuple(party for party in PARTIES if party != victim)
    async with FAULTS[fault](network, victim, phase) as happen:
        await network.start(*others)
        job = await network.approved()
        await reached(network, victim, job, phase)
        await happen()
        began = time.monotonic()
        if fault in HARMLESS:
            await network.until(job, "RELEASED")
        else:
            statuses = await network.until(job, "ABORTED", parties=others)
            for status in statuses.values():
                assert says_who(status["reason"], fault, victim), status
            await nobody_has_a_share(network, job, others)
        took_s = time.monotonic() - began
    for worker in network.workers.values():
        worker.gates.clear()
    await network.start(*(party for party in PARTIES if party not in network.nodes))
    wanted, own = ("RELEASED",) if fault in HARMLESS else ("FAILED", "ABORTED"), await network.status(victim, job)
    assert own["state"] in wanted
    assert fault in HARMLESS or says_who(own["reason"], fault, victim), own
    for party in PARTIES:
        assert operator.audit_verify(network.home(party)) > 5
    job = await network.approved()
    await network.until(job, "RELEASED")
    written(f"{fault}\t{phase}\t{role}\t{took_s:.1f}")


@pytest.mark.parametrize(("fault", "role"), among_receipts())
async def test_what_breaks_among_receipts_leaves_a_result_with_nobody_and_is_counted_by_all(
    network: Network, fault: str, role: str
) -> None:
    """Some nodes may release what others can't: no exchange of messages can rule that out. The receiver gets nothing,
    all ledgers count the job as released, and the reasons say who couldn't go on."""
    victim = PARTIES[ROLES.index(role)]
    async with FAULTS[fault](network, victim, RECEIPTS) as happen:
        await network.start(*(party for party in PARTIES if party != victim))
        job = await network.approved()
        await reached(network, victim, job, RECEIPTS)
        await happen()
        await network.until(job, *ENDS, parties=tuple(party for party in PARTIES if party != victim))
    await network.start(*(party for party in PARTIES if party not in network.nodes))
    ends = await network.until(job, *ENDS)
    assert any(end["state"] != "RELEASED" for end in ends.values())
    for end in ends.values():
        named = says_who(end["reason"], fault, victim) or end["reason"].startswith("the connection with ")
        assert end["state"] == "RELEASED" or named, end
    for party in PARTIES:
        with network.nodes[party]._store.read() as tx:
            assert tx.execute(sql.select(LEDGER.c.state).where(LEDGER.c.job == job)).scalar_one() == "final"
    proposal = network.nodes[victim].book.proposal(job)
    async with network.client() as client:
        asking = receive.collect(client, network.roster, proposal, receive.manifest_of(proposal), COORDINATOR)
        assert "ABORTED" in (message := (await refusal(asking)).message) or "FAILED" in message
