"""What an owner adds up of its own rows in each cell: how many, and sums of measures, their squares and products.

Sums may need more bits than a word: each product of a row is taken apart into limbs, and each place is added up by
itself (see `mpcgov.linked.sums`). Only these numbers go on to the child that computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.errors import InternalError
from mpcgov.linked.dealing import Dealt
from mpcgov.linked.divisions import with_fixed_parts
from mpcgov.linked.facts import Linked
from mpcgov.linked.limbs import limb_of
from mpcgov.linked.sums import Sum
from mpcgov.linked.taken import taken
from mpcgov.spec.condition import Expr
from mpcgov.worker.local import AtMost, chosen, limited, needed
from mpcgov.worker.source import Source
from mpcgov.worker.summed import name, wanted

Numbers = NDArray[np.int64]


def cell_sums(source: Source, stacked: Linked, where: Expr | None, limit: AtMost | None = None) -> dict[str, Numbers]:
    """The numbers of `encoding`, of the chosen rows.

    Raises:
        DataError: a used column has a fault.
    """
    names, measures = used(stacked), [column.column for column in stacked.asked.numbers]
    rows = chosen(source, needed(names, limit), where)
    if limit is not None:
        rows = limited(rows, source, limit, names)
    some = names or list(source.declaration.columns)[:1]
    found = source.query(rows.select(*(source.value(column) for column in some)))
    place = np.zeros(found.num_rows, np.int64)
    cells = 1
    for column in stacked.asked.groups:
        levels = stacked.levels(column)
        place = place * len(levels) + _positions(found[source.value(column.column)], levels, source.name)
        cells *= len(levels)
    columns = {column: found[source.value(column)].to_numpy().astype(np.int64) for column in measures}
    parts = {factor for one in wanted(stacked) for factors in one.factors.values() for factor in factors}
    least = {column.column: stacked.number(column).low for column in stacked.asked.numbers}
    columns = with_fixed_parts(taken(stacked, "", columns), parts, least, place)
    return added(wanted(stacked), columns, place, cells)


def used(stacked: Linked) -> list[str]:
    """The columns that span cells, and those that are added up."""
    return list(dict.fromkeys(column.column for column in (*stacked.asked.groups, *stacked.asked.numbers)))


def added(all_sums: Sequence[Sum], columns: Mapping[str, Numbers], place: Numbers, cells: int) -> dict[str, Numbers]:
    """Each sum's places over the rows of each cell; `place`: the cell of each row."""
    result = {}
    for number, one in enumerate(all_sums):
        for k in range(one.places):
            total = np.zeros(cells, np.int64)
            factor = one.factors.get("", ())
            values = limb_of(columns, Dealt(None, factor, one.radix_bits, k)) if factor else np.int64(1)
            np.add.at(total, place, values)
            result[name(number, k)] = total
    return result


def _positions(column: pa.ChunkedArray, levels: Sequence[str], dataset: str) -> Numbers:
    found = pc.index_in(column.combine_chunks(), value_set=pa.array(levels, column.type))
    if found.null_count:
        raise InternalError(f"{dataset}: the job's values aren't those of the declaration")
    positions: Numbers = found.to_numpy().astype(np.int64)
    return positions
