from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

pytest.importorskip("webauthn")

from mpcgov.errors import Refused
from mpcgov.node.desk import enrolling, passkeys
from tests.console.agency import Agency, served
from tests.node.network import Network


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[Agency]:
    """An agency's node and console."""
    network = Network(tmp_path)
    async with served(network) as one:
        yield one
    await network.stop()


@pytest.fixture
def apart() -> None:
    """For tests in which a new passkey is read in a process of its own, as at a node."""


@pytest.fixture(autouse=True)
def _no_process_for_each_new_passkey(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(asked: bytes) -> bytes:
        try:
            return enrolling.read(asked)
        except Exception:
            raise Refused("the passkey's answer doesn't hold", code="passkey") from None

    if "apart" not in request.fixturenames:
        monkeypatch.setattr(passkeys, "read_apart", read)
