"""Real workers deal nothing before their nodes have put the commit on record."""

from __future__ import annotations

import asyncio

import pytest

from mpcgov.trial import simulation
from tests.conftest import Workspace


def test_no_worker_deals_before_its_commit_is_on_record(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.domains = {"region": ["North"]}
    for i in range(3):
        workspace.agency(f"p{i}", [{"region": "North", "age": "1"}] * 20)
    told: list[str] = []
    before: list[set[str]] = []
    together = asyncio.Barrier(3)

    async def commit(*_: object) -> None:
        await together.wait()
        await asyncio.sleep(0.5)  # in which one that doesn't wait would go on
        before.append(set(told))

    monkeypatch.setattr(simulation, "_commit", commit)
    simulation.simulate(workspace.job(["region"]), workspace.folder, 1, lambda party, phase: told.append(phase))
    assert len(before) == 3
    assert before[0] == {"hello", "read", "ready"}
    assert "deal" in told
