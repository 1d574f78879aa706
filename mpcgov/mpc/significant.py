"""Secret whole numbers of any length, and their rounding to a few significant bits: nothing is opened.

What is rounded is found from the leading digit (`mpc.whole`) other than 0, and from comparisons of it and the one below
with each power of two; for three parties from all bits at once, in far fewer rounds (`mpc.word.wholes`).
`mpcgov.disclosure.significand` says the same in plain code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.functions import concatenate
from mpcgov.mpc.whole import DIGIT, DIGIT_BITS, Limbs, Whole, carried, digits_of, within
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.wholes import Form

T = TypeVar("T")
R = TypeVar("R")


def carried_together(numbers: Sequence[Limbs]) -> list[Whole]:
    """Their digits: with lanes those of all numbers at once, else of those alike side by side."""

    def carrying(group: list[Limbs]) -> list[Whole]:
        low, high = min(one.low for one in group), max(one.high for one in group)
        stacked = [concatenate(list(limbs)) for limbs in zip(*(one.limbs for one in group), strict=True)]
        whole, sizes = carried(stacked, group[0].radix_bits, low, high), [len(one.limbs[0]) for one in group]
        columns = [_apart(digit, sizes) for digit in whole.digits]
        return [Whole(digits, one.low, one.high) for one, *digits in zip(group, *columns, strict=True)]

    if engine := _lanes(numbers):
        alike = [(len(one.limbs[0]), _is_digit(one)) for one in numbers]
        return _in_groups(numbers, alike, lambda group: _carried_in_lanes(engine, group))
    keys = [(len(one.limbs), one.radix_bits, digits_of(one.low, one.high)) for one in numbers]
    return _in_groups(numbers, keys, carrying)


def significant_together(
    numbers: Sequence[Whole | Limbs], bits: int, floors: Sequence[Limbs | None] = (), floor_bits: int = 0
) -> list[tuple[SecretArray, SecretArray]]:
    """`significant`: with lanes of all numbers at once, else of those alike side by side.

    `floors`: of each number one ≥ 0, than 2^floor_bits times which its step is greater, or None.
    """
    least = list(floors) or [None] * len(numbers)
    if engine := _lanes([_as_limbs(one) for one in numbers]):
        limbs = [(_as_limbs(one), floor) for one, floor in zip(numbers, least, strict=True)]
        keys = [(len(one.limbs[0]), floor is None and _is_digit(one) and _fits(one, bits)) for one, floor in limbs]
        return _in_groups(limbs, keys, lambda group: _significant_in_lanes(engine, group, bits, floor_bits))
    waiting = [one for one in (*numbers, *least) if isinstance(one, Limbs)]
    known = iter(carried_together(waiting))
    wholes = [next(known) if isinstance(one, Limbs) else one for one in (*numbers, *least)]
    both = list(zip(wholes[: len(numbers)], wholes[len(numbers) :], strict=True))
    alike = [(len(one.digits), one.low < 0, floor and len(floor.digits)) for one, floor in both if one is not None]
    return _in_groups(both, alike, lambda group: _side_by_side(group, bits, floor_bits))


def _side_by_side(
    group: Sequence[tuple[Whole | None, Whole | None]], bits: int, floor_bits: int
) -> list[tuple[SecretArray, SecretArray]]:
    stacked = [_stacked([one for one in column if one is not None]) for column in zip(*group, strict=True)]
    units, exponents = significant(stacked[0], bits, stacked[1] if stacked[1].digits else None, floor_bits)
    sizes = [len(one.digits[0]) for one, _ in group if one is not None]
    return list(zip(_apart(units, sizes), _apart(exponents, sizes), strict=True))


def _stacked(group: Sequence[Whole]) -> Whole:
    """Numbers of equally many digits as one; of none: without a digit."""
    digits = [concatenate(list(column)) for column in zip(*(one.digits for one in group), strict=True)]
    return Whole(digits, min((one.low for one in group), default=0), max((one.high for one in group), default=0))


def _as_limbs(one: Whole | Limbs) -> Limbs:
    return one if isinstance(one, Limbs) else Limbs(one.digits, DIGIT_BITS, one.low, one.high)


def _lanes(numbers: Sequence[Limbs]) -> WordEngine | None:
    """The numbers' engine, if it computes with bits in lanes."""
    engine = numbers[0].limbs[0]._engine if numbers else None
    return engine if isinstance(engine, WordEngine) and engine.has_lanes else None


