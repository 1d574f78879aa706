"""Which cells of linked rows are hidden, as owners know how many rows are in their own groups: in plain code.

An owner all of whose rows are linked, as in a register of the population, takes the shown cells of one of its groups
off the group's size, and is left with what the hidden ones hold. So a group of an owner that receives the result, or
brings the rows that a left join keeps, has no hidden cells, or enough that whoever knows their sum can't exclude any
number below the least for any of them. docs/security/linkage.md argues; `mpcgov.worker.owngroups` does it on shares.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence, Sized
from typing import Any, TypeVar

NO_MATCH = "(no match)"

Cell = tuple[str, ...]
Rows = TypeVar("Rows", bound=Sized)


def hidden(
    cells: Mapping[Cell, Sized], by: Sequence[str], rules: Mapping[str, Any], owners: Collection[str]
) -> set[Cell]:
    """`suppressed` as a reference has it.

    Args:
        cells: the rows of each. rules: `min_count`, and if there is more than one way `join` and `receivers`. owners:
            all that bring rows, in job order.
    """
    left = next(iter(owners)) if rules.get("join") == "left" else None
    receivers = [owner for owner in owners if owner in rules.get("receivers", ())]
    return suppressed({cell: len(rows) for cell, rows in cells.items()}, by, rules["min_count"], left, receivers)


def shown(
    cells: Iterable[tuple[Cell, Rows]], by: Sequence[str], rules: Mapping[str, Any], owners: Collection[str]
) -> list[tuple[Cell, Rows | tuple[()]]]:
    """Each cell with its rows; with none where their number may not be known. As `hidden`."""
    every = dict(cells)
    without = hidden(every, by, rules, owners)
    return [(cell, () if cell in without else rows) for cell, rows in every.items()]


def suppressed(
    counts: Mapping[Cell, int], by: Sequence[str], least: int, left: str | None, receivers: Collection[str] = ()
) -> set[Cell]:
    """The cells whose counts may not be known.

    Args:
        counts: of all cells, in order. by: what spans them, as `party.column`. left: the first owner of a left join.
        receivers: the owners that get the result, in job order.
    """
    hidden = {cell for cell in counts if counts[cell] < least}
    found = [groups(list(counts), by, owner, left) for owner in receivers if owner != left]
    known = [of_owner for of_owner in found if of_owner]
    able = {cell for cell in counts if possible(cell, by, left)}
    rows = hidden_rows(least, len(known))
    for most in (len(counts), 1) if len(known) > 1 else (len(counts),):
        for group in itertools.chain(*known):
            _close(counts, group, hidden, rows, able, most)
    if len(known) > 1 and any(_is_open(counts, group, hidden, rows, able) for group in itertools.chain(*known)):
        hidden |= set(counts)
    for group in groups(list(counts), by, left, left) if left is not None else ():
        if any(possible(cell, by, left) for cell in group if cell in hidden):
            hidden |= {cell for cell in group if NO_MATCH in cell}
            if sum(counts[cell] for cell in group if cell in hidden) < least:
                hidden |= set(group)
    return hidden


def hidden_rows(least: int, owners: int) -> int:
    """How many rows the hidden cells of a group must hold, of which others are shown: so many that each small one may
    be anything below `least`; where several owners' groups are closed, twice as many, as each knows the others' rule.
    """
    return 2 * least - 1 if owners < 2 else 4 * least


def _close(
    counts: Mapping[Cell, int], group: Sequence[Cell], hidden: set[Cell], rows: int, able: set[Cell], most: int
) -> None:
    """Where a cell of a group is hidden, but no more than `most`, so is the last one that is shown, which is no small
    one; and if the hidden ones then hold fewer than `rows`, all of the group is.

    Args:
        able: the cells in which rows can be.
    """
    inside = len(hidden & able & set(group))
    if not inside:
        return
    if inside <= most:
        hidden |= {*[cell for cell in group if cell not in hidden][-1:]}
    if sum(counts[cell] for cell in group if cell in hidden) < rows:
        hidden |= set(group)


def _is_open(counts: Mapping[Cell, int], group: Sequence[Cell], hidden: set[Cell], rows: int, able: set[Cell]) -> bool:
    """Whether a group of which some is shown has one hidden cell, or some that hold too few."""
    inside = hidden & able & set(group)
    few = sum(counts[cell] for cell in group if cell in hidden) < rows
    return bool(inside) and not hidden.issuperset(group) and (len(inside) == 1 or few)


def groups(cells: Sequence[Cell], by: Sequence[str], owner: str, left: str | None) -> list[list[Cell]]:
    """The cells of each of an owner's groups whose size it knows, if all its rows are linked.

    That is every group of its own columns' values; without any, the whole table, but for a left join of other rows.
    Groups of one cell have none that others would tell.
    """
    own = [place for place, column in enumerate(by) if column.partition(".")[0] == owner]
    found: dict[Cell, list[Cell]] = {}
    for cell in cells:
        found.setdefault(tuple(cell[place] for place in own), []).append(cell)
    if owner == left:
        return list(found.values())
    known = [group for name, group in found.items() if left is None or (name and NO_MATCH not in name)]
    return [group for group in known if len(group) > 1]


def possible(cell: Cell, by: Sequence[str], left: str | None) -> bool:
    """Whether rows can be in a cell: not where one owner both has and lacks a match, in a left join."""
    if left is None:
        return True
    parties = [column.partition(".")[0] for column in by]
    return len(set(zip(parties, (value == NO_MATCH for value in cell), strict=True))) == len(set(parties))
