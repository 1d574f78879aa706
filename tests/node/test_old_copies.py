"""A node with an old copy of its database has forgotten what it released, and computes nothing ever again.

Also where its log has grown past what the others had seen of it, whoever asks first, and however often a job is
proposed; and where the consortium has other members than those that were asked after its backup was restored.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from mpcgov.errors import Refused
from mpcgov.node import backup, operator, rotation
from mpcgov.node.restore import restore
from mpcgov.node.restored import COMPARED, FOUND
from mpcgov.spec.load import canonical_json
from mpcgov.trust import consortium
from tests.node.network import PARTIES, Network
from tests.node.test_backup import released
from tests.node.test_rotation import join, next_roster

ELSEWHERE = ("welfare", "tax", "health")


async def old_copy(network: Network, tmp_path: Path) -> None:
    """Welfare's database is from before a job that the others have seen it release, and its log is longer by now."""
    await network.start()
    await released(network, *PARTIES)
    await network.stop("welfare")
    state = network.home("welfare") / "state"
    shutil.copytree(state, tmp_path / "old")
    await network.start("welfare")
    await released(network, *PARTIES)
    await network.stop("welfare")
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "old", state)
    await network.start("welfare")
    for _ in range(100):
        network.nodes["welfare"].book.note("goes on")


async def refused(network: Network, of: str = "welfare") -> None:
    proposal = network.proposal(parties={party: {"dataset": "people"} for party in PARTIES})
    job = (await network.submit(proposal, *PARTIES))["labour"]["job"]
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    ended = await network.until(job, "FAILED", "ABORTED", parties=PARTIES)
    assert all(f"{of}: ledger rollback: " in end["reason"] for end in ended.values()), ended


async def test_an_old_copy_whose_log_has_grown_computes_nothing_ever_again(network: Network, tmp_path: Path) -> None:
    await old_copy(network, tmp_path)
    for _ in range(2):
        await refused(network)
    await network.stop("welfare")
    await network.start("welfare")
    await refused(network)
    events = [record["event"] for record in operator.audit_records(network.home("welfare"))]
    assert events.count(FOUND) == 1
    found = {one.name: one for one in await asyncio.to_thread(operator.doctor, network.home("welfare"))}
    assert "ledger rollback" in found["backup"].text
    assert network.nodes["welfare"]._monitor.faults()["backup"] == "an old copy of the database: docs/operations.md"


async def test_a_peer_that_shows_its_head_first_is_told_and_forgets_nothing(network: Network, tmp_path: Path) -> None:
    """Else it would keep the head of the old copy, and say then that all is as it saw it."""
    await old_copy(network, tmp_path)
    labour, welfare = (network.nodes[party].book.heads for party in ("labour", "welfare"))
    before = labour.show("welfare")
    with pytest.raises(Refused, match="ledger rollback: labour saw another record"):
        welfare.answer("labour", canonical_json(before.model_dump(mode="json")))
    with pytest.raises(Refused, match="ledger rollback"):
        welfare.answer("labour", canonical_json(before.model_copy(update={"seen": None}).model_dump(mode="json")))
    assert labour.show("welfare").seen == before.seen


async def test_what_was_done_under_a_former_key_since_a_backup_is_known_under_the_new_one(
    network: Network, tmp_path: Path
) -> None:
    """The backup has the new keys, which waited then, and the others have seen nothing under them yet."""
    await network.start()
    await released(network, *PARTIES)
    rotation.rotate(network.home("labour"))
    await asyncio.to_thread(backup.make, network.home("labour"), tmp_path / "made")
    await released(network, *PARTIES)
    await network.stop()
    roster = next_roster(network, 2)
    join(network, roster)
    shutil.rmtree(network.home("labour"))
    await asyncio.to_thread(restore, network.home("labour"), tmp_path / "made")
    node = network.loaded("labour")
    consortium.join(network.home("labour"), roster, rotation.identity_in(node, network.roster))
    rotation.take_up(network.home("labour"))
    await network.start()
    await refused(network, "labour")


async def test_members_that_came_since_a_restored_log_was_compared_are_asked_too(tmp_path: Path) -> None:
    """A backup older than the roster: those it was compared with had seen nothing of what was done with others."""
    network = Network(tmp_path, (*PARTIES, "tax", "health"))
    try:
        await network.start()
        await asyncio.to_thread(backup.make, network.home("welfare"), tmp_path / "made")
        await released(network, *ELSEWHERE)
        await network.stop()
        shutil.rmtree(network.home("welfare"))
        await asyncio.to_thread(restore, network.home("welfare"), tmp_path / "made")
        serial = network.roster.serial
        few = consortium.create([network.identity(party).card for party in PARTIES], network.hq, 1, serial + 1)
        all_again = consortium.create(network.roster.parties, network.hq, 1, serial + 2)
        for party in network.parties:
            few = consortium.sign_roster(few, network.identity(party)) if party in PARTIES else few
            all_again = consortium.sign_roster(all_again, network.identity(party))
        for party in PARTIES:
            consortium.join(network.home(party), few, network.identity(party))
        await network.start("labour", "education")
        found = {one.name: one for one in await asyncio.to_thread(operator.doctor, network.home("welfare"))}
        assert found["backup"].ok, found["backup"].text
        await network.stop()
        for name in (*network.parties, "hq"):
            network.roster = consortium.join(network.home(name), all_again, network.identity(name))
        network.roster_digest = all_again.digest
        await network.start()
        await refused(network)
        assert COMPARED in {record["event"] for record in operator.audit_records(network.home("welfare"))}
    finally:
        await network.stop()
