"""Whole numbers of several words for m = 3: their digits, and their rounding to significant bits, without opening them.

A number is Σ limbs[k] · 2^(k·radix_bits). The bits of all limbs of all numbers are found together, added up in two's
complement, and become field elements only at the end: see `binary`. How many rounds this takes depends on the greatest
number's length alone, by its logarithm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mpcgov.mpc.word import binary, field
from mpcgov.mpc.word.binary import SIGN
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Pieces, weighed
from mpcgov.mpc.word.wire import Channel, in_batches

BATCH_LIMBS = 1 << 12
"""Limbs in one batch: some kB each while it lasts."""


@dataclass(frozen=True)
class Form:
    """How a number is given: by so many limbs; and how long it is, its sign's bit included."""

    limbs: int
    radix_bits: int
    bits: int

    def digits(self, digit_bits: int) -> int:
        """How many digits it has; the last takes in the sign."""
        return max(1, -(-(self.bits - 1) // digit_bits))


async def digits(channel: Channel, prss: Prss, limbs: Words, forms: Sequence[Form], digit_bits: int) -> Words:
    """All digits of all numbers, the lowest first, each but a number's last from 0 up; shape (digits, n).

    Args:
        limbs: of degree 1, within ±2^59; those of each number in turn, the lowest first, shape (limbs, n).
    """

    async def step(part: Channel, piece: Words) -> Words:
        return await _digits(part, prss, piece, forms, digit_bits)

    return await _in_batches(channel, limbs, step)


async def significands(
    channel: Channel,
    prss: Prss,
    limbs: Words,
    forms: Sequence[Form],
    kept: int,
    floors: Sequence[int] = (),
    floor_bits: int = 0,
) -> Words:
    """The units of all numbers, then their exponents: `mpcgov.disclosure.significand`; limbs as in `digits`.

    Shape (2 · numbers, n). `kept`: how many significant bits. `floors`: the last forms are of numbers ≥ 0, than
    2^floor_bits times which a step of another number, here by its place, is greater.
    """

    async def step(part: Channel, piece: Words) -> Words:
        return await _significands(part, prss, piece, forms, kept, floors, floor_bits)

    return await _in_batches(channel, limbs, step)


async def _in_batches(channel: Channel, limbs: Words, step: Callable[[Channel, Words], Awaitable[Words]]) -> Words:
    async def one(part: Channel, piece: slice) -> Words:
        return (await step(part, np.ascontiguousarray(limbs[:, piece]))).T

    size = max(1, BATCH_LIMBS // len(limbs))
    return np.ascontiguousarray((await in_batches(channel, limbs.shape[1], size, one)).T)


async def _digits(channel: Channel, prss: Prss, limbs: Words, forms: Sequence[Form], digit_bits: int) -> Words:
    bits = binary.unpacked(await _bits(channel, prss, limbs, forms), len(forms) * limbs.shape[1])
    left, right = (piece.reshape(-1, len(forms), limbs.shape[1]) for piece in (bits.left, bits.right))
    numbers = []
    for place, form in enumerate(forms):
        last = form.digits(digit_bits) - 1
        for digit in range(last + 1):
            part = slice(digit_bits * digit, form.bits if digit == last else digit_bits * (digit + 1))
            weights = [1 << k for k in range(part.stop - part.start)]
            if digit == last:
                weights[-1] *= -1
            numbers.append((Pieces(left[part, place], right[part, place]), weights))
    return np.stack(await weighed(channel, prss, numbers))


async def _significands(
    channel: Channel, prss: Prss, limbs: Words, forms: Sequence[Form], kept: int, floors: Sequence[int], floor_bits: int
) -> Words:
    """The magnitude is v, or −1 − v if v < 0: all bits flipped. From where its highest bit is, or that of
    2^(kept + floor_bits) times the floor, follow the exponent, the bits that are kept, and the one that rounds them. If
    all of these are 1, rounding makes them 2^kept, which is 2^(kept − 1) of twice the unit.
    """
    numbers = len(forms) - len(floors)
    longest = max((floor_bits + form.bits for form in forms[numbers:]), default=2)
    words, least = _apart(await _bits(channel, prss, limbs, forms, kept + longest), floors, numbers, limbs.shape[1])
    rows, count = len(words.left), numbers * limbs.shape[1]
    negative = words[rows - 1 :]
    size = words[: rows - 1] ^ binary.repeated(negative, rows - 1)
    above = size[kept:]
    if least is not None:
        least = binary.nothing(floor_bits, least.left.shape[1]).stacked(least)[: len(above.left)]
        above = above ^ least ^ await binary.product(channel, prss, above, least)
    above = await binary.any_above(channel, prss, above)
    large, steps = above[:1], rows - 1 - kept
    at = binary.flipped(prss, large).stacked(above[: steps - 1] ^ above[1:]).stacked(above[steps - 1 :])
    picked = await binary.inner_products(channel, prss, at, size, [*range(kept), -1])
    over = await binary.all_of(channel, prss, picked)
    exponent = [[e for e in range(steps + 1) if e >> k & 1] for k in range(steps.bit_length())]
    powers = Pieces(*(_xors(piece, exponent) for piece in (at.left, at.right)))
    weighted = [
        (picked.stacked(over), [*(1 << k for k in range(kept)), 1, -(1 << (kept - 1))]),
        (powers.stacked(over), [*(1 << k for k in range(len(exponent))), 1]),
        (negative, [1]),
        (large, [1]),
    ]
    unpacked = [(binary.unpacked(bits, count), weights) for bits, weights in weighted]
    units, exponents, sign, is_large = await weighed(channel, prss, unpacked)
    change = field.combine([2, -1], [units, is_large])  # −units of a large number, −1 − units of another
    change = await product(channel, prss, sign, field.add(change, np.ones_like(change)))
    return np.concatenate([field.subtract(units, change), exponents]).reshape(2 * numbers, -1)


def _apart(words: Pieces, floors: Sequence[int], numbers: int, count: int) -> tuple[Pieces, Pieces | None]:
    """The numbers' bits, and in the same lanes those of their floors, 0 where there is none."""
    if not floors:
        return words, None
    bits, found = binary.unpacked(words, (numbers + len(floors)) * count), []
    for piece in (bits.left, bits.right):
        each = piece.reshape(len(piece), -1, count)
        placed = np.zeros((len(piece), numbers, count), np.uint64)
        placed[:, list(floors)] = each[:, numbers:]
        found.append([each[:, :numbers].reshape(len(piece), -1), placed.reshape(len(piece), -1)])
    own, least = (binary.packed(Pieces(*both)) for both in zip(*found, strict=True))
    return own, least


def _xors(piece: Words, rows: Sequence[Sequence[int]]) -> Words:
    return np.stack([np.bitwise_xor.reduce(piece[list(some)], axis=0) for some in rows])


async def _bits(channel: Channel, prss: Prss, limbs: Words, forms: Sequence[Form], least: int = 1) -> Pieces:
    """All numbers' bits in lanes, in two's complement of as many bits as the longest has, or `least`."""
    found = binary.unpacked(await binary.bits_of(channel, prss, limbs.reshape(-1)), limbs.size)
    rows = max(least, *(form.bits for form in forms))
    both = [_placed(piece.reshape(-1, *limbs.shape), forms, rows) for piece in (found.left, found.right)]
    addends = [binary.packed(Pieces(left, right)) for left, right in zip(*both, strict=True)]
    return await binary.added(channel, prss, addends)


def _placed(bits: Words, forms: Sequence[Form], rows: int) -> list[Words]:
    """The limbs' bits at their places, their signs' all above, as one number for each place: (rows, numbers · n)."""
    count, first = bits.shape[2], 0
    result = np.zeros((max(form.limbs for form in forms), rows, len(forms), count), np.uint64)
    for place, form in enumerate(forms):
        for k in range(form.limbs):
            start = min(rows, k * form.radix_bits)
            end = min(rows, start + SIGN)
            result[k, start:end, place] = bits[: end - start, first + k]
            result[k, end:, place] = bits[SIGN, first + k]
        first += form.limbs
    return [one.reshape(rows, -1) for one in result]
