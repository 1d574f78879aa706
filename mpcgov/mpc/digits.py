"""Secret numbers of more bits than a word: their digits, found from limbs without opening anything."""

from __future__ import annotations

from collections.abc import Sequence

from mpcgov.errors import SpecError
from mpcgov.mpc.arrays import SecretArray


def lifted_digits(places: Sequence[SecretArray], lift: int, radix_bits: int) -> list[SecretArray]:
    """The digits of Σ (places[k] + lift) · 2^(k·radix_bits); a single place as it is."""
    return list(places) if len(places) == 1 else whole_digits([place + lift for place in places], radix_bits)


def whole_digits(limbs: Sequence[SecretArray], radix_bits: int) -> list[SecretArray]:
    """The digits of Σ limbs[k] · 2^(k·radix_bits), the lowest first; all but the last from 0 to 2^radix_bits − 1.

    They depend on the whole number only, not on which limbs it came from. Limbs are from 0 up, below 2^58.
    """
    if any(limb.low < 0 for limb in limbs):
        raise SpecError("digits of limbs that may be negative")
    digits, rest = [], limbs[0]
    for limb in limbs[1:]:
        digit, carry = split(rest, 1 << radix_bits)
        digits.append(digit)
        rest = limb + carry
    return [*digits, rest]


def split(x: SecretArray, base: int) -> tuple[SecretArray, SecretArray]:
    """x modulo base, and ⌊x / base⌋."""
    below = (x - base // 2)._rounded(base)  # to the nearest from half a base lower: ⌊x / base⌋ · base
    digit = x._made(lambda: (x - below)._backing, 0, base - 1)
    return digit, x._made(lambda: x._engine.divide_exactly(below._backing, base), x.low // base, x.high // base)
