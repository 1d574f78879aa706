from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("webauthn")

from tests.console.agency import Agency, served
from tests.node.network import Network


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    """An agency's node and console."""
    network = Network(tmp_path)
    async with served(network) as one:
        yield one
    await network.stop()
