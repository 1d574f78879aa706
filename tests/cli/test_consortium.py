"""How agencies form a consortium by hand, as they would type it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mpcgov.cli.main import run
from mpcgov.spec.roster import ROSTER_TYPE

Output = pytest.CaptureFixture[str]
PARTIES = ("tax", "welfare", "census")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> Path:
    """Three agencies and a coordinator with keys and cards; the working directory of the test."""
    monkeypatch.chdir(tmp_path)
    for i, party in enumerate(PARTIES):
        assert run(["node", "init", "--home", party, "--party", party, "--address", f"127.0.0.1:{7101 + i}"]) == 0
    assert run(["coordinator", "init", "--home", "hq", "--name", "hq"]) == 0
    for name in (*PARTIES, "hq"):
        capsys.readouterr()
        assert run(["card", "--home", name]) == 0
        (tmp_path / f"{name}.card").write_text(capsys.readouterr().out)
    return tmp_path


CARDS = [f"{party}.card" for party in PARTIES]
CREATE = ["consortium", "create", "--home", "hq", *CARDS, "--out", "roster.json"]


def test_create_sign_join_show(folder: Path, capsys: Output) -> None:
    assert run(CREATE) == 0
    assert "now each of tax, welfare, census runs: mpcgov consortium sign" in capsys.readouterr().err
    for name in (*PARTIES, "hq"):
        assert run(["consortium", "sign", "--home", name, "roster.json"]) == 0
    assert "nobody, all can join" in capsys.readouterr().err
    for name in (*PARTIES, "hq"):
        assert run(["consortium", "join", "--home", name, "roster.json"]) == 0
        assert json.loads((folder / name / "roster.json").read_text())["payloadType"] == ROSTER_TYPE
    capsys.readouterr()
    assert run(["consortium", "show", "roster.json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("roster 1, 3 parties, threshold 1, sha256:")
    assert [line.split()[:3] for line in lines[4:]] == [
        ["tax", "127.0.0.1:7101", "holds"],
        ["welfare", "127.0.0.1:7102", "holds"],
        ["census", "127.0.0.1:7103", "holds"],
        ["hq", "(coordinator)", "holds"],
    ]
    assert run(CREATE) == 0
    assert "roster 2" in capsys.readouterr().err


def test_the_coordinators_own_card_may_be_listed(folder: Path) -> None:
    assert run([*CREATE, "hq.card"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tax.card", "welfare.card"], "at least three"),
        ([*CARDS, "--threshold", "2"], "threshold 2 is too high for 3 parties"),
        ([*CARDS, "--threshold", "0"], "threshold"),
        ([*CARDS, "tax.card"], "two members have the same id"),
        ([*CARDS, "none.card"], "none.card: can't be read"),
    ],
)
def test_a_consortium_that_cant_be_is_exit_2(folder: Path, capsys: Output, arguments: list[str], message: str) -> None:
    assert run(["consortium", "create", "--home", "hq", "--out", "roster.json", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "roster.json").exists()


def test_join_names_who_hasnt_signed(folder: Path, capsys: Output) -> None:
    run(CREATE)
    run(["consortium", "sign", "--home", "welfare", "roster.json"])
    assert run(["consortium", "join", "--home", "tax", "roster.json"]) == 2
    assert "not signed by tax, census" in capsys.readouterr().err
    assert not (folder / "tax" / "roster.json").exists()


def test_keys_are_never_overwritten(folder: Path, capsys: Output) -> None:
    before = {path: path.read_bytes() for path in folder.glob("*/keys/*")}
    assert run(["node", "init", "--home", "tax", "--party", "tax", "--address", "127.0.0.1:9999"]) == 2
    assert run(["coordinator", "init", "--home", "tax", "--name", "hq"]) == 2
    assert run(["coordinator", "init", "--home", "hq", "--name", "hq"]) == 2
    assert {path: path.read_bytes() for path in folder.glob("*/keys/*")} == before


def test_a_name_that_no_member_can_have_is_refused(tmp_path: Path, capsys: Output) -> None:
    assert run(["coordinator", "init", "--home", str(tmp_path / "hq"), "--name", "../HQ"]) == 2
    assert not (tmp_path / "hq").exists()


def test_a_home_with_keys_that_others_can_read_isnt_used(folder: Path, capsys: Output) -> None:
    (folder / "hq" / "keys" / "signing.key").chmod(0o644)
    assert run(["card", "--home", "hq"]) == 2
    assert "signing.key: readable by others; chmod 600" in capsys.readouterr().err


def test_an_empty_directory_is_nobodys_home(folder: Path, capsys: Output) -> None:
    shutil.rmtree(folder / "tax")
    for command in (["card"], ["consortium", "join", "roster.json"], ["job", "list"], ["node", "dataset", "list"]):
        (folder / "roster.json").write_text("{}")
        assert run([*command, "--home", "tax"]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
