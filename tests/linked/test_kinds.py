"""Kinds of tables say all of themselves, are found by their files, and nobody asks for one by its name."""

from __future__ import annotations

import ast
import itertools
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from mpcgov import kinds, registry
from mpcgov.errors import InternalError, LocalError, SpecError
from mpcgov.kinds import found
from mpcgov.kinds.kind import Kind
from mpcgov.linked import layout
from mpcgov.linked.stacked import facts
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.manifest import Manifest, Table
from mpcgov.spec.statement import Opened
from mpcgov.spec.table import Dataset

ROOT = Path(kinds.__file__).parents[1]
NAMES = {"coefficients", "correlation", "doubtful", "match_rate"}
"""Of kinds; the other kinds' names are names of much else, too: a rule for repeated keys, a job's output, a column."""


@pytest.mark.parametrize("left_out", [field.name for field in fields(Kind)])
def test_a_kind_that_leaves_something_open_cant_be_made(left_out: str) -> None:
    said = {field.name: getattr(kinds.KINDS[0], field.name) for field in fields(Kind) if field.name != left_out}
    with pytest.raises(TypeError, match=left_out):
        Kind(**said)


def test_nothing_is_assumed_of_a_kind_that_nobody_knows() -> None:
    table = Table(by=None, measure="count").model_copy(update={"measure": "quantiles"})
    with pytest.raises(InternalError, match="no kind of table is called quantiles"):
        kinds.of(table)


def test_nothing_asks_for_a_kind_by_its_name() -> None:
    """Neither by a manifest's `measure`, nor by a name that means nothing else."""
    asking = []
    for path in (path for path in ROOT.rglob("*.py") if path.parent != Path(kinds.__file__).parent):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Constant) and node.value in NAMES
            compared = isinstance(node, ast.Compare) and any(_is_measure(one) for one in (node.left, *node.comparators))
            looked_up = isinstance(node, ast.Subscript) and _is_measure(node.slice)
            if named or compared or looked_up:
                asking.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert asking == []


def _is_measure(node: ast.expr) -> bool:
    """Whether it is `table.measure`; a budget's measure is ε or ρ."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "measure"
        and isinstance(node.value, ast.Name | ast.Subscript)
        and "table" in ast.unparse(node.value)
    )


PACKAGES = (f"kinds_of_a_test_{number}" for number in itertools.count())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of kinds with one file."""
    folder = tmp_path / next(PACKAGES)
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


MINE = "from dataclasses import replace\nfrom mpcgov import kinds\n"


def test_a_kind_is_found_by_its_file(package: Path) -> None:
    (package / "mine.py").write_text(f"{MINE}MINE = replace(kinds.named('count'), name='mine')\n")
    assert [kind.name for kind in found.kinds([str(package)], package.name)] == ["mine"]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("x = 1\n", "must define one Kind, has 0"),
        (f"{MINE}A, B = (replace(kinds.named('count'), name=name) for name in 'ab')\n", "must define one Kind, has 2"),
        (f"{MINE}A = replace(kinds.named('count'), name='an')\n", "there is a kind an already"),
        ("from mpcgov.kinds.kind import Kind\nA = Kind(name='mine')\n", "TypeError: Kind.__init__() missing 13"),
        ("from mpcgov.kinds import kind\nA = kind.None_\n", "AttributeError: module 'mpcgov.kinds.kind' has no"),
        (
            f"{MINE}A = replace(kinds.named('count'), name='M ine')\n",
            "name: expected a word such as t_test, found 'M ine'",
        ),
        (f"{MINE}A = replace(kinds.named('count'), local='counts')\n", "local: expected a frozenset, found str"),
        (f"{MINE}A = replace(kinds.named('count'), params={{'by'}})\n", "params: expected a frozenset, found set"),
        (f"{MINE}A = replace(kinds.named('count'), params=frozenset({{'by'}}))\n", "params: there is no by"),
        (f"{MINE}A = replace(kinds.named('count'), computed='cells')\n", "computed: expected a Computed, found str"),
        (f"{MINE}A = replace(kinds.named('count'), counts=None)\n", "counts: expected a bool, found NoneType"),
        (f"{MINE}A = replace(kinds.named('count'), rows=[])\n", "rows: expected a function, found list"),
        (f"{MINE}A = replace(kinds.named('count'), rows=None)\n", "rows: expected a function, found NoneType"),
        (f"{MINE}A = replace(kinds.named('count'), items=len)\n", "local: over counts a kind is made of the cells'"),
        ("def f(:\n", "SyntaxError"),
    ],
)
def test_a_wrong_file_of_a_kind_is_one_line(package: Path, file: str, says: str) -> None:
    (package / "another.py").write_text(f"{MINE}AN = replace(kinds.named('count'), name='an')\n")
    (package / "mine.py").write_text(file)
    with pytest.raises(LocalError) as raised:
        found.kinds([str(package)], package.name)
    assert raised.value.message.startswith(f"{package.name}/mine.py: ")
    assert says in raised.value.message
    assert "\n" not in raised.value.line()


