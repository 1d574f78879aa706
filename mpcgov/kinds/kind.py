"""What every kind of table must say of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mpcgov.kinds.footers import Row, Rules
from mpcgov.linked.facts import Linked
from mpcgov.spec.manifest import Table
from mpcgov.spec.statement import Opened

Span = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
"""A table's columns as readers see them, and for each column that spans its cells the values, in order."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of table. No attribute has a default: who adds a kind says all of it.

    Attributes:
        name: what a manifest's `measure` says.
        of_cells: whether each number is about the rows of one cell, whatever else the job asks for, so that a ledger
            may compare tables of it by their cells; of others it takes every difference for a difference in rows.
        of_sets: whether its cells are sets of owners, all of whose pairs are linked.
        tells_owners: whether it opens sums of columns, which tell a column's owner about its own records, so that a
            policy must name that owner as a receiver.
        of_links: whether it says how good the links are. Such a table is beside what the job asks for: none of its
            cells counts as suppressed.
        span: what readers see of it.
        footer: what is said below it of what is hidden in it, from its columns, its rows, and the rules of a result.
        opened: the numbers that are opened of it, in every cell, with their bounds; each with what decides about it,
            its gate, or itself if it has none. A table of which nothing is opened isn't released.
    """

    name: str
    of_cells: bool
    of_sets: bool
    tells_owners: bool
    of_links: bool
    span: Callable[[Linked, Table], Span]
    footer: Callable[[Sequence[str], Sequence[Row], Rules], list[str]]
    opened: Callable[[Linked, Table], Iterator[Opened]]


def counted(linked: Linked, name: str, most: int) -> Opened:
    """A number of rows, which may be rounded."""
    return Opened(name=name, low=0, high=most + (linked.job.disclosure.round_to or 0))


def groups(linked: Linked, table: Table) -> Span:
    """The columns of `by`, and their values: what cells are by."""
    found = linked.asked.groups if table.by else ()
    return tuple(map(str, found)), tuple(linked.values(column) for column in found)
