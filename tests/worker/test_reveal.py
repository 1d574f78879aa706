"""Nothing is opened that wasn't cleared: the type checker says so, and so does the running program."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mpcgov import registry
from mpcgov.errors import MpcgovError, Refused
from mpcgov.spec.statement import Layout
from mpcgov.trial.simulation import simulate
from mpcgov.worker import reveal
from mpcgov.worker.clear import Cleared
from tests.patience import LONG_S

ROGUES = {
    "opens": ("tables = inputs\n    first, *_ = inputs.values()\n    first.open()", "open"),
    "peeks": ("first, *_ = inputs.values()\n    print(first.output())", "output"),
    "branches": ("first, *_ = inputs.values()\n    if first >= 3: pass", "truth|bool|secret"),
    "smuggles": ('return {"count": list(inputs.values())[0], "more": list(inputs.values())[1]}', "manifest declares"),
}


def rogue_protocol(folder: Path, body: str) -> Path:
    shutil.copytree(registry.find("joint-count").folder, folder / "joint-count")
    program = folder / "joint-count/program.py"
    text = program.read_text(encoding="utf-8")
    head, _, tail = text.rpartition("    first, *others")
    program.write_text(f"{head}    {body}\n    first, *others{tail}", encoding="utf-8")
    return folder


def fill(workspace) -> None:
    workspace.domains = {"sex": ["F", "M"]}
    for i in range(3):
        workspace.agency(f"p{i}", [{"sex": "F", "age": "4"}] * 5)


@pytest.mark.parametrize("name", ROGUES)
def test_a_program_that_opens_what_is_not_cleared_fails_when_it_runs(workspace, tmp_path, monkeypatch, name) -> None:
    body, _ = ROGUES[name]
    folder = rogue_protocol(tmp_path / "protocols", body)
    monkeypatch.setattr(registry, "folders", lambda: [folder])
    fill(workspace)
    with pytest.raises(MpcgovError) as caught:
        simulate(workspace.job(["sex"]), workspace.folder)
    assert caught.value.exit_status in (1, 2, 3)  # ours, the author's, or a rule's


def test_a_program_that_opens_what_is_not_cleared_fails_the_type_checker(tmp_path: Path) -> None:
    names = ("open", "output", "reveal", "peek", "value")
    head = "from mpcgov.mpc import SecretArray\n"
    good, bad = tmp_path / "good_program.py", tmp_path / "bad_program.py"
    good.write_text(head + "def run(x: SecretArray) -> SecretArray:\n    return x + 1\n")
    bad.write_text(head + "".join(f"def run_{name}(x: SecretArray) -> None:\n    x.{name}()\n" for name in names))
    opens, peeks = ROGUES["opens"], ROGUES["peeks"]
    rogue = rogue_protocol(tmp_path / "protocols", f"{opens[0]}\n    {peeks[0]}") / "joint-count/program.py"
    faults = check_types(good, bad, rogue)
    assert "good_program" not in faults
    assert [name for name in names if not has_no(faults, bad, name)] == []
    assert [name for _, name in (opens, peeks) if not has_no(faults, rogue, name)] == []


def has_no(faults: str, program: Path, name: str) -> bool:
    return re.search(rf'{program.name}:\d+: error: "SecretArray" has no attribute "{name}"', faults) is not None


def check_types(*programs: Path) -> str:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), *map(str, programs)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=LONG_S, check=False)
    return done.stdout + done.stderr


def test_nobody_else_can_make_a_cleared_table() -> None:
    with pytest.raises(Refused, match="only disclosure control"):
        Cleared(None, object())


async def test_reveal_refuses_what_disclosure_control_has_not_made() -> None:
    layout = Layout(modulus="2305843009213693951", degree=1, tables=())
    with pytest.raises(Refused, match="hasn't been through disclosure control"):
        await reveal.shares(None, {"count": object()}, layout)


async def test_reveal_refuses_tables_that_the_manifest_does_not_declare() -> None:
    cleared = object.__new__(Cleared)
    layout = Layout(modulus="2305843009213693951", degree=1, tables=())
    with pytest.raises(Refused, match="not those that the manifest declares"):
        await reveal.shares(None, {"more": cleared}, layout)
