"""Records of two owners linked by how alike they are: counts, statistics or pairs of each other's best."""

from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import LinkedRecords, SecretArray


async def run(records: LinkedRecords, params: Mapping[str, Any]) -> dict[str, list[SecretArray]]:
    """All pairs compared, each record linked to the one most like it if that is mutual and they are alike enough.

    Args:
        records: the owners' records, not compared yet; fields, threshold and output are those of the parameters.

    Returns:
        The numbers of the output's tables, each shape (cells,), and those that decide what may be opened. The worker
        puts them through disclosure control; this program can't open them.
    """
    return await records.tables()
