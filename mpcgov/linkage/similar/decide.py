"""Which pairs are linked, by the weights of each row's partner and by how many pairs of one person they speak for.

All of it is on shares, among all parties, and nothing is opened but an order that a shuffle made. See `records.prior`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mpcgov.linkage.similar.passes import LEAST_WEIGHT, in_place
from mpcgov.linkage.similar.three import Operation
from mpcgov.linkage.similar.weighed import Partners
from mpcgov.linked.fieldbits import TOTAL_BITS
from mpcgov.mpc.word import field
from mpcgov.mpc.word.compare import negative, zero
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product, reduce_degree
from mpcgov.mpc.word.sort import sort_rows
from mpcgov.records.prior import SCALE_BITS, Prior

PERCENTS = 100
AT_ONCE = 1 << 17
"""Rows whose weights are compared with all bounds at once: some 40 MB, and as much again for each step."""


@dataclass(frozen=True)
class Decided:
    """As shares: 1 where a row is linked, and where it is the best of its partner's, shape (rows,).

    `quality`: estimated precision and recall in whole percents. `reached`: how many links have at least each
    probability, from the least on.
    """

    link: Words
    alone: Words
    quality: Words
    reached: Words


async def decided(
    operation: Operation, found: Partners, columns: int | None, prior: Prior, least: Sequence[Fraction]
) -> Decided:  # fmt: skip
    """The links.

    Args:
        columns: partners have smaller numbers, and are linked once; None: as often as rows have them.
        least: the least probability of a link; then those whose links are counted, ascending.
    """
    every = _everywhere(1, found.weight.shape)
    alone = every if columns is None else await _alone(operation, found, columns)
    lowest = _everywhere(LEAST_WEIGHT, alone.shape)
    above = await _of(operation, alone, field.subtract(found.weight, lowest))
    weight = field.add(above, lowest)
    reached = await _at_least(operation, weight, field.from_signed(prior.bounds))
    rising = np.diff(prior.chances, axis=1, prepend=0).astype(np.uint64)
    sums = _sums(rising, _counts(reached))
    share = await _share(operation, sums, prior)
    thresholds = _sums(field.from_signed(np.stack([prior.least_weights(p) for p in least])), share)
    probable = await _at_least(operation, weight, thresholds)
    link = np.ascontiguousarray(probable[0])
    channel, prss = operation()
    linked = await reduce_degree(channel, prss, field.inner_products(reached, link[None]).reshape(-1))
    numbers = _counts(probable)
    quality = await _quality(operation, share, sums, _sums(rising, linked), numbers[0])
    return Decided(link, alone, quality, numbers)


async def _alone(operation: Operation, found: Partners, columns: int) -> Words:
    """1 where a row weighs more than all others with its partner, or is the first of those: shape (rows,).

    Rows are sorted by partner and falling weight; what comes of it goes back by the rows' numbers, which are opened in
    an order that nobody knows.
    """
    count = len(found.weight)
    rest = field.subtract(_everywhere(-LEAST_WEIGHT - 1, found.weight.shape), found.weight)
    key = field.combine([1 << TOTAL_BITS, 1], [found.number, rest])
    table = np.column_stack([found.number, np.arange(count, dtype=np.uint64)])
    channel, prss = operation()
    ordered = await sort_rows(channel, prss, key, table, 0, columns << TOTAL_BITS)
    number = np.ascontiguousarray(ordered[:, 0])
    channel, prss = operation()
    again = await zero(channel, prss, field.subtract(number[1:], number[:-1]))
    first = np.concatenate([np.ones(1, np.uint64), field.subtract(np.ones_like(again), again)])
    return (await in_place(operation, first[:, None], np.ascontiguousarray(ordered[:, 1]))).reshape(-1)


async def _share(operation: Operation, sums: Words, prior: Prior) -> Words:
    """A 1 at the share of all pairs that is right, as far as the sums of probabilities tell; shape (shares,)."""
    channel, prss = operation()
    short = await negative(channel, prss, field.subtract(sums[:-1], prior.expected[:-1].astype(np.uint64)))
    steps = np.arange(len(sums), dtype=np.uint64)
    channel, prss = operation()
    return await zero(channel, prss, field.subtract(_repeated(field.sum_rows(short[:, None]), len(steps)), steps))


async def _quality(operation: Operation, share: Words, sums: Words, right: Words, links: Words) -> Words:
    """Estimated precision and recall, in whole percents, rounded: how many percents are reached. Shape (2,)."""
    channel, prss = operation()
    both = field.inner_products(share[None], np.stack([sums, right])).reshape(-1)
    expected, correct = (await reduce_degree(channel, prss, both))[:, None]
    halves = (2 * np.arange(1, PERCENTS + 1) - 1).astype(np.uint64)
    wholes = [field.scale(links.reshape(1), 1 << SCALE_BITS), expected]
    part = _repeated(field.scale(correct, 2 * PERCENTS), PERCENTS)
    missing = np.stack([field.subtract(part, field.product(_repeated(whole, PERCENTS), halves)) for whole in wholes])
    channel, prss = operation()
    below = await negative(channel, prss, missing)
    return field.subtract(_everywhere(PERCENTS, (2,)), field.sum_rows(np.ascontiguousarray(below.T)))


async def _at_least(operation: Operation, weight: Words, bounds: Words) -> Words:
    """Whether each weight reaches each bound, shape (bounds, weights)."""
    result = np.empty((len(bounds), len(weight)), np.uint64)
    for start in range(0, len(weight), AT_ONCE):
        some = weight[start : start + AT_ONCE]
        shape = len(bounds), len(some)
        over = field.subtract(
            np.ascontiguousarray(np.broadcast_to(some, shape)),
            np.ascontiguousarray(np.broadcast_to(bounds[:, None], shape)),
        )
        channel, prss = operation()
        below = await negative(channel, prss, over)
        result[:, start : start + AT_ONCE] = field.subtract(np.ones(shape, np.uint64), below)
    return result


async def _of(operation: Operation, bit: Words, values: Words) -> Words:
    channel, prss = operation()
    return await product(channel, prss, bit, values)


def _sums(public: Words, shares: Words) -> Words:
    """Public rows times a secret vector."""
    return field.inner_products(public, shares[None]).reshape(-1)


def _counts(bits: Words) -> Words:
    """How many of each row's bits are 1."""
    return field.inner_products(bits, np.ones((1, bits.shape[1]), np.uint64)).reshape(-1)


def _repeated(one: Words, count: int) -> Words:
    return np.ascontiguousarray(np.broadcast_to(one, (count,)))


def _everywhere(number: int, shape: tuple[int, ...]) -> Words:
    return np.full(shape, number % field.P, np.uint64)
