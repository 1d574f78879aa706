"""What linked-count means, in plain Python: the ideal functionality, disclosure control included."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov import owngroups

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]


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
        rules: `join` (inner or left), `min_count`, `round_to` (may be None) and `receivers`, those who get the result.
    """
    by, left = list(params.get("by", [])), next(iter(owners))
    values = [_values(column, domains, left, rules["join"]) for column in by]
    keys = [key for key in owners[left] if rules["join"] == "left" or all(key in rows for rows in owners.values())]
    counts = Counter(tuple(_value(owners, column, key) for column in by) for key in keys)
    cells = list(itertools.product(*values))
    hidden = owngroups.hidden({cell: range(counts[cell]) for cell in cells}, by, rules, owners)
    base = rules["round_to"]
    return {
        "count": [
            [*cell, None if cell in hidden else (counts[cell] + base // 2) // base * base if base else counts[cell]]
            for cell in cells
        ]
    }


def _values(column: str, domains: Mapping[str, Sequence[str]], left: str, join: str) -> list[str]:
    other = join == "left" and column.partition(".")[0] != left
    return [*domains[column], owngroups.NO_MATCH] if other else list(domains[column])


def _value(owners: Mapping[str, Owner], column: str, key: Key) -> str:
    party, _, name = column.partition(".")
    return owners[party][key][name] if key in owners[party] else owngroups.NO_MATCH
