"""Four eyes on the policy: who changes it, with whose word, and what a file that was changed by hand allows."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run
from mpcgov.clock import RealClock
from mpcgov.errors import LocalError, Refused, SpecError
from mpcgov.node import backup, inforce, operator, people, policies
from mpcgov.node import home as homes
from mpcgov.node.desk import enrolment
from mpcgov.node.restore import restore
from mpcgov.node.service import Service
from mpcgov.spec.assertion import Assertion, check, check_agreed
from mpcgov.spec.ids import digest
from mpcgov.spec.load import LIMIT_BYTES
from tests.console.agency import Agency
from tests.console.authenticator import Browser
from tests.node.network import POLICY, Network, when

TWO = "approvals: 2\n" + POLICY
LOOSER = TWO.replace("min_count: 5", "min_count: 4")


async def in_force(agency: Agency, text: str) -> None:
    """The policy, once the running node holds on to it."""
    agency.network.policy("labour", text)
    await when(lambda: inforce.read(agency.home / "state") is not None, "the node never took it up")


async def agreed(browser: Browser, *, text: str = "", known: str = "") -> tuple[int, dict[str, Any]]:
    """What a page's script sends so that somebody agrees to a policy."""
    status, asked = await browser.post("/policy/options", {"text": text, "digest": known})
    if status != 200:
        return status, asked
    body = {"ticket": asked["ticket"], "credential": browser.device.signed(asked["options"])}
    return await browser.post("/policy/agree", body)


def allowed(agency: Agency) -> bool:
    with suppress(Refused):
        homes.load(agency.home).policy()
        return True
    return False


async def test_a_change_takes_two_peoples_words_over_the_new_text(agency: Agency) -> None:
    await in_force(agency, TWO)
    paul, anna = await agency.person("paul", "policy-editor"), await agency.person("anna")
    carl = await agency.person("carl", "viewer")
    for nobody, text in ((anna, LOOSER), (carl, LOOSER)):
        assert (await agreed(nobody, text=text))[0] == 403  # who writes policies is an editor
    assert (await agreed(paul, text=LOOSER + "approve: always\n"))[0] == 404
    assert (await agreed(paul, text=LOOSER)) == (200, {"next": "/policy"})
    path, new = agency.home / "policy.yaml", digest(LOOSER.encode())
    assert path.read_text() == TWO
    assert allowed(agency)
    assert "1 of 2" in (await anna.get("/policy"))[1]
    assert (await agreed(paul, known=new))[0] == 200  # again: still one person
    assert path.read_text() == TWO
    assert (await agreed(carl, known=new))[0] == 403
    assert (await agreed(anna, known="sha256:" + "0" * 64))[0] == 403
    assert (await agreed(anna, known=new))[0] == 200
    assert path.read_text() == LOOSER
    assert homes.load(agency.home).policy()[1] == new
    said = [one["facts"] for one in operator.audit_records(agency.home) if one["event"] == "yes to policy"]
    assert [one["person"] for one in said] == ["paul", "paul", "anna"]
    for one in said:
        word = Assertion.model_validate(one["assertion"])
        check_agreed(word, new, digest(TWO.encode()), "labour")
        for wrong in ((digest(b""), digest(TWO.encode()), "labour"), (new, new, "labour"), (new, digest(b""), "tax")):
            with pytest.raises(SpecError):
                check_agreed(word, *wrong)
        with pytest.raises(SpecError):
            check(word, new, "labour", "approve")  # a word on a policy is none on a job
    assert agency.events()[-2:] == ["policy agreed", "policy in force"]
    assert operator.audit_verify(agency.home) > 0
    assert (await agreed(anna, known=new))[0] == 403


async def test_an_answer_counts_once_for_the_text_that_was_asked_about(agency: Agency) -> None:
    await in_force(agency, TWO)
    paul, anna = await agency.person("paul", "policy-editor"), await agency.person("anna")
    assert (await agreed(paul, text=LOOSER))[0] == 200
    _, first = await anna.post("/policy/options", {"digest": digest(LOOSER.encode())})
    job = await agency.job()
    of_job = await anna.asked(job)
    signed = anna.device.signed(first["options"])
    for ticket in (of_job["ticket"], "made-up"):
        assert (await anna.post("/policy/agree", {"ticket": ticket, "credential": signed}))[0] == 403
    assert (await paul.post("/policy/agree", {"ticket": first["ticket"], "credential": signed}))[0] == 403
    # Another text was put forward meanwhile: what she was asked about is gone, and hers is no yes to that.
    _, first = await anna.post("/policy/options", {"digest": digest(LOOSER.encode())})
    assert (await agreed(paul, text=TWO.replace("min_count: 5", "min_count: 3")))[0] == 200
    body = {"ticket": first["ticket"], "credential": anna.device.signed(first["options"])}
    assert (await anna.post("/policy/agree", body))[0] == 200
    assert (agency.home / "policy.yaml").read_text() == TWO
    assert (await anna.post("/policy/agree", body))[0] == 403
    # Withdrawn, and whoever agrees now agrees to nothing.
    assert await anna.form("/policy/withdraw") == 303
    assert (await agreed(paul, known=digest(LOOSER.encode())))[0] == 403


