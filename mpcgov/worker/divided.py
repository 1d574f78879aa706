"""Whether what is opened of a column, or of two, is of enough rows: decided on secret counts, and never opened.

A column that is the same in nearly all rows is a category of the others. `mpcgov/linked/sides.py` says what is counted,
the protocols' references what it means, and docs/security/disclosure.md why it is enough.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from mpcgov import figures
from mpcgov.errors import InternalError
from mpcgov.linked import released, sides
from mpcgov.linked.facts import Linked
from mpcgov.linked.sides import Columns, Outside
from mpcgov.linked.sums import Item
from mpcgov.mpc import SecretArray, concatenate
from mpcgov.mpc.functions import some_not_negative

Found = Mapping[str, Sequence[SecretArray]]
"""By `table.name`, a secret number for each cell, place by place."""

Key = tuple[Columns, frozenset[str]]
"""Columns, and the owners that match in the rows that are looked at; no columns: the weight."""

Spare = tuple[Outside, int]
"""A number of rows, or what their values hold, and what that must be at least."""


def of_items(
    linked: Linked, found: Found, items: Mapping[str, Item], known: Sequence[Found], least: int
) -> dict[str, SecretArray]:
    """By the names of their numbers of rows, 1 in the cells where what is opened of measures and pairs is of at least
    so many rows, and no row has most of the spread of a receiver's column.

    Args:
        known: for each receiver that brings rows what it knows of the sums; the others' rows must be as many.
    """
    judged = _judged(linked, found, list(items.values()), known, least)
    result = {name: judged[item.columns, item.n.owners] for name, item in items.items()}
    for name, bits in _with_spread(linked, found, items).items():
        for bit in bits:
            result[name] = result[name] * bit
    if linked.asked.weight is not None:
        result = {name: bit * judged[(), items[name].n.owners] for name, bit in result.items()}
    return result


def _with_spread(linked: Linked, found: Found, items: Mapping[str, Item]) -> dict[str, list[SecretArray]]:
    """By item that is made of receivers' columns, for each of these 1 in the cells in which its spread is half a step
    or more, so that no row is most of it."""
    spreads = [
        (name, f"{name.removesuffix('.n')}.{2 * letter}.m")
        for name, item in items.items()
        for letter, column in zip("xy", item.columns, strict=False)
        if linked.of_receiver(column)
    ]
    result: dict[str, list[SecretArray]] = {}
    if spreads:
        enough = concatenate([found[spread][0] for _, spread in spreads]) >= 1
        cells = len(enough) // len(spreads)
        for place, (name, _) in enumerate(spreads):
            result.setdefault(name, []).append(enough[place * cells : (place + 1) * cells])
    return result


def _judged(
    linked: Linked, found: Found, items: Sequence[Item], known: Sequence[Found], least: int
) -> dict[Key, SecretArray]:
    """1 where some division has enough rows outside of every choice of parts, the values hold enough, and so does each
    class of a receiver's column."""
    divisions: dict[Key, list[list[Spare]]] = {}
    needed = figures.least_held(released.numbers(linked), linked.job.disclosure.digits)
    of_class = released.class_rows(linked)

    def enough(columns: Columns, division: Sequence[Outside]) -> list[Spare]:
        held = [(outside, needed) for outside in sides.held(linked, columns)]
        each = [(outside, of_class) for outside in sides.classes(linked, columns)]
        return [*((outside, least) for outside in division), *held, *each]

    for item in items:
        divisions[item.columns, item.n.owners] = [
            enough(item.columns, one) for one in sides.of_columns(linked, item.columns)
        ]
        if linked.asked.weight is not None:
            weight = (linked.asked.weight,)
            divisions[(), item.n.owners] = [enough(weight, one) for one in sides.of_weight(linked)]
    rows: list[SecretArray] = []
    questions: list[list[range]] = []
    for (_, owners), some in divisions.items():
        for view in known or [{}]:
            ends = itertools.accumulate((len(division) for division in some), initial=len(rows))
            questions.append([range(start, stop) for start, stop in itertools.pairwise(ends)])
            rows += [_spare(one, owners, found, view) for division in some for one in division]
    passed = some_not_negative(concatenate([row.reshape((1, len(row))) for row in rows]), questions)
    result: dict[Key, SecretArray] = {}
    of_views = len(known) or 1
    for place, key in enumerate(key for key in divisions for _ in range(of_views)):
        bit = passed[place].reshape((passed.shape[1],))
        result[key] = result[key] * bit if key in result else bit
    return result


def _spare(one: Spare, owners: frozenset[str], found: Found, view: Found) -> SecretArray:
    """Not negative if the number of rows, or what they hold, less what a receiver knows, is large enough."""
    outside, least = one
    total: SecretArray | None = None
    for factor, product in outside:
        name = sides.name(product, owners)
        rows = found[name][0] - view[name][0] if name in view else found[name][0]
        total = rows * factor if total is None else total + rows * factor
    if total is None:
        raise InternalError("a number of rows of no sums")
    return total - least
