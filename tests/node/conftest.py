from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mpcgov.errors import MpcgovError
from mpcgov.node import daemon, overlaps
from mpcgov.spec.difference import Question
from mpcgov.spec.load import parse_json
from mpcgov.worker import differing
from tests.node.network import Network


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Network]:
    """A consortium whose nodes a test starts itself; those that run are stopped afterwards."""
    net = Network(tmp_path)
    yield net
    await net.stop()


@pytest.fixture
def counts_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """By how many rows tables differ is counted in this process, where a node starts one that loads a data engine."""

    def answered(command: list[str], *, input: bytes, **_: object) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
        assert command[-1] == differing.__name__
        try:
            found = differing.found(parse_json(input, Question, "question", 64 << 20))
            said = {"found": found.model_dump(mode="json")}
        except MpcgovError as error:
            said = {"error": error.to_json()}
        return subprocess.CompletedProcess(command, 0, json.dumps(said).encode())

    monkeypatch.setattr(overlaps, "subprocess", SimpleNamespace(run=answered))


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes take up nothing by themselves: the test says what happens when. Must come before they start."""
    for name in ("POLL_S", "TICK_S"):
        monkeypatch.setattr(daemon, name, 10**6)
