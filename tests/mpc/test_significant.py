"""Rounding to significant bits inside MPC, against plain code: any sign, any length, all ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcgov.disclosure import significand, significant, significant_bits
from mpcgov.mpc import SecretArray, Session
from mpcgov.mpc.significant import Formed, significant_together
from mpcgov.mpc.whole import Limbs
from tests import nightly
from tests.mpc.parties import opened, run, share_list


@given(st.integers(-(2**130), 2**130), st.integers(1, 6))
def test_a_number_is_right_to_its_digits_and_has_no_more(number: int, digits: int) -> None:
    bits = significant_bits(digits)
    units, exponent = significand(number, bits)
    assert -(1 << bits) <= units < 1 << bits
    found = significant(number, digits)
    assert 2 * abs(found - number) * 10**digits <= abs(number) or number == found
    assert (exponent == 0) == (found == number and max(number, -1 - number) < 1 << bits)


def limbs(number: int, radix_bits: int, places: int) -> list[int]:
    """Limbs that aren't digits: some are negative."""
    found = []
    for _ in range(places - 1):
        digit = number % (1 << radix_bits) - (1 << radix_bits) * (len(found) % 2)
        found.append(digit)
        number = (number - digit) >> radix_bits
    return [*found, number]


def numbers(low: int, high: int, bits: int) -> list[int]:
    ends = [1 << k for k in range(max(abs(low), high).bit_length() + 1)]
    near = {sign * (end - (end >> (bits + 1)) + more) for end in ends for sign in (1, -1) for more in (-1, 0, 1)}
    near |= {end + more for end in ends for more in (-1, 0, 1)} | {0, low, high, high // 3, low // 7}
    return sorted(number for number in near if low <= number <= high)


@pytest.mark.by_day(2, "eight-places", "four-parties")
@pytest.mark.parametrize(
    ("low", "high", "radix_bits", "places", "bits", "m"),
    [
        (-5, 2**14, 0, 1, 15, 3),
        pytest.param(0, 2**15, 0, 1, 15, 3, marks=pytest.mark.slow),
        (-(2**40), 2**57, 0, 1, 15, 3),
        (0, 2**90, 35, 3, 15, 3),
        pytest.param(-(2**118), 2**118, 14, 8, 21, 3, id="eight-places"),
        pytest.param(-(2**118), 2**118, 28, 4, 24, 3, marks=pytest.mark.slow),
        pytest.param(-(2**60), 2**60, 28, 3, 5, 5, marks=pytest.mark.slow),
        pytest.param(0, 2**90, 35, 3, 15, 4, id="four-parties"),
    ],
)
def test_secret_numbers_are_rounded_as_plain_ones(
    low: int, high: int, radix_bits: int, places: int, bits: int, m: int
) -> None:
    wanted = numbers(low, high, bits)[:: 1 if m == 3 else 5]
    split = [limbs(number, radix_bits, places) for number in wanted]

    async def job(session: Session, index: int) -> Any:
        limit = 1 << 57
        dealt = [
            session.input([row[k] for row in split] if index == 0 else None, 0, len(wanted), -limit, limit)
            for k in range(places)
        ]
        one = Limbs(dealt, radix_bits, low, high)
        found = significant_together([Formed((one,), low, high)], bits)
        return [await share_list(session, part) for both in found for part in both]

    expected = [significand(number, bits) for number in wanted]
    assert pairs(job, m) == expected


def pairs(job: Any, m: int, rows: int = 2) -> list[tuple[int, ...]]:
    """What some shared rows hold, element by element."""
    outcomes = run(job, m, value_bits=59)
    return list(zip(*(opened(outcomes, part=row) for row in range(rows)), strict=True))


@pytest.mark.by_day(1, "four-parties")
@pytest.mark.parametrize(
    ("low", "high", "radix_bits", "places", "bits", "most", "m"),
    [
        (-5, 2**14, 0, 1, 15, 2**40, 3),
        (-(2**118), 2**118, 28, 4, 15, 2**90, 3),
        pytest.param(0, 2**90, 35, 3, 4, 2**100, 3, marks=pytest.mark.slow),
        pytest.param(-(2**60), 2**60, 28, 3, 15, 2**50, 4, id="four-parties"),
        pytest.param(0, 2**30, 0, 1, 24, 2**60, 5, marks=pytest.mark.slow),
    ],
)
def test_steps_are_greater_than_a_secret_floor(
    low: int, high: int, radix_bits: int, places: int, bits: int, most: int, m: int
) -> None:
    """Beside numbers without one, in one go."""
    some, floors = numbers(low, high, bits)[:: 7 if m == 3 else 49], [0, 1, 7, (most >> 9) - 1, most]
    wanted = [(number, floor) for number in some for floor in floors]
    split, least = [limbs(number, radix_bits, places) for number, _ in wanted], [limbs(f, 20, 6) for _, f in wanted]

    async def job(session: Session, index: int) -> Any:
        def dealt(rows: list[list[int]], low: int) -> list[SecretArray]:
            columns = [list(column) for column in zip(*rows, strict=True)]
            return [session.input(one if index == 0 else None, 0, len(rows), low, 1 << 57) for one in columns]

        one = Limbs(dealt(split, -(1 << 57)), radix_bits, low, high)
        floor = Limbs(dealt(least, -(1 << 57)), 20, 0, most)
        numbers = [Formed((one,), low, high, floor), Formed((one,), low, high), Formed((one,), low, high, floor)]
        found = significant_together(numbers, bits, 2)
        return [await share_list(session, part) for both in found for part in both]

    expected = [(*significand(n, bits, 4 * f), *significand(n, bits), *significand(n, bits, 4 * f)) for n, f in wanted]
    assert pairs(job, m, 6) == expected
    assert all(f == 0 or 1 << significand(n, bits, 4 * f)[1] > 4 * f for n, f in wanted)


@pytest.mark.parametrize("m", nightly.first(1, [4, 3]))
def test_spreads_are_formed_from_sums(m: int) -> None:
    """n·Σx² − (Σx)², of sums of several words."""
    n, x, xx = [12, 40, 3], [5 * 10**9, -7 * 10**15, 0], [10**19, 10**31, 0]
    expected = [
        (*significand(a, 15), *significand(b, 15), *significand(a * c - b * b, 15))
        for a, b, c in zip(n, x, xx, strict=True)
    ]

    async def job(session: Session, index: int) -> Any:
        def dealt(values: list[int], low: int, high: int) -> SecretArray:
            return session.input(values if index == 0 else None, 0, len(values), low, high)

        squares = [limbs(value, 30, 4) for value in xx]
        limit = 2**57
        numbers = [
            Limbs([dealt(n, 0, 100)], 0, 0, 100),
            Limbs([dealt(x, -limit, limit)], 0, -limit, limit),
            Limbs([dealt([row[k] for row in squares], -limit, limit) for k in range(4)], 30, 0, 2**104),
        ]
        rows, total, square = numbers
        spread = Formed((rows, square, total, total), 0, 100 << 104)
        alone = [Formed((one,), one.low, one.high) for one in (rows, total)]
        found = significant_together([*alone, spread], 15)
        return [await share_list(session, part) for both in found for part in both]

    assert pairs(job, m, 6) == expected
