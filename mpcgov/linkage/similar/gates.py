"""Circuits on secret bits in lanes: majority, choice, addition modulo 2^bits − 1, comparison. See `word/sign.py`.

A secret bit is the XOR of three pieces, one for each pair of parties. What is known to one owner enters as pieces of
which its masked one goes to one party, that lacks the mask. An AND is one exchange; XOR and NOT are local.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mpcgov.linkage.similar.small import Small
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.helped import Helped, every
from mpcgov.mpc.word.kernels import kernel
from mpcgov.mpc.word.lanes import LANES, _transpose
from mpcgov.mpc.word.less import carry_out
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import BitCircuit, Pieces
from mpcgov.mpc.word.wire import Channel

ALL = np.uint64(2**64 - 1)
FEW_WORDS = 1 << 15
"""Numbers in so many words are compared in fewer rounds with more bits."""


@kernel("void(uint32[::1], uint64[:, ::1])")
def _to_planes(values: Small, planes: Words) -> None:
    """Bit b of element 64·w + l as bit l of word w in row b."""
    block = np.empty(64, np.uint64)
    for w in range(planes.shape[1]):
        for k in range(64):
            block[k] = np.uint64(values[64 * w + k])
        _transpose(block)
        for b in range(planes.shape[0]):
            planes[b, w] = block[b]


@kernel("void(uint64[:, ::1], uint64[:, ::1])")
def _turn(rows: Words, out: Words) -> None:
    """Bit l of word 64·w + b of each row as bit b of word (l, w) of the row: lanes and words change places."""
    block = np.empty(64, np.uint64)
    wide = out.shape[1] // 64
    for r in range(rows.shape[0]):
        for w in range(wide):
            for b in range(64):
                at = 64 * w + b
                block[b] = rows[r, at] if at < rows.shape[1] else np.uint64(0)
            _transpose(block)
            for b in range(64):
                out[r, b * wide + w] = block[b]


_ROWS = ", ".join(["uint64[:, ::1]"] * 6)


@kernel(f"void({_ROWS}, int64, uint64, uint64[:, ::1], uint64, uint64[:, ::1])")
def _carries(  # noqa: PLR0913, PLR0917 - a kernel takes its rows one by one
    x: Words, y: Words, c: Words, of_x: Words, of_y: Words, of_c: Words,
    at: Any, flip: Any, dealt: Words, public: Any, out: Words,
) -> None:  # fmt: skip
    """Parties 1 and 2: shares of the carry out of place `at`, and if there are two rows, that of the next one first.

    `x`, `y`, `c`: the pieces of both; the others: own parts of the masks. With s = x₀ ⊕ c and t = y₀ ⊕ c the one is s·t
    ⊕ c; and with p = x₁ ⊕ y₁ the other is x₁·y₁ ⊕ p·(s·t ⊕ c).
    """
    last = out.shape[0] - 1
    for w in range(out.shape[1]):
        carry, of_carry = c[0, w], of_c[0, w]
        s, t = x[at, w] ^ carry, y[at, w] ^ flip ^ carry
        of_s, of_t = of_x[at, w] ^ of_carry, of_y[at, w] ^ of_carry
        both = (s & of_t) ^ (t & of_s) ^ dealt[0, w]
        out[last, w] = both ^ of_carry ^ (public & ((s & t) ^ carry))
        if dealt.shape[0] == 4:
            a, b, of_a, of_b = x[at + 1, w], y[at + 1, w] ^ flip, of_x[at + 1, w], of_y[at + 1, w]
            p, of_p = a ^ b, of_a ^ of_b
            upper = (a & of_b) ^ (b & of_a) ^ (p & (of_carry ^ both)) ^ (of_p & ((s & t) ^ carry)) ^ dealt[1, w]
            upper ^= (t & dealt[2, w]) ^ (s & dealt[3, w]) ^ (public & ((a & b) ^ (p & ((s & t) ^ carry))))
            out[0, w] = upper


@kernel(f"void({_ROWS}, int64, uint64[:, ::1])")
def _carry_products(xl: Words, xr: Words, yl: Words, yr: Words, cl: Words, cr: Words, at: Any, out: Words) -> None:
    """Party 3: the products of the masks of these bits; of one place, or of two."""
    for w in range(out.shape[1]):
        c = cl[0, w] ^ cr[0, w]
        s, t = xl[at, w] ^ xr[at, w] ^ c, yl[at, w] ^ yr[at, w] ^ c
        out[0, w] = s & t
        if out.shape[0] == 4:
            a, b = xl[at + 1, w] ^ xr[at + 1, w], yl[at + 1, w] ^ yr[at + 1, w]
            p = a ^ b
            out[1, w] = (a & b) ^ (p & (c ^ (s & t)))
            out[2, w] = p & s
            out[3, w] = p & t


@kernel(f"void({_ROWS}, uint64[:, ::1], uint64, uint64[:, ::1])")
def _choices(  # noqa: PLR0913, PLR0917 - as above
    c: Words, x: Words, y: Words, of_c: Words, of_x: Words, of_y: Words, dealt: Words, public: Any, out: Words
) -> None:
    """Parties 1 and 2: shares of c·(x ⊕ y), row by row."""
    for r in range(out.shape[0]):
        for w in range(out.shape[1]):
            d, of_d = x[r, w] ^ y[r, w], of_x[r, w] ^ of_y[r, w]
            out[r, w] = (c[0, w] & (of_d ^ (public & d))) ^ (d & of_c[0, w]) ^ dealt[r, w]


@kernel("void(" + ", ".join(["uint64[::1]"] * 2) + ", " + ", ".join(["uint64[:, ::1]"] * 7) + ")")
def _choice(  # noqa: PLR0913, PLR0917 - as above
    cl: Words, cr: Words, xl: Words, xr: Words, yl: Words, yr: Words, plus: Words, minus: Words, out: Words
) -> None:
    """A party's masked terms of c·(x ⊕ y), row by row."""
    for r in range(out.shape[0]):
        for w in range(out.shape[1]):
            a, b = xl[r, w] ^ yl[r, w], xr[r, w] ^ yr[r, w]
            out[r, w] = (cr[w] & (b ^ a)) ^ (cl[w] & b) ^ plus[r, w] ^ minus[r, w]


