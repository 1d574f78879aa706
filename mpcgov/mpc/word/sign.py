"""Secret bits in lanes for m = 3, t = 1, in GF(2): how they enter, are multiplied, become words or are opened.

A secret bit is the XOR of three pieces, one for each pair of parties, which both know: party i's `right` piece is
that of {i, i+1}, its `left` that of {i−1, i}. XOR is local. For x·y party i adds up the three products that it can
form and that are its part, masks them with one fresh bit of each of its pair keys, and sends the sum to party i+1:
the new right piece. The receiver lacks the key of the two others, so what it sees is uniform. Gates of more bits at
once: `helped`; comparison: `less`.

What parties 1 and 2 know of a value is u and v with x = u + v modulo p: u = 2·s₁ and v = −s₂, both 0 … p−1. Bits of u
that enter are masked by the key of {1, 3}, those of v by that of {2, 3}.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcgov.mpc.word import field, lanes
from mpcgov.mpc.word.field import P, Words
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.stream import Stream
from mpcgov.mpc.word.wire import Channel

_THIRD = field.inverse(3)


@dataclass
class Pieces:
    """A party's two pieces of secret bits: rows of words, or one row."""

    left: Words
    right: Words

    def __xor__(self, other: Pieces) -> Pieces:
        return Pieces(self.left ^ other.left, self.right ^ other.right)

    def __getitem__(self, rows: int | slice | NDArray[np.int64]) -> Pieces:
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


async def to_field(channel: Channel, prss: Prss, bits: Pieces, count: int, ahead: bool = False) -> Words:
    """Secret bits as shares of degree 1 of 0 and 1; see `weighed`."""
    one = Pieces(*(lanes.from_row(piece, count)[None] for piece in (bits.left, bits.right)))
    (shares,) = await weighed(channel, prss, [Number(one, [1])], ahead)
    return shares


@dataclass(frozen=True)
class Number:
    """Σ weights[k] · bits[k], for bits of which each is a word; its negative where `negative`, one row, is 1."""

    bits: Pieces
    weights: Sequence[int]
    negative: Pieces | None = None

    @property
    def dealt(self) -> int:
        """How many rows party 3 deals."""
        return len(self.bits.left) + (self.negative is not None)

    def masks(self) -> Words:
        """What party 3 deals: the masks m of bits, or m · (1 − 2s) and 1 − 2s with s the sign's mask."""
        masks = self.bits.left ^ self.bits.right
        if self.negative is None:
            return masks
        signs = _signs(self.negative.left ^ self.negative.right)
        return np.concatenate([field.product(masks, np.broadcast_to(signs, masks.shape)), signs])

    def summand(self, me: int, dealt: Words) -> Words:
        """That of party 1 or 2, from its part of what is dealt."""
        known = self.bits.right if me == 0 else self.bits.left
        masks = field.product(_signs(known), dealt[: len(known)])
        if self.negative is None:
            return field.combine(self.weights, list(field.add(known, masks) if me == 0 else masks))
        public = field.product(field.combine(self.weights, list(known)), dealt[-1])
        total = field.add(public, field.combine(self.weights, list(masks)))
        return field.product(_signs(self.negative.right if me == 0 else self.negative.left)[0], total)


async def weighed(channel: Channel, prss: Prss, numbers: Sequence[Number], ahead: bool = False) -> list[Words]:
    """The numbers, as shares of degree 1.

    Two rounds, or one if party 3 is `ahead`: if it has its pieces without a message, as of gates that it helps with.

    A bit is d + (1 − 2d)·m, with d the piece that parties 1 and 2 have in common, and m, the XOR of the two others,
    which party 3 knows. It deals m to them as two summands, so each has a summand of every number; likewise 1 − 2s, of
    a sign, is (1 − 2d)·(1 − 2m). These they deal: the share of party 3 is drawn from their key with it, the other's
    follows and is sent. Party 3 waits for nobody.
    """
    me = prss.me
    if not ahead:
        channel.line.wait()
    ends = np.cumsum([number.bits.left.shape[1] for number in numbers])
    sizes = [number.dealt * number.bits.left.shape[1] for number in numbers]
    keys = third_keys(prss, "weigh", channel.draw())
    part, masks = _elements(keys[0], sum(sizes)), [_elements(key, int(ends[-1])) for key in keys]
    if me == 2:
        known = np.concatenate([number.masks().reshape(-1) for number in numbers])
        await channel.ahead({1: field.subtract(known, part)}, {})
        return np.split(field.add(*masks), ends[:-1])
    if me == 1:
        part = (await channel.ahead_elements({}, {2: sum(sizes)}))[2]
    parts = np.split(part, np.cumsum(sizes)[:-1])
    own = np.concatenate(
        [number.summand(me, dealt.reshape(number.dealt, -1)) for number, dealt in zip(numbers, parts, strict=True)]
    )
    other = 1 - me
    points = (me + 1, other + 1)
    kept, sent = (field.combine([(3 - x) * _THIRD, x * _THIRD], [own, masks[me]]) for x in points)
    taken = (await channel.exchange_elements({other: sent}, {other: sent.size}))[other]
    return np.split(field.add(kept, taken), ends[:-1])


def third_keys(prss: Prss, use: str, number: int) -> tuple[Stream | None, Stream | None]:
    """What parties 1 and 2 have in common with party 3, at those who have it."""
    if prss.me == 2:
        return prss.pair(0, use, number), prss.pair(1, use, number)
    with_third = prss.pair(2, use, number)
    return (with_third, None) if prss.me == 0 else (None, with_third)


def _signs(bits: Words) -> Words:
    """1 − 2·bit."""
    return np.where(bits == 1, np.uint64(P - 1), np.uint64(1))


def _elements(key: Stream | None, count: int) -> Words:
    return np.zeros(count, np.uint64) if key is None else key.elements(count)


async def open_bits(channel: Channel, prss: Prss, bits: Pieces) -> Words:
    """The bits, at every party: each gets the one piece that it lacks. One round.

    Only for bits that may be known: here, outcomes of comparisons of distinct values in uniformly random order.
    """
    me = prss.me
    taken = await channel.exchange({(me - 1) % 3: bits.right}, {(me + 1) % 3: bits.right.size})
    opened: Words = bits.left ^ bits.right ^ taken[(me + 1) % 3].reshape(bits.right.shape)
    return opened
