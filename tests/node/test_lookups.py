"""What was read of the database is believed for as long as nobody has changed anything, and no longer."""

from __future__ import annotations

import operator
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from mpcgov.errors import LocalError
from mpcgov.lifecycle import State
from mpcgov.node import lookups
from mpcgov.node import store as table
from mpcgov.node.store import Store
from mpcgov.node.tables import APPROVALS, JOBS

JOB = "aaaa-aaaa-aaaa"
ROW = {
    "id": JOB, "digest": "sha256:1", "proposal": b"short", "parties": ["labour"], "receivers": ["labour"],
    "approve_before": 0, "state": "APPROVED", "received_at": 0.0, "changed_at": 0.0,
}  # fmt: skip
BY_ANOTHER_PROCESS = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("UPDATE jobs SET state = 'CANCELLED'")
"""


class Watched:
    """A database with one job, and how often it was read."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.reads = Store(folder), 0
        with self.store.write() as tx:
            tx.execute(sql.insert(JOBS), ROW)
        read = self.store.read

        def counted() -> object:
            self.reads += 1
            return read()

        monkeypatch.setattr(self.store, "read", counted)

    def state(self) -> State:
        return self.store.look_up(table.require, JOB).state

    def move(self, state: State) -> None:
        with self.store.write() as tx:
            table.move(tx, JOB, State.APPROVED, {"state": state.value})


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    found = Watched(tmp_path, monkeypatch)
    yield found
    found.store.close()


def test_the_same_is_read_once_as_long_as_nothing_changes(watched: Watched) -> None:
    assert [watched.state() for _ in range(3)] == [State.APPROVED] * 3
    assert watched.store.look_up(table.statements, APPROVALS, JOB) == {}
    assert watched.reads == 2


def test_what_all_get_nobody_changes_for_the_others(watched: Watched) -> None:
    held: Any = watched.store.look_up(table.statements, APPROVALS, JOB)
    jobs: Any = watched.store.look_up(table.in_states, frozenset({State.APPROVED}))
    for change in (
        lambda: operator.setitem(held, "labour", b""),
        lambda: operator.delitem(jobs, 0),
        lambda: setattr(jobs[0], "state", State.READY),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()


def test_what_this_process_changes_is_seen_at_once(watched: Watched) -> None:
    assert watched.state() is State.APPROVED
    watched.move(State.READY)
    assert watched.state() is State.READY


def test_what_another_store_changes_is_seen_at_once(watched: Watched) -> None:
    other = Store(Path(str(watched.store._engine.url.database)).parent)
    assert watched.state() is State.APPROVED
    with other.write() as tx:
        table.move(tx, JOB, State.APPROVED, {"state": "READY"})
    assert watched.state() is State.READY
    other.close()


def test_what_another_process_changes_is_seen_at_once(watched: Watched) -> None:
    assert watched.state() is State.APPROVED
    database = str(watched.store._engine.url.database)
    subprocess.run([sys.executable, "-c", BY_ANOTHER_PROCESS, database], check=True)
    assert watched.state() is State.CANCELLED


def test_what_changes_while_it_is_read_is_read_again(watched: Watched) -> None:
    def slow(tx: sql.Connection, job: str) -> State:
        found = table.require(tx, job).state
        if found is State.APPROVED:
            watched.move(State.READY)
        return found

    assert watched.store.look_up(slow, JOB) is State.APPROVED
    assert watched.store.look_up(slow, JOB) is State.READY


def test_a_fault_is_found_each_time(watched: Watched) -> None:
    for _ in range(2):
        with pytest.raises(LocalError, match="unknown at this node"):
            watched.store.look_up(table.require, "bbbb-bbbb-bbbb")
    assert watched.reads == 2


def test_only_so_much_is_kept(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "LIMIT", 2)
    for number in range(5):
        watched.store.look_up(table.decisions_after, number)
    assert len(watched.store._lookups._answers) <= 2


def test_where_nothing_tells_of_changes_everything_is_read(watched: Watched) -> None:
    watched.store._lookups._changed = None
    assert [watched.state() for _ in range(3)] == [State.APPROVED] * 3
    assert watched.reads == 3


def test_what_cant_tell_of_changes_hides_none(watched: Watched) -> None:
    assert watched.state() is State.APPROVED
    watched.store._lookups._changed = "no such question"
    watched.move(State.READY)
    assert watched.state() is State.READY


def test_long_proposals_are_not_kept(watched: Watched) -> None:
    assert watched.store.look_up(table.short_proposal, JOB) == b"short"
    with watched.store.write() as tx:
        tx.execute(sql.update(JOBS).values(proposal=bytes(table.IN_LOOP_BYTES + 1)))
    assert watched.store.look_up(table.short_proposal, JOB) is None
    with watched.store.read() as tx:
        assert len(table.proposal(tx, JOB)) == table.IN_LOOP_BYTES + 1
    with pytest.raises(LocalError, match="unknown at this node"):
        watched.store.look_up(table.short_proposal, "bbbb-bbbb-bbbb")
