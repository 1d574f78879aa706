"""What the ledger is certain of for two filters holds for the rows that an owner's engine chooses, whatever the digits.

The ledger compares literals exactly. When the engine's were rounded to 28 digits, as decimal arithmetic does, `pay <
100.0…01` chose those below 100 and `pay <= 100` those up to it, though both were taken for the same rows: two counts
between which no node saw a difference told by theirs how many have 100.
"""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path

import pytest

from mpcgov.spec import where
from mpcgov.spec.overlap import Relation, relation
from mpcgov.spec.table import Dataset
from mpcgov.worker.predicate import predicate
from mpcgov.worker.source import open_table

TINY = "0" * 30 + "1"
LITERALS = ["-1", "0", f"0.{TINY}", "1", f"1.{TINY}", f"1.{'9' * 35}", "2", f"-0.{TINY}", "0.5", f"0.5{TINY}"]
OPS = ["<", "<=", ">", ">="]
VALUES = ["-1", "-0.5", "0", "0.5", "1", "1.5", "2"]


@pytest.mark.parametrize("kind", ["integer", "decimal"])
def test_rows_relate_as_the_ledger_says(kind: str, tmp_path: Path) -> None:
    column = {"kind": kind, "min": "-1", "max": "2"} | ({"places": 1} if kind == "decimal" else {"min": -1, "max": 2})
    values = [value for value in VALUES if kind == "decimal" or "." not in value]
    (tmp_path / "people.csv").write_text("\n".join(["pay", *values, ""]))
    dataset = Dataset.model_validate({"source": "people.csv", "max_rows": 10, "columns": {"pay": column}})
    texts = [f"pay {op} {literal}" for op, literal in itertools.product(OPS, LITERALS)]
    texts += [f"pay between {low} and {high}" for low, high in itertools.combinations(LITERALS[1:6], 2)]
    filters = {text: where.parse(text) for text in texts}
    for text in filters.values():
        where.check(text, dataset.declaration)
    with open_table(dataset, "people", tmp_path) as source:
        chosen = {
            f"c{n}": predicate(one, dataset.declaration, lambda name: source.table[source.value(name)])
            for n, one in enumerate(filters.values())
        }
        rows = source.query(source.table.select(**chosen)).to_pydict()
    found = dict(zip(filters, map(tuple, rows.values()), strict=True))
    for a, b in itertools.combinations(filters, 2):
        said = relation(filters[a], filters[b], dataset.declaration.columns)
        assert said is not Relation.SAME or found[a] == found[b], (a, b)
        assert said is not Relation.APART or not any(map(all, zip(found[a], found[b], strict=True))), (a, b)


def test_a_literal_keeps_its_digits_when_it_is_read() -> None:
    long = f"-1.{TINY}"
    (condition,) = where.conditions(where.parse(f"pay < {long}"))
    assert where.literals(condition) == (Decimal(long),)