def changed(protocol: str, **more: Any) -> list[str]:
    """What is wrong with a manifest that differs in this."""
    said = registry.find(protocol).manifest.model_dump(mode="json") | more
    return kinds.faults(Manifest.model_validate_json(json.dumps(said)))


BY = {"by": "by", "measure": "statistics"}
PAIRS = {"by": "by", "measure": "correlation"}


@pytest.mark.parametrize(
    ("protocol", "tables", "says"),
    [
        ("joint-count", {"t": {"by": "by", "measure": "median"}}, "tables.t.measure: there is no median; there are"),
        ("joint-count", {"t": BY}, "tables.t: statistics is over records or rows or sums, not counts"),
        ("linked-count", {"t": BY}, "tables.t: statistics needs a parameter of kind measures"),
        ("linked-statistics", {"a": BY, "b": BY}, "just one brings the number of rows in each cell"),
        ("linked-statistics", {"b": PAIRS}, "decides about the others; none does"),
        ("linked-statistics", {"a": {"measure": "statistics"}}, "tables.a.by: statistics is by the columns of"),
        ("linked-statistics", {"a": BY, "b": {"measure": "overlap"}}, "are computed by themselves"),
        ("linked-regression", {"b": {"measure": "fit", "by": "predictors"}}, "tables.b.by: fit isn't by columns"),
    ],
)
def test_tables_that_dont_fit_are_told_when_a_protocol_is_read(
    protocol: str, tables: dict[str, Any], says: str
) -> None:
    assert any(says in fault for fault in changed(protocol, tables=tables, rules=[]))


def test_true_totals_are_of_one_table_of_counts() -> None:
    assert changed("linked-statistics", rules=["margins"]) == ["rules: statistics has no margins; leave them out"]


def test_a_manifest_of_an_unknown_kind_isnt_read(tmp_path: Path) -> None:
    folder = tmp_path / "joint-count"
    folder.mkdir()
    text = (registry.find("joint-count").folder / "manifest.yaml").read_text(encoding="utf-8")
    (folder / "manifest.yaml").write_text(text.replace("measure: count", "measure: median"), encoding="utf-8")
    with pytest.raises(SpecError, match=r"measure: there is no median; there are .*coefficients"):
        registry.read(folder)


@pytest.mark.parametrize(
    ("name", "gate", "says"),
    [
        ("pay.mean", "t.count", "table t: mine opens pay.mean, which isn't computed"),
        ("pay.x.m", None, "table t: mine opens pay.x.m, and no number of rows decides about it"),
        ("pay.x.m", "t.pay.x.n", "table t: mine opens pay.x.m, and no number of rows decides about it"),
    ],
)
def test_a_kind_opens_only_what_is_computed_and_judged(
    monkeypatch: pytest.MonkeyPatch, name: str, gate: str | None, says: str
) -> None:
    statistics = kinds.named("statistics")
    mine = replace(statistics, name="mine", opened=lambda one: iter([Opened(name=name, low=0, high=9, gate=gate)]))
    monkeypatch.setitem(kinds._BY_NAME, "mine", mine)
    manifest = registry.find("joint-statistics").manifest
    table = Table(by="by", measure="mine")
    manifest = manifest.model_copy(update={"tables": {"t": table}})
    job = validate(
        {
            "protocol": "joint-statistics", "purpose": "p", "legal_basis": "l", "receivers": ["coordinator"],
            "parties": {"a": {"dataset": "d"}, "b": {"dataset": "d"}, "c": {}}, "params": {"measures": ["pay"]},
        },
        Job,
        "job",
    )  # fmt: skip
    pay = {"pay": {"kind": "integer", "min": 0, "max": 9}}
    declared = validate({"source": "x", "columns": pay}, Dataset, "d").declaration
    assert layout.kind_faults(facts(job, manifest, {"a": declared, "b": declared})) == [says]
