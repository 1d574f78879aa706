"""The two greatest values of every cell of linked rows, secret as the rows' cells and values are.

Rows are sorted by cell and then from the greatest value down, behind a marker for each cell: the two rows after a
marker, up to the next one, have what is wanted. Then all rows are shuffled, and which marker is where is opened: the
markers of all cells and nothing else, at places of a uniform order that no t parties know. Rows that nobody linked are
in a cell of their own. What is opened, and the work, depend on the numbers of rows and cells only, and, as in every
sort here, on a uniform order.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mpcgov.linkage.places import Places, array_of
from mpcgov.linked import sums
from mpcgov.linked.dealing import Ranked, Ref
from mpcgov.linked.facts import Linked
from mpcgov.mpc.codec import nobodys
from mpcgov.mpc.word import field, sort
from mpcgov.mpc.word.engine import WordEngine
from mpcgov.mpc.word.field import Words
from mpcgov.mpc.word.product import product
from mpcgov.mpc.word.prss import Prss
from mpcgov.mpc.word.sharing import open_to_all
from mpcgov.mpc.word.shuffle import shuffle
from mpcgov.mpc.word.wire import Channel


async def greatest(
    engine: WordEngine, linked: Linked, columns: Ranked, shares: Mapping[str, Words]
) -> dict[str, Places]:  # fmt: skip
    """Each measure's two greatest values in every cell, of rows that all owners have."""

    def column(ref: Ref) -> Words:
        owner, place = ref
        return np.ascontiguousarray(shares[owner][:, place])

    channel, prss = engine.operation()
    everywhere, *others = map(column, columns.real)
    for other in others:
        everywhere = await product(channel, prss, everywhere, other)
    parts = [column(ref) for ref in columns.parts]
    cell = field.combine([1] * len(parts), parts) if parts else np.zeros_like(everywhere)
    result: dict[str, Places] = {}
    for measure, ref in columns.values.items():
        highest = linked.number(measure).high
        channel, prss = engine.operation()
        found = await top_two(channel, prss, everywhere, cell, column(ref), columns.cells, highest)
        names = sums.top_names(str(measure))
        result |= {name: [array_of(engine, top, 0, highest)] for name, top in zip(names, found, strict=True)}
    return result


def key_limit(cells: int, highest: int) -> int:
    """What rows are sorted by stays below this, which must be at most 2^60."""
    return (cells + 1) * (highest + 2)


async def top_two(
    channel: Channel, prss: Prss, linked: Words, cell: Words, values: Words, cells: int, highest: int
) -> Words:
    """Shares of each cell's greatest and second greatest value, shape (2, cells); 0 where there is none.

    Args:
        linked: shares of 1 for the rows that count, 0 for others. cell: of their cells, 0 … cells − 1.
        values: of 0 … highest, all shape (rows,).
    """
    numbers = np.arange(cells + 1, dtype=np.uint64)
    away = np.full(cell.shape, cells, np.uint64)
    own = field.add(await product(channel, prss, linked, field.subtract(cell, away)), away)
    falling = field.subtract(np.full(values.shape, highest + 1, np.uint64), values)
    rows_key = field.combine([highest + 2, 1], [own, falling])
    key = np.concatenate([numbers * np.uint64(highest + 2), rows_key])
    none = np.zeros(len(values), np.uint64)
    labels = np.concatenate([numbers + np.uint64(1), none])
    markers = np.concatenate([np.ones_like(numbers), none])
    whole = np.concatenate([np.zeros_like(numbers), values])
    rows = np.column_stack([labels, markers, whole])
    labels, markers, whole = (
        np.ascontiguousarray(column)
        for column in (await sort.sort_rows(channel, prss, key, rows, 0, key_limit(cells, highest) - 1)).T
    )
    first, marked, second = _after(whole, 1), _after(markers, 1), _after(whole, 2)  # a marker's own value is 0
    second = await product(channel, prss, second, field.subtract(np.ones_like(marked), marked))
    mixed = await shuffle(channel, prss, np.column_stack([labels, first, second]))
    opened = await open_to_all(channel, np.ascontiguousarray(mixed[:, 0]), prss.threshold)
    order = np.argsort(opened, kind="stable")[-len(numbers) :]
    if not np.array_equal(opened[order], numbers + np.uint64(1)) or np.count_nonzero(opened) != len(numbers):
        raise nobodys("sorting by cell gave other marks than those put in")
    order = order[:-1]  # the last marker is of the rows that don't count
    return np.ascontiguousarray(mixed[order, 1:].T)


def _after(column: Words, places: int) -> Words:
    """Each row's value is that of a row so many further on; 0 past the end."""
    return np.concatenate([column[places:], np.zeros(min(places, len(column)), np.uint64)])
