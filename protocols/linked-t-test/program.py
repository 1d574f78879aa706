"""Counts, sums and sums of squares over linked persons in each cell."""

from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import LinkedRows, SecretArray


async def run(rows: LinkedRows, params: Mapping[str, Any]) -> dict[str, list[SecretArray]]:
    """One matrix product for all of them: owners multiply their own columns, only products between owners cost.

    Args:
        rows: the owners' rows, not linked yet; cells and measures are those of the parameters.

    Returns:
        `t_test.…`, each shape (cells,), in as many places as its bounds need, and the counts that decide what may be
        opened. The worker puts them through disclosure control; this program can't open them.
    """
    return await rows.cell_sums()
