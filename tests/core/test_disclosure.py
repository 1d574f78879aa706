"""The plain disclosure rules, checked by enumeration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcgov.disclosure import SENTINEL, check_rounding, cleared, dominated, enough_agencies, rounded
from mpcgov.errors import SpecError


@given(st.integers(0, 10_000), st.integers(3, 1000))
def test_rounding_gives_the_nearest_multiple_halves_up(count: int, base: int) -> None:
    result = rounded(count, base)
    assert result % base == 0
    assert -base < 2 * (count - result) < base or 2 * (result - count) == base


def test_small_cells_are_suppressed_zero_included() -> None:
    assert cleared([0, 1, 9, 10, 11], 10, None) == [SENTINEL, SENTINEL, SENTINEL, 10, 11]


@pytest.mark.parametrize("min_count", range(3, 40))
@pytest.mark.parametrize("base", range(3, 16))
def test_rounding_is_accepted_exactly_if_every_released_value_has_three_preimages(min_count: int, base: int) -> None:
    released: dict[int, int] = {}
    for count in range(min_count, 400):
        released[rounded(count, base)] = released.get(rounded(count, base), 0) + 1
    enough = min(list(released.values())[:-1]) >= 3
    if enough:
        check_rounding(min_count, base)
    else:
        with pytest.raises(SpecError) as caught:
            check_rounding(min_count, base)
        for near in caught.value.hint.removeprefix("use min_count ").split(" or "):
            check_rounding(int(near), base)


@pytest.mark.parametrize("min_count", [6, 7, 11, 12])
def test_the_pairs_that_are_known_to_fail_with_base_five_are_refused(min_count: int) -> None:
    with pytest.raises(SpecError, match="would stand for only"):
        check_rounding(min_count, 5)


@given(st.lists(st.integers(0, 2000), max_size=12), st.integers(1, 100))
def test_dominance_is_what_the_second_greatest_could_estimate(values: list[int], percent: int) -> None:
    """The second greatest knows the sum and itself: what is left overestimates the greatest by less than p %."""
    first, second = sorted([*values, 0, 0], reverse=True)[:2]
    estimate = sum(values) - second
    assert dominated(values, percent) == (100 * (estimate - first) < percent * first)


def test_dominance_by_the_book() -> None:
    assert dominated([900, 50, *[1] * 10], 10)
    assert not dominated([900, 50, *[1] * 90], 10)
    assert not dominated([], 10)
    assert not dominated([0, 0, 0], 10)
    assert dominated([7], 1)
    assert dominated([7, 7], 1)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(3, 5), st.integers(1, 4))
def test_agencies_count_if_they_have_enough_rows(counts: list[int], agencies: int, least: int) -> None:
    assert enough_agencies(counts, agencies, least) == (len([count for count in counts if count >= least]) >= agencies)
