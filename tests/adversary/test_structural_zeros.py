"""Tables with true totals and cells in which nobody can be: what a solver finds out of them that knows these cells.

Of random tables, hidden cells that are known exactly or within less than min_count. Without `usable` in
`disclosure.closed`, small cells are; without the exception for impossible cells there, large ones that are hidden with
them are. `mpcgov/worker/closing.py` is held to the same rule on shares by `tests/worker/test_clearing.py`.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from mpcgov import disclosure, registry
from mpcgov.disclosure import SENTINEL, cycles
from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.spec.job import Disclosure, Job
from mpcgov.spec.load import load_yaml, validate
from mpcgov.spec.table import Dataset, Datasets
from mpcgov.trial.simulation import simulate
from mpcgov.worker.report import dataset_check
from tests import nightly
from tests.core.attacker import Case, Release, widths
from tests.linkage.linked_parties import Case as LinkedCase

K = 5
MOST = 100_000
SHAPES, TABLES, AT_NIGHT = [(3, 3), (4, 4), (5, 4)], 30, 60
CASES = nightly.first(2, [*((shape, TABLES) for shape in SHAPES), *((shape, AT_NIGHT) for shape in (*SHAPES, (6, 6)))])
"""Shapes, and how many tables of each are attacked."""
RULES = Disclosure(min_count=K, margins=True)


def made(rng: random.Random, shape: tuple[int, int]) -> tuple[list[int], frozenset[int]]:
    """Counts, few of them small, and the cells in which nobody can be."""
    cells = shape[0] * shape[1]
    zeros = frozenset(rng.sample(range(cells), rng.randint(1, max(1, cells // 6))))
    some = [rng.randint(1, K - 1), *(rng.randint(K, 8 * K) for _ in range(5))]
    return [0 if cell in zeros else rng.choice(some) for cell in range(cells)], zeros


def narrowed(counts: list[int], zeros: frozenset[int], opened: list[list[int]], columns: int) -> list[int]:
    """The counts of hidden cells that the attacker knows within less than min_count."""
    hidden = [cell for cell, value in enumerate(opened[0]) if value == SENTINEL and cell not in zeros]
    (found,) = widths([Case([Release((len(counts) // columns, columns), opened)], MOST, empty=zeros)])
    assert len(found) == len(hidden)
    return [counts[cell] for cell, width in zip(hidden, found, strict=True) if width < K - 1e-6]


def attacked(shape: tuple[int, int], release: Any, tables: int = TABLES) -> tuple[int, list[list[int]]]:
    """Of how many tables totals are released, and what is narrowed in each."""
    rng, found = random.Random(str(shape)), []
    for _ in range(tables):
        counts, zeros = made(rng, shape)
        opened = release(counts, zeros, shape[1])
        if opened[-1] != [SENTINEL]:
            found.append(narrowed(counts, zeros, opened, shape[1]))
    return len(found), found


@pytest.mark.parametrize(("shape", "tables"), CASES, ids=str)
def test_no_hidden_cell_is_narrowed_where_impossible_cells_are_named(shape: tuple[int, int], tables: int) -> None:
    totals, found = attacked(
        shape, lambda counts, zeros, columns: disclosure.released(counts, RULES, columns, impossible=zeros), tables
    )
    assert totals > tables / 2
    assert sum(bool(cells) for cells in found) == 0


@pytest.mark.parametrize(("shape", "tables"), CASES, ids=str)
def test_no_small_cell_is_narrowed_where_nobody_names_them(shape: tuple[int, int], tables: int) -> None:
    """Every corner holds min_count, so no small cell's cycle runs through an empty one. What is narrowed is hidden for
    an impossible cell's sake only, and could be shown."""
    totals, found = attacked(shape, lambda counts, _, columns: disclosure.released(counts, RULES, columns), tables)
    assert totals > tables / 2
    assert [count for cells in found for count in cells if count < K] == []


