"""Circuits on stacks of secret bits: many gates of one kind in each exchange.

A stack's last axis are lanes, 64 to a word; numbers have their bits, lowest first, on the axis before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from mpcgov.linkage.similar.best import opened_before
from mpcgov.linkage.similar.gates import Meeting, inverted, nothing, summed
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sign import BitCircuit, Pieces
from mpcgov.mpc.word.wire import Channel

CHANNELS = 32


def joined(parts: Sequence[Pieces], axis: int = 0) -> Pieces:
    """Stacks side by side."""
    return Pieces(*(np.concatenate([getattr(part, side) for part in parts], axis) for side in ("left", "right")))


def stacked(parts: Sequence[Pieces]) -> Pieces:
    """Stacks of one shape as one more axis, the first."""
    return Pieces(*(np.stack([getattr(part, side) for part in parts]) for side in ("left", "right")))


def part(stack: Pieces, *where: int | slice | np.ndarray) -> Pieces:
    """Some of a stack."""
    return Pieces(stack.left[where], stack.right[where])


def shaped(stack: Pieces, *shape: int) -> Pieces:
    """The same in another shape."""
    return Pieces(stack.left.reshape(shape), stack.right.reshape(shape))


def zeros(*shape: int) -> Pieces:
    """Bits that all know to be 0."""
    return Pieces(np.zeros(shape, np.uint64), np.zeros(shape, np.uint64))


def shifted(numbers: Pieces, by: int, bits: int) -> Pieces:
    """Numbers times 2^by, in so many bits: 0 is put before them, and the top is cut off or filled with 0."""
    count, had, words = numbers.left.shape
    result = zeros(count, bits, words)
    kept = min(had, bits - by)
    result.left[:, by : by + kept] = numbers.left[:, :kept]
    result.right[:, by : by + kept] = numbers.right[:, :kept]
    return result


def widened(numbers: Pieces, bits: int) -> Pieces:
    """Numbers in two's complement in more bits."""
    top = part(numbers, slice(None), slice(-1, None))
    return joined([numbers, *[top] * (bits - numbers.left.shape[1])], axis=1)


def spread(stack: Pieces, count: int) -> Pieces:
    """The same bits so many times, on one more axis before the lanes."""
    shape = *stack.left.shape[:-1], count, stack.left.shape[-1]
    return Pieces(*(np.broadcast_to(side[..., None, :], shape) for side in (stack.left, stack.right)))


def exclusive(stack: Pieces) -> Pieces:
    """XOR along the second axis."""
    return Pieces(*(np.bitwise_xor.reduce(side, axis=1) for side in (stack.left, stack.right)))


