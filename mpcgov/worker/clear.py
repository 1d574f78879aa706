"""Disclosure control inside MPC, before anything is opened: secret tables in, cleared tables out.

What leaves this module is safe to open; nothing else can be. A cell that holds at least `min_count` rows, and as many
of each of so many agencies as the job asks for, keeps its count, rounded if the job says so; others become the
sentinel, even if empty. Where an agency that brings rows gets the result, the others' rows alone must be as many, as it
can take its own out. True totals are kept if enough other cells can be hidden with those. Statistics of rows are
rounded to few digits here; they are kept where the number of rows that they hang on is, and become 0 elsewhere. With
noise, counts and sums bring it with them, and the threshold looks at noisy counts only: what follows from them costs no
privacy. Neither a count nor a bit that decided is opened, and the work done doesn't depend on them.
`mpcgov/disclosure.py`, `mpcgov/figures.py` and the protocols' references say the same in plain code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mpcgov import disclosure, kinds
from mpcgov.errors import Refused
from mpcgov.kinds.kind import Computed
from mpcgov.linked import layout
from mpcgov.linked.facts import Linked
from mpcgov.mpc import SecretArray, concatenate, if_else
from mpcgov.spec.job import Disclosure
from mpcgov.spec.statement import ResultTable
from mpcgov.worker import closing, gates, rounded
from mpcgov.worker.divided import Found

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


def clear_counts(
    tables: Mapping[str, SecretArray],
    rules: Disclosure,
    layout: Sequence[ResultTable] = (),
    agencies: Mapping[str, SecretArray] | None = None,
    receivers: Collection[str] = (),
) -> dict[str, Cleared]:
    """Counts with every cell that may not be told replaced by the sentinel, and the others rounded if asked for.

    Args:
        tables: by name, shape (cells,), non-negative counts of rows.
        layout: what is released; needed for true totals.
        agencies: each agency's own counts in the same cells, without noise.
        receivers: who gets the result; those of the agencies that do can take their own rows out.

    Leaks: nothing; see docs/security/disclosure.md for the rules and engine-word.md for what they are made of.
    """
    declared, own = {table.name: table for table in layout}, agencies or {}
    result: dict[str, Cleared] = {}
    for name, counts in tables.items():
        shown = gates.of_rows(counts, own if rules.noise is None else {}, receivers, rules.min_count)
        if rules.contributors is not None:
            shown = shown * gates.of_agencies(own.values(), rules.contributors, rules.min_count)
        if rules.margins:
            result |= _with_totals(declared[name], counts, shown, rules)
        else:
            result[name] = Cleared(_count(counts, shown, rules), _SEAL)
    return result


def clear_columns(tables: Mapping[str, SecretArray], rules: Disclosure) -> dict[str, Cleared]:
    """How complete columns are, with whatever may not be told of a column replaced by the sentinel.

    Args:
        tables: by name, shape (columns · parts,), the rows of each column in its parts (`mpcgov/kinds/columns.py`).

    Leaks: nothing; see docs/security/disclosure.md.
    """
    return {
        name: Cleared(_count(counts, gates.of_columns(counts, rules.min_count), rules), _SEAL)
        for name, counts in tables.items()
    }


def clear_linked(linked: Linked, found: Found, agencies: Mapping[str, Found] | None = None) -> dict[str, Cleared]:
    """The tables of a job over rows, linked or not: counts or the sentinel, and rounded or noisy numbers or 0.

    Args:
        found: by `table.name`, every sum that the job needs and the counts that decide about them, each shape
            (cells,), place by place.
        agencies: each agency's own sums, if rows aren't linked.

    Leaks: nothing; see docs/security/linkage.md.
    """
    rules = linked.job.disclosure
    if rules.noise is None and linked.asked.numbers:
        found = {**found, **rounded.numbers(linked, found)}
    bits = _bits(linked, found, agencies or {})
    result: dict[str, Cleared] = {}
    for table in layout.tables(linked):
        if rules.margins:
            if table.margin_of is None:
                name = f"{table.name}.{table.opened[0].name}"
                result |= _with_totals(table, found[name][0], bits[name], rules)
            continue
        cells = []
        for one in table.opened:
            name = f"{table.name}.{one.name}"
            if one.gate is None:
                cells.append(_count(found[name][0], bits[name], rules))
            else:
                cells += [place * bits[one.gate] for place in found[name]]
        result[table.name] = Cleared(concatenate(cells), _SEAL)
    return result


def _bits(linked: Linked, found: Found, agencies: Mapping[str, Found]) -> dict[str, SecretArray]:
    """By the name of each number that decides, 1 where what hangs on it may be opened."""
    rules = linked.job.disclosure
    computed = {one.kind.computed for one in kinds.tables(linked)}
    if Computed.OVERLAPS in computed:
        name = kinds.counting(linked)
        bits = {name: gates.of_overlaps(linked.owners, found[name][0], rules.min_count)}
    elif Computed.MODEL in computed:
        bits = gates.of_model(linked, found, rules.min_count)
    elif rules.noise is not None:
        bits = gates.of_noisy(linked, found, rules.min_count)
    else:
        bits = gates.of_cells(linked, found, rules.min_count, agencies)
    if rules.contributors is None:
        return bits
    count = kinds.counting(linked)
    own = [of_agency[count][0] for of_agency in agencies.values()]
    several = gates.of_agencies(own, rules.contributors, rules.min_count)
    return {name: bit * several for name, bit in bits.items()}


def _with_totals(table: ResultTable, counts: SecretArray, shown: SecretArray, rules: Disclosure) -> dict[str, Cleared]:
    """A two-way table of counts of which some may be shown, and the true totals if enough others can be hidden.

    With noise, totals are of all noisy counts, shown or not, and each that is large enough is shown.
    """
    added, noise = counts, rules.noise
    if noise is None:
        shown, safe = closing.close(counts, shown, len(table.domain[1]), table.impossible)
    elif noise.consistent:
        added = counts * (counts >= 0)
    square = added.reshape(tuple(map(len, table.domain)))
    totals = concatenate([square.sum(axis=1), square.sum(axis=0), added.sum()])
    totals = if_else(safe if noise is None else totals >= rules.min_count, totals, disclosure.SENTINEL)
    result, start = {table.name: Cleared(_count(counts, shown, rules), _SEAL)}, 0
    for margin in table.margins():
        result[margin.name] = Cleared(totals[start : start + margin.rows], _SEAL)
        start += margin.rows
    return result


def _count(counts: SecretArray, enough: SecretArray, rules: Disclosure) -> SecretArray:
    shown = counts if rules.round_to is None else counts.round_to(rules.round_to)
    return if_else(enough, shown, disclosure.SENTINEL)