@pytest.mark.slow
def test_the_attacker_finds_small_cells_where_a_fourth_corner_may_be_empty() -> None:
    """The rule as it was: the two corners beside the cell hold min_count, and the least sum is taken."""

    def release(counts: list[int], _: frozenset[int], columns: int) -> list[list[int]]:
        shown, closing = [count >= K for count in counts], set()
        for cell, may in enumerate(shown):
            fit = [cycle for cycle in cycles(cell, len(counts), columns) if shown[cycle[0]] and shown[cycle[1]]]
            if not may and not fit:
                return [[SENTINEL] * len(counts), [SENTINEL]]
            if not may:
                closing.update(min(fit, key=lambda cycle: sum(counts[other] for other in cycle)))
        rows = [counts[start : start + columns] for start in range(0, len(counts), columns)]
        cells = [count if shown[cell] and cell not in closing else SENTINEL for cell, count in enumerate(counts)]
        return [cells, [*map(sum, rows)], [*map(sum, zip(*rows, strict=True))], [sum(counts)]]

    _, found = attacked((4, 4), release)
    assert sum(any(count < K for count in cells) for cells in found) > 3


@pytest.mark.parametrize("tables", nightly.first(1, [TABLES, AT_NIGHT]))
def test_calling_a_cell_impossible_takes_no_protection_from_who_is_in_it(tables: int) -> None:
    """A job may say so of cells that aren't: every small cell that holds somebody stays within no less than K."""
    rng, lied = random.Random(3), 0
    for _ in range(tables):
        counts, zeros = made(rng, (4, 4))
        small = frozenset(cell for cell, count in enumerate(counts) if count < K)
        opened = disclosure.released(counts, RULES, 4, impossible=small)
        if opened[-1] != [SENTINEL]:
            lied += any(counts[cell] for cell in small)
            assert [count for count in narrowed(counts, zeros, opened, 4) if 0 < count < K] == []
    assert lied > 5


# -- whole jobs, and what they may say


def fill(workspace: Any, cells: list[int]) -> None:
    workspace.domains = {"sex": ["F", "M"], "status": ["none", "pregnant", "retired"]}
    places = [(sex, status) for sex in "FM" for status in workspace.domains["status"]]
    rows = [
        {"sex": sex, "status": status, "age": "4"}
        for (sex, status), n in zip(places, cells, strict=True)
        for _ in range(n)
    ]
    workspace.agency("p0", rows)
    workspace.agency("p1", [])
    workspace.agency("p2", None)


NAMED = [{"sex": "M", "status": ["pregnant"]}]


