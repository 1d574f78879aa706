"""What joint-count means, in plain Python: the ideal functionality, before disclosure control."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def run(
    tables: Mapping[str, Sequence[Mapping[str, str]]],
    domains: Mapping[str, Sequence[str]],
    params: Mapping[str, Any],
) -> dict[str, list[int]]:
    """How many rows of all tables together are in each cell.

    Args:
        tables: by data party, its rows after `where`: column name to value.
        domains: by category column, its values in the order of the first data party.
        params: `by`, the columns that span the table.

    Returns:
        `count`: one number per cell, row-major in the order of `by`, the first column slowest.
    """
    by = params["by"]
    counts = Counter(tuple(row[column] for column in by) for rows in tables.values() for row in rows)
    return {"count": [counts[cell] for cell in itertools.product(*(domains[column] for column in by))]}