async def test_a_yes_to_a_policy_counts_while_its_person_may_say_it(agency: Agency) -> None:
    await in_force(agency, TWO)
    paul, anna = await agency.person("paul", "policy-editor"), await agency.person("anna")
    path, new = agency.home / "policy.yaml", digest(LOOSER.encode())
    assert (await agreed(paul, text=LOOSER))[0] == 200
    await asyncio.to_thread(enrolment.remove, agency.home, "paul")
    assert (await agreed(anna, known=new))[0] == 200
    paul = await agency.person("paul", "viewer")
    assert path.read_text() == TWO
    await asyncio.to_thread(enrolment.remove, agency.home, "paul")
    paul = await agency.person("paul", "policy-editor")  # the yes before isn't this one's
    assert "1 of 2" in (await anna.get("/policy"))[1]
    assert (await agreed(paul, known=new))[0] == 200
    assert path.read_text() == LOOSER


async def test_a_file_that_was_changed_by_hand_allows_nothing_until_two_agree(agency: Agency) -> None:
    await in_force(agency, TWO)
    one_person = LOOSER.replace("approvals: 2", "approvals: 1")
    agency.network.policy("labour", one_person)
    assert not allowed(agency)
    job = await agency.job()
    row = agency.book.job(job)
    assert (row.state.value, row.reason) == (
        "DENIED", "labour: its policy was changed, and waits for two people's yes, so nothing is allowed",
    )  # fmt: skip
    paul, anna = await agency.person("paul", "policy-editor"), await agency.person("anna")
    _, page = await paul.get("/policy")
    assert "smallest cell shown: 4 (before: 5)" in page
    assert "to a policy: 1 (before: 2)" in page
    assert await paul.form("/policy/restore") == 303
    assert (agency.home / "policy.yaml").read_text() == TWO
    assert allowed(agency)
    agency.network.policy("labour", one_person)
    assert (await agreed(anna, known=digest(one_person.encode())))[0] == 200  # whoever may approve may put it forward
    assert not allowed(agency)
    assert (await agreed(paul, known=digest(one_person.encode())))[0] == 200
    assert allowed(agency)
    agency.network.policy("labour", POLICY)  # from now on one person changes it, as two have agreed
    assert allowed(agency)
    assert (await agreed(paul, text=POLICY.replace("min_count: 5", "min_count: 9")))[0] == 200
    assert "min_count: 9" in (agency.home / "policy.yaml").read_text()


