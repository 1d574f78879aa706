"""Recovery as docs/operations.md tells it, by its own commands, on nodes that run in between."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import io
import resource
import shutil
from pathlib import Path

import pytest

from mpcgov.cli.main import run
from mpcgov.errors import MpcgovError, PeerError
from mpcgov.node import home as homes
from mpcgov.node import rotation
from mpcgov.spec.statement import job_id
from mpcgov.trust import consortium
from mpcgov.trust.client import Client
from tests.node.network import PARTIES, Network
from tests.node.test_faults import process, under_way
from tests.node.test_keys_life import certificate_until

PAGE = (Path(__file__).resolve().parents[2] / "docs/operations.md").read_text()


class Operators:
    """The people of all members: they type what the page says."""

    def __init__(self, network: Network) -> None:
        self.network = network
        (network.home("hq") / "coordinator.yaml").write_text("name: hq\n")

    async def types(self, command: str, *arguments: str, expect: int = 0) -> str:
        """A command that the page names, and what it prints."""
        assert command in PAGE, f"the page doesn't tell {command}"
        words = [*command.removeprefix("mpcgov ").split(), *arguments]
        return await asyncio.to_thread(self._typed, words, expect)

    def _typed(self, words: list[str], expect: int) -> str:
        out, err = io.StringIO(), io.StringIO()
        folder = contextlib.chdir(self.network.folder)
        with folder, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(words)
        assert status == expect, f"{words}: {status} {err.getvalue()}"
        return out.getvalue() + err.getvalue()

    async def new_roster(self, *parties: str, card: str = "") -> None:
        """Cards, roster, signatures, joined by all that stay; `card`: of the party whose keys are new, as it came."""
        for party in parties:
            if not (self.network.folder / f"{party}.card").exists() or party != card:
                text = await self.types("mpcgov card", "--home", party)
                (self.network.folder / f"{party}.card").write_text(text)
        cards = [f"{party}.card" for party in parties]
        out = self.network.folder / "roster.json"
        out.unlink(missing_ok=True)
        await self.types("mpcgov consortium create", "--home", "hq", *cards, "--out", "roster.json")
        assert parties[0] in await self.types("mpcgov consortium show", "roster.json")
        for party in parties:
            await self.types("consortium sign", "--home", party, "roster.json")
        for name in (*parties, "hq"):
            await self.types("consortium join", "--home", name, "roster.json")
        network = self.network
        envelope, network.roster = consortium.load_roster(network.home("hq"))
        network.roster_digest, network.parties = envelope.digest, parties

    async def released(self) -> str:
        """A job through all parties of now, whose nodes are started as `mpcgov node serve` starts them."""
        for party in self.network.parties:
            rotation.take_up(self.network.home(party))
        await self.network.start()
        proposal = self.network.proposal()
        await self.network.submit(proposal)
        job = job_id(proposal.job_digest)
        for party in self.network.parties:
            self.network.nodes[party].book.approve(job)
        await self.network.until(job, "RELEASED")
        await self.network.at_rest()
        for party in self.network.parties:
            await self.types("mpcgov node audit verify", "--home", party)
        await self.network.stop()
        return job


async def test_a_key_was_stolen(network: Network) -> None:
    """What the thief has is worth nothing once the new roster is joined; ledger and log go on."""
    people = Operators(network)
    await people.released()
    shutil.copytree(network.home("labour"), network.folder / "stolen")
    thief = homes.load(network.folder / "stolen").identity
    card = await people.types("mpcgov node rotate", "--home", "labour")
    (network.folder / "labour.card").write_text(card[: card.rindex("}") + 1] + "\n")
    await people.new_roster(*PARTIES, card="labour")
    await people.released()
    assert "new key" in await people.types("mpcgov node audit show", "--home", "welfare")
    await network.start("welfare")
    async with Client(thief, network.roster) as client:
        with pytest.raises(PeerError):
            await client.request("welfare", "GET", "/v1/about")


@pytest.mark.slow
async def test_a_certificate_has_expired(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can reach its owner, and everybody is told why, until the roster with the new one is joined."""
    people = Operators(network)
    await people.released()
    with monkeypatch.context() as patch:
        certificate_until(network.home("welfare"), dt.datetime.now(dt.UTC) - dt.timedelta(hours=1), patch)
    await people.new_roster(*PARTIES)
    assert "welfare: its certificate expired on " in await people.types(
        "mpcgov node doctor", "--home", "labour", expect=2
    )
    await network.start()
    with pytest.raises(PeerError, match="its certificate expired on "):
        await network.submit(network.proposal(), "welfare")
    await network.stop()
    card = await people.types("mpcgov node rotate", "--home", "welfare")
    (network.folder / "welfare.card").write_text(card[: card.rindex("}") + 1] + "\n")
    await people.new_roster(*PARTIES, card="welfare")
    await people.released()