def _is_digit(one: Limbs) -> bool:
    return len(one.limbs) == 1 and digits_of(one.low, one.high) == 1


def _fits(one: Whole | Limbs, bits: int) -> bool:
    return max(one.high, -1 - one.low) < 1 << bits


def _forms(group: list[Limbs]) -> tuple[SecretArray, list[Form]]:
    """All limbs as rows, and how they are to be read."""
    rows = [limb.reshape((1, len(limb))) for one in group for limb in one.limbs]
    forms = [Form(len(one.limbs), one.radix_bits, max(one.high, -1 - one.low).bit_length() + 1) for one in group]
    return concatenate(rows), forms


def _carried_in_lanes(engine: WordEngine, group: list[Limbs]) -> list[Whole]:
    if _is_digit(group[0]):
        return [Whole([within(one.limbs[0], one.low, one.high)], one.low, one.high) for one in group]
    limbs, forms = _forms(group)
    found = limbs._made(lambda: engine.whole_digits(limbs._backing, forms, DIGIT_BITS), 0, DIGIT - 1)
    wholes, first = [], 0
    for one, form in zip(group, forms, strict=True):
        last = first + form.digits(DIGIT_BITS) - 1
        top = (bound >> (DIGIT_BITS * (last - first)) for bound in (one.low, one.high))
        digits = [*(found[row] for row in range(first, last)), within(found[last], *top)]
        wholes.append(Whole([digit.reshape((digit.size,)) for digit in digits], one.low, one.high))
        first = last + 1
    return wholes


def _significant_in_lanes(
    engine: WordEngine, group: list[tuple[Limbs, Limbs | None]], bits: int, floor_bits: int
) -> list[tuple[SecretArray, SecretArray]]:
    numbers = [one for one, _ in group]
    if all(floor is None and _is_digit(one) and _fits(one, bits) for one, floor in group):
        return [(one.limbs[0], one.limbs[0] * 0) for one in numbers]
    floors = {place: floor for place, (_, floor) in enumerate(group) if floor is not None}
    limbs, forms = _forms([*numbers, *floors.values()])
    found = limbs._made(lambda: engine.significands(limbs._backing, forms, bits, list(floors), floor_bits), 0, 0)

    def row(place: int, low: int, high: int) -> SecretArray:
        return within(found[place].reshape((limbs.shape[1],)), low, high)

    return [
        (
            row(place, -(1 << bits) if one.low < 0 else 0, (1 << bits) - 1),
            row(len(group) + place, 0, most_exponent(one.low, one.high, bits, _least(floors.get(place), floor_bits))),
        )
        for place, one in enumerate(numbers)
    ]


def _in_groups(items: Sequence[T], keys: Sequence[Hashable], work: Callable[[list[T]], list[R]]) -> list[R]:
    """What `work` makes of the items, in their order; it gets those with equal keys together."""
    found: dict[int, R] = {}
    for key in dict.fromkeys(keys):
        places = [place for place, other in enumerate(keys) if other == key]
        found |= dict(zip(places, work([items[place] for place in places]), strict=True))
    return [found[place] for place in range(len(items))]


def _apart(x: SecretArray, sizes: Sequence[int]) -> list[SecretArray]:
    ends = list(itertools.accumulate(sizes))
    return [x[end - size : end] for size, end in zip(sizes, ends, strict=True)]


def most_exponent(low: int, high: int, bits: int, least: int = 0) -> int:
    """The greatest exponent that `significant` can give, of a number whose floor has so many bits at most."""
    return max(least, max(high, -1 - low).bit_length() + 1 - bits)


def _least(floor: Whole | Limbs | None, floor_bits: int) -> int:
    return 0 if floor is None else floor.high.bit_length() + floor_bits


