from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mpcgov.node import daemon
from tests.node.network import Network


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A consortium whose nodes a test starts itself; those that run are stopped afterwards."""
    net = Network(tmp_path)
    yield net
    await net.stop()


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes take up nothing by themselves: the test says what happens when. Must come before they start."""
    for name in ("POLL_S", "TICK_S"):
        monkeypatch.setattr(daemon, name, 10**6)
