"""Owners' filters are under keys of their own: who is linked must not hang on where a key happens to put the bits."""

from __future__ import annotations

import json

import pytest

from mpcgov import registry
from mpcgov.linked import encoding, vectors
from mpcgov.protocol.check import load_reference
from mpcgov.spec.load import read_text


def links(key: int) -> int:
    """How many links the reference finds in a vector's records, with filters under this key."""
    folder = registry.find("record-linkage").folder
    vector = json.loads(read_text(folder / "vectors" / "probable-report.json"))
    reference = load_reference(folder)
    mixed, moved = reference["mixed"], reference["mixed"](key) if key else 0
    reference["run"].__globals__["mixed"] = lambda number: mixed(number ^ moved)
    tables = reference["run"](vectors.owners(vector), vectors.domains(vector), vector["params"], vector["rules"])
    found: int = tables["count"][0][0]
    return found


def test_runs_are_so_short_that_the_right_record_is_the_best_of_its_run_under_any_key() -> None:
    assert {links(key) for key in range(12)} == {40}


def test_in_runs_of_twice_the_length_some_keys_lose_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "LEAST_RUN", 2 * encoding.LEAST_RUN)
    assert min(links(key) for key in range(12)) < 40
