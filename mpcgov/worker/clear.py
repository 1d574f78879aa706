"""Disclosure control inside MPC, before anything is opened: secret tables in, cleared tables out.

What leaves this module is safe to open; nothing else can be. A cell that holds at least `min_count` rows keeps its
count, rounded if the job says so; any other becomes the sentinel, zero included. Neither a count nor the bit that
decided is opened, and the work done doesn't depend on them. `mpcgov/disclosure.py` says the same in plain code.
"""

from __future__ import annotations

from collections.abc import Mapping

from mpcgov import disclosure
from mpcgov.errors import Refused
from mpcgov.mpc import SecretArray, if_else
from mpcgov.spec.job import Disclosure

_SEAL = object()


class Cleared:
    """A secret table that disclosure control has passed; the only thing that `reveal` takes."""

    def __init__(self, cells: SecretArray, seal: object) -> None:
        if seal is not _SEAL:
            raise Refused("only disclosure control can clear a table", code="uncleared")
        self._cells = cells

    @property
    def cells(self) -> SecretArray:
        """The cells, secret still: shape (cells,), each a releasable count or the sentinel."""
        return self._cells


def clear_counts(tables: Mapping[str, SecretArray], rules: Disclosure) -> dict[str, Cleared]:
    """Counts with every cell below `min_count` replaced by the sentinel, and the others rounded if asked for.

    Args:
        tables: by name, shape (cells,), non-negative counts of rows.

    Leaks: nothing; see docs/security/engine.md for the comparison and the rounding.
    """
    result = {}
    for name, counts in tables.items():
        enough = counts >= rules.min_count
        shown = counts if rules.round_to is None else counts.round_to(rules.round_to)
        result[name] = Cleared(if_else(enough, shown, disclosure.SENTINEL), _SEAL)
    return result
