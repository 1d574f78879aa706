"""mpcgov's own program for each workload, written as a protocol's author would. Only `party` imports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mpcgov.bench.workloads import PARTIES, VALUE_BITS
from mpcgov.mpc import SecretArray, concatenate, sort

HIGHEST = 2**VALUE_BITS - 1


class Deal(Protocol):
    """Deals a party's array, a row after another, with the public bounds of its numbers."""

    def __call__(self, party: int, name: str, low: int, high: int) -> SecretArray:
        """The array as secret shares; what isn't ours we only know the shape of."""


def sum_of_tables(deal: Deal) -> SecretArray:
    """W1: local additions."""
    first, *others = (deal(party, "table", 0, HIGHEST) for party in range(PARTIES))
    return sum(others, start=first)


def comparisons(deal: Deal) -> SecretArray:
    """W5."""
    return deal(0, "x", 0, HIGHEST) < deal(1, "y", 0, HIGHEST)


def sorting(deal: Deal) -> SecretArray:
    """W6."""
    return sort(concatenate([deal(party, "values", 0, HIGHEST) for party in range(PARTIES)]))


PROGRAMS: dict[str, Callable[[Deal], SecretArray]] = {"W1": sum_of_tables, "W5": comparisons, "W6": sorting}
