"""Which pairs are linked, by the weights of each row's partner and by how many pairs of one person they speak for.

All of it is on shares, among all parties, and nothing is opened but an order that a shuffle made. See `records.prior`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mpcgov.linkage.similar.cautious import cautious
from mpcgov.linkage.similar.passes import LEAST_WEIGHT, in_place
from mpcgov.linkage.similar.three import Operation
from mpcgov.linkage.similar.weighed import Partners
from mpcgov.linked.fieldbits import TOTAL_BITS
from mpcgov.mpc.word import field
from mpcgov.mpc.word.compare import negative, zero
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product, reduce_degree
from mpcgov.mpc.word.sharing import deal
from mpcgov.mpc.word.sort import sort_rows
from mpcgov.records import foreseen
from mpcgov.records.prior import SCALE_BITS, Prior

PERCENTS = 100
AT_ONCE = 1 << 17
"""Rows whose weights are compared with all bounds at once: some 40 MB, and as much again for each step."""


@dataclass(frozen=True)
class Judged:
    """By what groups are judged. Shares: `share` has a 1 at the number of the odds; `reached` is which of the prior's
    steps each row's weight reaches. Public, `rising`: for all odds by how much each step's probability is more than the
    one before."""

    share: Words
    reached: Words
    rising: Words


@dataclass(frozen=True)
class Decided:
    """As shares: 1 where a row is linked, and where it is the best of its partner's, shape (rows,).

    `quality`: estimated precision and recall in whole percents. `reached`: how many links have at least each
    probability, from the least on. `judged`: by what groups of them are judged.
    """

    link: Words
    alone: Words
    quality: Words
    reached: Words
    judged: Judged


@dataclass(frozen=True)
class Told:
    """What the owners deal of their lists, as shares: of the rows' what sums of probabilities there should be, which
    says how many rows it has; of the columns' what `foreseen.table` is."""

    expected: Words
    table: Words


async def told(
    operation: Operation, prior: Prior, owners: tuple[int, int], rows: int | None, table: Words | None
) -> Told:  # fmt: skip
    """The same, dealt by the owners of rows and columns. `rows`: how many the former has; None if we aren't it."""
    count, columns = len(prior.octaves), foreseen.COLUMNS
    channel, prss = operation()
    values = None if rows is None else prior.expected(rows).astype(np.uint64)
    (expected,) = await deal(channel, prss.threshold, [owners[0]], values, count)
    channel, prss = operation()
    flat = None if table is None else table.reshape(-1)
    (found,) = await deal(channel, prss.threshold, [owners[1]], flat, columns * count)
    return Told(expected, found.reshape(columns, count))


async def decided(
    operation: Operation,
    found: Partners,
    columns: int | None,
    prior: Prior,
    least: Sequence[Fraction],
    told: Told,
    careful: bool,
) -> Decided:
    """The links.

    Args:
        columns: partners have smaller numbers, and are linked once; None: as often as rows have them.
        least: the least probability of a link; then those whose links are counted, ascending.
        told: what the owners say.
        careful: whether links must be so probable that few are expected to be wrong; see `cautious`.
    """
    every = _everywhere(1, found.weight.shape)
    alone = every if columns is None else await _alone(operation, found, columns)
    lowest = _everywhere(LEAST_WEIGHT, alone.shape)
    above = await _of(operation, alone, field.subtract(found.weight, lowest))
    weight = field.add(above, lowest)
    reached = await _at_least(operation, weight, field.from_signed(prior.bounds))
    rising = np.diff(prior.chances, axis=1, prepend=0).astype(np.uint64)
    counts = _counts(reached)
    share = await _share(operation, _sums(rising, counts), told.expected)
    odds = await cautious(operation, prior, share, counts, least[0]) if careful else share
    thresholds = _sums(field.from_signed(np.stack([prior.least_weights(p) for p in least])), share)
    if careful:
        lowest = _sums(field.from_signed(prior.least_weights(least[0])[None]), odds)
        thresholds = await _raised(operation, thresholds, lowest)
    probable = await _at_least(operation, weight, thresholds)
    link = np.ascontiguousarray(probable[0])
    channel, prss = operation()
    linked = await reduce_degree(channel, prss, field.inner_products(reached, link[None]).reshape(-1))
    numbers = _counts(probable)
    chance = _sums(np.ascontiguousarray(prior.chances.T).astype(np.uint64), share)
    rows = field.subtract(linked, np.concatenate([linked[1:], np.zeros(1, np.uint64)]))
    right = await _of(operation, chance, rows)
    far = _sums(prior.excess(least[0]).astype(np.uint64), right)
    own = np.concatenate([far[None], told.table])
    quality = await _quality(operation, odds, _total(right), own, numbers[0])
    return Decided(link, alone, quality, numbers, Judged(share, reached, rising))


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
    again = await zero(channel, prss, field.subtract(number[1:], number[:-1]), columns.bit_length())
    first = np.concatenate([np.ones(1, np.uint64), field.subtract(np.ones_like(again), again)])
    return (await in_place(operation, first[:, None], np.ascontiguousarray(ordered[:, 1]))).reshape(-1)


