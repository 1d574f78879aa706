"""Circuits on secret bits in lanes: majority, choice, addition modulo 2^bits − 1, comparison. See `word/sign.py`.

A secret bit is the XOR of three pieces, one for each pair of parties. What is known to one owner enters as pieces of
which its masked one goes to one party, that lacks the mask. An AND is one exchange; XOR and NOT are local.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mpcgov.linkage.similar.small import Small
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.kernels import kernel
from mpcgov.mpc.word.lanes import LANES, _transpose
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import BitCircuit, Pieces
from mpcgov.mpc.word.wire import Channel

ALL = np.uint64(2**64 - 1)


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


@kernel("void(" + ", ".join(["uint64[::1]"] * 6) + ", uint64, uint64, uint64[::1], uint64[::1], uint64[::1])")
def _majority(  # noqa: PLR0913, PLR0917 - a kernel takes its rows one by one
    xl: Words, xr: Words, yl: Words, yr: Words, cl: Words, cr: Words,
    flip_l: Any, flip_r: Any, plus: Words, minus: Words, out: Words,
) -> None:  # fmt: skip
    """A party's masked terms of (x ⊕ c)·(y ⊕ flip ⊕ c)."""
    for w in range(out.size):
        a, b = xl[w] ^ cl[w], xr[w] ^ cr[w]
        c, d = yl[w] ^ cl[w] ^ flip_l, yr[w] ^ cr[w] ^ flip_r
        out[w] = (b & (d ^ c)) ^ (a & d) ^ plus[w] ^ minus[w]


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

    def __init__(self, channel: Channel, prss: Prss, rows: int, words: int) -> None:
        super().__init__(channel, prss, rows, words)
        self._flips = flips(prss.me)

    async def majority(self, x: Pieces, y: Pieces, carry: Pieces, invert_y: bool = False) -> Pieces:
        """The bit that two of x, y and the carry have: of single rows."""
        plus, minus = self.masks(1)
        flip = self._flips if invert_y else (np.uint64(0), np.uint64(0))
        out = np.empty_like(x.right)
        _majority(x.left, x.right, y.left, y.right, carry.left, carry.right, *flip, plus[0], minus[0], out)
        return await self.finish(out) ^ carry

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


async def added(channel: Channel, prss: Prss, own: Words | None, shape: tuple[int, int]) -> Pieces:
    """u + v modulo 2^bits − 1 as rows of secret bits, 0 … p−1: u party 1's rows, v party 2's; party 3 passes None.

    w is the carry out of u + v + 1, so 1 exactly if u + v ≥ p; then u + v + w without its top carry is the sum.
    """
    bits, words = shape
    u, v = await _enter_two(channel, prss, own, shape)
    circuit = Circuit(channel, prss, 2 * bits - 1, words)
    carry = ones(prss.me, words)
    for b in range(bits):
        carry = await circuit.majority(u[b], v[b], carry)
    total = u ^ v
    for b in range(bits):
        total.left[b] ^= carry.left
        total.right[b] ^= carry.right
        if b < bits - 1:
            carry = await circuit.majority(u[b], v[b], carry)
    return total


async def added_odd(channel: Channel, prss: Prss, own: Words | None, shape: tuple[int, int]) -> Pieces:
    """u + v as `added`, but for the lowest bit, where that is odd modulo 2^bits − 1: half the ANDs.

    Where u + v reaches the modulus, it is one less modulo 2^bits, so that only the lowest bit is another one.
    """
    bits, words = shape
    u, v = await _enter_two(channel, prss, own, shape)
    circuit = Circuit(channel, prss, bits - 1, words)
    total = u ^ v
    carry = Pieces(np.zeros(words, np.uint64), np.zeros(words, np.uint64))
    for b in range(bits - 1):
        carry = await circuit.majority(u[b], v[b], carry)
        total.left[b + 1] ^= carry.left
        total.right[b + 1] ^= carry.right
    return total


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


async def greater(circuit: Circuit, x: Pieces, y: Pieces, me: int) -> Pieces:
    """x > y as one row, of numbers as rows of bits, lowest first: the carry out of x + NOT y."""
    words = x.left.shape[1]
    carry = Pieces(np.zeros(words, np.uint64), np.zeros(words, np.uint64))
    for b in range(len(x.left)):
        carry = await circuit.majority(x[b], y[b], carry, invert_y=True)
    return carry
