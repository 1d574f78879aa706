"""What linked-count means, in plain Python: the ideal functionality, disclosure control included."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

NO_MATCH = "(no match)"

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]
Cell = tuple[str, ...]


def run(
    owners: Mapping[str, Owner],
    domains: Mapping[str, Sequence[str]],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released table: how many linked persons are in each cell, null where that may not be known.

    Args:
        owners: by party, its rows by normalised key, in job order.
        domains: by `party.column`, its values in order.
        params: `by`, the columns that span the table.
        rules: `join` (inner or left), `min_count` and `round_to` (may be None).
    """
    by, left = list(params.get("by", [])), next(iter(owners))
    values = [_values(column, domains, left, rules["join"]) for column in by]
    keys = [key for key in owners[left] if rules["join"] == "left" or all(key in rows for rows in owners.values())]
    counts = Counter(tuple(_value(owners, column, key) for column in by) for key in keys)
    cells = list(itertools.product(*values))
    hidden = suppressed(counts, cells, by, left, rules)
    base = rules["round_to"]
    return {
        "count": [
            [*cell, None if cell in hidden else (counts[cell] + base // 2) // base * base if base else counts[cell]]
            for cell in cells
        ]
    }


def _values(column: str, domains: Mapping[str, Sequence[str]], left: str, join: str) -> list[str]:
    other = join == "left" and column.partition(".")[0] != left
    return [*domains[column], NO_MATCH] if other else list(domains[column])


def _value(owners: Mapping[str, Owner], column: str, key: Key) -> str:
    party, _, name = column.partition(".")
    return owners[party][key][name] if key in owners[party] else NO_MATCH


def suppressed(
    counts: Mapping[Cell, int], cells: Sequence[Cell], by: Sequence[str], left: str, rules: Mapping[str, Any]
) -> set[Cell]:
    """The cells whose counts may not be known.

    Of a left join the left owner knows how many of its persons are in each of its own groups. So where a cell is
    hidden, an empty one too if rows can be in it, the cells `(no match)` of its group are, and if the group's hidden
    cells then hold fewer than `min_count` persons, all of it is.
    """
    least = rules["min_count"]
    hidden = {cell for cell in cells if counts[cell] < least}
    if rules["join"] != "left":
        return hidden
    own = [place for place, column in enumerate(by) if column.partition(".")[0] == left]
    groups: dict[Cell, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[place] for place in own), []).append(cell)
    for group in groups.values():
        if any(_possible(cell, by) for cell in group if cell in hidden):
            hidden |= {cell for cell in group if NO_MATCH in cell}
            if sum(counts[cell] for cell in group if cell in hidden) < least:
                hidden |= set(group)
    return hidden


def _possible(cell: Cell, by: Sequence[str]) -> bool:
    """Whether rows can be in a cell: not where one owner both has and lacks a match."""
    parties = [column.partition(".")[0] for column in by]
    return len(set(zip(parties, (value == NO_MATCH for value in cell), strict=True))) == len(set(parties))