def to_planes(values: Small, bits: int) -> Words:
    """Elements, 64 to a lane word, as rows of bits: shape (bits, count / 64)."""
    planes = np.empty((bits, values.size // LANES), np.uint64)
    _to_planes(values, planes)
    return planes


def turned(rows: Words) -> Words:
    """Rows of words, each word's lanes brought to words of their own: shape (rows, 64 · ⌈words / 64⌉), lane by lane."""
    out = np.empty((len(rows), LANES * -(-rows.shape[1] // LANES)), np.uint64)
    _turn(np.ascontiguousarray(rows), out)
    return out


def flips(me: int) -> tuple[np.uint64, np.uint64]:
    """What NOT adds to a party's left and right piece: the piece of the first two parties changes, no other."""
    return (ALL if me == 1 else np.uint64(0), ALL if me == 0 else np.uint64(0))


def ones(me: int, words: int) -> Pieces:
    """A row of public ones."""
    left, right = flips(me)
    return Pieces(np.full(words, left), np.full(words, right))


def inverted(me: int, row: Pieces) -> Pieces:
    """NOT."""
    left, right = flips(me)
    return Pieces(row.left ^ left, row.right ^ right)


class Circuit(BitCircuit):
    """Gates on rows, one exchange each; masks are drawn in advance for so many rows of so many words."""

    async def choose(self, bit: Pieces, then: Pieces, otherwise: Pieces) -> Pieces:
        """Rows of `then` where the bit is 1, else of `otherwise`."""
        plus, minus = self.masks(len(then.left))
        out = np.empty_like(then.right)
        _choice(
            bit.left, bit.right, then.left, then.right, otherwise.left, otherwise.right, plus, minus, out
        )  # fmt: skip
        return await self.finish(out) ^ otherwise

    async def both(self, x: Pieces, y: Pieces) -> Pieces:
        """AND of single rows."""
        found = await self.product(Pieces(x.left[None], x.right[None]), Pieces(y.left[None], y.right[None]))
        return found[0]


class Meeting(Helped):
    """Carries and choices of secret numbers, by two parties and the third one's help: see `word/helped.py`."""

    async def carries(
        self, x: Pieces, y: Pieces, carry: Pieces, at: int, wanted: int, inverted: bool = False
    ) -> Pieces:
        """Carries out of places `at` and `at` + 1 of x + y, from that into `at`, one row: the upper one, and if two are
        wanted, the lower one after it; at the highest place that out of it; or of x + NOT y. One round.
        """
        two = at + 1 < len(x.left)
        shape, products = (min(wanted, 1 + two), self.words), None
        if self.me == 2:
            products = np.empty((4 if two else 1, self.words), np.uint64)
            _carry_products(x.left, x.right, y.left, y.right, carry.left, carry.right, at, products)
        dealt, out = await self.deal(products, 4 if two else 1), np.zeros(shape, np.uint64)
        if self.me < 2:
            (xd, xm), (yd, ym), (cd, cm) = (self._held(bits) for bits in (x, y, carry))
            flip = ALL if inverted else np.uint64(0)
            _carries(xd, yd, cd, xm, ym, cm, at, flip, dealt, flips(self.me)[1], out)
        return await self.masked(out)

    async def choose(self, bit: Pieces, then: Pieces, otherwise: Pieces) -> Pieces:
        """Rows of `then` where the bit, one row, is 1, else of `otherwise`. One round."""
        count, products = len(then.left), None
        if self.me == 2:
            products = (bit.left ^ bit.right) & (then.left ^ then.right ^ otherwise.left ^ otherwise.right)
        dealt, out = await self.deal(products, count), np.zeros((count, self.words), np.uint64)
        if self.me < 2:
            (cd, cm), (xd, xm), (yd, ym) = (self._held(bits) for bits in (bit, then, otherwise))
            _choices(cd, xd, yd, cm, xm, ym, dealt, flips(self.me)[1], out)
        return await self.masked(out) ^ otherwise

    def _held(self, bits: Pieces) -> tuple[Words, Words]:
        """What parties 1 and 2 both have of bits, and our part of their masks."""
        return (bits.right, bits.left) if self.me == 0 else (bits.left, bits.right)


async def added(channel: Channel, prss: Prss, own: Words | None, shape: tuple[int, int]) -> Pieces:
    """u + v modulo 2^bits − 1 as rows of secret bits, 0 … p−1: u party 1's rows, v party 2's; party 3 passes None.

    w is the carry out of u + v + 1, so 1 exactly if u + v ≥ p; then u + v + w without its top carry is the sum.
    """
    u, v = await _enter_two(channel, prss, own, shape)
    meeting, one = Meeting(channel, prss, shape[1]), ones(prss.me, shape[1])
    around = await _carry_out(meeting, u, v, Pieces(one.left[None], one.right[None]))
    return await summed(meeting, u, v, around)


async def added_odd(channel: Channel, prss: Prss, own: Words | None, shape: tuple[int, int], dropped: int) -> Pieces:
    """u + v as `added`, without so many of the lowest bits, where that is odd modulo 2^bits − 1: half the ANDs.

    Where u + v reaches the modulus, it is one less modulo 2^bits, so that only the lowest bit is another one.
    """
    u, v = await _enter_two(channel, prss, own, shape)
    return await summed(Meeting(channel, prss, shape[1]), u, v, nothing(shape[1]), dropped=dropped)


async def greater(meeting: Meeting, x: Pieces, y: Pieces, few_words: int = FEW_WORDS) -> Pieces:
    """x > y as one row; lowest bits first: the carry out of x + NOT y. A round for every two; of few numbers fewer."""
    if len(x.left) > 2 and meeting.words <= few_words:
        inverted_y = inverted(meeting.me, y)
        ((generate,),) = await meeting.layer([(every(2), [x, inverted_y])])
        share = await carry_out(meeting, generate, (x ^ inverted_y)[1:])
        return await meeting.masked(share)
    return await _carry_out(meeting, x, y, nothing(meeting.words), inverted=True)


async def _carry_out(meeting: Meeting, x: Pieces, y: Pieces, carry: Pieces, inverted: bool = False) -> Pieces:
    """The carry out of all places; a round for every two."""
    for at in range(0, len(x.left), 2):
        carry = await meeting.carries(x, y, carry, at, 1, inverted)
    return carry


async def summed(m: Meeting, x: Pieces, y: Pieces, carry: Pieces, carried: bool = False, dropped: int = 0) -> Pieces:
    """x + y and a carry into the lowest place; if `carried`, with that out of the highest as a row more; without the
    `dropped` lowest. A round for every two places."""
    total, rows = x ^ y, len(x.left) - (not carried)
    if carried:
        total = total.stacked(nothing(m.words))
    for side in ("left", "right"):
        getattr(total, side)[:1] ^= getattr(carry, side)
    low = x[:rows], y[:rows]
    for at in range(0, rows, 2):
        found = await m.carries(*low, carry, at, 1 if at + 1 < dropped else 2)
        top = min(at + 2, rows)
        for row, place in enumerate(range(top, top - len(found.left), -1)):
            total.left[place] ^= found.left[row]
            total.right[place] ^= found.right[row]
        carry = found[:1]
    return total[dropped:]


def nothing(words: int) -> Pieces:
    """A row of public zeros."""
    return Pieces(np.zeros((1, words), np.uint64), np.zeros((1, words), np.uint64))


async def _enter_two(channel: Channel, prss: Prss, own: Words | None, shape: tuple[int, int]) -> tuple[Pieces, Pieces]:
    """Pieces of what parties 1 and 2 know, masked by the keys that each has with party 3. See `sign.enter`."""
    number, count, none = channel.draw(), shape[0] * shape[1], np.zeros(shape, np.uint64)

    def mask(other: int) -> Words:
        return prss.pair(other, "enter small", number).words(count).reshape(shape)

    if own is None:
        return Pieces(none, mask(0)), Pieces(mask(1), none)
    other = 1 - prss.me
    with_third = mask(2)
    with_other = own ^ with_third
    taken = (await channel.exchange({other: with_other}, {other: count}))[other].reshape(shape)
    if prss.me == 0:
        return Pieces(with_third, with_other), Pieces(none, taken)
    return Pieces(taken, none), Pieces(with_other, with_third)


async def enter(channel: Channel, prss: Prss, owner: int, own: Words | None, shape: tuple[int, int]) -> Pieces:
    """Rows of bits that one party knows, the others passing None: masked by its key with the next party, one message.

    The party before it gets the masked rows and lacks the key; the piece of the two others is 0.
    """
    number, count, none = channel.draw(), shape[0] * shape[1], np.zeros(shape, np.uint64)
    after, before = (owner + 1) % 3, (owner - 1) % 3
    if prss.me == after:
        return Pieces(prss.pair(owner, "enter one", number).words(count).reshape(shape), none)
    if prss.me == before:
        return Pieces(none, (await channel.exchange({}, {owner: count}))[owner].reshape(shape))
    mask = prss.pair(after, "enter one", number).words(count).reshape(shape)
    masked = mask if own is None else own ^ mask
    await channel.exchange({before: masked}, {})
    return Pieces(masked, mask)
