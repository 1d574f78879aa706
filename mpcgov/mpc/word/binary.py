"""Arithmetic on the bits of secret integers for m = 3, t = 1: bits in GF(2) lanes as in `sign`, nothing opened.

An element is x = u + v − w·p with u and v known to parties 1 and 2 and w the carry out of u + v + 1. p = 2^61 − 1, so
x = u + v + w modulo 2^61: w comes in at the lowest bit again. So positions lie on a circle, and the carry out of each
follows from generate and propagate of the whole circle up to it, in 6 levels; if all propagate, it is 1.

All that is sent are bits masked as in `sign`, products' terms and what party 1 deals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcgov.mpc.word import field, lanes
from mpcgov.mpc.word.field import BITS, Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import BitCircuit, Pieces, enter, summand
from mpcgov.mpc.word.wire import Channel

SIGN = BITS - 1


async def product(channel: Channel, prss: Prss, x: Pieces, y: Pieces) -> Pieces:
    """x · y, bit by bit. One round."""
    return await BitCircuit(channel, prss, *x.left.shape).product(x, y)


async def inner_products(channel: Channel, prss: Prss, x: Pieces, y: Pieces, starts: Sequence[int]) -> Pieces:
    """For each start, ⊕ over the rows k of x of x[k] · y[start + k]; rows before y's first are 0. One round."""
    circuit = BitCircuit(channel, prss, len(starts), x.left.shape[1])
    plus, minus = circuit.masks(len(starts))
    terms = plus ^ minus
    for row, start in enumerate(starts):
        skipped = max(0, -start)
        a, b = x[skipped:], y[start + skipped : start + len(x.left)]
        own = (a.right & (b.right ^ b.left)) ^ (a.left & b.right)
        terms[row] ^= np.bitwise_xor.reduce(own, axis=0)
    return await circuit.finish(terms)


def flipped(prss: Prss, bits: Pieces) -> Pieces:
    """1 − bit: parties 1 and 2 flip the piece that they both know."""
    left, right = (~piece if prss.me == party else piece for party, piece in ((1, bits.left), (0, bits.right)))
    return Pieces(left, right)


def repeated(bits: Pieces, count: int) -> Pieces:
    """One row so many times."""
    return Pieces(np.repeat(bits.left, count, axis=0), np.repeat(bits.right, count, axis=0))


def nothing(rows: int, words: int) -> Pieces:
    """Rows of bits 0."""
    return Pieces(np.zeros((rows, words), np.uint64), np.zeros((rows, words), np.uint64))


async def bits_of(channel: Channel, prss: Prss, x: Words) -> Pieces:
    """The 61 bits, the lowest first, of 1-D x within ±2^59 in two's complement, x of degree 1. 8 rounds."""
    words = lanes.words_for(x.size)
    own = summand(prss, field.add(x, np.full(x.shape, 1 << SIGN, np.uint64)))
    operands = await enter(channel, prss, None if own is None else lanes.to_rows(own), (BITS, words))
    circuit, total = BitCircuit(channel, prss, BITS, words), operands.total
    plus, minus = circuit.masks(BITS)
    generate = await circuit.finish((operands.a & operands.b) ^ plus ^ minus)
    bits = total ^ _rolled(await _around(channel, prss, generate, total), 1)
    return bits[:SIGN].stacked(flipped(prss, bits[SIGN:]))


async def _around(channel: Channel, prss: Prss, generate: Pieces, propagate: Pieces) -> Pieces:
    """The carry out of each position if that of the highest comes in at the lowest, and 1 if all positions propagate.

    Prefixes on a circle, for sums modulo 2^n − 1 (Zimmermann, ARITH 1999). Those of the last level overlap, which adds
    nothing: what the first half of one propagates, it doesn't generate.
    """
    rows, step = len(generate.left), 1
    while step < rows:
        kept = rows if 2 * step < rows else 1  # in the end whether all propagate is the same for every position
        below = _rolled(generate, step).stacked(_rolled(propagate, step)[:kept])
        both = await product(channel, prss, propagate.stacked(propagate[:kept]), below)
        generate, propagate = generate ^ both[:rows], both[rows:]
        step *= 2
    return generate ^ repeated(propagate, rows)


