"""Comparison with zero for m = 3, t = 1: a carry computed on bits in GF(2) lanes, nothing opened.

x = u + v modulo p with u = 2·s₁ known to party 1 and v = −s₂ known to party 2, both 0 … p−1. Over the integers x = u
+ v − w·p, where w is the carry out of u + v + 1 in 61 bits. p is odd, so x's lowest bit is u₀ ⊕ v₀ ⊕ w; and x < 0,
which stands for x + p, exactly if 2x modulo p is odd: for −2^60 < x < 2^60.

A secret bit is the XOR of three pieces, one for each pair of parties, which both know: party i's `right` piece is
that of {i, i+1}, its `left` that of {i−1, i}. XOR is local. For x·y party i adds up the three products that it can
form and that are its part, masks them with one fresh bit of each of its pair keys, and sends the sum to party i+1:
the new right piece. The receiver lacks the key of the two others, so what it sees is uniform.

u and v enter as pieces, with the products of their neighbouring bits: those of u are masked by the key of {1, 3},
those of v by the key of {2, 3}, and the masked rows go from 1 to 2 and back. Every term of generate and propagate of
two bits,
    g = u₁v₁ ⊕ (u₁u₀)v₀ ⊕ u₀(v₁v₀)        p = (u₁u₀) ⊕ (v₁v₀) ⊕ u₁v₀ ⊕ u₀v₁,
is a product of something of u and something of v, so each is one inner product: one masked bit per party. Bit 0
counts the + 1: its generate is u₀ ∨ v₀, so the lowest pair's is g ⊕ p. Then 31 leaves are combined in a tree of 5
levels. 7 rounds and 25.8 bytes per element for the bit (of parties 1 and 2; 14.4 of party 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpcgov.mpc.word import field, lanes
from mpcgov.mpc.word.field import BITS, Words
from mpcgov.mpc.word.lanes import INPUT_ROWS, LEAF_ROWS, LEAVES, PAIRS
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel

TREE_ROWS = 55
"""Bits per element in the tree: 29 + 15 + 7 + 3 + 1, two for each pair of nodes and one for the lowest pair."""


@dataclass
class Pieces:
    """A party's two pieces of secret bits: rows of words, or one row."""

    left: Words
    right: Words

    def __xor__(self, other: Pieces) -> Pieces:
        return Pieces(self.left ^ other.left, self.right ^ other.right)

    def __getitem__(self, rows: int | slice) -> Pieces:
        return Pieces(self.left[rows], self.right[rows])

    def stacked(self, other: Pieces) -> Pieces:
        """These rows, then the other's."""
        return Pieces(np.concatenate([self.left, other.left]), np.concatenate([self.right, other.right]))


class BitCircuit:
    """One batch of secret bits in lanes: its channel, and masks for its products drawn in advance."""

    def __init__(self, channel: Channel, prss: Prss, rows: int, words: int) -> None:
        number = channel.draw()
        self._channel = channel
        self._me = prss.me
        self._after, self._before = (prss.me + 1) % 3, (prss.me - 1) % 3
        self._plus = prss.pair(self._after, "bits", number).words(rows * words).reshape(rows, words)
        self._minus = prss.pair(self._before, "bits", number).words(rows * words).reshape(rows, words)
        self._used = 0

    def masks(self, rows: int) -> tuple[Words, Words]:
        """The next mask rows of both pair keys."""
        start, self._used = self._used, self._used + rows
        return self._plus[start : self._used], self._minus[start : self._used]

    async def finish(self, terms: Words) -> Pieces:
        """The pieces of a product from everyone's masked terms. One round."""
        taken = await self._channel.exchange({self._after: terms}, {self._before: terms.size})
        return Pieces(taken[self._before].reshape(terms.shape), terms)

    async def product(self, x: Pieces, y: Pieces) -> Pieces:
        """x · y, bit by bit."""
        masks = self.masks(x.left.shape[0])
        return await self.finish(lanes.products((x.left, x.right), (y.left, y.right), *masks))


@dataclass
class Operands:
    """What one party has of bits u of party 1 and v of party 2: its terms of u · v, row by row, are a · b.

    `total` are its pieces of u ⊕ v.
    """

    a: Words
    b: Words
    total: Pieces


async def enter(channel: Channel, prss: Prss, own: Words | None, shape: tuple[int, int]) -> Operands:
    """Rows of bits that party 1 and rows that party 2 knows, as pieces. One round; party 3 passes None and is silent.

    Party 1's rows are masked by the key of {1, 3}, party 2's by that of {2, 3}. Were both masked by the key of {1, 2},
    party 3 would see their XOR.
    """
    number, (rows, words) = channel.draw(), shape

    def mask(numbers: Stream) -> Words:
        return numbers.words(rows * words).reshape(shape)

    if own is None:
        u_13 = mask(prss.pair(0, "enter", number))
        v_23 = mask(prss.pair(1, "enter", number))
        return Operands(u_13, v_23, Pieces(v_23, u_13))
    other = 1 - prss.me
    with_third = mask(prss.pair(2, "enter", number))
    with_other = own ^ with_third
    taken = (await channel.exchange({other: with_other}, {other: with_other.size}))[other].reshape(shape)
    if prss.me == 0:
        return Operands(own, taken, Pieces(with_third, with_other ^ taken))
    return Operands(taken, with_third, Pieces(with_other ^ taken, with_third))


