"""How many keys every set of owners has in common."""

from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import LinkedRows, SecretArray


async def run(rows: LinkedRows, params: Mapping[str, Any]) -> dict[str, list[SecretArray]]:
    """Of two owners a matcher's count less the dummies in it; of more, sums over the rows linked to each first owner.

    Args:
        rows: the owners' keys, not linked yet.

    Returns:
        `overlap.count`, shape (sets,). The worker puts it through disclosure control; this program can't open it.
    """
    return {"overlap.count": [await rows.overlaps()]}
