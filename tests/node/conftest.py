from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.node.network import Network


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A consortium whose nodes a test starts itself; those that run are stopped afterwards."""
    net = Network(tmp_path)
    yield net
    await net.stop()
