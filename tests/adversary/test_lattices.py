"""Exact equations, least squares and lattice reduction on what is released of cells of 10 to 40 persons.

The attacker's columns are linked with one of another agency's, whole numbers of 0 to 5,000 that have nothing to do with
them. It takes the correlations for sums of products, and looks for whole numbers that give these: by least squares,
which takes them for any numbers, and by the nearest point of a lattice reduced by LLL, which doesn't, and so finds more
values than there are equations. With exact sums it finds all; where fewer pairs are asked for, so that some are
released, nothing beyond the mean. Without `figures.least_rows` and `figures.least_held` the second test fails; either
is enough for it.
"""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpcgov import figures, registry
from tests import nightly

Numbers = NDArray[np.int64]
TABLES, HIGHEST = nightly.count(40, 100), 5000
STATISTICS = runpy.run_path(str(registry.find("linked-statistics").folder / "reference.py"))["run"]
DEVIATION = HIGHEST / 12**0.5


@dataclass
class Cell:
    """The attacker's columns and the unknown one; of the sums, what is known and how far it may be off."""

    own: Numbers
    unknown: Numbers
    sums: list[float]
    errors: list[float]

    @property
    def factors(self) -> Numbers:
        """Of the unknown values in the sums: of their total, and of n·Σxy − Σx·Σy for each own column."""
        rows = self.own.shape[1]
        return np.stack([np.ones(rows, np.int64), *(rows * self.own - self.own.sum(axis=1, keepdims=True))])

    def by_least_squares(self) -> NDArray[np.float64]:
        """The values nearest to the mean that give the sums."""
        mean, weights = self.sums[0] / len(self.unknown), 1 / np.array(self.errors)
        off = np.array(self.sums) - self.factors @ np.full(len(self.unknown), mean)
        found: NDArray[np.float64] = np.linalg.lstsq(self.factors * weights[:, None], off * weights, rcond=None)[0]
        return mean + found

    def by_lattice(self) -> NDArray[np.float64]:
        """Whole numbers that give nearly the sums and are near their mean: Babai's nearest plane in an LLL basis."""
        from flint import fmpz_mat

        rows, scale = len(self.unknown), 1 << 10
        weights = [scale * DEVIATION / error for error in self.errors]
        columns = [[round(int(f) * w) for f in factor] for factor, w in zip(self.factors, weights, strict=True)]
        basis = np.concatenate([np.array(columns, object).T, scale * np.eye(rows, dtype=int).astype(object)], axis=1)
        reduced = fmpz_mat(basis.tolist()).lll()
        vectors = np.array(reduced.tolist(), object).astype(int).astype(float)
        mean = self.sums[0] / rows
        target = np.array([*(s * w for s, w in zip(self.sums, weights, strict=True)), *[scale * mean] * rows], float)
        planes, _ = np.linalg.qr(vectors.T)
        left = target.copy()
        for vector, plane in zip(vectors[::-1], planes.T[::-1], strict=True):
            left -= vector * round(float(left @ plane) / float(vector @ plane))
        found: NDArray[np.float64] = np.rint((target - left)[len(self.sums) :] / scale)
        return found


def made(seed: int, rows: int, pairs: int, values: int = HIGHEST) -> tuple[Numbers, Numbers]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, HIGHEST, (pairs, rows)), rng.integers(0, values, rows)


def exact(seed: int, rows: int, pairs: int) -> Cell:
    """If sums were released as they are."""
    own, unknown = made(seed, rows, pairs)
    cell = Cell(own, unknown, [], [0.5] * (pairs + 1))
    cell.sums = [float(total) for total in cell.factors @ unknown]
    return cell


def released(seed: int, rows: int, pairs: int, values: int = HIGHEST, declared: int = HIGHEST) -> Cell | None:
    """What the protocol releases of it: means, variances and correlations to four digits, if anything.

    `values`: how many the unknown column has, `declared`: up to where all are said to be.
    """
    own, unknown = made(seed, rows, pairs, values)
    names = [f"x{i}" for i in range(pairs)]
    number = {"kind": "integer", "min": 0, "max": declared}
    owners: dict[str, Any] = {
        "tax": {(str(p),): {name: str(own[i, p]) for i, name in enumerate(names)} for p in range(rows)},
        "wel": {(str(p),): {"y": str(unknown[p])} for p in range(rows)},
    }
    domains = {f"tax.{name}": number for name in names} | {"wel.y": number}
    params = {"measures": ["wel.y"], "correlations": [[f"tax.{name}", "wel.y"] for name in names]}
    tables = STATISTICS(owners, domains, params, {"join": "inner", "min_count": 3})
    _, mean, variance = tables["statistics"][0]
    found = [row[-1] for row in tables["correlation"]]
    if None in (mean, variance, *found):
        return None
    spreads = rows * (own**2).sum(axis=1) - own.sum(axis=1) ** 2
    norms = np.sqrt(float(variance * rows * (rows - 1)) * spreads)
    sums = [mean * rows, *(r * norm for r, norm in zip(found, norms, strict=True))]
    half = 0.5 * 10 ** -(figures.DIGITS - 1)
    errors = [half * max(abs(r), 0.1) * norm for r, norm in zip(found, norms, strict=True)]
    return Cell(own, unknown, sums, [half * mean * rows, *errors])


