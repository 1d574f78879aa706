"""`mpcgov protocol new` and `check`: what an author gets to begin with, and is told of mistakes."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mpcgov import kinds, registry
from mpcgov.cli.main import run
from mpcgov.errors import ALIKE, PROGRAM, SpecError
from mpcgov.mpc import SecretArray
from mpcgov.node.run import ending
from mpcgov.protocol import check as protocol_check
from mpcgov.protocol import trial
from mpcgov.trial.simulation import simulate
from mpcgov.worker import program
from tests.conftest import Workspace

Output = pytest.CaptureFixture[str]

KINDS = ["counts", "sums", "rows", "records", "overlap", "coefficients", "linked-statistics"]

MISTAKES = {
    "total = 0 if total else 1": "a secret array has no truth value; use if_else",
    "total = 1 if total == 3 else 0": "a secret array can't be compared by == and !=; use .equals()",
    "total = [cell for cell in total]": "a secret array can't be gone through; take slices of it",
    "total = int(total)": "a secret array has no value that Python could use",
    "total = total / 2": "TypeError: unsupported operand type(s) for /",
    "total = total.append(3)": "a secret array has no .append",
    "total = total[total.size + 5]": "is out of bounds",
    "total = total * 10**30": "don't fit the job's",
    "total = params['nix']": "KeyError: 'nix'",
    "assert params is None": "AssertionError",
    "total = concatenate([total, 5])": "'int' object has no attribute 'places'",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def folder(here: Path) -> Path:
    assert run(["protocol", "new", "mine"]) == 0
    return here / "mine"


@pytest.mark.by_day(3)
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_protocol_is_complete_and_nobodys_but_its_authors(here: Path, kind: str, capsys: Output) -> None:
    assert run(["protocol", "new", "mine", "--kind", kind]) == 0
    template = registry.find(capsys.readouterr().err.partition(" like ")[2].partition(";")[0])
    assert protocol_check.check(here / "mine") == len(list((template.folder / "vectors").iterdir()))
    made = registry.read(here / "mine").manifest
    assert (made.id, made.version, made.status) == ("mine", 1, "experimental")
    assert made.model_copy(update={"id": template.manifest.id, "status": template.manifest.status}) == template.manifest
    assert (here / "mine" / "README.md").read_text().startswith("# mine\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mine"], "mine: is there already"),
        (["joint-count"], "there is a protocol of that name"),
        (["Not One"], "use lower-case letters"),
        (["../mine"], "use lower-case letters"),
        (["other", "--kind", "quantiles"], "no kind quantiles; known: "),
    ],
)
def test_a_protocol_that_cant_be_written_says_why(
    folder: Path, arguments: list[str], message: str, capsys: Output
) -> None:
    before = sorted(folder.parent.rglob("*"))
    assert run(["protocol", "new", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("there", "near"),
    [
        (["joint-count", "linked-count"], "rows or sums"),
        (["joint-count", "joint-t-test"], "rows or joint-t-test"),
        (["joint-t-test", "linked-t-test"], "linked-t-test or joint-t-test"),
    ],
)
def test_a_kind_that_no_protocol_has_yet_begins_from_one_that_is_made_of_the_same_numbers(
    there: list[str], near: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setitem(kinds._BY_NAME, "variances", replace(kinds.named("welch"), name="variances"))
    monkeypatch.setattr(registry, "names", lambda: there)
    assert run(["protocol", "new", "mine", "--kind", "variances"]) == 2
    hint = f"take --kind {near}, and put measure: variances into its manifest"
    assert capsys.readouterr().err == f"mpcgov: no protocol has a table of kind variances yet; {hint}\n"


def test_a_mistake_in_a_kind_is_told_with_its_file_and_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr("mpcgov.kinds.count.counted", lambda one, most: most / 0)
    assert run(["protocol", "check", str(folder)]) == 2
    said = capsys.readouterr().err
    assert re.fullmatch(r"mpcgov: mpcgov/kinds/count\.py:\d+: ZeroDivisionError: division by zero\n", said), said


def test_a_folder_of_ones_own_runs_without_anything_else_changed(folder: Path, workspace: Workspace) -> None:
    """Counts to counts: the folder alone."""
    (folder / "program.py").write_text(
        "async def run(inputs, params):\n    total = 0\n    for counts in inputs.values():\n"
        '        total = counts + total\n    return {"people": total}\n'
    )
    replaced(folder / "manifest.yaml", "  count: {by: by, value: count,", "  people: {by: across, value: persons,")
    replaced(folder / "manifest.yaml", "  by: {kind: categories", "  across: {kind: categories")
    workspace.domains = {"sex": ["F", "M"]}
    for i in range(3):
        workspace.agency(f"p{i}", [{"sex": "F", "age": "4"}] * 5 + [{"sex": "M", "age": "4"}])
    job = workspace.job([], protocol="mine", params={"across": ["sex"]})
    result = simulate(job, workspace.folder, protocols=folder.parent)
    assert result["tables"]["people"] == {"columns": ["sex", "persons"], "rows": [["F", 15], ["M", None]]}
    assert (result["disclosure"]["suppressed"], result["disclosure"]["total"]) == (1, 15)
    assert result["protocol"].startswith("mine@sha256:")


def test_check_runs_the_shortest_vector_and_with_run_all(folder: Path, capsys: Output) -> None:
    for path in ("two-columns", "one-cell"):
        (folder / "vectors" / f"{path}.json").unlink()
    assert run(["protocol", "check", "mine"]) == 0
    assert "gives all 2 vectors, real workers gave 1, the shortest; --run takes all 2" in capsys.readouterr().err
    assert run(["protocol", "check", "mine", "--run"]) == 0
    assert "gives all 2 vectors, real workers gave 2" in capsys.readouterr().err


@pytest.mark.parametrize("mistake", MISTAKES)
def test_an_authors_mistake_is_told_as_the_authors_with_its_line(folder: Path, mistake: str) -> None:
    (folder / "program.py").write_text(
        "from mpcgov.protocol.api import concatenate\n\nasync def run(inputs, params):\n"
        f'    total = sum(inputs.values())\n    {mistake}\n    return {{"count": total}}\n'
    )
    engine = SimpleNamespace(config=SimpleNamespace(value_bits=59), public=lambda value: value)
    inputs = {party: SecretArray(engine, np.array([3, 3]), 0, 9) for party in ("tax", "health", "work")}
    loaded = program.load(folder, registry.digest(registry.read_folder(folder)))
    with pytest.raises(SpecError, match=r"^mine/program.py:5: ") as caught:
        asyncio.run(program.answer(loaded, inputs, {}))
    assert MISTAKES[mistake] in caught.value.message
    assert caught.value.code in ALIKE  # or a node would take it for its own data's fault


def test_what_fails_below_a_program_is_not_its_authors_mistake(folder: Path) -> None:
    """Nor is its text told: it could hold a value."""

    class Rows:
        async def tables(self) -> None:
            raise ValueError("a value")

    (folder / "program.py").write_text("async def run(inputs, params):\n    return await inputs.tables()\n")
    loaded = program.load(folder, registry.digest(registry.read_folder(folder)))
    with pytest.raises(ValueError, match="a value"):
        asyncio.run(program.answer(loaded, Rows(), {}))


def test_a_node_doesnt_tell_an_authors_mistake_as_a_fault_of_its_data() -> None:
    ended = ending(SpecError("mine/program.py:5: a secret array has no truth value", code=PROGRAM), "tax", "compute")
    assert (ended.reason, ended.code) == ("mine/program.py:5: a secret array has no truth value", PROGRAM)


def test_check_tells_a_mistake_once_and_not_as_a_fault_of_mpcgov(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(folder)
    replaced(folder / "program.py", "    return {", "    if first > 3:\n        pass\n    return {")
    line = (folder / "program.py").read_text().splitlines().index("    if first > 3:") + 1
    assert run(["protocol", "check", "."]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == f"mpcgov: mine/program.py:{line}: a secret array has no truth value; use if_else"


def test_a_wrong_table_name_is_the_authors_mistake_too(folder: Path, capsys: Output) -> None:
    program = folder / "program.py"
    program.write_text(program.read_text().replace('{"count":', '{"counts":'))
    assert run(["protocol", "check", "mine"]) == 2
    assert "returns counts where its manifest has count; return a number for each table" in capsys.readouterr().err


def test_a_program_is_held_against_its_vectors_by_real_workers(folder: Path) -> None:
    """Where the reference and the vectors agree with each other, and the program with neither."""
    vector = {
        "what": "another answer than the workers'",
        "domains": {"all": ["yes", "no"]},
        "tables": {name: {"columns": ["all"], "rows": [["yes"]] * 2} for name in ("tax", "health", "work")},
        "params": {"by": ["all"]},
        "expected": {"count": [5, 0]},
        "disclosure": {"min_count": 3, "round_to": None},
        "released": {"count": [5, -1]},
    }
    for path in (folder / "vectors").iterdir():
        path.unlink()
    (folder / "vectors" / "wrong.json").write_text(json.dumps(vector))
    (folder / "reference.py").write_text("def run(tables, domains, params):\n    return {'count': [5, 0]}\n")
    assert protocol_check.check(folder) == 1
    with pytest.raises(SpecError, match=r"wrong.json: real workers: table count, row 0"):
        trial.run(folder, every=True)


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("program.py", "async def run", "async def main", "defines no async def run"),
        ("program.py", "async def run", "def run", "defines no async def run"),
        ("manifest.yaml", "- id: data-contract", "- id: other", "leakage: data-contract missing"),
        ("manifest.yaml", "    to: everyone", "    to: owners", "leakage: data-contract and rows-changed missing"),
        ("README.md", "**Limits.**", "Limits.", "no paragraph **Limits.**"),
        ("README.md", "**Security argument.** ", "", "no paragraph **Security argument.**"),
        ("reference.py", "import itertools", "import itertools\n1 / 0", "fails when it is loaded (ZeroDivisionError)"),
        ("reference.py", "def run", "def walk", "defines no run()"),
    ],
)
def test_what_a_folder_lacks_is_named(
    folder: Path, name: str, old: str, new: str, message: str, capsys: Output
) -> None:
    replaced(folder / name, old, new)
    assert run(["protocol", "check", "mine"]) == 2
    assert message in capsys.readouterr().err


def test_a_manifest_without_leakage_is_refused(folder: Path, capsys: Output) -> None:
    text = (folder / "manifest.yaml").read_text()
    head, _, rest = text.partition("leakage:\n")
    (folder / "manifest.yaml").write_text(f"{head}leakage: []\n{rest[rest.index('cost:') :]}")
    assert run(["protocol", "check", "mine"]) == 2
    assert "leakage: data-contract and rows-changed missing" in capsys.readouterr().err


def test_vectors_must_show_what_is_suppressed_and_what_is_released(folder: Path, capsys: Output) -> None:
    shutil.rmtree(folder / "vectors")
    vector = json.loads((registry.find("joint-count").folder / "vectors" / "one-cell.json").read_text())
    (folder / "vectors").mkdir()
    path = folder / "vectors" / "only.json"
    path.write_text(json.dumps(vector))
    assert run(["protocol", "check", "mine"]) == 2
    assert "no vector has a suppressed cell; add one over fewer rows than min_count" in capsys.readouterr().err
    path.write_text(json.dumps(vector | {"disclosure": {"min_count": 4}, "released": {"count": [-1]}}))
    assert run(["protocol", "check", "mine"]) == 2
    assert "no vector releases a number" in capsys.readouterr().err


def test_rules_that_a_vector_cant_have_are_named_not_a_fault_of_ours(folder: Path, capsys: Output) -> None:
    replaced(folder / "vectors" / "one-cell.json", '"min_count": 3', '"min_count": "three"')
    assert run(["protocol", "check", "mine"]) == 2
    assert "one-cell.json: its disclosure rules can't be applied" in capsys.readouterr().err
