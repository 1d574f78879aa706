"""Whole numbers of several words, and products of them, rounded to significant bits for m = 3, without opening them.

A sum is Σ limbs[k] · 2^(k·radix_bits). Parties 1 and 2 come to summands of all sums, and of the numbers that are made
of them (`summands`); all bits of these are found together (`subtract`), and what is kept becomes field elements only at
the end. How many rounds this takes depends on the greatest number's length alone, by its logarithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpcgov.mpc.word import binary, field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.helped import Helped, Job, every
from mpcgov.mpc.word.leading import of_right
from mpcgov.mpc.word.less import stacked
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import Number, Pieces, weighed
from mpcgov.mpc.word.summands import Form, Formula, Summands
from mpcgov.mpc.word.wire import Channel, in_batches

BATCH_LIMBS = 1 << 12
"""Limbs in one batch: some kB each while it lasts."""
FEW, WIDEST, LESS_WIDE = 1 << 11, 5, 4
"""How many bits meet in one gate, at most: of so few numbers, whose bytes are worth a round less, and of more."""


@dataclass(frozen=True)
class Made:
    """A number that is made of sums, and how long it is, its sign's bit included. `floor`: a sum ≥ 0, by its place,
    than 2^floor_bits times which the number's step is greater."""

    formula: Formula
    bits: int
    floor: int | None = None


