"""Nodes that are killed, stopped or told to stop in mid-job: the others end soon, name it, and are none the worse."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mpcgov.errors import MpcgovError
from mpcgov.node import daemon, operator
from mpcgov.spec.statement import job_id
from tests.node.apart import Apart, staying
from tests.node.network import Network

ROOT = Path(__file__).resolve().parents[2]


@contextlib.asynccontextmanager
async def process(network: Network, party: str, phase: str | None = None) -> AsyncIterator[Apart]:
    """A party's node as a process of its own, which stays in a phase of its next job."""
    child = Apart(staying, network.home(party), phase)
    try:
        await child.says(f"{party} is serving on 127.0.0.1:")
        yield child
    finally:
        await child.close()


async def under_way(network: Network, state: str) -> str:
    """A job that all parties approved and that has come to this state."""
    job = await network.approved()
    await network.until(job, state)
    return job


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    ("number", "phase", "state"),
    [
        (signal.SIGKILL, "hello", "READY"),
        (signal.SIGKILL, "compute", "RUNNING"),
        (signal.SIGSTOP, "compute", "RUNNING"),
    ],
    ids=["killed before the commit", "killed after it", "stopped"],
)
async def test_a_node_that_dies_in_mid_job_is_named_by_the_others_and_not_by_the_jobs_deadline(
    network: Network, number: signal.Signals, phase: str, state: str
) -> None:
    await network.start("labour", "education")
    async with process(network, "welfare", phase) as child:
        job = await under_way(network, state)
        await asyncio.sleep(0.3)
        child.send_signal(number)
        statuses = await network.until(job, "ABORTED", parties=("labour", "education"))
        for status in statuses.values():
            assert status["reason"].startswith("welfare: ")
            assert "(phase " in status["reason"]
            assert "deadline" not in status["reason"]
    # Its node comes back, knows what it was doing, and the next job works.
    await network.start("welfare")
    assert (await network.status("welfare", job))["state"] == "FAILED"
    job = await under_way(network, "RELEASED")


async def test_a_node_told_to_stop_ends_its_job_says_so_and_is_gone(network: Network) -> None:
    await network.start("labour", "education")
    async with process(network, "welfare", "compute") as child:
        job = await under_way(network, "RUNNING")
        child.send_signal(signal.SIGTERM)
        assert await child.wait() == 0
    statuses = await network.until(job, "ABORTED", parties=("labour", "education"))
    assert {status["reason"] for status in statuses.values()} == {"welfare: its node was stopped (phase compute)"}
    assert operator.audit_records(network.home("welfare"))[-1]["event"] == "stopped"
    assert operator.audit_verify(network.home("welfare")) > 5


async def test_an_idle_node_stops_at_once(network: Network) -> None:
    async with process(network, "labour") as child:
        child.send_signal(signal.SIGINT)
        assert await child.wait() == 0


async def test_an_operators_decision_is_taken_up_at_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """By looking for it, many times a second: not by what a node does once a second."""
    monkeypatch.setattr(daemon, "TICK_S", 10**6)
    assert daemon.POLL_S < 0.1
    await network.start()
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    await asyncio.to_thread(operator.approve, network.home("welfare"), job)
    await network.holds_approval("labour", job, "welfare")


async def test_a_node_whose_log_was_tampered_with_does_not_start(network: Network) -> None:
    await network.start("labour")
    with network.nodes["labour"]._store.write() as tx:
        tx.exec_driver_sql("DELETE FROM audit")
    await network.stop("labour")
    found = operator.audit_records(network.home("labour"))
    for _ in range(2):
        with pytest.raises(MpcgovError, match="record 1 "):
            await network.start("labour")
        await network.stop("labour")
    assert operator.audit_records(network.home("labour")) == found


async def test_a_node_without_a_consortium_says_what_to_do(tmp_path: Path) -> None:
    from mpcgov.node import home

    made = home.init(tmp_path / "tax", "tax", "127.0.0.1:7101")
    with pytest.raises(MpcgovError, match="joined no consortium"):
        daemon.NodeDaemon(made, None)
