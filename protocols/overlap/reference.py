"""What overlap means, in plain Python: the ideal functionality, disclosure control included."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Key = tuple[str, ...]
Owner = Mapping[Key, Mapping[str, str]]


def run(
    owners: Mapping[str, Owner],
    domains: Mapping[str, Sequence[str]],
    params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:
    """The released table: for each set of two or more owners, how many keys all of them have.

    A count below `min_count` is null. With three or more owners a set's count is null too if fewer than `min_count`
    keys are in exactly that set: the difference to a larger set's count would tell. And if it has
    fewer than `min_count`, and as many more for each owner outside, as a larger set's null may be any count below that.

    Args:
        owners: by party, its rows by normalised key, in job order.
        rules: `min_count` and `round_to` (may be None).
    """
    members = Counter(frozenset(p for p in owners if key in owners[p]) for rows in owners.values() for key in rows)
    exactly = {group: count // len(group) for group, count in members.items()}  # each key was met at each of its owners
    least, table = rules["min_count"], []
    for size in range(2, len(owners) + 1):
        for group in itertools.combinations(owners, size):
            count = sum(n for others, n in exactly.items() if others >= set(group))
            enough = count >= least * (1 + len(owners) - size)
            enough = enough and (len(owners) == 2 or exactly.get(frozenset(group), 0) >= least)
            table.append(["+".join(group), _rounded(count, rules["round_to"]) if enough else None])
    return {"overlap": table}


def _rounded(count: int, base: int | None) -> int:
    return (count + base // 2) // base * base if base else count