async def significands(
    channel: Channel,
    prss: Prss,
    limbs: Words,
    forms: Sequence[Form],
    numbers: Sequence[Made],
    kept: int,
    floor_bits: int = 0,
) -> Words:
    """The units of all numbers, then their exponents: `mpcgov.disclosure.significand`, with `kept` significant bits.

    Shape (2 · numbers, n). `limbs`: of degree 1, −2^59 … 2^59 − 1; those of each sum in turn, the lowest first, shape
    (limbs, n).
    """

    async def one(part: Channel, piece: slice) -> Words:
        some = np.ascontiguousarray(limbs[:, piece])
        picked = await kept_bits(part, prss, some, forms, numbers, kept, floor_bits)
        return (await _in_field(part, prss, *picked, kept, some.shape[1], len(numbers))).T

    size = max(1, BATCH_LIMBS // len(limbs))
    return np.ascontiguousarray((await in_batches(channel, limbs.shape[1], size, one)).T)


async def kept_bits(
    channel: Channel,
    prss: Prss,
    limbs: Words,
    forms: Sequence[Form],
    numbers: Sequence[Made],
    kept: int,
    floor_bits: int,
) -> tuple[Pieces, Pieces, Pieces]:
    """What a significand is made of, as bits: see `_picked`; and whether the number is negative.

    The magnitude is v, or −1 − v if v < 0: all bits flipped. From where its highest bit is, or that of 2^(kept +
    floor_bits) times the floor, follow the exponent, the bits that are kept, and the one that rounds them. If all of
    these are 1, rounding makes them 2^kept, which is 2^(kept − 1) of twice the unit.
    """
    floors = {place: made.floor for place, made in enumerate(numbers) if made.floor is not None}
    longest = max((floor_bits + forms[floor].bits for floor in floors.values()), default=2)
    rows = max(kept + longest, *(made.bits for made in numbers))
    integers = Summands(channel, prss, rows)
    formulas = [*(made.formula for made in numbers), *((floor,) for floor in floors.values())]
    found = await integers.bits(await integers.formed(await integers.of_limbs(limbs, forms), formulas))
    words, least = _apart(found, list(floors), len(numbers), limbs.shape[1])
    negative = words[rows - 1 :]
    size = words[: rows - 1] ^ binary.repeated(negative, rows - 1)
    zeros = [binary.flipped(prss, size[kept:])]
    if least is not None:
        shifted = binary.nothing(floor_bits, least.left.shape[1]).stacked(least)[: rows - 1 - kept]
        zeros.append(binary.flipped(prss, shifted))
    circuit = Helped(channel, prss, size.left.shape[1])
    widest = WIDEST if limbs.shape[1] * len(numbers) <= FEW else LESS_WIDE
    none, runs = await _spans(circuit, zeros, size, kept + 1, widest)
    picked, at = await _picked(circuit, prss, size, none, runs, negative, kept)
    return picked, at, negative


async def _picked(
    circuit: Helped, prss: Prss, size: Pieces, none: Pieces, runs: Pieces, negative: Pieces, kept: int
) -> tuple[Pieces, Pieces]:
    """The bits that are kept, the one that rounds, whether rounding carries out of all, and whether a number is
    negative and needs no unit; and by exponent where it is. One round."""
    steps, small = len(none.left), none[:1]
    at = stacked([small, none[:-1] ^ none[1:], binary.flipped(prss, none[steps - 1 :])])
    pairs = [(at, size[k : k + steps + 1]) for k in range(kept)]
    pairs += [(at[1:], size[:steps]), (at[1:], runs), (negative, small)]
    return await circuit.inner_products(pairs), at


async def _in_field(
    channel: Channel, prss: Prss, picked: Pieces, at: Pieces, negative: Pieces, kept: int, each: int, numbers: int
) -> Words:
    """Units, −1 − units of a small negative number, and exponents, of so many numbers of as many elements each. One
    round."""
    count = each * numbers
    places = [[e for e in range(len(at.left)) if e >> k & 1] for k in range((len(at.left) - 1).bit_length())]
    powers = Pieces(*(_xors(piece, places) for piece in (at.left, at.right)))
    over = picked[kept + 1 : kept + 2]
    unit_weights = [*(1 << k for k in range(kept)), 1, -(1 << (kept - 1))]
    exponent_weights = [*(1 << k for k in range(len(places))), 1]
    units, exponents, less = await weighed(
        channel,
        prss,
        [
            Number(binary.unpacked(picked[: kept + 2], count), unit_weights, binary.unpacked(negative, count)),
            Number(binary.unpacked(powers.stacked(over), count), exponent_weights),
            Number(binary.unpacked(picked[kept + 2 :], count), [1]),
        ],
        ahead=True,
    )
    return np.concatenate([field.subtract(units, less), exponents]).reshape(2 * numbers, -1)


async def _spans(circuit: Helped, zeros: list[Pieces], bits: Pieces, length: int, widest: int) -> tuple[Pieces, Pieces]:
    """For each row of `zeros`, whether it and all after it are 1 in all of them; and for each row of `bits`, whether it
    and those after it, so many in all, are 1: of as many rows as have so many. Side by side."""
    rows, span, width, runs = len(zeros[0].left), 1, 1, bits
    most, more = _arities(rows, len(zeros), length, widest)
    while len(zeros) > 1 or span < rows or width < length:
        jobs: list[Job] = []
        tail: list[Pieces] = []
        if ahead := len(zeros) > 1 or span < rows:
            taken = max(1, most // len(zeros))
            jobs, tail = of_right(zeros, span, taken)
            span *= taken
        if wider := width < length:
            reach = min(length, width * more)
            starts = [*range(0, reach - width, width), reach - width]
            left = len(runs.left) - (reach - width)
            jobs = [*jobs, (every(len(starts)), [runs[start : start + left] for start in starts])]
            width = reach
        found = [output for (output,) in await circuit.layer(jobs)]
        if wider:
            runs = found.pop()
        if ahead:
            zeros = [stacked([*found, *tail])]
    return zeros[0], runs


def _arities(rows: int, parts: int, length: int, widest: int) -> tuple[int, int]:
    """How many bits meet in one gate, for either: as few as the rounds allow that the widest take."""

    def depth(rows: int, parts: int, arity: int) -> int:
        span, found = 1, 0
        while parts > 1 or span < rows:
            span, parts, found = span * max(1, arity // parts), 1, found + 1
        return found

    rounds = max(depth(rows, parts, widest), depth(length, 1, widest))
    every_arity = range(2, widest + 1)
    first = next(arity for arity in every_arity if depth(rows, parts, arity) <= rounds)
    return first, next(arity for arity in every_arity if depth(length, 1, arity) <= rounds)


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
