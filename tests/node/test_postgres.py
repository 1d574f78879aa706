"""Nodes that keep their state on a Postgres server: what the ledger promises on SQLite holds there, too."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sql

from mpcgov.errors import MpcgovError, PeerError
from mpcgov.node import operator
from mpcgov.node import store as table
from mpcgov.node.store import Store
from mpcgov.node.tables import BUDGETS
from tests.node.network import PARTIES, Network
from tests.node.test_budget import noise, of
from tests.node.test_ledger import MANUAL, denial, everywhere, failed, lines, run
from tests.node.test_store import at_once
from tests.patience import LONG_S
from tests.postgres import server


@pytest.fixture(scope="module")
def database() -> Iterator[Callable[[], str]]:
    """Makes new databases, and says their URLs; each forgets what it has said is durable unless a node asks."""
    with server() as url:
        import psycopg

        def new() -> str:
            name = f"node_{secrets.token_hex(6)}"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
                connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
            return url.replace("postgres://", "postgresql+psycopg://").replace("/postgres", f"/{name}")

        yield new


@pytest.fixture
async def nodes(network: Network, database: Callable[[], str]) -> Network:
    for party in PARTIES:
        network.policy(party, MANUAL)
        with (network.home(party) / "node.yaml").open("a") as file:
            file.write(f"state: '{database()}'\n")
        (network.home(party) / "state" / "node.sqlite").unlink()  # which homes of tests come with
    await network.start()
    return network


async def test_a_ledger_on_postgres_reserves_commits_spends_once_and_gives_again(nodes: Network) -> None:
    _, job = await run(nodes, **noise("3"))
    await run(nodes, **noise("3"))
    nodes.workers["welfare"].faults["compute"] = MpcgovError("no")
    await failed(nodes, **noise("2"), **everywhere("age < 30"))
    nodes.workers["welfare"].faults = {"ready": MpcgovError("no")}
    await failed(nodes, **noise("2"), **everywhere("age < 31"))
    nodes.workers["welfare"].faults.clear()
    _, exact = await run(nodes, **everywhere("age < 32"))
    assert f"job {exact} has released" in await denial(nodes, **everywhere("age < 33"))
    await nodes.stop("welfare")
    await nodes.start("welfare")
    assert "welfare: people has epsilon 5 left" in await denial(nodes, "welfare", **noise("6"))
    for party in PARTIES:
        ended = "refused" if party == "welfare" else "void"  # by welfare's node, before the commit
        assert [line.state for line in lines(nodes, party)] == ["final", "final", "final", ended, "final"]
        assert [line.answers for line in lines(nodes, party)] == [None, job, None, None, None]
        assert of(nodes, party).spent == 5
        assert operator.audit_verify(nodes.home(party)) > 10
        assert not (nodes.home(party) / "state" / "node.sqlite").exists()


def test_a_new_database_on_postgres_can_be_opened_by_several_at_once(
    database: Callable[[], str], tmp_path: Path
) -> None:
    for _ in range(3):
        at_once(partial(Store, tmp_path, database()))


def test_writers_on_postgres_wait_for_each_other_see_what_was_done_and_commit_durably(
    database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = database()
    stores, seen = [Store(tmp_path, url) for _ in range(2)], []

    def second() -> None:
        with stores[1].write() as tx:
            assert tx.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
            seen.append(tx.execute(sql.select(BUDGETS.c.total)).scalars().all())

    thread = threading.Thread(target=second)
    with stores[0].write() as tx:
        thread.start()
        thread.join(0.3)
        tx.execute(sql.insert(BUDGETS).values(dataset="people", unit="person", measure="epsilon", total="1"))
        assert seen == []
        with stores[1].read() as other:
            assert other.execute(sql.select(BUDGETS)).all() == []
    thread.join(LONG_S)
    assert seen == [["1"]]
    monkeypatch.setattr(table, "BUSY_TIMEOUT_S", 0.05)
    with stores[0].write(), pytest.raises(PeerError, match="can't use its database"), stores[1].write():
        pass
    for store in stores:
        store.close()