def test_a_job_names_impossible_cells_and_its_totals_hide_nothing_for_them(workspace: Any) -> None:
    cells = [20, 12, 30, 40, 0, 25]
    fill(workspace, cells)
    job = workspace.job(["sex", "status"], disclosure={"margins": True, "impossible": NAMED})
    found = simulate(job, workspace.folder)
    shown = [row[-1] for row in found["tables"]["count"]["rows"]]
    assert shown == [20, 12, 30, 40, None, 25]
    assert found["tables"]["margins"]["rows"] == [[127]]
    assert any("sex M and status pregnant" in line for line in found["protection"]["done"])
    without = simulate(workspace.job(["sex", "status"], disclosure={"margins": True}), workspace.folder)
    assert [row[-1] for row in without["tables"]["count"]["rows"]].count(None) == 4


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"margins": True, "impossible": [{"colour": "red"}]}, "colour isn't one of the columns sex, status"),
        ({"margins": True, "impossible": [{"sex": "X"}]}, "sex has no value X"),
        ({"impossible": NAMED}, "only with margins"),
        ({"margins": True, "impossible": [{}]}, "impossible"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(workspace: Any, rules: dict[str, Any], message: str) -> None:
    fill(workspace, [20] * 6)
    with pytest.raises(SpecError, match=message):
        simulate(workspace.job(["sex", "status"], disclosure=rules), workspace.folder)


def declare(folder: Path, party: str, impossible: list[Any]) -> None:
    path = folder / party / "datasets.yaml"
    declared = json.loads(path.read_text())
    declared["people"]["impossible"] = impossible
    path.write_text(json.dumps(declared))


def test_of_unlinked_rows_every_owner_must_declare_it(workspace: Any) -> None:
    fill(workspace, [20, 12, 30, 40, 0, 25])
    job = workspace.job(["sex", "status"], disclosure={"margins": True})
    declare(workspace.folder, "p0", NAMED)
    found = simulate(job, workspace.folder)
    assert [row[-1] for row in found["tables"]["count"]["rows"]].count(None) == 4
    declare(workspace.folder, "p1", NAMED)
    found = simulate(job, workspace.folder)
    assert [row[-1] for row in found["tables"]["count"]["rows"]] == [20, 12, 30, 40, None, 25]


def test_an_owner_is_told_of_rows_that_it_declares_impossible(workspace: Any) -> None:
    """In `node dataset check`; no job is refused for it, which would tell others."""
    fill(workspace, [20, 12, 30, 40, 3, 25])
    declare(workspace.folder, "p0", NAMED)
    declare(workspace.folder, "p1", NAMED)
    datasets = load_yaml(workspace.folder / "p0" / "datasets.yaml", Datasets).root
    report = dataset_check(datasets["people"], "people", workspace.folder / "p0")
    assert report.faults == ("impossible: 3 rows with sex M and status pregnant",)
    found = simulate(workspace.job(["sex", "status"], disclosure={"margins": True}), workspace.folder)
    assert [row[-1] for row in found["tables"]["count"]["rows"]].count(None) == 4


def test_a_declaration_says_it_of_its_own_categories_only() -> None:
    columns = {"sex": {"kind": "category", "values": ["F", "M"]}, "age": {"kind": "integer", "min": 0, "max": 9}}
    whole: dict[str, Any] = {"source": "x", "columns": columns, "impossible": [{"sex": "M"}]}
    declared = validate(whole, Dataset, "people").declaration
    assert declared.only({"sex"}).impossible == ({"sex": ("M",)},)
    assert declared.only({"age"}).impossible == ()
    for one in ({"age": "4"}, {"sex": "X"}, {"nothing": "x"}):
        with pytest.raises(SpecError, match="impossible: "):
            validate(whole | {"impossible": [one]}, Dataset, "people")


DECLARED = {
    "tax": {"sex": {"kind": "category", "values": ["F", "M"]}, "kind": {"kind": "category", "values": ["x", "y"]}},
    "edu": {"level": {"kind": "category", "values": ["ba", "ma"]}},
}


def linked(by: list[str], receivers: list[str], **more: Any) -> Job:
    rows: dict[str, list[dict[str, str]]] = {"tax": [], "edu": []}
    job = LinkedCase("linked-count", DECLARED, rows, {"by": by}, rules={"margins": True}, **more).linked().job
    return job.model_copy(update={"receivers": tuple(receivers)})


def faults_of(by: list[str], receivers: list[str], **more: Any) -> str:
    made_job, manifest = linked(by, receivers, **more), registry.find("linked-count").manifest
    declarations = LinkedCase("linked-count", DECLARED, {"tax": [], "edu": []}, {"by": by}).linked().declarations
    try:
        check.check_job(made_job, manifest, declarations, 1)
    except SpecError as error:
        return error.message
    return ""


@pytest.mark.parametrize("join", ["inner", "left"])
def test_who_gets_the_result_may_not_hold_all_columns_of_totals(join: str) -> None:
    """It knows how many of its rows are in each cell: bounds that a cycle would have to move beyond."""
    assert "who gets the result" in faults_of(["tax.sex", "tax.kind"], ["tax"], join=join)
    assert faults_of(["tax.sex", "tax.kind"], ["coordinator"], join=join) == ""
    assert faults_of(["tax.sex", "edu.level"], ["tax"], join=join) == ""
