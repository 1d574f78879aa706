"""A party's node in a process of its own, which kills itself where `tests.node.failpoints` says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from mpcgov.errors import MpcgovError
from tests.node.network import Network
from tests.node.test_faults import ROOT
from tests.patience import LONG_S


class Killable:
    """One party's node at a time, in a process of its own that dies at a point of its log."""

    def __init__(self, network: Network, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._network, self._in, self._out = network, process.stdin, process.stdout
        self.pid = 0

    async def serve(self, party: str, moment: str, event: str) -> None:
        """The node serves, and so has put its ledger in order."""
        self._in.write(f"{self._network.home(party)}\t{moment}\t{event}\n".encode())
        self.pid = int(await asyncio.wait_for(self._out.readline(), LONG_S))
        async with self._network.client() as client:
            async with asyncio.timeout(LONG_S):
                while True:
                    with contextlib.suppress(MpcgovError):
                        await client.request(party, "GET", "/v1/about")
                        return
                    await asyncio.sleep(0.02)

    async def ended(self) -> int:
        """What the process ended by."""
        status = int(await asyncio.wait_for(self._out.readline(), LONG_S))
        self.pid = 0
        return status

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        await self.ended()


@pytest.fixture
async def killable(network: Network) -> AsyncIterator[Killable]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "tests/node/serve_killed.py"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    made = Killable(network, process)
    yield made
    if made.pid:
        await made.stop()
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()
