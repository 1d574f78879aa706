"""Secret whole numbers of any length, and their rounding to a few significant bits: nothing is opened.

What is rounded is found from the leading digit (`mpc.whole`) other than 0, and from comparisons of it and the one below
with each power of two; for three parties from all bits at once, in far fewer rounds (`mpc.word.wholes`).
`mpcgov.disclosure.significand` says the same in plain code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.functions import concatenate
from mpcgov.mpc.whole import DIGIT, DIGIT_BITS, Limbs, Whole, carried, difference, digits_of, within
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.summands import Form
from mpcgov.mpc.word.wholes import Made

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Formed:
    """A number in low … high that is made of sums: a, or a · b, or a · b − c · d. Its step is greater than so many
    times `floor`, a sum ≥ 0, if there is one."""

    sums: tuple[Limbs, ...]
    low: int
    high: int
    floor: Limbs | None = None


def significant_together(
    numbers: Sequence[Formed], bits: int, floor_bits: int = 0
) -> list[tuple[SecretArray, SecretArray]]:
    """`significant`: with lanes of all numbers at once, else of those alike side by side. Steps are greater than
    2^floor_bits times the floors; a sum that several numbers are made of is the same object in all."""
    engine = numbers[0].sums[0].limbs[0]._engine if numbers else None
    if isinstance(engine, WordEngine) and engine.has_lanes:
        return _with_lanes(engine, numbers, bits, floor_bits)
    wholes = _carried(one for number in numbers for one in number.sums)
    made = [_formed(number, [wholes[id(one)] for one in number.sums]) for number in numbers]
    floors = [number.floor for number in numbers]
    more = _carried(one for one in (*made, *floors) if isinstance(one, Limbs))
    whole = [more[id(one)] if isinstance(one, Limbs) else one for one in made]
    least = [None if floor is None else more[id(floor)] for floor in floors]
    both = list(zip(whole, least, strict=True))
    alike = [(len(one.digits), one.low < 0, floor and len(floor.digits)) for one, floor in both]
    return _in_groups(both, alike, lambda group: _side_by_side(group, bits, floor_bits))


def _formed(number: Formed, sums: Sequence[Whole]) -> Whole | Limbs:
    """A number of whole sums, as limbs if it is a product."""
    if len(sums) == 1:
        return sums[0]
    limbs = sums[0] * sums[1]
    return Limbs(limbs if len(sums) == 2 else difference(limbs, sums[2] * sums[3]), DIGIT_BITS, number.low, number.high)


def _carried(numbers: Iterable[Limbs]) -> dict[int, Whole]:
    """Their digits, of those alike side by side."""
    distinct = {id(one): one for one in numbers}

    def carrying(group: list[Limbs]) -> list[Whole]:
        low, high = min(one.low for one in group), max(one.high for one in group)
        together = [concatenate(list(limbs)) for limbs in zip(*(one.limbs for one in group), strict=True)]
        whole, sizes = carried(together, group[0].radix_bits, low, high), [len(one.limbs[0]) for one in group]
        columns = [_apart(digit, sizes) for digit in whole.digits]
        return [Whole(digits, one.low, one.high) for one, *digits in zip(group, *columns, strict=True)]

    found = list(distinct.values())
    keys = [(len(one.limbs), one.radix_bits, digits_of(one.low, one.high)) for one in found]
    return dict(zip(distinct, _in_groups(found, keys, carrying), strict=True))


def _side_by_side(
    group: Sequence[tuple[Whole, Whole | None]], bits: int, floor_bits: int
) -> list[tuple[SecretArray, SecretArray]]:
    number, floor = (_stacked([one for one in column if one is not None]) for column in zip(*group, strict=True))
    units, exponents = significant(number, bits, floor if floor.digits else None, floor_bits)
    sizes = [len(one.digits[0]) for one, _ in group]
    return list(zip(_apart(units, sizes), _apart(exponents, sizes), strict=True))


def _stacked(group: Sequence[Whole]) -> Whole:
    """Numbers of equally many digits as one; of none: without a digit."""
    digits = [concatenate(list(column)) for column in zip(*(one.digits for one in group), strict=True)]
    return Whole(digits, min((one.low for one in group), default=0), max((one.high for one in group), default=0))


def _with_lanes(
    engine: WordEngine, numbers: Sequence[Formed], bits: int, floor_bits: int
) -> list[tuple[SecretArray, SecretArray]]:
    def small(one: Formed) -> bool:
        return one.floor is None and len(one.sums) == len(one.sums[0].limbs) == 1 and _fits(one, bits)

    def rounding(group: list[Formed]) -> list[tuple[SecretArray, SecretArray]]:
        if not small(group[0]):
            return _in_lanes(engine, group, bits, floor_bits)
        limbs = [within(one.sums[0].limbs[0], one.low, one.high) for one in group]
        return [(limb, limb * 0) for limb in limbs]

    return _in_groups(numbers, [(len(one.sums[0].limbs[0]), small(one)) for one in numbers], rounding)


def _in_lanes(
    engine: WordEngine, group: Sequence[Formed], bits: int, floor_bits: int
) -> list[tuple[SecretArray, SecretArray]]:
    """All numbers of as many elements each at once."""
    needed = [one for number in group for one in (*number.sums, number.floor) if one is not None]
    sums = list({id(one): one for one in needed}.values())
    places = {id(one): place for place, one in enumerate(sums)}
    limbs = concatenate([limb.reshape((1, len(limb))) for one in sums for limb in one.limbs])
    forms = [Form(len(one.limbs), one.radix_bits, _length(one.low, one.high)) for one in sums]
    made = [
        Made(
            tuple(places[id(one)] for one in number.sums),
            _length(number.low, number.high),
            None if number.floor is None else places[id(number.floor)],
        )
        for number in group
    ]
    found = limbs._made(lambda: engine.significands(limbs._backing, forms, made, bits, floor_bits), 0, 0)

    def row(place: int, low: int, high: int) -> SecretArray:
        return within(found[place].reshape((limbs.shape[1],)), low, high)

    return [
        (
            row(place, -(1 << bits) if one.low < 0 else 0, (1 << bits) - 1),
            row(len(group) + place, 0, most_exponent(one.low, one.high, bits, _least(one.floor, floor_bits))),
        )
        for place, one in enumerate(group)
    ]


def _length(low: int, high: int) -> int:
    """Bits of a number in low … high, its sign's included."""
    return max(high, -1 - low).bit_length() + 1


def _fits(one: Whole | Formed, bits: int) -> bool:
    return max(one.high, -1 - one.low) < 1 << bits


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
