"""A home in one file and back: taken while the node writes, verified to the last bit, with all that was spent."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import stat
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mpcgov.errors import LocalError
from mpcgov.node import backup, operator
from mpcgov.node import home as homes
from mpcgov.node.restore import restore
from mpcgov.node.store import Store
from tests.node.network import PARTIES, Network

CODES = "code\nNorth\nSouth\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with all that a home may hold, data included."""
    home = tmp_path_factory.mktemp("agency") / "tax"
    homes.init(home, "tax", "127.0.0.1:7101")
    text = (
        "people:\n  source: people.csv\n  max_rows: 9\n  columns:\n    region: {kind: category, values: codes/r.csv}\n"
    )
    (home / "datasets.yaml").write_text(text)
    (home / "codes").mkdir()
    (home / "codes/r.csv").write_text(CODES)
    (home / "people.csv").write_text("region\nNorth\n")
    (home / "figures").mkdir()
    (home / "figures/people@2025.json").write_text("{}")
    (home / "policy.yaml").chmod(0o440)
    (home / "secrets").mkdir()
    (home / "secrets/hook").write_text("0123456789abcdef")
    (home / "secrets/hook").chmod(0o600)
    with operator.opened(home) as (_, book, _):
        book.note("a first record")
    return home


@pytest.fixture(scope="module")
def made(node: Path) -> Path:
    out = node.parent / "tax.backup"
    backup.make(node, out)
    return out


