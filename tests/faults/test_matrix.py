"""What breaks, in which phase of a job, at which of its parties; and that the same holds in every case.

The others end the job, name who failed, release nothing; every audit log verifies; the one that failed comes back and
knows that its job has ended; and the next job is released. `scripts/faults --all` runs every case and writes the
table of docs/reliability.md; without it one party is taken for each fault and phase.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from mpcgov.errors import MpcgovError
from mpcgov.lifecycle import State
from mpcgov.node import operator
from mpcgov.spec.statement import job_id
from tests.node.network import PARTIES, Network, when
from tests.node.test_faults import process

Break = Callable[[], Awaitable[None]]

UNDER_WAY = frozenset({State.READY, State.RUNNING})
PHASES = ("hello", "ready", "deal", "compute")
ROLES = ("first", "middle", "last")


@contextlib.asynccontextmanager
async def signalled(network: Network, victim: str, phase: str, number: signal.Signals) -> AsyncIterator[Break]:
    """The victim's node is a process that gets a signal."""
    async with process(network, victim, phase) as child:

        async def happen() -> None:
            child.send_signal(number)

        yield happen


@contextlib.asynccontextmanager
async def killed(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    async with signalled(network, victim, phase, signal.SIGKILL) as happen:
        yield happen


@contextlib.asynccontextmanager
async def stopped(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    async with signalled(network, victim, phase, signal.SIGSTOP) as happen:
        yield happen


@contextlib.asynccontextmanager
async def told_to_stop(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    async with signalled(network, victim, phase, signal.SIGTERM) as happen:
        yield happen


@contextlib.asynccontextmanager
async def disk_full(network: Network, victim: str, phase: str) -> AsyncIterator[Break]:
    """The victim's node can record nothing from then on, and its job goes on until it must."""
    gate = network.workers[victim].gates[phase] = asyncio.Event()
    await network.start(victim)
    store = network.nodes[victim]._store

    async def happen() -> None:
        with store.write() as tx:
            tx.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        gate.set()

    yield happen
    with store.write() as tx:
        tx.exec_driver_sql("DROP TRIGGER full")
    await when(lambda: not network.nodes[victim].book.jobs(UNDER_WAY), "the job is never ended")
    network.workers[victim].gates.clear()
    await network.stop(victim)


FAULTS = {
    "node killed": killed, "node stopped": stopped, "node told to stop": told_to_stop, "disk full": disk_full,
}  # fmt: skip


def cases() -> list[tuple[str, str, str]]:
    """Every fault in every phase at every role, or at one of them in turn."""
    every = list(itertools.product(FAULTS, PHASES, ROLES))
    if os.environ.get("MPCGOV_FAULTS") == "all":
        return every
    return [
        (fault, phase, ROLES[number % 3]) for number, (fault, phase) in enumerate(itertools.product(FAULTS, PHASES))
    ]


async def proposed(network: Network) -> str:
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    return job


async def reached(network: Network, victim: str, job: str, phase: str) -> None:
    deadline = time.monotonic() + 60
    while (await network.status(victim, job))["phase"] != phase:
        assert time.monotonic() < deadline, "the job never came so far"
        await asyncio.sleep(0.05)


def written(line: str) -> None:
    """For scripts/faults."""
    if path := os.environ.get("MPCGOV_FAULTS_TO"):
        with Path(path).open("a") as file:
            file.write(line + "\n")


@pytest.mark.parametrize(("fault", "phase", "role"), cases())
async def test_a_fault_at_one_party_ends_the_job_at_all_and_harms_nothing_else(
    network: Network, fault: str, phase: str, role: str
) -> None:
    victim = PARTIES[ROLES.index(role)]
    others = tuple(party for party in PARTIES if party != victim)
    await network.start(*others)
    async with FAULTS[fault](network, victim, phase) as happen:
        job = await proposed(network)
        await reached(network, victim, job, phase)
        await happen()
        began = time.monotonic()
        statuses = await network.until(job, "ABORTED", parties=others)
        took_s = time.monotonic() - began
        for status in statuses.values():
            assert status["reason"].startswith(victim), status
    async with network.client() as client:
        for party in others:
            with pytest.raises(MpcgovError):
                await client.request(party, "GET", f"/v1/jobs/{job}/share")
    await network.start(victim)
    assert (await network.status(victim, job))["state"] in ("FAILED", "ABORTED")
    for party in PARTIES:
        assert operator.audit_verify(network.home(party)) > 5
    job = await proposed(network)
    await network.until(job, "RELEASED")
    written(f"{fault}\t{phase}\t{role}\t{took_s:.1f}")
