"""How complete columns are, counted by their owner over the whole data set: what the kind `columns` adds to nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mpcgov.kinds.columns import ENDS, PARTS
from mpcgov.spec.table import CategoryColumn, KeyColumn, TextColumn
from mpcgov.worker import keys, local
from mpcgov.worker.bins import bins
from mpcgov.worker.source import Source


def states(source: Source, names: Sequence[str | None]) -> NDArray[np.int64]:
    """The rows of each column in each of `PARTS`, column by column; zeros for None, another owner's column.

    Raises:
        DataError: a column has a fault, as in any other job: a value that isn't as declared, or a missing one where
            the data set is declared to have none.
    """
    found = np.zeros((len(names), len(PARTS)), np.int64)
    own = [name for name in names if name is not None]
    local.check_columns(source, own)
    missing = {report.column: report.missing for report in local.judged(source, own)}
    for place, name in enumerate(names):
        if name is not None:
            found[place] = _parts(source, name, missing[name])
    return found.reshape(-1)


def _parts(source: Source, name: str, missing: int) -> tuple[int, ...]:
    kind = source.declaration.columns[name]
    if isinstance(kind, KeyColumn | TextColumn):
        values = keys.encoded([(kind, source.query(source.table.select(source.value(name)))[source.value(name)])])
        there = values.drop_null()
        return source.rows, source.rows - len(there), 0, 0, keys.distinct(there)
    if isinstance(kind, CategoryColumn):
        return source.rows, missing, 0, 0, 0
    rows = bins(source, name).rows
    ends = (rows[0], rows[-1]) if len(rows) == ENDS else (0, 0)
    return source.rows, missing, *ends, 0
