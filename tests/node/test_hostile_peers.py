"""What a member may answer or send to make another node fail, or take the blame."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mpcgov.errors import InternalError, LocalError, MpcgovError, PeerError, Refused
from tests.node.network import PARTIES, Network
from tests.node.test_jobs import approve, proposed


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
