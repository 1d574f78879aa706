"""How many rows released numbers need, against exact counts of possibilities; and what divisions by value show."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mpcgov.disclosure import significant_bits
from mpcgov.linked.capacity import SPARE_ROWS, enough, steps, told_bits
from mpcgov.linked.divisions import divided
from tests.linked.test_references import REGRESSION

NUMBERS, DIGITS = st.integers(1, 61), st.integers(1, 7)


@given(NUMBERS, DIGITS, st.integers(3, 30), st.integers(0, 3000), st.data())
def test_what_is_enough_leaves_more_possibilities_than_can_be_told(
    numbers: int, digits: int, least: int, rows: int, data: st.DataObject
) -> None:
    side = data.draw(st.integers(0, rows))
    if enough(rows, [side], steps(numbers, digits, least, 10_000)):
        assert min(side, rows - side) >= least
        assert rows >= numbers + SPARE_ROWS
        assert math.comb(rows, side) ** 2 >= 2 ** (3 * told_bits(numbers, digits))


@given(NUMBERS, DIGITS, st.integers(3, 30), st.integers(0, 3000), st.lists(st.floats(0, 1), max_size=3))
def test_the_reference_says_the_same(numbers: int, digits: int, least: int, rows: int, parts: list[float]) -> None:
    sides = [round(part * rows) for part in parts]
    rules = {"min_count": least, "digits": digits, "numbers": None}
    assert REGRESSION._enough(rows, sides, numbers, rules) == enough(rows, sides, steps(numbers, digits, least, 10_000))


def test_evenly_divided_rows_need_little_more_than_the_bits_that_are_told() -> None:
    for numbers in (1, 5, 21, 61):
        needed = 3 * told_bits(numbers, 4) / 2
        first, _ = steps(numbers, 4, 3, 10**7)[0]
        assert needed < first < needed + 14
    assert steps(5, 4, 10, 127) == ()
    assert steps(5, 4, 10, 128) == ((128, 64),)


@given(st.fractions(Fraction(1), Fraction(10)), DIGITS)
def test_as_many_bits_are_kept_as_the_digits_take(number: Fraction, digits: int) -> None:
    """Rounded to so many bits it is off by less than half a unit of its last digit."""
    bits = min(significant_bits(digits), 24)
    scale = Fraction(2) ** (bits - 1 - math.floor(math.log2(number)))
    assert abs(Fraction(round(number * scale)) / scale - number) <= Fraction(1, 2) / 10 ** (digits - 1)


@given(st.lists(st.sampled_from([-7, 0, 0, 0, 1, 2, 50]), min_size=1, max_size=60))
def test_no_division_by_value_hides_that_few_are_off_the_most_frequent_one(values: list[int]) -> None:
    sides = divided(np.array(values, np.int64))
    by_value = {value: {int(side) for v, side in zip(values, sides, strict=True) if v == value} for value in values}
    assert all(len(found) == 1 for found in by_value.values())
    off = len(values) - max(Counter(values).values())
    smaller = min(int(sides.sum()), len(values) - int(sides.sum()))
    assert smaller <= off
    assert smaller >= min(off, len(values) // 4)  # and not needlessly uneven


def test_nobody_divides_nothing() -> None:
    assert divided(np.zeros(0, np.int64)).tolist() == []
