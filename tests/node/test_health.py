"""What people see of a node's health, at once, however long it takes to look."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mpcgov.clock import RealClock
from mpcgov.errors import LocalError
from mpcgov.node.desk import health
from mpcgov.node.desk.health import Health
from tests.patience import LONG_S

FINDINGS: dict[str, Any] = {"findings": [{"name": "audit log", "ok": True, "text": "30000 records"}]}


class Look:
    """A look that takes until it is let go; counts."""

    def __init__(self) -> None:
        self.go, self.over, self.times = threading.Event(), threading.Event(), 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        assert self.go.wait(LONG_S)
        return FINDINGS


def looked(own: Health) -> None:
    assert own._looking is not None
    own._looking.join(LONG_S)


def test_nobody_waits_for_a_look_and_no_two_look_at_once() -> None:
    look = Look()
    own = Health(look, RealClock())
    assert [own.found(), own.found()] == 2 * [{"findings": [], "at": None}]
    assert look.times == 1
    look.go.set()
    looked(own)
    assert own.found()["findings"] == FINDINGS["findings"]
    assert own.found()["at"] is not None
    assert look.times == 1


def test_a_short_look_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WAIT_S", LONG_S)
    assert Health(lambda: FINDINGS, RealClock()).found()["findings"] == FINDINGS["findings"]


def test_what_was_found_a_while_ago_is_looked_at_anew_beside_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Look()
    look.go.set()
    own = Health(look, RealClock())
    own.begin()
    looked(own)
    monkeypatch.setattr(health, "AGE_S", 0.0)
    look.go.clear()
    assert own.found()["findings"] == FINDINGS["findings"]
    assert look.times == 2
    look.go.set()
    looked(own)


def test_a_look_that_fails_is_a_finding() -> None:
    def fails() -> dict[str, Any]:
        raise LocalError("node.yaml: not there", hint="mpcgov node init")

    own = Health(fails, RealClock())
    own.begin()
    looked(own)
    assert own.found()["findings"] == [{"name": "node", "ok": False, "text": "node.yaml: not there; mpcgov node init"}]


def test_a_look_that_fails_unexpectedly_is_a_finding_without_its_text() -> None:
    def fails() -> dict[str, Any]:
        raise ValueError("a value of someone's")

    own = Health(fails, RealClock())
    own.begin()
    looked(own)
    text = "the look failed (ValueError); run mpcgov node doctor"
    assert own.found()["findings"] == [{"name": "node", "ok": False, "text": text}]
    assert own.found()["at"] is not None
