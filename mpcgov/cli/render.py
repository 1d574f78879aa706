"""What people read: tables in plain text, notes to stderr. Nothing that came from others can steer a terminal."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import click

SUPPRESSED = "·"


def plain(text: object) -> str:
    """One line of printable text: names, purposes and reasons come from others and may hold control characters."""
    return "".join(char if char.isprintable() else " " for char in str(text)).strip()


def note(text: str) -> None:
    """Prose and progress, to stderr."""
    click.echo(plain(text), err=True)


def tell(text: str) -> None:
    """Prose with its own layout, to stderr: for texts of ours."""
    for line in text.split("\n"):
        click.echo(line[: len(line) - len(line.lstrip())] + plain(line), err=True)


def print_json(value: Any) -> None:
    """A value for programs, to stdout, on one line; no sign in it steers a terminal."""
    text = json.dumps(value, ensure_ascii=False)
    click.echo(re.sub("[\x7f-\x9f]", lambda sign: f"\\u{ord(sign[0]):04x}", text))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table to stdout: numbers to the right, a rule under the head, bold only on a terminal."""
    from rich.cells import cell_len

    texts = [[_cell(value) for value in row] for row in rows]
    heads = [plain(column) for column in columns]
    widths = [max(cell_len(line[i]) for line in (heads, *texts)) for i in range(len(heads))]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
        padded = [gap + cell if end else cell + gap for cell, gap, end in zip(cells, gaps, right, strict=True)]
        return "  ".join(padded).rstrip()

    click.echo(click.style(line(heads), bold=True))
    click.echo("  ".join("─" * width for width in widths))
    for row in texts:
        click.echo(line(row))


def print_result(result: dict[str, Any]) -> None:
    """A result: its tables and what was done to them to stdout, what it cost to stderr."""
    for name, table in result["tables"].items():
        if len(result["tables"]) > 1:
            click.echo(f"{plain(name)}:")
        print_table(*_with_intervals(table))
    click.echo("")
    click.echo(_of_model(result["tables"]) or _footnote(result["disclosure"]))
    if any(map(_hides_numbers, result["tables"].values())):
        click.echo(_of_numbers(result["disclosure"]))
    if "quality" in result:
        click.echo(_quality(result["quality"]))
    cost = result["cost"]
    sent = sum(cost["bytes_sent"].values())
    note(
        f"job {result['job']}, {result['protocol']}: {cost['seconds']} s, {cost['rounds']} rounds, {sent:,} bytes sent"
    )


def print_sections(sections: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Headings with lines, wrapped to the width of the page."""
    for heading, lines in sections:
        click.echo(click.style(heading, bold=True))
        for text in lines:
            click.echo(
                textwrap.fill(plain(text), 100, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
            )


def when(seconds: float) -> str:
    """A point in time for people, UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _with_intervals(table: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """A table's columns and rows, each noisy number followed by the interval that it stands for."""
    columns, rows, noisy = table["columns"], table["rows"], table.get("intervals")
    if noisy is None:
        return columns, rows
    first = len(columns) - len(noisy["columns"])
    level = f"{noisy['level']:.0%}"
    heads = [*columns[:first], *(text for name in noisy["columns"] for text in (name, f"{level} within"))]
    return heads, [
        [*row[:first], *(value for pair in zip(row[first:], map(_range, ends), strict=True) for value in pair)]
        for row, ends in zip(rows, noisy["rows"], strict=True)
    ]


def _range(ends: list[float] | None) -> str | None:
    return None if ends is None else f"{_short(ends[0])} – {_short(ends[1])}"


def _short(value: float) -> str:
    """A number with no more digits than an interval's end is worth."""
    return f"{value:,}" if isinstance(value, int) else f"{float(f'{value:.6g}'):,}"


def _cell(value: object) -> str:
    if value is None:
        return SUPPRESSED
    if isinstance(value, float):
        return _six_digits(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else plain(value)


def _six_digits(value: float) -> str:
    """A number that was divided, with six significant digits, or all those before the point; --json has the rest."""
    digits = 5 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, digits)}f}" if digits <= 12 else f"{value:.6g}"


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _quality(quality: dict[str, float | None]) -> str:
    figures = (f"{name} {'–' if value is None else f'{value:.4f}'}" for name, value in quality.items())
    return f"Beside the truth: {', '.join(figures)}."


def _footnote(disclosure: dict[str, Any]) -> str:
    suppressed, base = disclosure["suppressed"], disclosure["round_to"]
    lines = [f"Total of the released cells: {disclosure['total']:,}."]
    if base:
        lines.append(f"Released counts are rounded to multiples of {base}.")
    if noise := disclosure.get("noise"):
        size = f"epsilon {noise['epsilon']}" if "epsilon" in noise else f"rho {noise['rho']}"
        lines.append(
            f"All numbers are noisy, which protects each {noise['unit']}: {noise['mechanism']}, {size}. "
            "The intervals are for the noise alone."
        )
        if disclosure.get("margins"):
            lines.append("The totals are of all noisy cells, suppressed ones included.")
    if suppressed:
        few = "with their noise fewer" if noise else "fewer"
        cells = "1 cell is" if suppressed == 1 else f"{suppressed:,} cells are"
        lines.append(f"{SUPPRESSED} {cells} suppressed: {few} than {_why(disclosure)}; nobody saw how many.")
    if disclosure.get("margins") == "suppressed" and not noise:
        lines.append(
            f"{SUPPRESSED} The true totals are suppressed: no choice of other cells would keep them from telling."
        )
    if "dominance" in disclosure:
        lines.append(f"{SUPPRESSED} A mean is suppressed where one value dominates ({disclosure['dominance']} % rule).")
    return "\n".join(lines)


def _hides_numbers(table: dict[str, Any]) -> bool:
    """Whether a cell has a count, and no mean or variance beside it."""
    place = table["columns"].index("count") if "count" in table["columns"] else None
    return place is not None and any(row[place] is not None and None in row[place:] for row in table["rows"])


def _of_numbers(disclosure: dict[str, Any]) -> str:
    """Why a number beside a shown count may be hidden, when nobody can say which reason it was."""
    least = disclosure["min_count"]
    rows = ", ".join(f"{plain(name)}: {rows:,}" for name, rows in disclosure.get("least_rows", {}).items())
    enough = f" than it takes ({rows})" if rows else f" than {least}"
    return (
        f"{SUPPRESSED} A number beside a released count is suppressed where fewer rows{enough} have a value, where "
        f"fewer than {least} of these, or of the cell's others, differ from the usual values, or where all weights are "
        "0."
    )


def _of_model(tables: dict[str, Any]) -> str:
    """What is said below a regression, which has no cells; nothing of other results."""
    if "fit" not in tables or "coefficients" not in tables:
        return ""
    if tables["fit"]["rows"][0][0] is not None:
        return "Coefficients, standard errors and r2 are rounded to significant digits."
    return (
        f"{SUPPRESSED} The model is suppressed: its predictors depend on each other (one is a sum or a multiple of "
        "others), or too few rows are behind it or behind a category, or a few rows make up too much of it; nobody saw "
        "which."
    )


def _why(disclosure: dict[str, Any]) -> str:
    """Why cells are suppressed; of a single one nobody can say which reason it was."""
    found = [f"{disclosure['min_count']} rows, or none"]
    if "contributors" in disclosure:
        found.append(f"fewer than {disclosure['contributors']} agencies with rows")
    if disclosure.get("margins") == "released" and "noise" not in disclosure:
        found.append("so that true totals don't tell another one")
    return "; or ".join(found)
