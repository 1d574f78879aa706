"""Counts, sums and sums of squares over all agencies' rows in each cell."""

from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import SecretArray


async def run(inputs: Mapping[str, Mapping[str, list[SecretArray]]], params: Mapping[str, Any]) -> dict[str, Any]:
    """Adds up what every agency brings: local work.

    Args:
        inputs: by party, by `table.number`, its own number for each cell, place by place, shape (cells,) each.
        params: `by` and `measures`; they have shaped the cells and numbers already.

    Returns:
        `t_test.…`, place by place. The worker puts them through disclosure control; this
        program can't open them.
    """
    first, *others = inputs.values()
    return {
        name: [sum((other[name][k] for other in others), start=place) for k, place in enumerate(places)]
        for name, places in first.items()
    }
