"""What stands below tables, and who learned what, is said in German: of every kind of table, whatever is hidden in it,
and of every protocol."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from mpcgov import kinds, registry
from mpcgov.console.texts import catalogue
from mpcgov.office.app import PACKAGES
from mpcgov.publish.learned import who_learned

LEAST = {
    "min_count": 10,
    "round_to": 0,
    "without": [],
    "closed": [],
    "left": False,
    "not_applicable": {},
    "total": 1200,
}
NOISE = {"mechanism": "discrete-laplace", "epsilon": "1.0", "unit": "person"}
RULES: list[dict[str, Any]] = [
    LEAST,
    LEAST | {"round_to": 5, "without": ["a", "b"], "left": True, "min_count": 1200},
    LEAST | {"closed": ["a"], "contributors": 2, "dominance": 10, "least_rows": {"income": 30, "age": 1200}},
    LEAST | {"without": ["a"], "closed": ["b"], "contributors": 2, "margins": "released"},
    LEAST | {"noise": NOISE, "margins": "released"},
    LEAST | {"noise": {"mechanism": "discrete-gaussian", "rho": "0.5", "unit": "enterprise"}, "left": True},
    LEAST | {"margins": "suppressed", "total": 7, "not_applicable": {"x": ["different"], "y": ["lowest", "highest"]}},
]
COLUMNS = ("region", "count", "income.mean", "income.variance", "age.mean", "age.variance", "hours.mean")


def hidden_in_every_way() -> Iterator[list[list[Any]]]:
    """Rows with nothing hidden, one place of them, all numbers, or all; one row and more than a thousand."""
    shown = [["x", *range(1001, 1007)], ["y", *range(31, 37)]]
    yield from ([], shown, shown[:1], [[None] * 7], [["x", *[None] * 6]] * 2, [["x", *[None] * 6]] * 1200)
    for place in range(1, 7):
        rows = [list(row) for row in shown]
        rows[0][place] = None
        yield rows
        rows[1][place] = None
        yield rows


def english(lines: set[str]) -> list[str]:
    german = catalogue("de", PACKAGES)
    return sorted(one for one in lines if "lang=" in str(german.sentence(one)))


@pytest.mark.parametrize("name", sorted(kinds.names()))
def test_whatever_stands_below_a_table_is_said_in_german(name: str) -> None:
    # A table has the rows of its domain, but for pairs, of which there may be none.
    cases = product([rows for rows in hidden_in_every_way() if rows or name == "links"], RULES)
    lines = {line for rows, rules in cases for line in kinds.named(name).footer(COLUMNS, rows, rules)}
    assert english(lines) == [], "add them to the sentences of mpcgov/office/texts/de.json"


@pytest.mark.parametrize("name", registry.names())
def test_who_learned_what_is_said_in_german(name: str) -> None:
    manifest = registry.find(name).manifest
    everything = [*(f"tables.{table}" for table in manifest.tables), *(leak.id for leak in manifest.leakage)]
    learned = {"tax": everything, "office": [], "coordinator": everything[:1], "health": everything[-1:]}
    result = {
        "protocol": name,
        "request": {"parties": {"tax": {"dataset": "people"}, "office": {}, "health": {"dataset": "patients"}}},
        "learned": {who: [{"what": one} for one in items] for who, items in learned.items()},
    }
    alike = result | {"learned": {who: [{"what": one} for one in everything] for who in learned}}
    lines = {line for one in (result, alike) for _, said in who_learned(one) for line in said}
    assert english(lines) == [], "add them to the sentences of mpcgov/office/texts/de.json"
