"""Secret numbers of more bits than a word, place by place: from shares of limbs to digits."""

from __future__ import annotations

import numpy as np

from mpcgov.linked.dealing import Dealing
from mpcgov.linked.sums import SAFE_BITS, Sum
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.digits import whole_digits
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words

Places = list[SecretArray]
"""A secret number for each cell, digit by digit, the lowest first."""


def array_of(engine: WordEngine, share: Words, low: int, high: int) -> SecretArray:
    """Our shares of numbers as an array of them."""
    return SecretArray(engine, engine.secret(np.ascontiguousarray(share)), low, high)


def limbs_of(engine: WordEngine, plan: Dealing, shares: Words) -> dict[Sum, Places]:
    """By sum its limbs, not carried yet, from shares of all places of a dealing's sums, shape (places, cells)."""
    result, at = {}, 0
    for one in plan.sums:
        places = shares[at : at + one.places]
        at += one.places
        if one.places == 1:
            result[one] = [array_of(engine, places[0], one.low, one.high)]
        else:
            limit = 1 << SAFE_BITS
            result[one] = [array_of(engine, place, -limit, limit) + one.lift for place in places]
    return result


def noisy_digits(one: Sum, limbs: Places, noise: Places) -> Places:
    """The digits of a sum with its noise."""
    limbs = [limb + more for limb, more in zip(limbs, noise, strict=True)]
    return limbs if one.places == 1 else whole_digits(limbs, one.radix_bits)