@pytest.mark.parametrize("killed", ["the node", "the command"])
async def test_what_was_agreed_to_is_put_in_force_by_a_node_that_starts_or_runs(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    await in_force(agency, TWO)
    paul, anna = await agency.person("paul", "policy-editor"), await agency.person("anna")
    assert (await agreed(paul, text=LOOSER))[0] == 200
    with monkeypatch.context() as broken:
        broken.setattr(policies.Policies, "_settle", lambda *_: None)
        assert (await agreed(anna, known=digest(LOOSER.encode())))[0] == 200
    assert (agency.home / "policy.yaml").read_text() == TWO
    assert allowed(agency)
    if killed == "the node":
        await agency.network.stop("labour")
        await agency.network.start("labour")
    await when(lambda: (agency.home / "policy.yaml").read_text() == LOOSER, "nobody put it in force")
    assert allowed(agency)


async def test_a_policy_file_that_cant_be_written_stops_nothing_else(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_force(agency, TWO)
    paul, anna = await agency.person("paul", "policy-editor"), await agency.person("anna")
    assert (await agreed(paul, text=LOOSER))[0] == 200
    real, ticks = inforce.files.replace, []

    def read_only(path: Path, data: bytes, mode: int = 0o644) -> None:
        if path.name == "policy.yaml":
            raise LocalError(f"{path}: can't be written (Read-only file system)", code="file")
        real(path, data, mode)

    with monkeypatch.context() as broken:
        broken.setattr(inforce.files, "replace", read_only)
        assert (await agreed(anna, known=digest(LOOSER.encode())))[0] != 200
        await agency.network.stop("labour")
        broken.setattr(Service, "tick", lambda _: ticks.append(1))
        await agency.network.start("labour")
        await when(lambda: len(ticks) > 1, "the node's upkeep has stopped")
        assert (agency.home / "policy.yaml").read_text() == TWO
        kept = inforce.read(agency.home / "state")
        assert kept is not None
        assert kept.digests == (digest(LOOSER.encode()), digest(TWO.encode()))
    await when(lambda: (agency.home / "policy.yaml").read_text() == LOOSER, "nobody put it in force")


def looked(home: Path) -> None:
    """What a node does first when it starts."""
    with operator.opened(home) as (node, book, audit):
        policies.Policies(node, book, audit, RealClock()).look()


def test_a_home_from_a_backup_has_the_policy_in_force_that_it_had(tmp_path: Path) -> None:
    network = Network(tmp_path)
    network.policy("labour", TWO)
    looked(network.home("labour"))
    network.policy("labour", LOOSER.replace("approvals: 2", "approvals: 1"))
    backup.make(network.home("labour"), tmp_path / "labour.backup")
    restore(tmp_path / "again", tmp_path / "labour.backup")
    looked(tmp_path / "again")
    with pytest.raises(Refused, match="waits for two people's yes"):
        homes.load(tmp_path / "again").policy()


@pytest.mark.parametrize("filler", ["[", '"'])
def test_whatever_was_adopted_can_be_read_again(tmp_path: Path, filler: str) -> None:
    network = Network(tmp_path)
    text = TWO + "# "
    text += filler * (LIMIT_BYTES - len(text))
    network.policy("labour", text)
    looked(network.home("labour"))
    home = network.loaded("labour")
    assert home.policy()[1] == digest(text.encode())
    (home.state_path / inforce.FILE).write_bytes(b"\xff")
    with pytest.raises(SpecError, match=r"policy\.json: can't be read"):
        inforce.read(home.state_path)


def test_a_change_that_keeps_size_and_time_of_the_file_is_seen(tmp_path: Path) -> None:
    network = Network(tmp_path)
    path = network.home("labour") / "policy.yaml"
    path.write_text(TWO.replace("approvals: 2", "approvals: 1"))
    with operator.opened(network.home("labour")) as (node, book, audit):
        changing, was = policies.Policies(node, book, audit, RealClock()), path.stat()
        changing.look()
        path.write_text(TWO)
        while path.stat().st_ctime_ns == was.st_ctime_ns:
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        changing.look()
        assert inforce.read(node.state_path) is not None


def test_whoever_reads_while_the_file_is_replaced_finds_the_one_or_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(tmp_path)
    network.policy("labour", TWO)
    home, seen = network.loaded("labour"), []
    inforce.adopt(home.state_path, TWO, policies.lenient(TWO))
    real = inforce.files.replace

    def watched(path: Path, data: bytes, mode: int = 0o644) -> None:
        seen.append(home.policy()[1])
        real(path, data, mode)
        seen.append(home.policy()[1])

    monkeypatch.setattr(inforce.files, "replace", watched)
    inforce.replace(home.state_path, home.policy_path, LOOSER, policies.lenient(LOOSER))
    old, new = digest(TWO.encode()), digest(LOOSER.encode())
    assert seen == [old, old, old, new, new, new]
    (home.state_path / inforce.FILE).write_text("{}")
    with pytest.raises(Refused, match="can't be compared"):
        home.policy()


def test_two_users_of_the_machine_agree_where_nobody_has_a_passkey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Network(tmp_path)
    network.policy("labour", TWO)
    home = ["--home", str(network.home("labour"))]
    looked(network.home("labour"))
    assert run(["node", "policy", "approve", *home]) == 3
    assert "nothing to agree to" in capsys.readouterr().err
    network.policy("labour", LOOSER)
    assert run(["node", "policy", "show", *home]) == 0
    assert "  + people: smallest cell shown: 4 (before: 5)" in capsys.readouterr().out
    for name, status in (("paul", False), ("paul", False), ("anna", True)):
        monkeypatch.setattr(people, "current", lambda name=name: name)
        assert run(["node", "policy", "approve", *home]) == 0
        assert ("it is in force" in capsys.readouterr().err) == status
    assert network.loaded("labour").policy()[1] == digest(LOOSER.encode())
    network.policy("labour", POLICY)
    assert run(["node", "policy", "restore", *home]) == 0
    assert network.loaded("labour").policy()[1] == digest(LOOSER.encode())
