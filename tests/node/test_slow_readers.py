"""Who asks for what is long and is slow to take it, or never does: what that costs a node is bounded; who is only slow
gets it all."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from mpcgov.node import answers, door
from mpcgov.node.api import AT_ONCE
from mpcgov.node.home import host_port
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.statement import job_id
from mpcgov.trust.tls import client_context
from tests.node.network import Network, when

LONG = 24 << 20
"""More than all buffers between two processes hold."""


class Reader:
    """A member's own connection to labour's node, from which it reads when it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def asking(cls, network: Network, job: str) -> Reader:
        found = await cls.connected(network)
        found.writer.write(f"GET /v1/jobs/{job}/proposal HTTP/1.1\r\nHost: labour\r\n\r\n".encode())
        return found

    @classmethod
    async def connected(cls, network: Network) -> Reader:
        card = network.roster.member("labour")
        host, port = host_port(card.address)
        return cls(*await asyncio.open_connection(host, port, ssl=client_context(network.identity("welfare"), card)))

    async def all(self) -> int:
        """How long what comes is in the end."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        return len(await self.reader.readexactly(length))

    def close(self) -> None:
        self.writer.transport.abort()


@pytest.fixture
async def made(network: Network, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A running node of labour's, and a job there whose proposal is long: of which job, each time it is asked for."""
    found: list[str] = []
    await network.start("labour")
    proposal = network.proposal()
    await network.submit(proposal, "labour")
    book = network.nodes["labour"].book
    envelope = book.proposed(job_id(proposal.job_digest)).model_copy(update={"payload": "x" * LONG})

    def proposed(_: Any, job: str) -> Envelope:
        found.append(job)
        return envelope

    monkeypatch.setattr(type(book), "proposed", proposed)
    found.append(job_id(proposal.job_digest))
    return found


async def test_answers_that_nobody_takes_are_few_and_hold_up_nobody_else(network: Network, made: list[str]) -> None:
    job = made.pop()
    stalled = [await Reader.asking(network, job) for _ in range(AT_ONCE + 3)]
    await when(lambda: len(made) >= AT_ONCE, "nobody asked")
    async with network.client("education") as honest:
        # Another member is answered meanwhile, at length too; what waits has had every occasion to be made.
        assert await honest.request("labour", "GET", f"/v1/jobs/{job}/proposal", limit_bytes=2 * LONG, timeout_s=120)
        assert len(made) == AT_ONCE + 1
    for one in stalled[:-1]:
        one.close()
    assert await stalled[-1].all() > LONG
    stalled[-1].close()


async def test_who_is_slow_gets_it_all_and_who_takes_nothing_is_cut_off(
    network: Network, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection over which an answer is still under way isn't idle."""
    monkeypatch.setattr(door, "IDLE_S", 0.01)
    monkeypatch.setattr(door, "SWEEP_S", 0.01)
    job = made.pop()
    slow = await Reader.asking(network, job)
    await when(lambda: len(made) == 1, "nobody asked")
    idle = await Reader.connected(network)
    with contextlib.suppress(ConnectionError):
        assert await idle.reader.read() == b""  # cut off, so all that were idle for longer would be
    assert await slow.all() > LONG
    for one in (slow, idle):
        one.close()
    monkeypatch.setattr(answers, "PIECE_S", 0.05)
    stalled = await Reader.asking(network, job)
    await when(lambda: len(made) == 2, "nobody asked")
    connections = network.nodes["labour"]._api.door
    assert connections is not None
    await when(lambda: not any(one.requests for one in connections._connections.values()), "it was never cut off")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await stalled.all()
    stalled.close()
