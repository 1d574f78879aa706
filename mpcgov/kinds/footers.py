"""What is said below a table, so that its readers know what happened to it: what is hidden, and why it may be.

Of a hidden cell nobody knows which reason it was; so all that it may have been are named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Sequence[Any]
Rules = Mapping[str, Any]
"""`disclosure` of a result. `without`: the receivers whose own rows are taken out before a cell is judged. `closed`:
those whose own groups' sizes mustn't tell a cell. `left`: whether the protocol has left joins. `not_applicable`: by
what names a row of the table, the numbers that aren't counted there, whatever the data are."""

HIDDEN = "·"
"""How a hidden number is shown."""


def nothing(_columns: Sequence[str], _rows: Sequence[Row], _rules: Rules) -> list[str]:
    """Of a table about which another one says it."""
    return []


def where_hidden(rows: Sequence[Row], text: str) -> list[str]:
    """What is said if a row's last number is hidden."""
    return [f"{HIDDEN} {text}"] if any(row[-1] is None for row in rows) else []


def of_counts(rows: Sequence[Row], place: int, rules: Rules) -> list[str]:
    """Of cells that are rows: the total of those released, what was done to them, and how many aren't."""
    shown = [row[place] for row in rows if row[place] is not None]
    lines = [f"Total of the released cells: {sum(shown):,}." if shown else "No cell is released.", *of_all(rules)]
    if hidden := len(rows) - len(shown):
        few = "with their noise fewer" if "noise" in rules else "fewer"
        cells = "1 cell is" if hidden == 1 else f"{hidden:,} cells are"
        lines.append(f"{HIDDEN} {cells} suppressed: {few} than {_why(rules, len(rows))}; nobody saw how many.")
    if rules.get("margins") == "suppressed" and "noise" not in rules:
        lines.append(f"{HIDDEN} The true totals are suppressed: no choice of other cells would keep them from telling.")
    return lines


def of_all(rules: Rules) -> list[str]:
    """What was done to all counts: rounding, or noise."""
    lines = []
    if base := rules["round_to"]:
        lines.append(f"Released counts are rounded to multiples of {base}.")
    if noise := rules.get("noise"):
        size = f"epsilon {noise['epsilon']}" if "epsilon" in noise else f"rho {noise['rho']}"
        unit, mechanism = noise["unit"], noise["mechanism"]
        lines.append(
            f"All numbers are noisy, which protects each {unit}: {mechanism}, {size}. The intervals are for the noise "
            "alone."
        )
        if rules.get("margins"):
            lines.append("The totals are of all noisy cells, suppressed ones included.")
    return lines


def of_numbers(name: str, rules: Rules) -> str:
    """Why a number beside a shown count may be hidden."""
    least = rules["min_count"]
    rows = ", ".join(f"{column}: {rows:,}" for column, rows in rules.get("least_rows", {}).items())
    enough = f" than it takes ({rows})" if rows else f" than {least}"
    why = [f"fewer rows{enough} have a value", f"fewer than {least}, or none, differ from the usual values"]
    if rules.get("left"):
        why.append(f"in a left join, fewer than {least}, or none, of the cell's rows lack one")
    return f"A {name} is suppressed where {'; or where '.join(why)}."


def _why(rules: Rules, cells: int) -> str:
    found = [f"{rules['min_count']} rows, or none"]
    if rules["without"]:
        found.append(
            f"fewer than that when the rows of {' or '.join(rules['without'])}, who gets the result, are taken out"
        )
    if rules.get("closed") and cells > 1:
        found.append(
            f"so that the sizes of groups of {' or '.join(rules['closed'])}, who gets the result, tell no other"
        )
    if "contributors" in rules:
        found.append(f"fewer than {rules['contributors']} agencies with {rules['min_count']} rows or more")
    if rules.get("margins") == "released" and "noise" not in rules:
        found.append("so that true totals don't tell another one")
    return "; or ".join(found)
