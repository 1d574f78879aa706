"""Secret whole numbers of any length, and their rounding to a few significant bits: nothing is opened.

A number is Σ d_k · 2^(24k), two's complement: all digits from 0 to 2^24 − 1 but the last, which has the sign. What is
rounded is found from the leading digit other than 0, and from comparisons of it and the one below with each power of
two; for three parties from all bits at once, in far fewer rounds (`mpc.word.wholes`). `mpcgov.disclosure.significand`
says the same in plain code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.digits import split
from mpcgov.mpc.functions import concatenate
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.wholes import Form

DIGIT_BITS = 24
_DIGIT = 1 << DIGIT_BITS
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Whole:
    """Secret whole numbers in low … high, by digits, the lowest first; each shape (n,)."""

    digits: Sequence[SecretArray]
    low: int
    high: int

    def __mul__(self, other: Whole) -> list[SecretArray]:
        """Products, as limbs for `carried`."""
        limbs: list[SecretArray | None] = [None] * (len(self.digits) + len(other.digits) - 1)
        for i, a in enumerate(self.digits):
            for j, b in enumerate(other.digits):
                so_far = limbs[i + j]
                limbs[i + j] = a * b if so_far is None else so_far + a * b
        return [limb for limb in limbs if limb is not None]


def difference(a: Sequence[SecretArray], b: Sequence[SecretArray]) -> list[SecretArray]:
    """a − b, limb by limb."""
    zero = a[0] * 0
    return [x - y for x, y in itertools.zip_longest(a, b, fillvalue=zero)]


def carried(limbs: Sequence[SecretArray], radix_bits: int, low: int, high: int) -> Whole:
    """Σ limbs[k] · 2^(k·radix_bits), which is in low … high, in digits. Limbs are within ±2^58."""
    last = digits_of(low, high) - 1
    cuts = {DIGIT_BITS * k for k in range(1, last + 1)} | {radix_bits * k for k in range(1, len(limbs))}
    digits: list[SecretArray | None] = [None] * (last + 1)

    def put(piece: SecretArray, at: int) -> None:
        place = min(at // DIGIT_BITS, last)
        shifted, so_far = piece * (1 << (at - DIGIT_BITS * place)), digits[place]
        digits[place] = shifted if so_far is None else so_far + shifted

    rest, at = limbs[0], 0
    for cut in sorted(cuts):
        piece, rest = split(rest, 1 << (cut - at))
        put(piece, at)
        at = cut
        if radix_bits and at % radix_bits == 0 and at // radix_bits < len(limbs):
            rest = rest + limbs[at // radix_bits]
    put(_within(rest, low >> at, high >> at), at)
    found = [digit for digit in digits if digit is not None]
    top = low >> (DIGIT_BITS * last), high >> (DIGIT_BITS * last)
    return Whole((*(_within(digit, 0, _DIGIT - 1) for digit in found[:-1]), _within(found[-1], *top)), low, high)


@dataclass(frozen=True)
class Limbs:
    """Σ limbs[k] · 2^(k·radix_bits) in low … high, the limbs within ±2^58."""

    limbs: Sequence[SecretArray]
    radix_bits: int
    low: int
    high: int


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


def significant_together(numbers: Sequence[Whole | Limbs], bits: int) -> list[tuple[SecretArray, SecretArray]]:
    """`significant`: with lanes of all numbers at once, else of those alike side by side."""

    def work(group: list[Whole]) -> list[tuple[SecretArray, SecretArray]]:
        low, high = min(one.low for one in group), max(one.high for one in group)
        stacked = [concatenate(list(digits)) for digits in zip(*(one.digits for one in group), strict=True)]
        sizes = [len(one.digits[0]) for one in group]
        units, exponents = significant(Whole(stacked, low, high), bits)
        return list(zip(_apart(units, sizes), _apart(exponents, sizes), strict=True))

    limbs = [one if isinstance(one, Limbs) else Limbs(one.digits, DIGIT_BITS, one.low, one.high) for one in numbers]
    if engine := _lanes(limbs):
        keys = [(len(one.limbs[0]), _is_digit(one) and _fits(one, bits)) for one in limbs]
        return _in_groups(limbs, keys, lambda group: _significant_in_lanes(engine, group, bits))
    waiting = [one for one in numbers if isinstance(one, Limbs)]
    known = iter(carried_together(waiting))
    wholes = [next(known) if isinstance(one, Limbs) else one for one in numbers]
    return _in_groups(wholes, [(len(one.digits), one.low < 0) for one in wholes], work)


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
        return [Whole([_within(one.limbs[0], one.low, one.high)], one.low, one.high) for one in group]
    limbs, forms = _forms(group)
    found = limbs._made(lambda: engine.whole_digits(limbs._backing, forms, DIGIT_BITS), 0, _DIGIT - 1)
    wholes, first = [], 0
    for one, form in zip(group, forms, strict=True):
        last = first + form.digits(DIGIT_BITS) - 1
        top = (bound >> (DIGIT_BITS * (last - first)) for bound in (one.low, one.high))
        digits = [*(found[row] for row in range(first, last)), _within(found[last], *top)]
        wholes.append(Whole([digit.reshape((digit.size,)) for digit in digits], one.low, one.high))
        first = last + 1
    return wholes


def _significant_in_lanes(engine: WordEngine, group: list[Limbs], bits: int) -> list[tuple[SecretArray, SecretArray]]:
    if _is_digit(group[0]) and all(_fits(one, bits) for one in group):
        return [(one.limbs[0], one.limbs[0] * 0) for one in group]
    limbs, forms = _forms(group)
    found = limbs._made(lambda: engine.significands(limbs._backing, forms, bits), 0, 0)

    def row(place: int, low: int, high: int) -> SecretArray:
        return _within(found[place].reshape((limbs.shape[1],)), low, high)

    return [
        (
            row(place, -(1 << bits) if one.low < 0 else 0, (1 << bits) - 1),
            row(len(group) + place, 0, most_exponent(one.low, one.high, bits)),
        )
        for place, one in enumerate(group)
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


def digits_of(low: int, high: int) -> int:
    """How many digits a number in low … high has."""
    return max(1, -(-max(high, -1 - low).bit_length() // DIGIT_BITS))


def most_exponent(low: int, high: int, bits: int) -> int:
    """The greatest exponent that `significant` can give."""
    return max(0, max(high, -1 - low).bit_length() + 1 - bits)


def significant(whole: Whole, bits: int) -> tuple[SecretArray, SecretArray]:
    """The nearest multiples of 2^e, halves up, divided by it; and e ≥ 0, the least with which they have `bits` bits.

    About 70 rounds and 2 comparisons for each bit of a digit, whatever the numbers. `bits`: 2 to 24.
    """
    digits, low, high = whole.digits, whole.low, whole.high
    if _fits(whole, bits):
        return digits[0], digits[0] * 0
    negative = None if low >= 0 else digits[-1] < 0
    if negative is not None:  # −1 − v, digit by digit
        ones = [_DIGIT - 1] * (len(digits) - 1) + [-1]
        digits = tuple(
            _within(d + negative * (one - 2 * d), 0, _DIGIT - 1) for d, one in zip(digits, ones, strict=True)
        )
    leading = _leading(digits)
    zero = digits[0] * 0
    window = _sum(at * (d * _DIGIT + below) for at, d, below in zip(leading, digits, (zero, *digits), strict=False))
    window = _within(window, 0, _DIGIT**2 - 1)
    reached = _reached(window, bits)
    factor = _within(_DIGIT - _sum(bit * (_DIGIT >> i) for i, bit in enumerate(reached, 1)), 1, _DIGIT)
    scaled = window._made(lambda: window._backing * factor._backing, 0, 2 * _DIGIT**2 - (_DIGIT**2 >> bits) - 1)
    rounded = _within(scaled._divided(1 << (2 * DIGIT_BITS + 1 - bits), 0), 0, (1 << bits) - 1)
    large = _within(_sum([zero, *leading[1:]]) + leading[0] * reached[bits - 1], 0, 1)
    units = digits[0] + large * (rounded - digits[0])
    place = _sum(DIGIT_BITS * k * at for k, at in enumerate(leading)) + _sum(reached) + (1 - bits)
    exponent = _within(large * place, 0, most_exponent(low, high, bits))
    if negative is not None:
        units = units - negative * (2 * units + (1 - large))
    return _within(units, -(1 << bits) if negative is not None else 0, (1 << bits) - 1), exponent


def _leading(digits: Sequence[SecretArray]) -> list[SecretArray]:
    """By digit, 1 where it is the highest that isn't 0."""
    size = len(digits[0])
    some = concatenate(list(digits)) >= 1
    none: SecretArray | None = None
    found: list[SecretArray] = []
    for k in reversed(range(len(digits))):
        here = some[k * size : (k + 1) * size]
        leads = here if none is None else none * here
        none = 1 - here if none is None else _within(none - leads, 0, 1)
        found.append(leads)
    return found[::-1]


def _reached(window: SecretArray, bits: int) -> list[SecretArray]:
    """Whether a leading digit with the one below reaches 2^1 … 2^24 times its least, once it is rounded."""
    size = len(window)
    ends = np.array([(_DIGIT << i) - (_DIGIT << i >> (bits + 1)) for i in range(1, DIGIT_BITS + 1)], np.int64)
    both = concatenate([window] * DIGIT_BITS) >= np.repeat(ends, size)
    return [both[i * size : (i + 1) * size] for i in range(DIGIT_BITS)]


def _sum(terms: Iterable[SecretArray]) -> SecretArray:
    first, *others = terms
    return sum(others, start=first)


def _within(x: SecretArray, low: int, high: int) -> SecretArray:
    """The same numbers, which are known to be in these bounds."""
    return x._made(lambda: x._backing, low, high)
