"""Which cells of linked rows are hidden, as owners know how many rows are in their own groups: in plain code.

An owner all of whose rows are linked, as in a register of the population, takes the shown cells of one of its groups
off the group's size, and is left with what the hidden ones hold. So a group of an owner that receives the result, or
brings the rows that a left join keeps, has no hidden cells, or enough that whoever knows their sum can't exclude any
number below the least for any of them. docs/security/linkage.md argues; `mpcgov.worker.owngroups` does it on shares.
"""

from __future__ import annotations

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
    able = [cell for cell in counts if possible(cell, by, left)]
    known = knowing(able, by, receivers, left)
    if len(known) == 1:
        for group in known[0]:
            _close(counts, group, hidden, least)
    elif known and hidden & {*able}:
        hidden |= _closed_together({cell: counts[cell] for cell in able}, known, hidden & {*able}, least)
    for group in groups(able, by, left, left) if left is not None and len(known) < 2 else ():
        if hidden & {*group}:
            hidden |= {cell for cell in group if NO_MATCH in cell}
            if sum(counts[cell] for cell in group if cell in hidden) < least:
                hidden |= {*group}
    return hidden


def knowing(
    cells: Sequence[Cell], by: Sequence[str], owners: Iterable[str], left: str | None
) -> list[list[list[Cell]]]:
    """The groups of each of some owners whose sizes it knows. Where several owners know any, groups of all rows go
    without saying, as whatever moves within finer ones leaves the sum of all as it is; and in a left join, the left
    owner is one of them, and rows without a match are a group of each.

    Args:
        cells: those in which rows can be. owners: who gets the result.
    """
    of_owners = {owner: groups(cells, by, owner, left) for owner in owners if owner != left}
    found = [some for some in of_owners.values() if some]
    if len(found) > 1 and left is not None:
        found = [_own_groups(cells, by, owner) for owner in (left, *(one for one, some in of_owners.items() if some))]
    return [some for some in found if len(some) > 1] or found[:1]


def _own_groups(cells: Sequence[Cell], by: Sequence[str], owner: str) -> list[list[Cell]]:
    own = [place for place, column in enumerate(by) if column.partition(".")[0] == owner]
    found: dict[Cell, list[Cell]] = {}
    for cell in cells:
        found.setdefault(tuple(cell[place] for place in own), []).append(cell)
    return list(found.values())


def _close(counts: Mapping[Cell, int], group: Sequence[Cell], hidden: set[Cell], least: int) -> None:
    """Where a cell of a group is hidden, so is the last one that is shown, which is no small one; and if the hidden
    ones then hold so few that a small one couldn't be anything below `least`, all of the group is."""
    if not hidden & set(group):
        return
    hidden |= {*[cell for cell in group if cell not in hidden][-1:]}
    if sum(counts[cell] for cell in group if cell in hidden) < 2 * least - 1:
        hidden |= set(group)


def _closed_together(
    counts: Mapping[Cell, int], known: Sequence[Sequence[Sequence[Cell]]], hidden: set[Cell], least: int
) -> set[Cell]:
    """The hidden cells where several owners know the sizes of groups by columns of theirs, and some cell is small.

    Of each owner's groups without a small cell the last one is its spare one. Hidden are, beside the small cells, for
    each group with one the last cell that is in the spare groups of all others, and the last that is in all spare ones.
    So for each small cell persons can be moved from it, and to it, without any group's sum being another. If some owner
    has no spare group, or what is hidden holds too little for that, everything is hidden.
    """
    places = [{cell: place for place, group in enumerate(of_owner) for cell in group} for of_owner in known]
    last = {tuple(of_owner[cell] for of_owner in places): cell for cell in counts}
    some = [{of_owner[cell] for cell in hidden} for of_owner in places]
    without = [sorted({*range(len(of_owner))} - few) for of_owner, few in zip(known, some, strict=True)]
    if not all(without):
        return set(counts)
    spare = [groups[-1] for groups in without]
    corner = last[tuple(spare)]
    closing = [last[*spare[:owner], group, *spare[owner + 1 :]] for owner, few in enumerate(some) for group in few]
    closed = {*hidden, *closing, corner}
    held = [
        sum(counts[cell] for cell in known[owner][group] if cell in closed)
        for owner, few in enumerate(some)
        for group in few
    ]
    left = counts[corner] - (len(known) - 1) * sum(counts[cell] for cell in hidden)
    return closed if min(held) >= 2 * least - 1 and left >= least else set(counts)


def groups(cells: Sequence[Cell], by: Sequence[str], owner: str, left: str | None) -> list[list[Cell]]:
    """The cells of each of an owner's groups whose size it knows, if all its rows are linked.

    That is every group of its own columns' values; without any, the whole table, but for a left join of other rows.
    Groups of one cell have none that others would tell.
    """
    found = _own_groups(cells, by, owner)
    if owner == left:
        return found
    own = [place for place, column in enumerate(by) if column.partition(".")[0] == owner]
    known = [group for group in found if left is None or (own and all(group[0][place] != NO_MATCH for place in own))]
    return [group for group in known if len(group) > 1]


def possible(cell: Cell, by: Sequence[str], left: str | None) -> bool:
    """Whether rows can be in a cell: not where one owner both has and lacks a match, in a left join."""
    if left is None:
        return True
    parties = [column.partition(".")[0] for column in by]
    return len(set(zip(parties, (value == NO_MATCH for value in cell), strict=True))) == len(set(parties))
