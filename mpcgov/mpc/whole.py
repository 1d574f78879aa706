"""Secret whole numbers of any length, by digits, and how limbs of other lengths become such: nothing is opened.

A number is Σ d_k · 2^(24k), two's complement: all digits from 0 to 2^24 − 1 but the last, which has the sign.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.digits import split

DIGIT_BITS = 24
DIGIT = 1 << DIGIT_BITS


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
    put(within(rest, low >> at, high >> at), at)
    found = [digit for digit in digits if digit is not None]
    top = low >> (DIGIT_BITS * last), high >> (DIGIT_BITS * last)
    return Whole((*(within(digit, 0, DIGIT - 1) for digit in found[:-1]), within(found[-1], *top)), low, high)


@dataclass(frozen=True)
class Limbs:
    """Σ limbs[k] · 2^(k·radix_bits) in low … high, the limbs within ±2^58."""

    limbs: Sequence[SecretArray]
    radix_bits: int
    low: int
    high: int


def digits_of(low: int, high: int) -> int:
    """How many digits a number in low … high has."""
    return max(1, -(-max(high, -1 - low).bit_length() // DIGIT_BITS))


def within(x: SecretArray, low: int, high: int) -> SecretArray:
    """The same numbers, which are known to be in these bounds."""
    return x._made(lambda: x._backing, low, high)
