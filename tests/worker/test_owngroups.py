"""Closing owners' own groups on shares: the same cells are hidden as in plain code."""

from __future__ import annotations

import itertools
import random

import pytest

from mpcgov import owngroups
from mpcgov.mpc import SecretArray
from mpcgov.worker.owngroups import close
from tests.linkage.linked_parties import Case
from tests.worker.dealt import on_shares

LEAST, TABLES = 4, 12
VALUES = {"tax": ["u", "v", "w"], "edu": ["x", "y", "z"], "wel": ["p", "q"]}
JOBS = [
    (["tax.g", "edu.g"], ["tax"], "inner"),
    (["tax.g", "edu.g"], ["tax", "edu"], "inner"),
    (["tax.g", "edu.g", "wel.g"], ["tax", "edu", "coordinator"], "inner"),
    (["wel.g", "tax.g", "edu.g"], ["tax", "edu", "wel"], "inner"),
    (["tax.g", "edu.g"], ["tax", "wel"], "inner"),
    (["wel.g"], ["tax", "edu"], "inner"),
    (["tax.g", "edu.g", "wel.g"], ["tax", "edu", "wel"], "left"),
    (["edu.g", "wel.g"], ["edu"], "left"),
]


@pytest.mark.by_day(2)
@pytest.mark.parametrize(("by", "receivers", "join"), JOBS)
def test_the_same_cells_are_hidden_as_in_plain_code(by: list[str], receivers: list[str], join: str) -> None:
    declared = {owner: {"g": {"kind": "category", "values": values}} for owner, values in VALUES.items()}
    made = Case(
        "linked-count", declared, {owner: [] for owner in VALUES}, {"by": by}, join=join, receivers=tuple(receivers)
    )
    linked = made.linked()
    cells = list(itertools.product(*(linked.values(column) for column in linked.asked.groups)))
    rng, patterns = random.Random(str((by, receivers))), set()
    tables = [
        [rng.choice((1, 3, 4, 5) if rng.random() < few else (6, 9, 30, 80)) for _ in cells]
        for few in [rng.choice((0, 0.05, 0.1, 0.3)) for _ in range(TABLES)]
    ]

    def shown(counts: SecretArray) -> SecretArray:
        return close(linked, counts, counts >= LEAST, LEAST)

    for table, bits in zip(tables, on_shares(tables, shown), strict=True):
        hidden = owngroups.suppressed(
            dict(zip(cells, table, strict=True)), by, LEAST, linked.left, linked.knowing_groups
        )
        assert bits == [cell not in hidden for cell in cells]
        patterns.add(tuple(bits))
    assert len(patterns) > 1
