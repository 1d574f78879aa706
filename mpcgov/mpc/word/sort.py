"""Sorting, order statistics and the k least rows: shuffle secretly, then compare in the clear order.

Rows are compared by value and then by their public number before the shuffle: never equal, so equal values show
nothing, and the sort is stable. Values and numbers are compared as one integer, value · 2^⌈log₂ n⌉ + number, if
differences of such integers lie within ±2^60, else one after the other. Neither is ever opened. What is opened
depends on n (and on which ranks are wanted) only: see `order`. For descending order pass the negated values.
"""

from __future__ import annotations

import numpy as np

from mpcgov.errors import InternalError, SpecError
from mpcgov.mpc.word import compare, field
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.order import Order, order_of
from mpcgov.mpc.word.prss import Prss
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
    columns, widths = rank_columns(key, low, high)
    shuffled = await shuffle(channel, prss, np.column_stack([*columns, rows]))
    compared = [np.ascontiguousarray(shuffled[:, c]) for c in range(len(columns))]

    async def less(a: Order, b: Order) -> Words:
        def differences(piece: slice) -> list[Words]:
            return [field.subtract(column[a[piece]], column[b[piece]]) for column in compared]

        return await compare.open_less(channel, prss, a.size, widths, differences)

    order = await order_of(len(key), less, ranks)
    wanted = shuffled.take(order if ranks is None else order[ranks], axis=0)
    return np.ascontiguousarray(wanted[:, len(columns) :])


async def sort(channel: Channel, prss: Prss, key: Words, low: int, high: int, ranks: Order | None = None) -> Words:
    """Values of `key` in ascending order, or those of some ranks: 0 is the least."""
    return (await sort_rows(channel, prss, key, key[:, None], low, high, ranks)).reshape(-1)
