"""Who is at the keyboard: the user who logged in, whoever they have become since."""

from __future__ import annotations

import os
import pwd

import pytest

from mpcgov.node import people


def test_who_logged_in_counts_whoever_runs_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people who share a service account by sudo are two."""
    logged_in = iter([0, 1])
    monkeypatch.setattr(people, "_logged_in", lambda: next(logged_in))
    assert [people.current(), people.current()] == [pwd.getpwuid(number).pw_name for number in (0, 1)]


def test_where_no_login_is_kept_the_user_of_the_process_counts_and_no_variable_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "_logged_in", lambda: None)
    before = people.current()
    for name in ("USER", "LOGNAME", "SUDO_USER", "SUDO_UID"):
        monkeypatch.setenv(name, "somebody")
    assert people.current() == before == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_logged_in", lambda: 3_999_999_999)
    assert people.current() == "user 3999999999"
