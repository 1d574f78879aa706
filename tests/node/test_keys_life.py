"""The life of keys: replaced, expired, lost; and the rosters that say so, taken up by nodes that run."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import shutil
import sqlite3
from pathlib import Path

import pytest

from mpcgov import keys
from mpcgov.errors import LocalError, PeerError
from mpcgov.node import home as homes
from mpcgov.node import operator
from mpcgov.spec.envelope import Envelope
from mpcgov.trust import consortium
from mpcgov.trust.client import Client
from tests.node.network import PARTIES, Network
from tests.node.test_faults import process
from tests.node.test_jobs import approve, proposed
from tests.patience import LONG_S


def roster(network: Network, serial: int) -> Envelope:
    """A roster of the homes' present cards, signed by all."""
    identities = [network.identity(party) for party in PARTIES]
    envelope = consortium.create([identity.card for identity in identities], network.hq, 1, serial)
    for identity in identities:
        envelope = consortium.sign_roster(envelope, identity)
    return envelope


def join(network: Network, envelope: Envelope, *names: str) -> None:
    for name in names or (*PARTIES, "hq"):
        network.roster = consortium.join(network.home(name), envelope, network.identity(name))
    network.roster_digest = envelope.digest


def new_home(network: Network, party: str) -> None:
    """What docs/operations.md tells an agency to do whose key was stolen or whose database is lost."""
    address = network.loaded(party).config.address
    shutil.rmtree(network.home(party))
    homes.init(network.home(party), party, address)
    for name in ("datasets.yaml", "policy.yaml"):
        shutil.copy(network.home("labour") / name, network.home(party) / name)


async def released(network: Network) -> None:
    _, job = await proposed(network)
    await approve(network, job)
    await network.until(job, "RELEASED")
    await network.at_rest()


async def test_a_party_with_new_keys_in_a_new_roster_computes_again_and_the_others_put_it_on_record(
    network: Network,
) -> None:
    """Its log begins anew; what was seen of the old one is under the old key, and stays there."""
    await network.start()
    await released(network)
    await network.stop()
    former = network.identity("welfare").card.signing_key
    new_home(network, "welfare")
    join(network, roster(network, 2))
    await network.start()
    await released(network)
    await released(network)
    for party in ("labour", "education"):
        found = [
            record["facts"] for record in operator.audit_records(network.home(party)) if record["event"] == "new key"
        ]
        assert [(fact["party"], list(fact["former"])) for fact in found] == [("welfare", [former])]
        assert found[0]["signing_key"] == network.identity("welfare").card.signing_key


async def test_a_running_node_takes_up_the_roster_that_its_home_joins(network: Network) -> None:
    async with process(network, "labour"):
        await network.start("welfare", "education")
        envelope = roster(network, 2)
        join(network, envelope)
        async with network.client("hq") as client:
            for _ in range(10 * LONG_S):
                try:
                    about = await client.request("labour", "GET", "/v1/about")
                except PeerError:
                    about = {}
                if about.get("roster_digest") == envelope.digest:
                    break
                await asyncio.sleep(0.1)
        assert about["roster_digest"] == envelope.digest


