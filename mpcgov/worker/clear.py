"""Disclosure control inside MPC, before anything is opened: secret tables in, cleared tables out.

What leaves this module is safe to open; nothing else can be. A cell that holds at least `min_count` rows keeps its
count, rounded if the job says so; any other becomes the sentinel, zero included. Sums over linked rows are kept where
the count that they hang on is, and become 0 elsewhere. With noise, counts and sums bring it with them, and the
threshold looks at noisy counts only: what follows from them costs no privacy. Neither a count nor the bit that decided
is opened, and the work done doesn't depend on them. `mpcgov/disclosure.py` and the protocols' references say the same
in plain code.
"""

from __future__ import annotations

from collections.abc import Mapping

from mpcgov import disclosure
from mpcgov.errors import Refused
from mpcgov.linked import layout
from mpcgov.linked.facts import Linked
from mpcgov.mpc import SecretArray, concatenate, if_else
from mpcgov.spec.job import Disclosure
from mpcgov.worker import gates

_SEAL = object()


class Cleared:
    """A secret table that disclosure control has passed; the only thing that `reveal` takes."""

    def __init__(self, cells: SecretArray, seal: object) -> None:
        if seal is not _SEAL:
            raise Refused("only disclosure control can clear a table", code="uncleared")
        self._cells = cells

    @property
    def cells(self) -> SecretArray:
        """The numbers, secret still, as `ResultTable` orders them: each releasable, the sentinel, or 0 beside it."""
        return self._cells


def clear_counts(tables: Mapping[str, SecretArray], rules: Disclosure) -> dict[str, Cleared]:
    """Counts with every cell below `min_count` replaced by the sentinel, and the others rounded if asked for.

    Args:
        tables: by name, shape (cells,), non-negative counts of rows.

    Leaks: nothing; see docs/security/engine.md for the comparison and the rounding.
    """
    return {
        name: Cleared(_count(counts, counts >= rules.min_count, rules), _SEAL) for name, counts in tables.items()
    }  # fmt: skip


def clear_linked(linked: Linked, found: gates.Found) -> dict[str, Cleared]:
    """The tables of a linked job: counts or the sentinel, and sums or 0.

    Args:
        found: by `table.name`, every number that the layout opens and the counts that decide about them, each
            shape (cells,), place by place.

    Leaks: nothing; see docs/security/linkage.md.
    """
    rules, result = linked.job.disclosure, {}
    if "overlap" in (table.measure for table in linked.manifest.tables.values()):
        (name,) = found
        bits = {name: gates.of_overlaps(linked.owners, found[name][0], rules.min_count)}
    elif rules.noise is not None:
        bits = gates.of_noisy(linked, found, rules.min_count)
    else:
        bits = gates.of_cells(linked, found, rules.min_count)
    for table in layout.tables(linked):
        cells = []
        for one in table.opened:
            name = f"{table.name}.{one.name}"
            if one.gate is None:
                cells.append(_count(found[name][0], bits[name], rules))
            else:
                cells += [place * bits[one.gate] for place in found[name]]
        result[table.name] = Cleared(concatenate(cells), _SEAL)
    return result


def _count(counts: SecretArray, enough: SecretArray, rules: Disclosure) -> SecretArray:
    shown = counts if rules.round_to is None else counts.round_to(rules.round_to)
    return if_else(enough, shown, disclosure.SENTINEL)
