"""Who is silent is named only if nobody else hears it; and no witness makes anybody guilty."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mpcgov.errors import PeerError
from mpcgov.node import operator, witnesses
from mpcgov.node.causes import Silence
from mpcgov.spec.statement import job_id
from tests.node.network import PARTIES, Network, refusal

SILENT = Silence(("welfare",), "no sign of life", code="stream")


class Peers:
    """What others answer when they are asked."""

    identity = SimpleNamespace(name="labour")

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    async def request(self, party: str, *_: Any) -> Any:
        answer = self.answers[party]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"reached": False}, "welfare: no sign of life"),
        ({"reached": "yes"}, "welfare: no sign of life"),
        ([], "welfare: no sign of life"),
        (PeerError("education says: too late"), "welfare: no sign of life"),
        (
            {"reached": True},
            "the connection with welfare: no sign of life; education says that it reaches welfare",
        ),
        (
            Silence(("education",), "no answer", code="unreachable"),
            "labour reaches nobody: welfare: no sign of life; education: no answer either",
        ),
    ],
)
async def test_a_silent_party_is_named_unless_somebody_hears_it_or_nobody_is_heard(said: Any, reason: str) -> None:
    judged = await witnesses.judged(Peers(education=said), SILENT, "aaaa-aaaa-aaaa", PARTIES)
    assert judged.message == reason


async def test_of_two_that_are_silent_the_one_is_named_that_nobody_reaches() -> None:
    both = Silence(("welfare", "education"), "no connection within 8 s", code="connect")
    judged = await witnesses.judged(Peers(), both, "aaaa-aaaa-aaaa", PARTIES)
    assert judged.message == "labour reaches nobody: welfare, education: no connection within 8 s"

    class Tax(Peers):
        async def request(self, party: str, method: str, path: str, *_: Any) -> Any:
            return {"reached": path.endswith("/reaches/education")}

    judged = await witnesses.judged(Tax(), both, "aaaa-aaaa-aaaa", (*PARTIES, "tax"))
    assert judged.message == "welfare: no connection within 8 s"


async def test_a_node_says_whom_it_reaches_to_a_jobs_other_parties_only(network: Network) -> None:
    await network.start()
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)

    async def reached(caller: str, party: str) -> Any:
        async with network.client(caller) as client:
            return await client.request("education", "GET", f"/v1/jobs/{job}/reaches/{party}")

    assert await reached("labour", "welfare") == {"reached": True}
    for caller, party in (("hq", "welfare"), ("labour", "labour"), ("labour", "education"), ("labour", "tax")):
        assert (await refusal(reached(caller, party))).code == "caller"
    await network.stop("welfare")
    assert await reached("labour", "welfare") == {"reached": False}


async def test_who_failed_and_came_back_is_not_reached(network: Network) -> None:
    """Its node answers again; but it is the one that broke the job off."""
    network.workers["welfare"].gates["hello"] = asyncio.Event()
    await network.start()
    proposal = network.proposal()
    await network.submit(proposal)
    job = job_id(proposal.job_digest)
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, "READY")
    await network.stop("welfare")
    await network.start("welfare")
    await network.until(job, "FAILED", parties=("welfare",))
    async with network.client("labour") as client:
        answer = await client.request("education", "GET", f"/v1/jobs/{job}/reaches/welfare")
    assert answer == {"reached": False}