class Stacks:
    """Gates on stacks. Every operation is a channel's own, opened in program order."""

    def __init__(self, channel: Callable[[], Channel], prss: Prss) -> None:
        self._channel = channel
        self._prss = prss

    def apart(self, count: int) -> list[Stacks]:
        """For programs that go side by side, each with channels of its own: at most CHANNELS."""
        return [Stacks(opened_before(self._channel, CHANNELS), self._prss) for _ in range(count)]

    def negated(self, x: Pieces) -> Pieces:
        """NOT."""
        return inverted(self._prss.me, x)

    async def both(self, x: Pieces, y: Pieces) -> Pieces:
        """AND, bit by bit. One round."""
        shape = x.left.shape
        words = shape[-1]
        rows = x.left.size // words
        circuit = BitCircuit(self._channel(), self._prss, rows, words)
        return shaped(await circuit.product(_flat(x, rows, words), _flat(y, rows, words)), *shape)

    async def each(self, *pairs: tuple[Pieces, Pieces]) -> list[Pieces]:
        """AND of the two of each pair, whatever its shape, all in one round."""
        shapes = [one.left.shape for one, _ in pairs]
        words = shapes[0][-1]
        met = await self.both(*(joined([shaped(pair[k], -1, words) for pair in pairs]) for k in (0, 1)))
        ends = np.cumsum([0, *(np.prod(shape[:-1], dtype=np.int64) for shape in shapes)])
        return [
            shaped(part(met, slice(start, end)), *shape)
            for (start, end), shape in zip(pairwise(ends), shapes, strict=True)
        ]

    async def chosen(self, bit: Pieces, then: Pieces, otherwise: Pieces) -> Pieces:
        """`then` where the bit is 1, else `otherwise`; the bit of a number is the same for all of its bits."""
        wide = Pieces(*(np.broadcast_to(side[:, None], then.left.shape) for side in (bit.left, bit.right)))
        return otherwise ^ await self.both(wide, then ^ otherwise)

    async def all_of(self, x: Pieces) -> Pieces:
        """AND along the second axis: of shape (n, k, words) to (n, words). ⌈log₂ k⌉ rounds."""
        while (count := x.left.shape[1]) > 1:
            half = count // 2
            met = await self.both(part(x, slice(None), slice(half)), part(x, slice(None), slice(half, 2 * half)))
            x = joined([met, part(x, slice(None), slice(2 * half, None))], axis=1)
        return part(x, slice(None), 0)

    async def equal(self, x: Pieces, y: Pieces) -> Pieces:
        """Whether numbers are the same."""
        return await self.all_of(self.negated(x ^ y))

    async def majority(self, x: Pieces, y: Pieces, z: Pieces) -> Pieces:
        """The bit that two of three have."""
        return z ^ await self.both(x ^ z, y ^ z)

    async def added(self, x: Pieces, y: Pieces, carried: bool = False) -> Pieces:
        """x + y; with `carried` in one more bit, else modulo 2^bits. A round for every two bits, and one before."""
        count, words = x.left.shape[0], x.left.shape[2]
        channel = self._channel()
        channel.line.wait()  # what the third party sends first follows from what others sent
        meeting = Meeting(channel, self._prss, count * words)
        first, second = (Pieces(_by_bit(one.left), _by_bit(one.right)) for one in (x, y))
        total = await summed(meeting, first, second, nothing(count * words), carried)
        return Pieces(*(side.reshape(-1, count, words).transpose(1, 0, 2) for side in (total.left, total.right)))

    async def summed(self, numbers: Pieces) -> Pieces:
        """The sum of some numbers modulo 2^bits, one after the other on the first axis: shape (k, …, bits, words)."""
        while (count := numbers.left.shape[0]) > 2:
            third = count // 3
            x, y, z = (part(numbers, slice(k * third, (k + 1) * third)) for k in range(3))
            carry = await self.majority(x, y, z)
            doubled = shaped(
                shifted(shaped(carry, -1, *carry.left.shape[-2:]), 1, carry.left.shape[-2]), *carry.left.shape
            )
            numbers = joined([x ^ y ^ z, doubled, part(numbers, slice(3 * third, None))])
        if numbers.left.shape[0] == 1:
            return part(numbers, 0)
        shape = numbers.left.shape[1:]
        x, y = (shaped(part(numbers, k), -1, *shape[-2:]) for k in (0, 1))
        return shaped(await self.added(x, y), *shape)

    async def counted(self, bits: Pieces) -> Pieces:
        """How many of k bits are 1, k a power of two: shape (n, k, words) becomes (n, log₂ k + 1, words)."""
        n, count, words = bits.left.shape
        numbers = shaped(bits, n * count, 1, words)
        while count > 1:
            numbers = await self.added(part(numbers, slice(0, None, 2)), part(numbers, slice(1, None, 2)), carried=True)
            count //= 2
        return numbers


def _by_bit(numbers: np.ndarray) -> np.ndarray:
    """From shape (numbers, bits, words) to a row for each bit of all."""
    return np.ascontiguousarray(numbers.transpose(1, 0, 2)).reshape(numbers.shape[1], -1)


def _flat(stack: Pieces, rows: int, words: int) -> Pieces:
    left, right = (np.ascontiguousarray(side).reshape(rows, words) for side in (stack.left, stack.right))
    return Pieces(left, right)
