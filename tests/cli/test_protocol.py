"""`mpcgov protocol`: what is on this disk, and whether a folder keeps what it promises."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mpcgov import registry
from mpcgov.cli.main import run

Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of joint-count that a test may break."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(registry.find("joint-count").folder, tmp_path / "joint-count", ignore=ignored))


def test_list_and_show_name_the_digest_that_policies_pin(capsys: Output) -> None:
    digest = registry.find("joint-count").digest
    assert run(["protocol", "list"]) == 0
    assert digest in capsys.readouterr().out
    assert run(["protocol", "show", "joint-count"]) == 0
    shown = capsys.readouterr().out
    assert digest in shown
    assert "by min_count; on request by round_to, margins, contributors, noise" in shown
    for leak in registry.find("joint-count").manifest.leakage:
        assert leak.what in " ".join(shown.split())


def test_an_unknown_protocol_is_exit_2_and_the_known_ones_are_named(capsys: Output) -> None:
    assert run(["protocol", "show", "joint-cuont"]) == 2
    assert "joint-count" in capsys.readouterr().err


def test_a_sound_folder_passes(folder: Path, capsys: Output) -> None:
    assert run(["protocol", "check", str(folder)]) == 0
    count = len(list((folder / "vectors").glob("*.json")))
    assert f"its reference gives all {count} vectors" in capsys.readouterr().err


def refused(folder: Path, capsys: Output) -> str:
    assert run(["protocol", "check", str(folder)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", ["manifest.yaml", "program.py", "reference.py", "README.md"])
def test_a_missing_file_is_named(folder: Path, capsys: Output, name: str) -> None:
    (folder / name).unlink()
    assert f"{name}: missing" in refused(folder, capsys)


def test_a_folder_without_vectors_is_refused(folder: Path, capsys: Output) -> None:
    shutil.rmtree(folder / "vectors")
    assert "no vectors" in refused(folder, capsys)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import os", "may not import os"),
        ("from mpyc.runtime import mpc", "may not import mpyc.runtime"),
        ("import mpcgov.worker", "may not import mpcgov.worker"),
        ("import mpcgov.mpcx", "may not import mpcgov.mpcx"),
        ("from . import reference", "may not import ."),
        ("def f(): __import__('os')", "may not use __import__"),
        ("def f(x): return x.__class__", "may not use __class__"),
        ("def f(x): return getattr(x, 'open')", "may not use getattr"),
        ("def f(x): eval(x)", "may not use eval"),
        ("def f(:", "not Python"),
    ],
)
def test_a_program_that_reaches_further_than_it_may_is_refused(
    folder: Path, capsys: Output, line: str, message: str
) -> None:
    program = folder / "program.py"
    program.write_text(f"{program.read_text()}\n{line}\n")
    assert message in refused(folder, capsys)


def test_a_vector_that_the_reference_doesnt_give_is_named(folder: Path, capsys: Output) -> None:
    path = folder / "vectors" / "one-cell.json"
    vector = json.loads(path.read_text())
    path.write_text(json.dumps(vector | {"expected": {"count": [4]}}))
    assert "one-cell.json: the reference gives another result" in refused(folder, capsys)
    path.write_text(json.dumps(vector | {"released": {"count": [-1]}}))
    assert "one-cell.json: the disclosure rules release something else" in refused(folder, capsys)
    path.write_text(json.dumps({"expected": vector["expected"]}))
    assert "one-cell.json: expected the keys" in refused(folder, capsys)
    path.write_text(json.dumps(vector | {"tables": {"tax": {"rows": [["yes"]], "columns": []}}}))
    assert "one-cell.json: the reference fails" in refused(folder, capsys)


def test_a_folder_named_otherwise_than_its_protocol_is_refused(folder: Path, capsys: Output) -> None:
    assert "name the folder after the protocol" in refused(folder.rename(folder.with_name("other")), capsys)
