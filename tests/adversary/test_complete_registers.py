"""A receiver whose persons are all in the other register, say of the population, knows its groups' totals."""

from __future__ import annotations

import random
import runpy
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "protocols" / "linked-count" / "reference.py"
GROUPS, STATES = ["a", "b", "c"], ["single", "married", "divorced", "widowed"]
RULES = {"join": "inner", "min_count": 10, "round_to": None}


@pytest.mark.xfail(strict=True, reason="open: an inner join closes no groups of an owner all of whose keys match")
def test_no_hidden_cell_of_an_inner_join_follows_from_a_receivers_own_group_sizes() -> None:
    run, rng, known = runpy.run_path(str(REFERENCE))["run"], random.Random(7), 0
    for _ in range(20):
        keys = [(str(person),) for person in range(300)]
        own = {key: {"g": rng.choice(GROUPS)} for key in keys}
        everybody = {key: {"s": rng.choices(STATES, (40, 40, 12, 8))[0]} for key in keys}
        domains = {"own.g": GROUPS, "all.s": STATES}
        rows = run({"own": own, "all": everybody}, domains, {"by": list(domains)}, RULES)["count"]
        for group in GROUPS:
            line = [count for name, _, count in rows if name == group]
            known += line.count(None) == 1  # the group's size less the shown cells
    assert known == 0