def _rolled(bits: Pieces, step: int) -> Pieces:
    """At each position what was so many below, and at the lowest ones the highest."""
    return Pieces(np.roll(bits.left, step, axis=0), np.roll(bits.right, step, axis=0))


async def _prefixes(channel: Channel, prss: Prss, generate: Pieces, propagate: Pieces) -> tuple[Pieces, Pieces]:
    """Generate and propagate of each position with all below it (Kogge and Stone, 1973)."""
    rows, step = len(generate.left), 1
    while step < rows:
        high = propagate[step:]
        both = await product(
            channel, prss, high.stacked(high), generate[: rows - step].stacked(propagate[: rows - step])
        )
        generate = generate[:step].stacked(generate[step:] ^ both[: rows - step])
        propagate = propagate[:step].stacked(both[rows - step :])
        step *= 2
    return generate, propagate


async def added(channel: Channel, prss: Prss, numbers: Sequence[Pieces]) -> Pieces:
    """The sum of numbers of equally many bits, modulo 2 to the power of that."""
    numbers, rows = list(numbers), len(numbers[0].left)
    while len(numbers) > 2:  # three numbers become two: their bits' sums, and the carries
        groups = [numbers[at : at + 3] for at in range(0, len(numbers) - 2, 3)]
        a, b, c = (_stacked([group[place] for group in groups]) for place in range(3))
        carries = await product(channel, prss, a ^ c, b ^ c) ^ c
        sums, rest = a ^ b ^ c, numbers[3 * len(groups) :]
        parts = [slice(rows * k, rows * (k + 1)) for k in range(len(groups))]
        numbers = [*(sums[part] for part in parts), *(_doubled(carries[part]) for part in parts), *rest]
    if len(numbers) == 1:
        return numbers[0]
    a, b = numbers
    both = await product(channel, prss, a[:-1], b[:-1])
    carries, _ = await _prefixes(channel, prss, both, (a ^ b)[:-1])
    return a ^ b ^ nothing(1, a.left.shape[1]).stacked(carries)


def _stacked(numbers: Sequence[Pieces]) -> Pieces:
    return Pieces(
        np.concatenate([number.left for number in numbers]), np.concatenate([number.right for number in numbers])
    )


def _doubled(number: Pieces) -> Pieces:
    return nothing(1, number.left.shape[1]).stacked(number[:-1])


async def any_above(channel: Channel, prss: Prss, bits: Pieces) -> Pieces:
    """For each row, whether a bit of it or of a higher one is 1."""
    rows, step = len(bits.left), 1
    while step < rows:
        low, high = bits[: rows - step], bits[step:]
        both = await product(channel, prss, low, high)
        bits = (low ^ high ^ both).stacked(bits[rows - step :])
        step *= 2
    return bits


async def all_of(channel: Channel, prss: Prss, bits: Pieces) -> Pieces:
    """Whether all rows are 1: one row."""
    while (rows := len(bits.left)) > 1:
        even = rows // 2 * 2
        bits = (await product(channel, prss, bits[0:even:2], bits[1:even:2])).stacked(bits[even:])
    return bits


def unpacked(bits: Pieces, count: int) -> Pieces:
    """The first `count` lanes, a word for each bit."""
    return Pieces(*(np.stack([lanes.from_row(row, count) for row in piece]) for piece in (bits.left, bits.right)))


def packed(bits: Pieces) -> Pieces:
    """Rows of a word for each bit as rows of lanes."""
    return Pieces(_packed(bits.left), _packed(bits.right))


def _packed(bits: Words) -> Words:
    rows, count = bits.shape
    held = np.zeros((rows, 8 * lanes.words_for(count)), np.uint8)
    found = np.packbits(bits.astype(np.uint8), axis=1, bitorder="little")
    held[:, : found.shape[1]] = found
    words: Words = held.view("<u8").astype(np.uint64)
    return words
