"""How many linked persons are in each cell."""

from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import LinkedRows, SecretArray


async def run(rows: LinkedRows, params: Mapping[str, Any]) -> dict[str, list[SecretArray]]:
    """One matrix product of the owners' columns of 0 and 1, in the order of the left owner's list.

    Args:
        rows: the owners' rows, not linked yet; the cells are those of the parameter `by`.

    Returns:
        `count.count`, shape (cells,). The worker puts it through disclosure control; this program can't open it.
    """
    return await rows.cell_sums()
