"""Bundles of real nodes: they are checked without asking anybody, and a changed bit or a swapped part never passes."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run
from mpcgov.errors import MpcgovError, PeerError, Refused
from mpcgov.evidence.bundle import Bundle, read
from mpcgov.evidence.pack import pack
from mpcgov.evidence.verify import verify
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import canonical_json
from tests.node.network import PARTIES, Network
from tests.node.test_jobs import approve, proposed


async def released(network: Network, **changes: Any) -> tuple[Any, str]:
    proposal, job = await proposed(network, **changes)
    await approve(network, job)
    await network.until(job, "RELEASED")
    return proposal, job


async def packed(network: Network, proposal: Any, who: str = "hq") -> Bundle:
    joined = (Envelope.model_validate_json((network.folder / "hq" / "roster.json").read_bytes()), network.roster)
    async with network.client(who) as client:
        receiver = "coordinator" if who == "hq" else who
        return await pack(client, joined, (network.envelope(proposal), proposal), receiver)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The bundles of two jobs of one consortium."""

    async def make() -> tuple[bytes, bytes]:
        network = Network(tmp_path_factory.mktemp("consortium"))
        await network.start()
        try:
            first, _ = await released(network)
            second, _ = await released(network, purpose="another")
            return (await packed(network, first)).to_bytes(), (await packed(network, second)).to_bytes()
        finally:
            await network.stop()

    return asyncio.run(make())


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Any], Path]:
    """Writes a bundle to a file, as bytes or as its JSON."""

    def write(value: Any) -> Path:
        path = tmp_path / "job.bundle"
        path.write_bytes(value if isinstance(value, bytes) else canonical_json(value))
        return path

    return write


def test_a_bundle_is_checked_on_a_machine_that_knows_nobody(made, written, tmp_path: Path) -> None:
    found = verify(written(made[0]))
    text = "\n".join(found.lines)
    assert "Youth on support, 2025 report" in text
    for party in PARTIES:
        assert f"{party}: approved 20" in text
    assert "by a person" in text
    command = [sys.executable, "-P", "-m", "mpcgov", "verify", str(tmp_path / "job.bundle")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, "region" in done.stdout) == (0, True)
    assert found.roster_digest in done.stderr


def test_no_changed_bit_passes(made, written) -> None:
    data, rng = made[0], random.Random(11)
    for place in [0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(150))]:
        changed = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        with pytest.raises(MpcgovError) as caught:
            verify(written(changed))
        assert "\n" not in caught.value.line()


@pytest.mark.parametrize("kind", ["approvals", "receipts", "shares", "heads"])
def test_every_envelope_has_one_way_to_be_written(made, written, kind) -> None:
    """Base64 ends in bits that nothing is read from: the signature would hold, and still it was changed."""
    whole = json.loads(made[0])
    signature = whole[kind][PARTIES[0]]["signatures"][0]
    assert signature["sig"].endswith("==")
    signature["sig"] = signature["sig"][:-3] + chr(ord(signature["sig"][-3]) + 1) + "=="
    with pytest.raises(MpcgovError, match="changed since it was signed"):
        verify(written(whole))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one, other: one["approvals"].pop("labour"), "not exactly one approval of each party"),
        (lambda one, other: one["approvals"].update(labour=other["approvals"]["labour"]), "the approval of labour"),
        (lambda one, other: one["receipts"].update(labour=other["receipts"]["labour"]), "the receipt of labour"),
        (lambda one, other: one["shares"].update(labour=other["shares"]["labour"]), "the resultshare of labour"),
        (lambda one, other: one["approvals"].update(labour=one["approvals"]["welfare"]), "labour has not signed it"),
        (lambda one, other: one.update(proposal=other["proposal"]), "the proposal is of another job"),
        (lambda one, other: one["heads"].pop("welfare"), "not exactly one jobhead of each party"),
        (lambda one, other: one.update(heads=other["heads"]), "the jobhead of labour is about another job"),
        (lambda one, other: one["heads"].update(labour=one["heads"]["welfare"]), "labour has not signed it"),
        (lambda one, other: one["roster"]["signatures"].append(one["roster"]["signatures"][0]), "a signature too many"),
        (lambda one, other: one["protocol"].update({"README.md": "x"}), "the protocol in it isn't the one"),
        (lambda one, other: one["result"]["tables"]["count"]["rows"][0].__setitem__(1, 99), "open to another result"),
        (lambda one, other: one["result"].update(request={}), "open to another result"),
    ],
)
def test_parts_of_other_jobs_dont_fit(made, written, change, message) -> None:
    one, other = map(json.loads, made)
    change(one, other)
    with pytest.raises(MpcgovError, match=message):
        verify(written(one))


async def test_only_receivers_get_a_bundle_and_only_of_what_was_released(tmp_path: Path) -> None:
    network = Network(tmp_path)
    await network.start()
    proposal, job = await proposed(network)
    async with network.client() as client:
        with pytest.raises(PeerError):
            await client.request("labour", "GET", f"/v1/jobs/{job}/evidence")
    with pytest.raises(Refused, match="welfare is not a receiver"):
        await packed(network, proposal, "welfare")
    await network.stop()


def test_a_file_that_is_none_is_refused_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("{}")
    assert run(["verify", str(tmp_path / "x")]) == 2
    assert run(["verify", str(tmp_path / "y")]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    with pytest.raises(MpcgovError):
        read(tmp_path / "x")
