"""New keys for a node that goes on: before, while and after they are taken up, jobs are released and the log holds."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sql

from mpcgov import keys
from mpcgov.errors import LocalError, MpcgovError
from mpcgov.node import daemon, operator, rotation
from mpcgov.node.audit import NEW_OWN_KEY, AuditLog
from mpcgov.node.record import RECORD_TYPE
from mpcgov.node.tables import AUDIT
from mpcgov.spec.envelope import Envelope, open_envelope, pae
from mpcgov.spec.load import canonical_json, json_value, validate
from mpcgov.spec.statement import SHARE_TYPE, ResultShare
from mpcgov.trust import consortium
from mpcgov.trust.client import Client
from tests.node.alone import started
from tests.node.network import PARTIES, Network
from tests.node.test_jobs import approve, proposed
from tests.patience import LONG_S


@contextlib.asynccontextmanager
async def serving(network: Network) -> AsyncIterator[None]:
    """All nodes as `mpcgov node serve` runs them, one daemon after another."""
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(daemon.keep_serving(network.home(party), stop, lambda node: network.workers[node.party]))
        for party in PARTIES
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def taken_up(network: Network, digest: str) -> None:
    """Returns once every node serves under a roster."""
    for party in PARTIES:
        for _ in range(10 * LONG_S):
            async with network.client() as client:
                with contextlib.suppress(MpcgovError):
                    about = await client.request(party, "GET", "/v1/about")
                    if about["roster_digest"] == digest:
                        break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(f"{party} never took up {digest}")


def next_roster(network: Network, serial: int) -> Envelope:
    """A roster with labour's new card, and the others' as they are, signed by all with the keys that it holds."""
    path = network.folder / "labour.card"
    path.write_bytes(rotation.rotate(network.home("labour")).to_bytes())
    cards = [consortium.read_card(path), *(network.identity(party).card for party in PARTIES[1:])]
    envelope = consortium.create(cards, network.hq, 1, serial)
    for party in PARTIES:
        identity = rotation.identity_in(network.loaded(party), consortium.read_roster(envelope))
        envelope = consortium.sign_roster(envelope, identity)
    return envelope


def join(network: Network, envelope: Envelope) -> None:
    roster = consortium.read_roster(envelope)
    for party in PARTIES:
        consortium.join(network.home(party), envelope, rotation.identity_in(network.loaded(party), roster))
    network.roster = consortium.join(network.home("hq"), envelope, network.hq)
    network.roster_digest = envelope.digest


async def under_way(network: Network, **changes: object) -> str:
    _, job = await proposed(network, **changes)
    await approve(network, job)
    return job


async def test_keys_are_rotated_without_stopping_jobs(network: Network) -> None:
    former = network.identity("labour").card
    async with serving(network):
        await taken_up(network, network.roster_digest)
        before = await under_way(network)
        await network.until(before, "RELEASED")

        gate = network.workers["labour"].gates["compute"] = asyncio.Event()
        during = await under_way(network, params={"by": ["sex"]})
        await network.until(during, "RUNNING")
        old_client = Client(network.hq, network.roster)
        join(network, next_roster(network, 2))
        await asyncio.sleep(2 * daemon.TICK_S)  # ticks in which a node could wrongly take them up
        async with old_client:
            for party in PARTIES:
                assert (await old_client.request(party, "GET", f"/v1/jobs/{during}"))["state"] == "RUNNING"
        gate.set()
        await taken_up(network, network.roster_digest)
        await network.until(during, "RELEASED")

        # Over the same rows: the ledger still knows them.
        after = await under_way(network, params={"by": ["region", "sex"]})
        await network.until(after, "RELEASED")
        new = network.identity("labour").card
        assert new.signing_key != former.signing_key
        assert new.certificate_digest != former.certificate_digest
        async with network.client() as client:
            for job in (before, during, after):
                share = validate(await client.request("labour", "GET", f"/v1/jobs/{job}/share"), Envelope, "share")
                open_envelope(share, SHARE_TYPE, ResultShare, "labour", new.signing_key, 1 << 20)

    assert not list(network.home("labour").glob("keys?*"))
    assert operator.audit_verify(network.home("labour")) > 20
    events = [record for record in operator.audit_records(network.home("labour")) if record["event"] == NEW_OWN_KEY]
    assert [record["facts"]["former"] for record in events] == [former.signing_key]
    for party in ("welfare", "education"):
        facts = [r["facts"] for r in operator.audit_records(network.home(party)) if r["event"] == "new key"]
        assert [(fact["party"], list(fact["former"])) for fact in facts] == [("labour", [former.signing_key])]
        assert facts[0]["sequence"] > facts[0]["former"][former.signing_key]


def rotated(network: Network, times: int) -> None:
    """A log under several keys, one after another."""
    for number in range(times + 1):
        book, store = started(network.loaded("labour"))
        book.note("under key", number=number)
        store.close()
        if number < times:
            join(network, next_roster(network, number + 2))
            rotation.take_up(network.home("labour"))


def test_a_log_under_several_keys_verifies_and_no_part_of_it_can_be_changed(network: Network) -> None:
    rotated(network, 2)
    home = network.home("labour")
    assert operator.audit_verify(home) == 5
    stranger = keys.create(network.folder / "thief", "party", "labour", "127.0.0.1:1")
    with operator.opened(home) as (node, book, audit):
        assert [record.event for record in audit.records()][1::2] == [NEW_OWN_KEY] * 2
        with book._store.read() as tx:
            rows = tx.execute(sql.select(AUDIT)).all()
        for row in rows:
            # A thief of the database writes a record anew, or lets his own key begin there.
            for body in (row.record, canonical_json(parse(row.record) | {"event": NEW_OWN_KEY})):
                signature = base64.b64encode(stranger.signing_key.sign(pae(RECORD_TYPE, body))).decode()
                at = sql.update(AUDIT).where(AUDIT.c.sequence == row.sequence)
                with book._store.write() as tx:
                    tx.execute(at.values(record=body, signature=signature))
                with pytest.raises(LocalError, match="record"):
                    audit.verify()
                with book._store.write() as tx:
                    tx.execute(at.values(record=row.record, signature=row.signature))
        assert audit.verify() == 5
        assert node.party == "labour"


def parse(record: bytes) -> dict[str, object]:
    value = json_value(record, "record")
    assert isinstance(value, dict)
    return value


@pytest.mark.by_day(2)
@pytest.mark.parametrize("failing", ["begin", "first", "second"])
def test_a_rotation_that_is_broken_off_is_ended_by_the_next_start(
    network: Network, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    rotated(network, 0)
    home, former = network.home("labour"), network.identity("labour").card
    join(network, next_roster(network, 2))
    with monkeypatch.context() as patch:
        break_at(patch, failing)
        with pytest.raises(OSError, match="gone"):
            rotation.take_up(home)
    if failing == "first":
        # Under the former key nothing is added any more, whoever tries.
        with operator.opened(home) as (_, book, _), pytest.raises(LocalError, match="written under another key"):
            book.note("too late")
    assert rotation.take_up(home).identity.card.signing_key != former.signing_key
    assert operator.audit_verify(home) == 2
    book, store = started(network.loaded("labour"))
    book.note("goes on")
    store.close()
    assert operator.audit_verify(home) == 3
    assert not list(home.glob("keys?*"))


def break_at(patch: pytest.MonkeyPatch, failing: str) -> None:
    def gone(*_: object) -> None:
        raise OSError("gone")

    if failing == "begin":
        patch.setattr(AuditLog, "_advance_head", gone)
        return
    rename, left = Path.rename, [0 if failing == "first" else 1]

    def renamed(path: Path, target: Path) -> Path:
        if not left[0]:
            gone()
        left[0] -= 1
        return rename(path, target)

    patch.setattr(Path, "rename", renamed)


def test_keys_wait_for_their_roster_and_are_the_same_whenever_they_are_asked_for(network: Network) -> None:
    home = network.home("labour")
    card = rotation.rotate(home)
    assert rotation.rotate(home) == card
    assert rotation.take_up(home).identity.card == network.roster.member("labour")
    assert (home / rotation.NEXT / "signing.key").stat().st_mode & 0o777 == 0o600


async def test_jobs_of_the_former_roster_that_wait_are_over_and_say_so(network: Network) -> None:
    await network.start()
    _, job = await proposed(network)
    await approve(network, job, "labour")
    await network.stop()
    join(network, next_roster(network, 2))
    rotation.take_up(network.home("labour"))
    await network.start()
    found = await network.until(job, "EXPIRED")
    assert {status["reason"] for status in found.values()} == {"the consortium has a new roster: propose the job again"}
