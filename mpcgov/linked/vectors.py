"""Test vectors of protocols over rows: small registers, a job's parameters, and the tables that come out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

KEYS = {"what", "declared", "keys", "tables", "params", "rules", "released"}
"""What a vector holds.

`declared`: by data party, its columns as `datasets.yaml` has them. `keys`: by data party, its key columns; empty if
rows aren't linked. `tables`: by party, columns and rows as text, or null for one without data. `rules`: join,
min_count, round_to, receivers if others than the coordinator, and `missing` if data sets declare more than the default.
"""

Tables = Mapping[str, Sequence[Sequence[Any]]]


def owners(vector: Mapping[str, Any]) -> dict[str, dict[tuple[str, ...], dict[str, str]]]:
    """The data parties' rows by key, as a reference takes them.

    Raises:
        ValueError: a key is repeated.
    """
    result = {}
    for party, table in vector["tables"].items():
        if table is None:
            continue
        rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        named = vector["keys"].get(party)
        keys = [tuple(row[column] for column in named) if named else (str(i),) for i, row in enumerate(rows)]
        result[party] = dict(zip(keys, rows, strict=True))
        if len(result[party]) != len(rows):
            raise ValueError(f"{party}: a key is repeated")
    return result


def rows(vector: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
    """The data parties' rows, as the reference of a protocol that doesn't link takes them."""
    return {
        party: [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        for party, table in vector["tables"].items()
        if table is not None
    }


def common_domains(vector: Mapping[str, Any]) -> dict[str, Any]:
    """What every column can be, by its name, as the first data party declares it."""
    return {name: domain(column) for name, column in next(iter(vector["declared"].values())).items()}


def domains(vector: Mapping[str, Any]) -> dict[str, Any]:
    """What every column can be, by `party.column`."""
    return {
        f"{party}.{name}": domain(column)
        for party, columns in vector["declared"].items()
        for name, column in columns.items()
    }


def domain(column: Mapping[str, Any]) -> Any:
    """A category's values, or how another column is declared."""
    return list(column["values"]) if column["kind"] == "category" else column


def differences(found: Tables, expected: Tables, tolerance: float = 1e-9) -> list[str]:
    """Where two results differ: real numbers by more than `tolerance`, relative, everything else at all."""
    if set(found) != set(expected):
        return [f"there are the tables {', '.join(found)}, expected {', '.join(expected)}"]
    result = []
    for name, rows in expected.items():
        if len(rows) != len(found[name]):
            result.append(f"table {name}: {len(found[name])} rows, expected {len(rows)}")
            continue
        result += [
            f"table {name}, row {i}: {list(row)}, expected {list(other)}"
            for i, (row, other) in enumerate(zip(found[name], rows, strict=True))
            if len(row) != len(other) or not all(_same(a, b, tolerance) for a, b in zip(row, other, strict=True))
        ]
    return result


def _same(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, float) or isinstance(b, float):
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        return numbers and math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)
    return bool(a == b)
