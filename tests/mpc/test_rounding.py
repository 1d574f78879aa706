"""Rounding without comparison: the right numbers, and what the one opened value shows."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest

from mpcgov.errors import SpecError
from mpcgov.mpc import Session, SessionConfig
from mpcgov.mpc.rounding import OneHot, convolve, plan_mask
from mpcgov.mpc.runtime import JobRuntime
from tests import nightly
from tests.mpc.parties import config_for, interpolate, opened, put, run, share_list


def nearest(number: int, base: int) -> int:
    """The nearest multiple, halves up, by the definition."""
    below = number // base * base
    return below if 2 * (number - below) < base else below + base


@pytest.mark.parametrize(("m", "t"), nightly.first(3, [(3, 1), (4, 1), (5, 2), (7, 1), (7, 3)]))
def test_rounding_is_to_the_nearest_multiple_with_halves_up(m: int, t: int) -> None:
    numbers = [*range(-13, 14), 999_983, 999_999, 1_000_000]

    async def job(session: Session, index: int) -> list[list[int]]:
        x = session.input(np.array(numbers) if index == 0 else None, 0, len(numbers), -13, 1_000_000)
        return [await share_list(session, x.round_to(base)) for base in (2, 3, 5, 10, 13)]

    outcomes = run(job, m, threshold=t)
    for part, base in enumerate((2, 3, 5, 10, 13)):
        assert opened(outcomes, t, part) == [nearest(number, base) for number in numbers], base


def test_rounding_one_element_and_tables_and_large_bases() -> None:
    async def job(session: Session, index: int) -> list[list[int]]:
        x = session.input([149] if index == 0 else None, 0, 1, 0, 149)
        table = session.input(np.arange(6) if index == 1 else None, 1, 6, 0, 5).reshape((2, 3)).round_to(3)
        return [await share_list(session, y) for y in (x.round_to(100), x.round_to(299), x.round_to(10_000), table)]

    outcomes = run(job)
    assert opened(outcomes, part=0) == [100]
    assert opened(outcomes, part=1) == [0]
    assert opened(outcomes, part=2) == [0]
    assert opened(outcomes, part=3) == [0, 0, 3, 3, 3, 6]


def test_rounding_in_several_chunks_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from mpcgov.mpc import rounding

    monkeypatch.setattr(rounding, "CHUNK_ELEMENTS", 60)

    async def job(session: Session, index: int) -> list[int]:
        x = session.input(np.arange(50) if index == 0 else None, 0, 50, 0, 49)
        return await share_list(session, x.round_to(5))

    assert opened(run(job)) == [nearest(number, 5) for number in range(50)]


# -- convolution


@pytest.mark.parametrize("base", [2, 3, 5])
def test_convolution_of_one_hot_vectors_adds_their_positions(base: int) -> None:
    p = 2**61 - 1
    for i, j in itertools.product(range(base), repeat=2):
        a, b = OneHot(np.array([i]), 1), OneHot(np.array([j]), 1)
        dense = [convolve(side, OneHot(np.array([0]), 1), base, p) for side in (a, b)]
        expected = [int(place == (i + j) % base) for place in range(base)]
        for known, left in ((a, b), (a, dense[1]), (b, dense[0])):
            assert convolve(known, left, base, p)[0].tolist() == expected
            assert convolve(left, known, base, p)[0].tolist() == expected
        assert convolve(dense[0], dense[1], base, p)[0].tolist() == expected


# -- the mask


@pytest.mark.parametrize("parties", [3, 4, 5, 7])
@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 10**6), (-13, 2**32), (-(2**32), 2**32)])
@pytest.mark.parametrize("base", [2, 5, 10, 9999])
def test_the_mask_is_long_enough_for_the_statistical_distance_and_short_enough_for_the_field(
    parties: int, low: int, high: int, base: int
) -> None:
    for threshold in range(1, (parties + 1) // 2):
        config = config_for(parties, 0, threshold=threshold, value_bits=33, masked=40_000)
        field_bits = config.value_bits + 2 + config.security_bits + 2
        mask = plan_mask(low, high, base, config, 2 ** (field_bits - 1) + 1)
        one_subset = base << mask.tail_bits
        assert (high - low) * 2**40 * 40_000 <= one_subset
        assert high - mask.offset + config.subsets * (one_subset - 1) < 2 ** (field_bits - 1)
        assert mask.offset <= low
        assert mask.offset % base == 0


def test_a_field_that_the_masked_value_could_leave_is_refused() -> None:
    config = config_for(3, 0)
    mask = plan_mask(0, 1000, 5, config, 2**89 - 1)
    largest = 1005 + 3 * (5 << mask.tail_bits)
    plan_mask(0, 1000, 5, config, largest + 1)
    with pytest.raises(SpecError):
        plan_mask(0, 1000, 5, config, largest)


def toy(config: SessionConfig) -> SessionConfig:
    """The same with masks so short that their distribution can be counted."""

    class Toy(SessionConfig):
        security_bits = 8

    return Toy(config.parties, config.me, config.threshold, config.binding, config.value_bits, config.masked_openings)


def test_the_opened_value_given_one_partys_view_is_the_secret_plus_one_uniform_number() -> None:
    """By enumeration of all (s_S, t_S) of the one subset that a party doesn't hold, on a toy mask.

    The distance between the opened values of two secrets is exactly their difference over the number of masks.
    """
    base = 3
    mask = plan_mask(0, 9, base, toy(config_for(3, 0)), 2**61 - 1)
    masks = base << mask.tail_bits
    known = 1234  # what the subsets that the party is in add

    def distribution(d: int) -> Counter[int]:
        numbers = itertools.product(range(base), range(1 << mask.tail_bits))
        return Counter(d - mask.offset + known + base * tail + residue for residue, tail in numbers)

    for d, other in itertools.combinations(range(10), 2):
        left, right = distribution(d), distribution(other)
        distance = sum(abs(left[value] - right[value]) for value in left | right) / (2 * masks)
        assert distance == (other - d) / masks
        assert distance <= 2.0 ** -toy(config_for(3, 0)).subset_bits
    for d in range(10):  # modulo the base nothing shows at all
        assert set(Counter(value % base for value in distribution(d).elements()).values()) == {masks // base}


Seen = list[list[int]]


def opened_values(secret: int, count: int, m: int = 3, t: int = 1) -> list[dict[str, Any]]:
    """What each party sees and holds when `count` copies of a secret in 0 … 100 are rounded to multiples of 5."""

    async def job(session: Session, index: int) -> dict[str, Any]:
        seen: list[int] = []
        masks: dict[str, list[int]] = {}
        inner_output, inner_numbers = JobRuntime.output, JobRuntime.subset_numbers

        def output(self: JobRuntime, x: Any, **settings: Any) -> Any:
            opening = inner_output(self, x, **settings)
            opening.add_done_callback(lambda done: seen.extend(int(value) for value in done.result().value))
            return opening

        def numbers(self: JobRuntime, use: str, *rest: Any) -> Any:
            found = inner_numbers(self, use, *rest)
            masks.update({f"{use} {subset}": values.tolist() for subset, values in found.items()})
            return found

        x = session.input(np.full(count, secret) if index == 0 else None, 0, count, 0, 100)
        await share_list(session, x)
        put(JobRuntime, "output", output)
        put(JobRuntime, "subset_numbers", numbers)
        shares = await share_list(session, x.round_to(5))
        return {"seen": seen, "masks": masks, "shares": shares}

    outcomes = run(job, m, threshold=t)
    assert opened(outcomes, t, "shares") == [nearest(secret, 5)] * count
    return [outcome.value for outcome in outcomes]


def test_exactly_one_value_is_opened_and_it_is_masked_by_every_subsets_numbers() -> None:
    """All parties' masks together take the opened value back to the secret; all of one party's leave it uniform."""
    views = opened_values(37, 50)
    masks: dict[str, list[int]] = {}
    for view in views:
        assert len(view["seen"]) == 50
        assert view["seen"] == views[0]["seen"]
        masks.update(view["masks"])
    assert len(masks) == 6  # three subsets, two uses
    for place, value in enumerate(views[0]["seen"]):
        total = sum(numbers[place] * (5 if "tail" in use else 1) for use, numbers in masks.items())
        assert value - total == 37 + 2  # d = c + ⌊5/2⌋, over the integers: nothing wrapped
    for view in views:
        rest = [
            value - sum(numbers[place] * (5 if "tail" in use else 1) for use, numbers in view["masks"].items())
            for place, value in enumerate(view["seen"])
        ]
        assert min(rest) > 2**40
        assert len(set(rest)) == 50


def test_the_opened_value_has_the_same_distribution_for_different_secrets() -> None:
    """Chi-square over real runs: residues modulo the base, and top bits less what one party knows, look uniform."""
    count = 4000
    for secret in (0, 2, 3, 100):
        view = opened_values(secret, count)[0]
        residues = Counter(value % 5 for value in view["seen"])
        assert chi_square(residues, 5, count) < 30  # 4 degrees of freedom: 5 in a million
        longest = max(max(n) for use, n in view["masks"].items() if "tail" in use).bit_length()
        rest = [
            value - sum(numbers[place] * (5 if "tail" in use else 1) for use, numbers in view["masks"].items())
            for place, value in enumerate(view["seen"])
        ]
        eighths = Counter(value * 8 // (5 << longest) for value in rest)
        assert chi_square(eighths, 8, count) < 40  # 7 degrees of freedom: 1 in a million


def chi_square(frequencies: Counter[int], cells: int, count: int) -> float:
    expected = count / cells
    return sum((frequencies[cell] - expected) ** 2 / expected for cell in range(cells))


def test_one_hot_shares_of_a_subset_meet_in_its_vector_and_are_zero_outside() -> None:
    """f_S(i) at every party interpolates to 1 at 0 with degree t and is 0 outside S."""

    async def job(session: Session, _index: int) -> list[int]:
        runtime = session._runtime
        return [runtime.weight(subset) for subset in runtime.subsets]

    for m, t in ((3, 1), (5, 2), (7, 3)):
        outcomes = run(job, m, threshold=t)
        subsets = list(itertools.combinations(range(m), m - t))
        for place, subset in enumerate(subsets):
            points = {index + 1: outcomes[index].value[place] for index in range(m)}
            assert all(points[index + 1] == 0 for index in range(m) if index not in subset)
            for chosen in ({x: points[x] for x in range(1, t + 2)}, {x: points[x] for x in range(m - t, m + 1)}):
                assert interpolate(chosen, 0, outcomes[0].modulus) == 1
