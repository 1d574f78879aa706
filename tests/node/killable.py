"""A party's node in a process of its own, which kills itself where `tests.node.failpoints` says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.node.apart import Apart, dying
from tests.node.network import Network


class Killable:
    """One party's node at a time, in a process of its own that dies at a point of its log."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._node: Apart | None = None

    async def serve(self, party: str, moment: str, event: str) -> None:
        """The node serves, and so has put its ledger in order."""
        self._node = Apart(dying, self._network.home(party), moment, event)
        await self._node.says(f"{party} is serving on 127.0.0.1:")

    async def ended(self) -> int:
        """What the process ended by."""
        assert self._node is not None
        status = await self._node.wait()
        await self.close()
        return status

    async def close(self) -> None:
        if self._node is not None:
            await self._node.close()
        self._node = None


@pytest.fixture
async def killable(network: Network) -> AsyncIterator[Killable]:
    made = Killable(network)
    yield made
    await made.close()