def significant(
    whole: Whole, bits: int, floor: Whole | None = None, floor_bits: int = 0
) -> tuple[SecretArray, SecretArray]:
    """The nearest multiples of 2^e, halves up, divided by it; and e ≥ 0, the least with which they have `bits` bits
    and 2^e is greater than 2^floor_bits times the floor, which is not negative.

    About 70 rounds and 2 comparisons for each bit of a digit, whatever the numbers. `bits`: 2 to 24.
    """
    digits, low, high = list(whole.digits), whole.low, whole.high
    if floor is None and _fits(whole, bits):
        return digits[0], digits[0] * 0
    negative = None if low >= 0 else digits[-1] < 0
    if negative is not None:  # −1 − v, digit by digit
        ones = [DIGIT - 1] * (len(digits) - 1) + [-1]
        digits = [within(d + negative * (one - 2 * d), 0, DIGIT - 1) for d, one in zip(digits, ones, strict=True)]
    zero = digits[0] * 0
    least = [] if floor is None else _raised(floor, bits + floor_bits)
    digits += [zero] * (len(least) - len(digits))
    leading = _leading([_sum(both) for both in _columns(digits, least)])
    window = _window(leading, digits)
    reached = _reached(window, bits)
    if least:
        more = _reached(_window(leading, [*least, *[zero] * (len(digits) - len(least))]), None)
        reached = [a + b - a * b for a, b in zip(reached, more, strict=True)]
    factor = within(DIGIT - _sum(bit * (DIGIT >> i) for i, bit in enumerate(reached, 1)), 1, DIGIT)
    scaled = window._made(lambda: window._backing * factor._backing, 0, 2 * DIGIT**2 - (DIGIT**2 >> bits) - 1)
    rounded = within(scaled._divided(1 << (2 * DIGIT_BITS + 1 - bits), 0), 0, (1 << bits) - 1)
    large = within(_sum([zero, *leading[1:]]) + leading[0] * reached[bits - 1], 0, 1)
    units = digits[0] + large * (rounded - digits[0])
    place = _sum(DIGIT_BITS * k * at for k, at in enumerate(leading)) + _sum(reached) + (1 - bits)
    exponent = within(large * place, 0, most_exponent(low, high, bits, _least(floor, floor_bits)))
    if negative is not None:
        units = units - negative * (2 * units + (1 - large))
    return within(units, -(1 << bits) if negative is not None else 0, (1 << bits) - 1), exponent


def _raised(floor: Whole, bits: int) -> list[SecretArray]:
    """The digits of 2^bits times a number."""
    zeros, shift = divmod(bits, DIGIT_BITS)
    limbs = [floor.digits[0] * 0] * zeros + [digit * (1 << shift) for digit in floor.digits]
    return list(carried(limbs, DIGIT_BITS, 0, floor.high << bits).digits)


def _window(leading: Sequence[SecretArray], digits: Sequence[SecretArray]) -> SecretArray:
    """The digit that leads, and the one below it."""
    below = (digits[0] * 0, *digits)
    window = _sum(at * (d * DIGIT + under) for at, d, under in zip(leading, digits, below, strict=False))
    return within(window, 0, DIGIT**2 - 1)


def _columns(a: Sequence[SecretArray], b: Sequence[SecretArray]) -> list[list[SecretArray]]:
    return [[*a[k : k + 1], *b[k : k + 1]] for k in range(max(len(a), len(b)))]


def _leading(digits: Sequence[SecretArray]) -> list[SecretArray]:
    """By digit, 1 where it is the highest that isn't 0."""
    size = len(digits[0])
    some = concatenate(list(digits)) >= 1
    none: SecretArray | None = None
    found: list[SecretArray] = []
    for k in reversed(range(len(digits))):
        here = some[k * size : (k + 1) * size]
        leads = here if none is None else none * here
        none = 1 - here if none is None else within(none - leads, 0, 1)
        found.append(leads)
    return found[::-1]


def _reached(window: SecretArray, bits: int | None) -> list[SecretArray]:
    """Whether a leading digit with the one below reaches 2^1 … 2^24 times its least, once it is rounded to so many
    bits."""
    size = len(window)
    spare = [0 if bits is None else DIGIT << i >> (bits + 1) for i in range(1, DIGIT_BITS + 1)]
    ends = np.array([(DIGIT << i) - less for i, less in enumerate(spare, 1)], np.int64)
    both = concatenate([window] * DIGIT_BITS) >= np.repeat(ends, size)
    return [both[i * size : (i + 1) * size] for i in range(DIGIT_BITS)]


def _sum(terms: Iterable[SecretArray]) -> SecretArray:
    first, *others = terms
    return sum(others, start=first)