async def _share(operation: Operation, sums: Words, expected: Words) -> Words:
    """A 1 at the number of the grid that is right, as far as the sums of probabilities tell; shape (numbers,)."""
    channel, prss = operation()
    short = await negative(channel, prss, field.subtract(sums[:-1], expected[:-1]))
    steps = np.arange(len(sums), dtype=np.uint64)
    channel, prss = operation()
    return await zero(channel, prss, field.subtract(_repeated(field.sum_rows(short[:, None]), len(steps)), steps))


async def _raised(operation: Operation, thresholds: Words, lowest: Words) -> Words:
    """Those that are lower are the lowest one."""
    off = field.subtract(_repeated(lowest, len(thresholds)), thresholds)
    channel, prss = operation()
    higher = await negative(channel, prss, field.subtract(np.zeros_like(off), off))
    return field.add(thresholds, await _of(operation, higher, off))


async def _quality(operation: Operation, odds: Words, right: Words, own: Words, links: Words) -> Words:
    """Estimated precision and recall, in whole percents, rounded: how many percents are reached. Shape (2,).

    Args:
        odds: a 1 at the number of those whose least weight links have.
        right: the sum of the links' probabilities.
        own: for all odds, the sum of the links' excesses, each times its probability, and the columns' owner's table.
    """
    channel, prss = operation()
    of_odds = await reduce_degree(channel, prss, field.inner_products(odds[None], own).reshape(-1))
    excess, usual, halves, percent = np.split(of_odds, np.cumsum([1, 1, len(foreseen.INTENSITIES) - 1]))
    pairs = np.full(1, foreseen.USUAL_PAIRS << SCALE_BITS, np.uint64)
    known = field.add(field.scale(excess, 1 << foreseen.EXCESS_BITS), field.scale(usual, int(pairs[0])))
    wanted = await _of(operation, halves, _repeated(field.add(right, pairs), len(halves)))
    bounds = (2 * np.arange(1, PERCENTS + 1) - 1).astype(np.uint64)
    whole = _repeated(field.scale(links.reshape(1), 1 << SCALE_BITS), PERCENTS)
    missing = field.subtract(_repeated(field.scale(right, 2 * PERCENTS), PERCENTS), field.product(whole, bounds))
    channel, prss = operation()
    behind = field.subtract(_repeated(known, len(halves)), wanted)
    below = await negative(channel, prss, np.concatenate([missing, behind]))
    less = await _of(operation, below[PERCENTS:], field.subtract(percent[1:], percent[:-1]))
    precision = field.subtract(_everywhere(PERCENTS, (1,)), _total(below[:PERCENTS]))
    return np.concatenate([precision, field.add(percent[:1], _total(less))])


async def of_groups(operation: Operation, judged: Judged, groups: Words, linked: Words) -> tuple[Words, Words]:
    """Of each group, in whole percents, rounded: how probable its links are on average, and how much of the sum of all
    its partners' probabilities these are; each shape (groups,).

    Args:
        groups: 1 where a row, or its partner, is in it, shape (groups, rows). linked: likewise, where it is linked.
    """
    count = len(groups)
    channel, prss = operation()
    sums = field.inner_products(np.concatenate([linked, groups]), judged.reached)
    steps = (await reduce_degree(channel, prss, sums.reshape(-1))).reshape(2 * count, -1)
    channel, prss = operation()
    of_odds = field.inner_products(judged.share[None], field.inner_products(judged.rising, steps).T.copy())
    right, expected = np.split(await reduce_degree(channel, prss, of_odds.reshape(-1)), 2)
    whole = np.concatenate([field.scale(_counts(linked), 1 << SCALE_BITS), expected])
    bounds = np.tile((2 * np.arange(1, PERCENTS + 1) - 1).astype(np.uint64), 2 * count)
    reached = field.scale(np.repeat(np.tile(right, 2), PERCENTS), 2 * PERCENTS)
    channel, prss = operation()
    below = await negative(channel, prss, field.subtract(reached, field.product(np.repeat(whole, PERCENTS), bounds)))
    percents = field.subtract(_everywhere(PERCENTS, (2 * count,)), _counts(below.reshape(2 * count, PERCENTS)))
    return percents[:count].copy(), percents[count:].copy()


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
        below = await negative(channel, prss, over, TOTAL_BITS)
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


def _total(shares: Words) -> Words:
    return field.sum_rows(np.ascontiguousarray(shares[:, None]))


def _repeated(one: Words, count: int) -> Words:
    return np.ascontiguousarray(np.broadcast_to(one, (count,)))


def _everywhere(number: int, shape: tuple[int, ...]) -> Words:
    return np.full(shape, number % field.P, np.uint64)