def summand(prss: Prss, x: Words) -> Words | None:
    """u = 2·s₁ at party 1, v = −s₂ at party 2: their sum modulo p is x. Party 3 has none."""
    return None if prss.me == 2 else field.scale(x, 2 if prss.me == 0 else -1)


async def wrap(channel: Channel, prss: Prss, x: Words) -> tuple[Pieces, Pieces]:
    """Whether the summands of x, 1-D shares of degree 1, add up to p or more; and the lowest bit of their XOR."""
    words = lanes.words_for(x.size)
    circuit = BitCircuit(channel, prss, LEAF_ROWS + TREE_ROWS, words)
    own = summand(prss, x)
    rows = None if own is None else lanes.with_pair_products(own)
    operands = await enter(channel, prss, rows, (INPUT_ROWS, words))
    leaves = await circuit.finish(lanes.leaf_products(operands.a, operands.b, *circuit.masks(LEAF_ROWS)))
    both, top = operands.total[BITS:], operands.total[BITS - 1 : BITS]
    generate = leaves[:PAIRS].stacked(leaves[LEAF_ROWS - 1 :])
    generate.left[0] ^= both.left[0]
    generate.right[0] ^= both.right[0]
    propagate = (leaves[PAIRS : LEAF_ROWS - 1] ^ both[1:]).stacked(top)
    return await _carry(circuit, generate, propagate), operands.total[:1]


async def _carry(circuit: BitCircuit, generate: Pieces, propagate: Pieces) -> Pieces:
    """The carry out of all positions, lowest first; `propagate` lacks the lowest position, which nothing enters."""
    count = LEAVES
    while count > 1:
        pairs = count // 2
        high = propagate[0 : 2 * pairs : 2]
        combined = await circuit.product(
            high.stacked(high[1:]), generate[0 : 2 * pairs : 2].stacked(propagate[1 : 2 * pairs - 2 : 2])
        )
        alone = slice(2 * pairs, count)
        new_generate = combined[:pairs] ^ generate[1 : 2 * pairs : 2]
        generate = new_generate.stacked(generate[alone])
        propagate = combined[pairs:].stacked(propagate[slice(2 * pairs - 1, count - 1)])
        count -= pairs
    return generate


async def negative_bits(channel: Channel, prss: Prss, x: Words) -> Pieces:
    """x < 0 as secret bits, one row: x 1-D shares of degree 1 of −2^60 < x < 2^60. 7 rounds."""
    carry, lowest = await wrap(channel, prss, field.scale(x, 2))
    return carry ^ lowest


async def zero_bits(channel: Channel, prss: Prss, x: Words) -> Pieces:
    """x = 0 as secret bits, one row: x 1-D shares of degree 1 of anything. 7 rounds.

    x = 0 exactly if u = −v: party 1 enters the complements of u's bits, party 2 the bits of −v, and all 61 XORs must
    be 1.
    """
    words = lanes.words_for(x.size)
    circuit = BitCircuit(channel, prss, BITS - 1, words)
    own = None if prss.me == 2 else lanes.to_rows(field.scale(x, 2) if prss.me == 0 else x)
    if own is not None and prss.me == 0:
        own = ~own
    same = (await enter(channel, prss, own, (BITS, words))).total
    while (count := same.left.shape[0]) > 1:
        even = count // 2 * 2
        halves = await circuit.product(same[0:even:2], same[1:even:2])
        same = halves.stacked(same[even:])
    return same


async def to_field(channel: Channel, prss: Prss, bits: Pieces, count: int) -> Words:
    """Secret bits as shares of degree 1 of 0 and 1. Two rounds.

    Party 1 deals e, the XOR of its two pieces. The third piece b is a sharing as it is: the line b·(1 − x), which is 0
    at party 1's point and which both others can evaluate. The result is e + b − 2·e·b.
    """
    own = lanes.from_row(bits.left ^ bits.right, count) if prss.me == 0 else None
    (e,) = await deal(channel, 1, [0], own, count)
    piece = (None, bits.right, bits.left)[prss.me]
    b = np.zeros(count, np.uint64) if piece is None else field.scale(lanes.from_row(piece, count), -prss.me)
    both = await product(channel, prss, e, b)
    return field.combine([1, 1, -2], [e, b, both])


async def open_bits(channel: Channel, prss: Prss, bits: Pieces) -> Words:
    """The bits, at every party: each gets the one piece that it lacks. One round.

    Only for bits that may be known: here, outcomes of comparisons of distinct values in uniformly random order.
    """
    me = prss.me
    taken = await channel.exchange({(me - 1) % 3: bits.right}, {(me + 1) % 3: bits.right.size})
    opened: Words = bits.left ^ bits.right ^ taken[(me + 1) % 3].reshape(bits.right.shape)
    return opened
