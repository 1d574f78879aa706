"""A running node writes the signed head of its log a moment after the records. A crash in between loses none of them:
its log verifies, and no peer takes it for set back. Whoever cuts the log down to the old head is found out by peers.
"""

from __future__ import annotations

import contextlib
import signal
import sqlite3

import pytest
import sqlalchemy as sql

from mpcgov.node import operator
from mpcgov.node.tables import HEADS
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import parse_json
from mpcgov.spec.statement import Head
from tests.node.killable import Killable, killable
from tests.node.network import PARTIES, Network

__all__ = ["killable"]

OTHERS = ("labour", "education")


def written(network: Network, party: str) -> int:
    """How far the head beside a node's database goes."""
    envelope = parse_json((network.home(party) / "state/audit.head").read_bytes(), Envelope, "head")
    return parse_json(envelope.body, Head, "head").sequence


def seen(network: Network, by: str, party: str) -> int:
    """How far a node has seen another's log go."""
    with network.nodes[by]._store.read() as tx:
        return tx.execute(sql.select(HEADS.c.sequence).where(HEADS.c.party == party)).scalar_one()


@pytest.fixture
async def crashed(network: Network, killable: Killable) -> Network:
    """Welfare's node has dealt, the others have seen its log's end, and it was killed before it wrote that head."""
    await network.start(*OTHERS)
    await killable.serve("welfare", "deferred", "")
    job = await network.approved()
    assert await killable.ended() == -signal.SIGKILL
    await network.until(job, "ABORTED", parties=OTHERS)
    return network


async def test_a_crash_before_the_head_is_written_loses_nothing_and_is_no_rollback(crashed: Network) -> None:
    records = len(operator.audit_records(crashed.home("welfare")))
    behind = written(crashed, "welfare")
    for other in OTHERS:
        assert behind < seen(crashed, other, "welfare") <= records
    assert operator.audit_verify(crashed.home("welfare")) == records
    await crashed.start("welfare")
    await crashed.until(await crashed.approved(), "RELEASED")
    for party in PARTIES:
        assert "heads conflict" not in {record["event"] for record in operator.audit_records(crashed.home(party))}
        assert operator.audit_verify(crashed.home(party)) > 5


async def test_a_log_that_was_cut_to_the_head_before_the_crash_is_found_out_by_its_peers(crashed: Network) -> None:
    """By itself it can't be: whoever holds the database may say that the crash was earlier."""
    behind = written(crashed, "welfare")
    path = crashed.home("welfare") / "state/node.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM audit WHERE sequence > ?", (behind,))
        connection.execute("DELETE FROM ledger")
    assert operator.audit_verify(crashed.home("welfare")) == behind
    await crashed.start("welfare")
    ends = await crashed.until(await crashed.approved(), "ABORTED", "FAILED")
    assert any("ledger rollback" in end["reason"] for end in ends.values()), ends
