"""Errors that others report: whatever they hold, it stays an error, on one line, of bounded length."""

from __future__ import annotations

import pytest

from mpcgov.errors import InternalError, MpcgovError, PeerError


@pytest.mark.parametrize("status", [[], {}, "3", None, 7])
def test_a_status_that_is_none_is_a_fault(status: object) -> None:
    assert isinstance(MpcgovError.from_json({"exit_status": status}), InternalError)


def test_the_words_of_others_can_neither_steer_a_terminal_nor_break_a_record() -> None:
    text = "tax: no\x1b[2J\ud800\u202e\n" + "x" * 10_000
    error = MpcgovError.from_json({"exit_status": 4, "message": text, "hint": text, "code": text})
    assert isinstance(error, PeerError)
    for said in (error.message, error.hint, error.code):
        assert said.isprintable()
        assert len(said.encode()) == 4000
        assert said.startswith("tax: no [2J")
