"""Least squares over linked persons."""

from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import LinkedRows, SecretArray


async def run(rows: LinkedRows, params: Mapping[str, Any]) -> dict[str, list[SecretArray]]:
    """One matrix product for all sums, then the normal equations: nothing of either is ever opened.

    Args:
        rows: the owners' rows, not linked yet; outcome and predictors are those of the parameters.

    Returns:
        `coefficients.…` and `fit.…`, and the counts that decide whether they may be opened. The worker puts them
        through disclosure control; this program can't open them.
    """
    return await rows.regression()
