"""What several passes found, put together: each record's likeliest partner in all of them.

A pass has its rows in an order of its own, which only their owner knows. All of it is on shares, among all parties,
and nothing is opened but numbers in an order that a shuffle made. See docs/security/linkage-records.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcgov.errors import InternalError
from mpcgov.linkage.similar.arranged import Arranged
from mpcgov.linkage.similar.three import Operation
from mpcgov.linkage.similar.weighed import Partners
from mpcgov.linked.fieldbits import TOTAL_BITS
from mpcgov.mpc.word import field
from mpcgov.mpc.word.compare import negative
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.sharing import deal, open_to_all
from mpcgov.mpc.word.shuffle import shuffle

LEAST_WEIGHT = -(1 << (TOTAL_BITS - 1))


async def united(
    operation: Operation, found: Sequence[Partners], owner: int, own: Sequence[Arranged] | None, records: int
) -> Partners:
    """The partner that weighs most in all passes, the first of equal ones, of each of the rows' owner's records.

    Args:
        found: of each pass, in its own order.
        owner: who has the rows.
        own: at that owner, of each pass the number of each row's record, −1 in those that pad.
        records: how many records it may have.
    """
    rows = [
        await _by_number(operation, one, owner, None if own is None else own[number], records)
        for number, one in enumerate(found)
    ]
    best = rows[0]
    for other in rows[1:]:
        channel, prss = operation()
        more = await negative(channel, prss, field.subtract(best[0], other[0]))
        channel, prss = operation()
        wide = np.ascontiguousarray(np.broadcast_to(more, best.shape))
        best = field.add(best, await product(channel, prss, wide, field.subtract(other, best)))
    return Partners.of(best)


async def _by_number(operation: Operation, found: Partners, owner: int, own: Arranged | None, records: int) -> Words:
    """What a pass found, by the numbers of the rows' records: shape (columns, records). Without a row, nobody."""
    columns = found.stacked()
    count = max(columns.shape[1], records)
    nobody = np.zeros((len(columns), count - columns.shape[1]), np.uint64)
    nobody[0] = LEAST_WEIGHT % field.P
    channel, prss = operation()
    numbers = None if own is None else _permutation(own, count)
    (number,) = await deal(channel, prss.threshold, [owner], numbers, count)
    return (await in_place(operation, np.concatenate([columns, nobody], axis=1).T, number))[:records].T.copy()


def _permutation(own: Arranged, count: int) -> Words:
    """The rows' numbers, of which those that pad get the ones that no record has: each number once."""
    numbers = np.full(count, -1, np.int64)
    numbers[: len(own)] = own.records
    numbers[numbers < 0] = np.setdiff1d(np.arange(count), numbers)
    return numbers.astype(np.uint64)


async def in_place(operation: Operation, rows: Words, number: Words) -> Words:
    """Each of some secret rows at the place of its secret number; the numbers are 0, 1, … in any order.

    They are opened after a shuffle: in an order that is uniform, whatever it was before, and that nobody knows.
    """
    channel, prss = operation()
    mixed = await shuffle(channel, prss, np.column_stack([number, rows]))
    channel, prss = operation()
    places = await open_to_all(channel, np.ascontiguousarray(mixed[:, 0]), prss.threshold)
    if not np.array_equal(np.sort(places), np.arange(len(rows), dtype=np.uint64)):
        raise InternalError("rows that came back from a shuffle aren't those that went")
    result = np.empty(rows.shape, np.uint64)
    result[places.astype(np.int64)] = mixed[:, 1:]
    return result
