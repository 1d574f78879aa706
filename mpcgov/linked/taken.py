"""An owner's values as a job adds them up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mpcgov.linked.facts import Linked


def taken(linked: Linked, party: str, columns: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """With noise, measures are clamped and counted from the middle of their range; otherwise all is as it was.

    `party`: whose columns they are, as they are qualified.
    """
    result = dict(columns)
    for column in () if linked.job.disclosure.noise is None else linked.asked.measures:
        if column.party == party:
            number = linked.number(column)
            clamped = np.clip(columns[column.column], number.low + number.middle, number.high + number.middle)
            result[column.column] = clamped - number.middle
    return result
