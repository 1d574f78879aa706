"""The database: durable, checked, changed by compare-and-set only; and nothing in it that only SQLite has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from mpcgov.errors import LocalError, PeerError
from mpcgov.lifecycle import State
from mpcgov.node import home as homes
from mpcgov.node import operator
from mpcgov.node import store as table
from mpcgov.node.store import Store
from mpcgov.node.tables import APPROVALS, AUDIT, BUDGETS, DECISIONS, HEADS, JOBS, LEDGER, RECEIPTS, TABLES


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    with store.write() as tx:
        tx.execute(
            sql.insert(JOBS).values(
                id="aaaa-aaaa-aaaa", digest="sha256:1", proposal=b"", parties=["labour"], receivers=["labour"],
                approve_before=0, state="APPROVED", received_at=0.0, changed_at=0.0,
            )
        )  # fmt: skip
    yield store
    store.close()


def test_commits_are_durable_and_references_are_checked(store: Store) -> None:
    settings = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with store.read() as tx:
        assert {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in settings} == settings
    with pytest.raises(PeerError) as caught, store.write() as tx:
        tx.execute(sql.insert(APPROVALS).values(job="bbbb-bbbb-bbbb", party="labour", envelope=b""))
    assert caught.value.code == "store"


def test_who_comes_alone_gets_the_connection_that_was_used_last(store: Store) -> None:
    """Each keeps pages of the database in memory, two megabytes; so those of a busy moment aren't filled in turn."""
    with ExitStack() as stack:
        assert len({id(stack.enter_context(store.read()).connection.dbapi_connection) for _ in range(4)}) == 4

    def used() -> int:
        with store.read() as tx:
            return id(tx.connection.dbapi_connection)

    assert len({used() for _ in range(8)}) == 1


def at_once(new: Callable[[], Store]) -> None:
    """Six open one database that isn't there yet, as the node and its operator's commands may."""
    with ThreadPoolExecutor(6) as pool:
        barrier = threading.Barrier(6)

        def opened(_: int) -> Store:
            barrier.wait()
            return new()

        for store in pool.map(opened, range(6)):
            store.close()


def test_a_new_database_can_be_opened_by_several_at_once(tmp_path: Path) -> None:
    for number in range(50):
        at_once(partial(Store, tmp_path / str(number)))


def test_a_job_moves_only_from_the_state_that_it_was_seen_in(store: Store) -> None:
    with store.write() as tx:
        table.move(tx, "aaaa-aaaa-aaaa", State.APPROVED, {"state": "READY"})
    with pytest.raises(PeerError, match="changed meanwhile"), store.write() as tx:
        table.move(tx, "aaaa-aaaa-aaaa", State.APPROVED, {"state": "CANCELLED"})
    with store.read() as tx:
        assert table.require(tx, "aaaa-aaaa-aaaa").state is State.READY


def test_an_id_and_a_digest_are_taken_once(store: Store) -> None:
    for job, digest in (("aaaa-aaaa-aaaa", "sha256:2"), ("bbbb-bbbb-bbbb", "sha256:1")):
        with pytest.raises(PeerError), store.write() as tx:
            tx.execute(
                sql.insert(JOBS).values(
                    id=job, digest=digest, proposal=b"", parties=[], receivers=[], approve_before=0, state="PROPOSED",
                    received_at=0.0, changed_at=0.0,
                )
            )  # fmt: skip


def test_a_writer_waits_for_another_and_then_gives_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BUSY_TIMEOUT_S", 0.05)
    other = Store(Path(str(store._engine.url.database)).parent)
    with store.write(), pytest.raises(PeerError, match="can't use its database"), other.write():
        pass
    other.close()


def test_an_error_of_the_database_quotes_no_statement(store: Store) -> None:
    with pytest.raises(PeerError) as caught, store.write() as tx:
        tx.execute(sql.insert(APPROVALS).values(job="a secret", party="labour", envelope=b"another"))
    assert "secret" not in caught.value.line()
    assert caught.value.__suppress_context__


def test_the_state_may_be_kept_elsewhere(tmp_path: Path) -> None:
    homes.init(tmp_path / "tax", "tax", "127.0.0.1:7101")
    elsewhere = tmp_path / "elsewhere.sqlite"
    with (tmp_path / "tax/node.yaml").open("a") as file:
        file.write(f"state: 'sqlite:///{elsewhere}'\n")
    assert operator.jobs(tmp_path / "tax") == []
    assert elsewhere.exists()
    assert not (tmp_path / "tax/state/node.sqlite").exists()


@pytest.mark.parametrize("url", ["nonsense", "postgresql+nothing://x/y", "sqlite:////no/such/folder/x"])
def test_a_state_that_cant_be_opened_is_an_error_in_the_configuration(tmp_path: Path, url: str) -> None:
    with pytest.raises(LocalError, match="can't be opened"):
        Store(tmp_path, url)


def test_a_database_that_we_cant_make_durable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(table._HARDEN, "sqlite")
    with pytest.raises(LocalError, match="a node keeps nothing in sqlite"):
        Store(tmp_path)


def test_the_tables_are_plain_sql() -> None:
    for each in (JOBS, APPROVALS, RECEIPTS, DECISIONS, AUDIT, LEDGER, BUDGETS, HEADS):
        assert f"CREATE TABLE {each.name}" in str(CreateTable(each).compile(dialect=postgresql.dialect()))


def test_a_database_that_is_whole_is_opened_without_asking_for_each_table(tmp_path: Path) -> None:
    """Every command opens it."""
    Store(tmp_path).close()
    asked: list[str] = []

    def noted(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sql.event.listen(sql.Engine, "before_cursor_execute", noted)
    try:
        Store(tmp_path).close()
    finally:
        sql.event.remove(sql.Engine, "before_cursor_execute", noted)
    assert any("sqlite_master" in statement for statement in asked)
    assert not any(statement.startswith("CREATE") for statement in asked)
    assert len(asked) < len(TABLES.tables)