def certificate_until(home: Path, end: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home's certificate made anew, with another end."""
    days = (end - dt.datetime.now(dt.UTC)).total_seconds() / 86400
    monkeypatch.setattr(keys, "VALID_DAYS", days)
    key = keys._private_key(home / "keys/tls.key")
    pem = keys._certificate(home.name, key).public_bytes(keys.serialization.Encoding.PEM)
    (home / "keys/tls.crt").write_bytes(pem)


@pytest.mark.parametrize("who", ["welfare", "labour"])
async def test_an_expired_certificate_is_called_that(
    network: Network, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    end = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    certificate_until(network.home(who), end, monkeypatch)
    join(network, roster(network, 2))
    await network.start("welfare")
    async with Client(network.identity("labour"), network.roster) as client:
        with pytest.raises(PeerError, match=f"{who}.* expired on {end.date().isoformat()}"):
            await client.request("welfare", "GET", "/v1/about")


def test_the_end_of_a_certificate_is_told_two_months_before(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=59, hours=1)
    assert {finding.name: finding.ok for finding in operator.doctor(network.home("labour"))}["certificates"]
    certificate_until(network.home("welfare"), end, monkeypatch)
    join(network, roster(network, 2))
    found = {finding.name: finding for finding in operator.doctor(network.home("labour"))}["certificates"]
    assert not found.ok
    told, _, remedy = found.text.partition("; ")
    assert told == f"welfare: its certificate expires on {end.date().isoformat()}, in 59 days"
    assert "mpcgov node rotate" in remedy


def private(path: Path, data: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "tls.crt").unlink(), "tls.crt: can't be read"),
        (lambda folder: (folder / "tls.crt").write_bytes(b"\xff"), "tls.crt: can't be read"),
        (lambda folder: (folder / "tls.crt").write_text("nothing"), "tls.crt: not a PEM certificate"),
        (lambda folder: private(folder / "ledger.key", b""), "ledger.key: not a ledger's key"),
        (lambda folder: private(folder / "ledger.key", b"\xff" * 64), "ledger.key: not a ledger's key"),
        (lambda folder: (folder / "tls.key").write_text("nothing"), "tls.key: not a private key"),
        (lambda folder: (folder / "signing.key").write_text("nothing"), "signing.key: not a private key"),
        (lambda folder: shutil.copy(folder / "signing.key", folder / "tls.key"), "don't belong together"),
    ],
)
def test_keys_that_are_missing_or_broken_are_named(network: Network, damage: object, said: str) -> None:
    damage(network.home("labour") / "keys")
    with pytest.raises(LocalError, match=said) as caught:
        homes.load(network.home("labour"))
    assert caught.value.code == "keys"


@pytest.mark.slow
async def test_doctor_finds_that_the_database_is_an_old_copy(network: Network, tmp_path: Path) -> None:
    await network.start()
    await released(network)
    await network.stop("welfare")
    shutil.copytree(network.home("welfare") / "state", tmp_path / "old")
    await network.start("welfare")
    await released(network)
    await network.stop("welfare")
    shutil.rmtree(network.home("welfare") / "state")
    shutil.copytree(tmp_path / "old", network.home("welfare") / "state")
    findings = await asyncio.to_thread(operator.doctor, network.home("welfare"))
    said = [finding.text for finding in findings if finding.name in ("party labour", "party education")]
    assert all("ledger rollback" in text for text in said), said


def of_an_earlier_version(network: Network, party: str) -> None:
    """Its database as it was when heads were kept by party alone."""
    with contextlib.closing(sqlite3.connect(network.home(party) / "state" / "node.sqlite")) as database:
        columns = "party VARCHAR(64) PRIMARY KEY, sequence BIGINT NOT NULL, envelope BLOB NOT NULL"
        database.execute(f"CREATE TABLE heads ({columns})")
        database.execute("INSERT INTO heads SELECT party, sequence, envelope FROM seen_heads")
        database.execute("DROP TABLE seen_heads")
        database.commit()


@pytest.mark.slow
async def test_an_upgraded_node_still_knows_the_heads_that_it_kept(network: Network, tmp_path: Path) -> None:
    await network.start()
    await released(network)
    await network.stop("welfare")
    shutil.copytree(network.home("welfare") / "state", tmp_path / "old")
    await network.start("welfare")
    await released(network)
    await network.stop()
    shutil.rmtree(network.home("welfare") / "state")
    shutil.copytree(tmp_path / "old", network.home("welfare") / "state")
    for party in ("labour", "education"):
        of_an_earlier_version(network, party)
    await network.start()
    _, job = await proposed(network)
    await approve(network, job)
    statuses = await network.until(job, "ABORTED", "FAILED")
    assert all("ledger rollback" in status["reason"] for status in statuses.values()), statuses


async def test_a_former_head_under_a_replaced_key_goes_on_record_and_locks_nobody_out(network: Network) -> None:
    await network.start()
    await released(network)
    await network.stop()
    of_an_earlier_version(network, "labour")
    new_home(network, "welfare")
    join(network, roster(network, 2))
    await network.start()
    await released(network)
    records = operator.audit_records(network.home("labour"))
    assert [record["facts"]["party"] for record in records if record["event"] == "head of another key"] == ["welfare"]
