"""Sorting, order statistics and the k least rows: shuffle secretly, then compare in the clear order.

Rows are compared by value and then by their public number before the shuffle: never equal, so equal values show
nothing, and the sort is stable. Values and numbers are compared as one integer, value · 2^⌈log₂ n⌉ + number, if
differences of such integers lie within ±2^60, else one after the other. Neither is ever opened. What is opened
depends on n (and on which ranks are wanted) only: see `order`. For descending order pass the negated values. By a bit
nothing is compared: see `_by_bit`.
"""

from __future__ import annotations

import numpy as np

from mpcgov.errors import InternalError, SpecError
from mpcgov.mpc.codec import nobodys
from mpcgov.mpc.word import compare, field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.order import Order, order_of
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.shuffle import shuffle
from mpcgov.mpc.word.wire import Channel

LIMIT = 1 << 60


def check_fits(low: int, high: int) -> None:
    """Raise SpecError unless differences of integers in low … high stay below 2^60."""
    if high - low >= LIMIT:
        raise SpecError(f"sorting integers between {low} and {high}: differences must be below 2^60")


def rank_columns(key: Words, low: int, high: int) -> tuple[list[Words], list[int]]:
    """Shares of what rows are compared by, most significant first: one column, or two if one can't hold both; and how
    many bits their differences have.

    `low` and `high` bound the values. Raises SpecError if differences of values themselves don't fit.
    """
    check_fits(low, high)
    bits = max(0, key.size - 1).bit_length()
    numbers = np.arange(key.size, dtype=np.uint64)
    span, most = high - low, key.size - 1
    if (span << bits) + key.size <= LIMIT:
        width = ((span << bits) + most).bit_length()
        return [field.add(field.scale(key, 1 << bits), numbers)], [width]
    return [key, numbers], [span.bit_length(), most.bit_length()]


async def sort_rows(
    channel: Channel, prss: Prss, key: Words, rows: Words, low: int, high: int, ranks: Order | None = None
) -> Words:
    """The rows of a matrix of degree t in ascending order of `key`, 1-D of degree t; of `ranks` only, if given.

    Values of `key` lie in low … high. Shares of the result are as fresh as a shuffle makes them.
    """
    if key.ndim != 1 or rows.ndim != 2 or len(key) != len(rows):
        raise InternalError(f"sorting {rows.shape} rows by {key.shape} values")
    if high - low == 1:
        return await _by_bit(
            channel, prss, field.subtract(key, np.full(len(key), low % field.P, np.uint64)), rows, ranks
        )
    columns, widths = rank_columns(key, low, high)
    shuffled = await shuffle(channel, prss, np.column_stack([*columns, rows]))
    compared = [np.ascontiguousarray(shuffled[:, c]) for c in range(len(columns))]

    async def less(a: Order, b: Order) -> Words:
        def differences(piece: slice) -> list[Words]:
            return [field.differences(column, a[piece], b[piece]) for column in compared]

        return await compare.open_less(channel, prss, a.size, widths, differences)

    order = await order_of(len(key), less, ranks)
    wanted = shuffled.take(order if ranks is None else order[ranks], axis=0)
    return np.ascontiguousarray(wanted[:, len(columns) :])


async def _by_bit(channel: Channel, prss: Prss, bit: Words, rows: Words, ranks: Order | None) -> Words:
    """Rows in ascending order of a bit, as they were where it is the same. Five rounds for three parties.

    Their places are sums: the i-th row's is i less the ones up to it, or if it is a one itself, as many as there are
    zeros and ones before it. Rows are shuffled with their places, which are then opened: a uniform order.
    """
    count, reached = len(bit), field.running_sums(bit)
    of_zeros = field.subtract(np.arange(count, dtype=np.uint64), reached)
    all_ones = np.repeat(reached[-1:], count)
    of_ones = field.combine([-1, 1, 1], [all_ones, reached, np.full(count, (count - 1) % field.P, np.uint64)])
    places = field.add(of_zeros, await product(channel, prss, bit, field.subtract(of_ones, of_zeros)))
    mixed = await shuffle(channel, prss, np.column_stack([places, rows]))
    opened = await open_to_all(channel, np.ascontiguousarray(mixed[:, 0]), prss.threshold)
    if not np.array_equal(np.sort(opened), np.arange(count, dtype=np.uint64)):
        raise nobodys("places in an order that aren't all different")
    order = np.argsort(opened)
    return np.ascontiguousarray(mixed[order if ranks is None else order[ranks], 1:])


async def sort(channel: Channel, prss: Prss, key: Words, low: int, high: int, ranks: Order | None = None) -> Words:
    """Values of `key` in ascending order, or those of some ranks: 0 is the least."""
    return (await sort_rows(channel, prss, key, key[:, None], low, high, ranks)).reshape(-1)
