"""The sums that a job's tables need, by the names under which they are computed and opened: asked of the kinds."""

from __future__ import annotations

import itertools

from mpcgov import kinds
from mpcgov.kinds.kind import Computed
from mpcgov.linked import coarse, released, sides, sums
from mpcgov.linked.facts import Linked
from mpcgov.linked.sums import Item, Sum


def items(linked: Linked) -> dict[str, Item]:
    """By `table.item`, the measures and pairs of the job's tables."""
    return {
        f"{one.name}.{item.name}": item
        for one in kinds.tables(linked)
        if one.kind.items is not None
        for item in one.kind.items(linked)
    }


def by_name(linked: Linked) -> dict[str, Sum]:
    """All sums that a job over cells computes, as `table.name`; those that only help to decide begin with a colon."""
    result: dict[str, Sum] = {}
    for one in kinds.tables(linked):
        if one.kind.computed is Computed.CELLS and one.kind.counts:
            result[f"{one.name}.{one.number}"] = sums.count(linked)
        for item in one.kind.items(linked) if one.kind.items is not None else ():
            result[f"{one.name}.{item.name}.n"] = item.n
            result |= {f"{one.name}.{item.name}.{short}": added for short, added in item.sums.items()}
    for item in () if linked.job.disclosure.noise is not None else (*sums.measures(linked), *sums.pairs(linked)):
        products, owners = [*sides.counted(linked, item.columns), *coarse.products(linked, item.columns)], item.n.owners
        result |= {sides.name(product, owners): sums.sum_of(linked, product, owners) for product in products}
    for owners in itertools.chain.from_iterable(sums.row_sets(linked, item) for item in gated(linked).values()):
        result[sums.rows_name(owners)] = sums.sum_of(linked, (), owners)
    return result


def numbers(linked: Linked) -> set[str]:
    """As `table.name`, all that tables over cells can open: numbers of rows, and what is rounded, or noisy sums."""
    if linked.job.disclosure.noise is not None:
        return {name for name in by_name(linked) if not name.startswith(":")}
    figures = {
        f"{name}.{figure.name}" for name, item in items(linked).items() for figure in released.opened(linked, item)
    }
    rows = {f"{one.name}.{one.number}" for one in kinds.tables(linked) if one.kind.counts} | {*gated(linked)}
    return rows | {f"{name}.{part}" for name in figures for part in "me"}


def gated(linked: Linked) -> dict[str, Item]:
    """The items about which more than their cell's count decides, by the names of their numbers of rows."""
    return {f"{name}.n": item for name, item in items(linked).items() if item.own_gate}
