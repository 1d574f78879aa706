"""Integers of several digits against Python's, and the way to rows of bits and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mpcgov.mpc.word import ring

DIGITS = 4
BITS = 32 * DIGITS
EDGES = [0, 1, 2**32 - 1, 2**32, 2**64 - 1, 2**61, 2**96 - 1, 2**BITS - 1, 2**BITS - 2**32]
integers = st.lists(st.integers(0, 2**BITS - 1) | st.sampled_from(EDGES), min_size=1, max_size=70)


def held(values: list[int], digits: int = DIGITS) -> np.ndarray:
    return np.array([[value >> (32 * k) & 0xFFFFFFFF for value in values] for k in range(digits)], np.uint64)


def read(found: np.ndarray) -> list[int]:
    assert (found < 2**32).all()
    return [sum(int(digit) << (32 * k) for k, digit in enumerate(column)) for column in found.T]


@given(integers, integers, st.integers(-(2**BITS), 2**BITS))
def test_sums_and_products_are_those_of_integers(a: list[int], b: list[int], public: int) -> None:
    pairs = list(zip(a, b, strict=False))
    left, right = (held([pair[side] for pair in pairs]) for side in (0, 1))
    bits = np.array([x & 1 for x, _ in pairs], np.uint64)
    expected = {
        "add": [x + y for x, y in pairs],
        "subtract": [x - y for x, y in pairs],
        "multiply": [x * y for x, y in pairs],
        "scale": [x * public for x, _ in pairs],
        "add_constant": [x + public for x, _ in pairs],
        "signed": [-x if x & 1 else x for x, _ in pairs],
    }
    more = {"scale": public, "add_constant": public, "signed": bits}
    for name, values in expected.items():
        found = getattr(ring, name)(left, more.get(name, right))
        assert read(found) == [value % 2**BITS for value in values], name


@given(integers, st.integers(33, BITS))
def test_rows_of_bits_hold_the_integers(values: list[int], rows: int) -> None:
    found = ring.to_rows(held(values), rows)
    assert found.shape[0] == rows
    assert read(ring.from_rows(found, len(values), DIGITS)) == [value % 2**rows for value in values]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=9))
def test_words_have_two_digits(values: list[int]) -> None:
    assert read(ring.of_words(np.array(values, np.uint64), 3)) == values
