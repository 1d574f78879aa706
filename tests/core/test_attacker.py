"""What a solver can find out of released tables with true totals: no hidden cell within less than min_count."""

from __future__ import annotations

import random

import pytest

from mpcgov import disclosure
from mpcgov.disclosure import SENTINEL
from mpcgov.spec.job import Disclosure
from tests.core.attacker import Case, Release, widths

SHAPES = [(2, 2), (2, 5), (3, 3), (4, 5), (6, 6)]
MOST = 100_000
BATCH = 200


def counts(rng: random.Random, shape: tuple[int, int]) -> list[int]:
    """Skewed, with zeros, small cells, and many at the threshold and just beside it."""
    kinds = [0, 0, 1, 2, rng.randint(0, 9), 9, 10, 10, 11, rng.randint(10, 40), rng.randint(10, 400)]
    picked = rng.sample(kinds, rng.randint(4, len(kinds)))
    return [rng.choice(picked) for _ in range(shape[0] * shape[1])]


def release(cells: list[int], shape: tuple[int, int], **rules: object) -> Release:
    return Release(shape, disclosure.released(cells, Disclosure(**{"margins": True, **rules}), shape[1]))


def batches(cases: list[Case]) -> list[list[float]]:
    return [one for start in range(0, len(cases), BATCH) for one in widths(cases[start : start + BATCH])]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_r22_no_hidden_cell_of_a_table_with_true_totals_is_pinned(shape: tuple[int, int]) -> None:
    rng = random.Random(str(shape))
    least = [rng.choice([3, 5, 10]) for _ in range(200)]
    cases = [Case([release(counts(rng, shape), shape, min_count=k)], MOST) for k in least]
    with_totals = [case for case in cases if case.releases[0].opened[-1] != [SENTINEL]]
    assert len(with_totals) >= 40, "too few tables whose totals are released"
    found = batches(cases)
    for case, k, widths_found in zip(cases, least, found, strict=True):
        assert len(widths_found) == case.releases[0].opened[0].count(SENTINEL)
        assert all(width >= k - 1e-6 for width in widths_found), case
    assert sum(map(len, found)) > 200


def test_r22_two_tables_under_filters_that_exclude_each_other_pin_nothing() -> None:
    """Young and old, by region and sex: what a node lets be released of one population, and nobody is in both."""
    rng = random.Random(7)
    cases = []
    for _ in range(100):
        shape = rng.choice(SHAPES)
        cases.append(Case([release(counts(rng, shape), shape) for _ in range(2)], MOST))
    assert all(width >= 10 - 1e-6 for found in batches(cases) for width in found)


def test_r22_the_attacker_finds_what_filters_within_each_other_give_away() -> None:
    """Everybody, and then all but a few: each table is safe alone. That is why nodes refuse such pairs of jobs."""
    rng = random.Random(8)
    cases = []
    for _ in range(50):
        shape = (4, 5)
        everybody = counts(rng, shape)
        some = [count - (rng.random() < 0.1) * min(count, 2) for count in everybody]
        cases.append(Case([release(everybody, shape), release(some, shape)], MOST, within=[(1, 0)]))
    assert min(min(found, default=MOST) for found in batches(cases)) < 3


def test_r22_without_closing_the_attacker_pins_cells() -> None:
    """The same attacker on totals beside nothing but the threshold: a cell that is alone in its row is known."""
    rng = random.Random(9)
    cases = []
    for _ in range(50):
        cells = counts(rng, (4, 5))
        shown = [count if count >= 10 else SENTINEL for count in cells]
        rows = [cells[start : start + 5] for start in range(0, 20, 5)]
        totals = [[sum(row) for row in rows], [sum(column) for column in zip(*rows, strict=True)], [sum(cells)]]
        cases.append(Case([Release((4, 5), [shown, *totals])], MOST))
    assert sum(width < 1 for found in batches(cases) for width in found) > 20
