"""Duplicates within one list: which pairs are compared, what they weigh, and that groups are whole."""

from __future__ import annotations

import numpy as np
import pytest

from mpcgov.records import agreement
from mpcgov.records.dependence import NOBODY, Dependence
from mpcgov.records.duplicates import Duplicates, _weights, compared_pairs, duplicates, groups
from mpcgov.records.fellegi_sunter import pair_weights

FIRST = ["anna", "bert", "clara", "dora", "emil", "frida", "gustav", "hanna", "ida", "jonas"]
LAST = ["adler", "bauer", "conrad", "dietze", "ebert", "falk", "gerber", "hartig", "jansen", "krause", "lorenz"]


def persons(count: int) -> list[tuple[str, str, str]]:
    """Made up, all of them different."""
    return [
        (
            FIRST[k % len(FIRST)] + "aeiou"[k * 3 % 5] + "lmnrst"[k // 9 % 6],
            LAST[k * 7 % len(LAST)] + "xyzuvw"[k % 6] + "amoeiyk"[k % 7],
            f"{1910 + k * 37 % 90}{k * 5 % 12 + 1:02}{k * 11 % 28 + 1:02}",
        )
        for k in range(count)
    ]


def fields(rows: list[tuple[str, str, str]]) -> list[agreement.Encoded]:
    types = ("name", "name", "date")
    return [
        agreement.encoded(type_, list(column)) for type_, column in zip(types, zip(*rows, strict=True), strict=True)
    ]


def pairs(found: Duplicates) -> set[tuple[int, int]]:
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


ROWS = persons(200)
AGAIN = [
    (*ROWS[3][:2], ROWS[3][2][:-1] + "9"),
    (ROWS[50][1], *ROWS[50][::2]),
    ("x" + ROWS[96][0], *ROWS[96][1:]),
    ROWS[3],
]
"""A digit wrong, names in each other's place, one letter more, and the first one once more as it was."""


def test_rows_of_one_person_are_found_and_no_others() -> None:
    found = duplicates(fields([*ROWS, *AGAIN]), 0.5)
    assert pairs(found) == {(3, 200), (50, 201), (96, 202), (3, 203), (200, 203)}
    assert groups(found) == [[3, 200, 203], [50, 201], [96, 202]]
    assert found.precision > 0.9
    assert found.recall > 0.95
    assert pairs(duplicates(fields(ROWS), 0.5)) == set()


def test_without_rows_or_values_there_are_no_duplicates() -> None:
    assert pairs(duplicates(fields([ROWS[0]]), 0.5)) == set()
    assert pairs(duplicates([agreement.encoded("name", [])], 0.5)) == set()
    assert pairs(duplicates([agreement.encoded("name", ["", "", ""])], 0.5)) == set()


def test_passes_compare_rows_that_any_of_them_has_in_one_block() -> None:
    rows = [*ROWS, *AGAIN]
    number = {name: k for k, name in enumerate({row[0] for row in rows})}
    by_first = np.array([number[row[0]] for row in rows])
    by_date = np.array([int(row[2]) for row in rows])
    by_date[203] = -1  # in no block
    whole = pairs(duplicates(fields(rows), 0.5))
    assert pairs(duplicates(fields(rows), 0.5, [by_first])) == {(3, 200), (3, 203), (200, 203)}
    assert pairs(duplicates(fields(rows), 0.5, [by_date])) == {(50, 201), (96, 202)}
    assert pairs(duplicates(fields(rows), 0.5, [by_first, by_date])) == whole
    assert compared_pairs(len(rows), None) == 204 * 203 // 2
    assert compared_pairs(4, [np.array([0, 0, -1, 0]), np.array([-1, -1, -1, -1])]) == 3


def test_a_pair_weighs_the_mean_of_what_it_weighs_from_either_side() -> None:
    rows = [*ROWS[:40], *AGAIN]
    found = fields(rows)
    i, j = (one.ravel() for one in np.meshgrid(np.arange(44), np.arange(44), indexing="ij"))
    alone = [agreement.weights(field) for field in found]
    apart = alone, Dependence((NOBODY,) * len(found), np.array([weight[:, agreement.EQUAL] for weight in alone]))
    either = (pair_weights(found, found, i, j, apart) + pair_weights(found, found, j, i, apart)) / 2
    some = np.arange(44)
    weight = _weights(found, alone, some, some)
    assert np.abs(weight.ravel() - either).max() <= 3  # each of three fields is rounded


@pytest.mark.parametrize("order", [[(0, 1), (2, 3), (1, 2)], [(2, 3), (1, 3), (0, 3)], [(0, 3), (1, 2), (0, 1)]])
def test_rows_that_others_connect_are_one_group(order: list[tuple[int, int]]) -> None:
    first, second = (np.array(side) for side in zip(*order, strict=True))
    assert groups(Duplicates(first, second, np.ones(3), 3.0)) == [[0, 1, 2, 3]]