def hits(found: NDArray[np.float64], cell: Cell) -> int:
    """Values found to within one."""
    return int((np.abs(found - cell.unknown) < 1).sum())


@pytest.mark.parametrize(("rows", "whole"), [(12, True), (16, True), (20, False), (30, False)])
def test_exact_sums_of_fifteen_pairs_give_every_value(
    rows: int, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """`whole`: by least squares too, with as many equations as values. A lattice finds nearly twice as many."""
    cells = [exact(seed, rows, 15) for seed in range(TABLES)]
    reduced, squares = (
        sum(hits(attack(cell), cell) for cell in cells) for attack in (Cell.by_lattice, Cell.by_least_squares)
    )
    with capsys.disabled():
        print(
            f"{rows} rows, 15 pairs, exact: of {rows * TABLES} values {squares} by least squares, {reduced} by lattice"
        )
    assert reduced == rows * TABLES
    assert (squares == rows * TABLES) == whole


@pytest.mark.parametrize("rows", [10, 12, 16, 20, 26, 30, 40])
def test_nothing_is_released_of_fifteen_pairs(rows: int) -> None:
    assert [released(seed, rows, 15) for seed in range(TABLES)] == [None] * TABLES


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("rows", "pairs"), [(10, 1), (12, 1), (16, 1), (20, 1), (26, 3), (30, 4), (40, 6)])
def test_as_many_pairs_as_are_released_give_no_value_better_than_a_guess(
    rows: int, pairs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A guess from mean and variance is right to within one of 5,000 once in 2,500, and off by a standard deviation."""
    cells = [cell for seed in range(TABLES) if (cell := released(seed, rows, pairs)) is not None]
    assert (len(cells) > TABLES / 2) == (rows >= 20)
    for attack in (Cell.by_least_squares, Cell.by_lattice):
        found = [attack(cell) for cell in cells]
        right = sum(map(hits, found, cells))
        off = [np.square(guess - cell.unknown) for guess, cell in zip(found, cells, strict=True)]
        far = np.sqrt(np.mean(off)) / DEVIATION if cells else np.inf
        with capsys.disabled():
            print(f"{rows} rows, {pairs} pairs, {attack.__name__}: {len(cells)} of {TABLES} cells are shown, "
                  f"{right} of {rows * len(cells)} values found, off by {far:.2f} standard deviations")  # fmt: skip
        assert right <= 5 + rows * len(cells) / 400
        assert far > 0.75


@pytest.mark.parametrize("tables", nightly.first(1, [TABLES // 4, TABLES]))
def test_a_column_of_two_values_is_not_found_however_it_is_declared(
    tables: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds a bit a row at most. Declared as 0 … 10^12 it would be said to hold forty, and all of it be found."""
    asked = {"rows": 40, "pairs": 26, "values": 2, "declared": 10**12}
    assert [released(seed, **asked) for seed in range(tables)] == [None] * tables
    monkeypatch.setattr(figures, "least_held", lambda *_: 0)
    cells = [cell for seed in range(tables) if (cell := released(seed, **asked)) is not None]
    found = sum(int((np.rint(cell.by_least_squares().clip(0, 1)) == cell.unknown).sum()) for cell in cells)
    assert len(cells) > tables / 2
    assert found > 0.9 * 40 * len(cells)


# -- other numbers about the same values


def linked_people(seed: int, rows: int, **own: Numbers) -> tuple[dict[str, Any], dict[str, Any], Numbers]:
    """Both registers with what they declare, and the values of the column that nobody else knows."""
    _, unknown = made(seed, rows, 1)
    tax = {(str(p),): {name: str(column[p]) for name, column in own.items()} for p in range(rows)}
    owners = {"tax": tax, "wel": {(str(p),): {"y": str(unknown[p])} for p in range(rows)}}
    number = {"kind": "integer", "min": 0, "max": HIGHEST}
    return owners, {f"tax.{name}": number for name in own} | {"tax.g": ["0", "1"], "wel.y": number}, unknown


@pytest.mark.by_day(1)
@pytest.mark.parametrize("rows", [10, 16, 20, 26, 30, 40])
@pytest.mark.parametrize("protocol", ["linked-statistics", "linked-t-test", "joint-t-test"])
def test_numbers_of_two_groups_give_no_value_better_than_their_means(
    protocol: str, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each group a mean and a variance; the attacker knows who is in which."""
    run = runpy.run_path(str(registry.find(protocol).folder / "reference.py"))["run"]
    shown, right, off = 0, 0, []
    for seed in range(TABLES):
        groups = np.random.default_rng(seed).permutation(np.arange(rows) % 2)
        owners, domains, unknown = linked_people(seed, rows, g=groups)
        params, rules = {"by": ["tax.g"], "measures": ["wel.y"]}, {"join": "inner", "min_count": 3}
        if protocol.startswith("joint"):
            rows_of = [{"g": str(g), "y": str(y)} for g, y in zip(groups, unknown, strict=True)]
            owners = {"tax": rows_of[: rows // 2], "wel": rows_of[rows // 2 :]}
            domains, params = {"g": ["0", "1"], "y": domains["wel.y"]}, {"by": ["g"], "measures": ["y"]}
        (table,) = run(owners, domains, params, rules).values()
        means = [table[0][2], table[0][5]] if "t-test" in protocol else [row[2] for row in table]
        if None not in means:
            guess = np.array(means, float)[groups]
            shown, right = shown + 1, right + int((np.abs(guess - unknown) < 1).sum())
            off.append(np.square(guess - unknown).mean() / unknown.var())
    far = float(np.sqrt(np.mean(off))) if off else np.inf
    with capsys.disabled():
        print(f"{protocol}, {rows} rows in two groups: {shown} of {TABLES} are shown, {right} of {rows * shown} values "
              f"found, off by {far:.2f} standard deviations")  # fmt: skip
    assert not shown or rows >= 26
    assert right <= 5 + rows * shown / 400
    assert far > 0.9


@pytest.mark.parametrize("rows", nightly.first(1, [40, 10, 20, 30]))
def test_no_model_of_so_few_is_shown_by_one_job_or_several(rows: int) -> None:
    """A model's numbers take 120 rows and more, and those of earlier jobs as many again."""
    run = runpy.run_path(str(registry.find("linked-regression").folder / "reference.py"))["run"]
    for seed in range(TABLES // 4):
        own, _ = made(seed, rows, 3)
        owners, domains, _ = linked_people(seed, rows, **{f"x{i}": column for i, column in enumerate(own)})
        for place in range(3):
            params = {"outcome": "wel.y", "predictors": [f"tax.x{place}"]}
            known = {name: domains[name] for name in ("wel.y", f"tax.x{place}")}
            (fit, *_) = run(owners, known, params, {"join": "inner", "min_count": 3}).values()
            assert fit
            assert all(number is None for row in fit for number in row[1:])


def test_more_numbers_of_a_large_register_leave_what_their_number_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    """The most that is shown of 40 persons among 10⁶ whose values all differ, in the widest range: then equations are
    three quarters of the persons. What they leave is known from how many they are, whatever is done."""
    rows, top, found, off = 40, 10**12, 0, []
    pairs = max(
        p
        for p in range(rows)
        if rows >= figures.least_rows(p + 2, figures.DIGITS, [top])
        and rows * figures.held(1, 10**6) >= figures.least_held(p + 2, figures.DIGITS)
    )
    for seed in range(TABLES):
        rng = np.random.default_rng(seed)
        own, unknown = rng.random((pairs, rows)), rng.random(rows)
        factors = own - own.mean(axis=1, keepdims=True)
        factors /= np.sqrt((factors**2).sum(axis=1, keepdims=True))
        mean, spread = (figures.shown(one, figures.DIGITS) for one in (unknown.mean(), unknown.std() * rows**0.5))
        r = [figures.shown(one, figures.DIGITS) for one in factors @ (unknown - unknown.mean()) / spread]
        equations = np.vstack([np.full(rows, rows**-0.5), factors])
        guess = mean + np.linalg.lstsq(equations, np.array([0, *r]) * spread, rcond=None)[0]
        found += int((np.abs(guess - unknown) < 1 / HIGHEST).sum())
        off.append(np.square(guess - unknown).mean() / unknown.var())
    far = float(np.sqrt(np.mean(off)))
    with capsys.disabled():
        print(f"{pairs} pairs of {rows} of a million: {found} of {rows * TABLES} values, off by {far:.2f} deviations")
    assert pairs == 28
    assert far == pytest.approx((1 - (pairs + 1) / rows) ** 0.5, abs=0.05)
    assert found <= rows * TABLES / 200