async def test_the_disk_is_full(network: Network) -> None:
    """The node's own process can write to no file; what it can't record doesn't happen, and happens once it can."""
    people = Operators(network)
    await network.start("labour", "education")
    async with process(network, "welfare", "compute") as node:
        job = await under_way(network, "RUNNING")
        _, unlimited = resource.prlimit(node.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (0, unlimited))
        await network.stop("labour")
        await network.until(job, "ABORTED", parties=("education",))
        assert "RUNNING" in await people.types("mpcgov node jobs", "--home", "welfare")
        with pytest.raises(MpcgovError, match=r"the node can't (use its database|write the head of its audit log)"):
            await network.submit(network.proposal(), "welfare")
        resource.prlimit(node.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        ended = await network.until(job, "ABORTED", parties=("welfare",))
        assert ended["welfare"]["reason"].startswith("labour: ")
        assert "complete and unchanged" in await people.types("mpcgov node audit verify", "--home", "welfare")
    await network.stop()
    await people.released()


@pytest.mark.slow
async def test_the_machine_is_gone_and_there_is_no_backup(network: Network) -> None:
    people = Operators(network)
    await people.released()
    address = network.loaded("welfare").config.address
    kept = {name: (network.home("welfare") / name).read_text() for name in ("datasets.yaml", "policy.yaml")}
    shutil.rmtree(network.home("welfare"))
    await people.types("mpcgov node init", "--home", "welfare", "--party", "welfare", "--address", address)
    for name, text in kept.items():
        (network.home("welfare") / name).write_text(text)
    await people.new_roster(*PARTIES)
    await people.released()


@pytest.mark.slow
async def test_the_backup_is_old_and_a_newer_one_helps(network: Network) -> None:
    people = Operators(network)
    await people.released()
    await people.types("mpcgov node backup", "--home", "welfare", "--out", "old")
    await people.released()
    await people.types("mpcgov node backup", "--home", "welfare", "--out", "new")
    for backup, said in (("old", "ledger rollback"), ("new", "")):
        shutil.rmtree(network.home("welfare"))
        await people.types("mpcgov node restore", "--home", "welfare", "--from", backup)
        await network.start("labour", "education")
        found = await people.types("mpcgov node doctor", "--home", "welfare", expect=2)
        assert ("ledger rollback" in found) == bool(said), found
        await network.stop()
    await people.released()


@pytest.mark.slow
async def test_a_party_leaves_and_those_that_stay_go_on(tmp_path: Path) -> None:
    network = Network(tmp_path, (*PARTIES, "tax"))
    people = Operators(network)
    try:
        await people.released()
        left = network.identity("tax")
        await people.new_roster(*PARTIES)
        await people.released()
        await network.start("labour")
        async with Client(left, network.roster) as client:
            with pytest.raises(PeerError):
                await client.request("labour", "GET", "/v1/about")
    finally:
        await network.stop()
    assert homes.load(network.home("tax")).joined()[0].serial == 1
