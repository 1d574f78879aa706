"""Counts of rows per cell, summed over the parties."""

from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import SecretArray


async def run(inputs: Mapping[str, SecretArray], params: Mapping[str, Any]) -> dict[str, SecretArray]:
    """The sum of the data parties' counts, cell by cell: local additions, nothing sent.

    Args:
        inputs: by data party, shape (cells,), rows of its data set in each cell, 0 to its declared max_rows.

    Returns:
        `count`, shape (cells,). The worker puts it through disclosure control; this program can't open it.
    """
    first, *others = inputs.values()
    return {"count": sum(others, start=first)}
