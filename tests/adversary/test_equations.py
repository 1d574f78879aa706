"""Correlations as equations: fifteen known columns beside one unknown, over cells of 10 to 40 persons.

The attacker has all of its own columns and what is released, and solves for the other agency's values by least squares.
`figures.least_rows` and `figures.least_held` are each enough against it here: `test_lattices.py` fails without both.
"""

from __future__ import annotations

import runpy
from typing import Any

import numpy as np
import pytest

from mpcgov import registry
from tests import nightly

TABLES, PAIRS, HIGHEST = 100, 15, 5000
STATISTICS = runpy.run_path(str(registry.find("linked-statistics").folder / "reference.py"))["run"]


def recovered(seed: int, rows: int, exact: bool = False) -> tuple[int, bool]:
    """How many of the other agency's values are found to within one, and whether anything was released of them."""
    rng = np.random.default_rng(seed)
    own, unknown = rng.integers(0, HIGHEST, (PAIRS, rows)), rng.integers(0, HIGHEST, rows)
    names = [f"x{i}" for i in range(PAIRS)]
    number = {"kind": "integer", "min": 0, "max": HIGHEST}
    owners: dict[str, Any] = {
        "tax": {(str(p),): {name: str(own[i, p]) for i, name in enumerate(names)} for p in range(rows)},
        "wel": {(str(p),): {"y": str(unknown[p])} for p in range(rows)},
    }
    domains = {f"tax.{name}": number for name in names} | {"wel.y": number}
    pairs = [[f"tax.{name}", "wel.y"] for name in names]
    rules = {"join": "inner", "min_count": 10}
    tables = STATISTICS(owners, domains, {"measures": ["wel.y"], "correlations": pairs}, rules)
    _, mean, variance = tables["statistics"][0]
    found = [row[-1] for row in tables["correlation"]]
    if exact:
        mean, variance = unknown.mean(), unknown.var(ddof=1)
        found = [np.corrcoef(x, unknown)[0, 1] for x in own]
    if mean is None or None in found:
        return 0, False
    centred = own - own.mean(axis=1, keepdims=True)
    right = np.array(found) * np.sqrt(variance * (rows - 1) * (centred**2).sum(axis=1))
    guess = mean + np.linalg.lstsq(centred, right, rcond=None)[0]
    return int((np.abs(guess - unknown) < 1).sum()), True


def test_exact_correlations_give_every_value_of_a_cell_of_twelve() -> None:
    assert sum(recovered(seed, 12, exact=True)[0] for seed in range(TABLES)) == 12 * TABLES


@pytest.mark.parametrize("rows", [10, 12, 16, 20, 26, 30, 40])
def test_small_cells_say_nothing_of_fifteen_pairs(rows: int) -> None:
    assert [recovered(seed, rows) for seed in range(TABLES)] == [(0, False)] * TABLES


@pytest.mark.parametrize("tables", nightly.first(1, [TABLES // 5, TABLES]))
def test_values_are_found_no_better_than_by_chance_where_pairs_are_released(tables: int) -> None:
    """To within one of 5,000: by chance in about one of 2,000. Each table takes a tenth of a second."""
    results = [recovered(seed, 80) for seed in range(tables)]
    assert all(released for _, released in results)
    assert sum(hits for hits, _ in results) < 80 * tables / 500
