"""Sets of owners."""

from __future__ import annotations

import itertools


def owner_sets(owners: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """All sets of at least two owners, each in job order: small ones first, then by their members' places."""
    sizes = range(2, len(owners) + 1)
    return tuple(itertools.chain.from_iterable(itertools.combinations(owners, size) for size in sizes))