def content(home: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in home.rglob("*") if path.is_file() and homes.STATE not in path.parts]
    return {str(path.relative_to(home)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in paths}


def test_a_home_comes_back_as_it_was_without_data(node: Path, made: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert [path.name for path in made.parent.glob(".mpcgov*")] == []
    restore(tmp_path / "tax", made)
    there, was = content(tmp_path / "tax"), content(node)
    del was["people.csv"]
    assert there == was
    assert stat.S_IMODE((tmp_path / "tax").stat().st_mode) == 0o700
    events = [record["event"] for record in operator.audit_records(tmp_path / "tax")]
    assert events == ["a first record", "restored"]
    assert operator.audit_verify(tmp_path / "tax") == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "tax"]


def test_a_home_without_a_record_is_named_and_not_the_copy_that_was_looked_at(tmp_path: Path) -> None:
    home = homes.init(tmp_path / "tax", "tax", "127.0.0.1:7101").path
    for _ in range(2):  # without a database, and with an empty one
        with pytest.raises(LocalError) as caught:
            backup.make(home, tmp_path / "tax.backup")
        assert caught.value.message == f"{home}: nothing is on record yet"
        Store(home / "state").close()


def test_nothing_is_overwritten(node: Path, made: Path) -> None:
    before = content(node), made.read_bytes()
    with pytest.raises(LocalError, match="there already"):
        backup.make(node, made)
    with pytest.raises(LocalError, match="something is there already"):
        restore(node, made)
    assert (content(node), made.read_bytes()) == before


def offsets(archive: Path) -> dict[str, tuple[int, int]]:
    with tarfile.open(archive) as found:
        return {member.name: (member.offset_data, member.size) for member in found}


def refused(archive: bytes, folder: Path) -> str:
    """What restoring these bytes is refused with; nothing is put in place."""
    (folder / "broken").write_bytes(archive)
    with pytest.raises(LocalError) as error:
        restore(folder / "tax", folder / "broken")
    assert list(folder.iterdir()) == [folder / "broken"]
    return error.value.message


def test_a_flipped_bit_is_refused_by_name_wherever_it_is(made: Path, tmp_path: Path) -> None:
    whole, places = made.read_bytes(), offsets(made)

    def flipped(spot: int) -> str:
        return refused(whole[:spot] + bytes([whole[spot] ^ 1]) + whole[spot + 1 :], tmp_path)

    for name, (start, size) in places.items():
        assert f"backup: {name if name != backup.LIST else ''}" in flipped(start + size // 2)
        assert "backup" in flipped(start - 512 + 5)  # in the name itself
    key = sum(places["keys/tls.key"])
    assert "something stands after keys/tls.key" in flipped(key)
    assert "something stands after state/node.sqlite" in flipped(len(whole) - 1)
    assert "damaged" in refused(whole[: places["state/node.sqlite"][0] + 5000], tmp_path)
    assert "no backup of a node" in refused(b"nothing", tmp_path)


def forged(made: Path, out: Path, change: Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes]]) -> Path:
    """The same backup with members changed, in order."""
    with tarfile.open(made) as old, tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as new:
        for member in old:
            info, data = change(member, old.extractfile(member).read())
            info.size = len(data) if info.isreg() else 0
            new.addfile(info, io.BytesIO(data))
    return out


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "state/../../evil", "people.csv", "figures/../keys/tls.key"])
def test_only_names_of_a_home_are_taken(made: Path, tmp_path: Path, name: str) -> None:
    def change(member: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        member.name = name if member.name == "policy.yaml" else member.name
        return member, data

    with pytest.raises(LocalError, match=r"policy\.yaml is missing"):
        restore(tmp_path / "tax", forged(made, tmp_path / "forged", change))
    assert not backup.belongs(name, ["codes/r.csv"])
    assert list(tmp_path.iterdir()) == [tmp_path / "forged"]


def test_a_link_in_place_of_a_file_is_refused(made: Path, tmp_path: Path) -> None:
    def change(member: tarfile.TarInfo, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if member.name == "policy.yaml":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        return member, data

    with pytest.raises(LocalError, match=r"policy\.yaml"):
        restore(tmp_path / "tax", forged(made, tmp_path / "forged", change))


def test_a_policy_that_nobody_may_read_stays_so(node: Path, tmp_path: Path) -> None:
    home = shutil.copytree(node, tmp_path / "copy")
    (home / "policy.yaml").chmod(0o000)
    if os.access(home / "policy.yaml", os.R_OK):  # the superuser, who can take a backup of it
        backup.make(home, tmp_path / "made")
        restore(tmp_path / "tax", tmp_path / "made")
        assert stat.S_IMODE((tmp_path / "tax/policy.yaml").stat().st_mode) == 0
    else:
        with pytest.raises(LocalError, match="can't be"):
            backup.make(home, tmp_path / "made")


def test_a_log_that_was_cut_is_not_backed_up(node: Path, tmp_path: Path) -> None:
    home = shutil.copytree(node, tmp_path / "copy")
    with operator.opened(home) as (_, book, _):
        book.note("a second record")
    shutil.copy(node / "state/node.sqlite", home / "state/node.sqlite")
    with pytest.raises(LocalError, match="audit log: record 2 and all up to 2 are missing"):
        backup.make(home, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_it_is_of_one_moment_while_the_node_writes(node: Path, tmp_path: Path) -> None:
    home, over = shutil.copytree(node, tmp_path / "copy"), threading.Event()

    def write() -> None:
        with operator.opened(home) as (_, book, _):
            while not over.is_set():
                book.note("one more")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        took = [backup.make(home, tmp_path / f"made{number}").records for number in range(3)]
    finally:
        over.set()
        writer.join()
    assert took == sorted(set(took))
    for number, records in enumerate(took):
        restore(tmp_path / f"tax{number}", tmp_path / f"made{number}")
        assert operator.audit_verify(tmp_path / f"tax{number}") == records + 1


def test_a_database_on_a_server_is_not_backed_up_by_halves(node: Path, tmp_path: Path) -> None:
    home = shutil.copytree(node, tmp_path / "copy")
    with (home / "node.yaml").open("a") as file:
        file.write("state: postgresql+psycopg://tax@db/tax\n")
    with pytest.raises(LocalError, match="its database is on a server"):
        backup.make(home, tmp_path / "made")


async def released(network: Network, *parties: str) -> None:
    """A job of these parties, from its proposal to its release."""
    proposal = network.proposal(parties={party: {"dataset": "people"} for party in parties})
    answers = await network.submit(proposal, *parties)
    job = answers[parties[0]]["job"]
    for party in parties:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, "RELEASED", parties=parties)
    await network.at_rest()


async def test_what_was_spent_with_others_since_a_backup_is_noticed(tmp_path: Path) -> None:
    """The next job's parties saw nothing of it: a restored node asks all members, not just them."""
    network = Network(tmp_path, (*PARTIES, "tax", "health"))
    try:
        await network.start()
        await asyncio.to_thread(backup.make, network.home("labour"), tmp_path / "made")
        await released(network, "labour", "tax", "health")
        await network.stop("labour")
        shutil.rmtree(network.home("labour"))
        await asyncio.to_thread(restore, network.home("labour"), tmp_path / "made")
        await network.start("labour")
        proposal = network.proposal(parties={party: {"dataset": "people"} for party in PARTIES})
        job = (await network.submit(proposal, *PARTIES))["labour"]["job"]
        for party in PARTIES:
            await asyncio.to_thread(operator.approve, network.home(party), job)
        ended = await network.until(job, "FAILED", "ABORTED", parties=PARTIES)
        assert "ledger rollback" in ended["labour"]["reason"]
        found = {one.name: one for one in await asyncio.to_thread(operator.doctor, network.home("labour"))}
        assert "ledger rollback" in found["backup"].text
        assert not found["backup"].ok
    finally:
        await network.stop()


async def test_a_restored_node_waits_for_all_members_and_then_goes_on(network: Network) -> None:
    await network.start()
    await released(network, *PARTIES)
    await asyncio.to_thread(backup.make, network.home("welfare"), network.folder / "made")
    await network.stop("welfare", "education")
    shutil.rmtree(network.home("welfare"))
    await asyncio.to_thread(restore, network.home("welfare"), network.folder / "made")
    found = {one.name: one for one in await asyncio.to_thread(operator.doctor, network.home("welfare"))}
    assert "education hasn't shown what it saw" in found["backup"].text
    await network.start("education")
    found = {one.name: one for one in await asyncio.to_thread(operator.doctor, network.home("welfare"))}
    assert found["backup"].ok, found["backup"].text
    found = {one.name: one for one in await asyncio.to_thread(operator.doctor, network.home("welfare"))}
    assert "backup" not in found
    await network.start("welfare")
    await released(network, *PARTIES)
