"""Contenders for tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgov.bench import contenders
from mpcgov.bench.contenders import Contender

Fake = Callable[..., Contender]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Makes contenders out of fake_party.py; they count as peers unless `own`."""
    path = f"{contenders.BENCH}{os.pathsep}{Path(__file__).parent}"
    monkeypatch.setattr(contenders, "BENCH", path)
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setattr(contenders, "interpreter", lambda peer: Path(contenders.sys.executable))

    def made(name: str, behaviour: str = "", own: bool = False) -> Contender:
        options = {"name": name, "log": str(tmp_path / "log"), "behaviour": behaviour}
        return Contender(name, "fake_party", "none", environment=None if own else "fake", options=options)

    return made
