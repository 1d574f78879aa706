from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.node.network import Network
from tests.office.headquarters import Headquarters, headquarters


@pytest.fixture
async def hq(tmp_path: Path) -> AsyncIterator[Headquarters]:
    """A coordinator's console, in front of three nodes that run."""
    network = Network(tmp_path)
    async with headquarters(network) as one:
        await network.start()
        yield one
        await network.stop()
