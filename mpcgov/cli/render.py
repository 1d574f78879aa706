"""What people read: tables in plain text, notes to stderr. Nothing that came from others can steer a terminal."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

HIDDEN = "·"
"""How a hidden number is shown; as in `mpcgov.kinds.footers`, which would take long to load for --help."""


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


def print_result(result: dict[str, Any], protocols: Path | None = None) -> None:
    """A result: its tables and what was done to them to stdout, what it cost to stderr.

    Args:
        protocols: where its protocol may be, besides where protocols are.
    """
    from mpcgov.publish.footers import footers

    several, below = len(result["tables"]) > 1, footers(result, protocols)
    for name, table in result["tables"].items():
        if several:
            click.echo(f"{plain(name)}:")
        print_table(*_with_intervals(table))
        _print_footer(below[name], several)
    if "quality" in result:
        steps = result["quality"].get("steps")
        click.echo(_quality({name: value for name, value in result["quality"].items() if name != "steps"}))
        if steps:
            click.echo("")
            print_table([*steps[0]], [list(step.values()) for step in steps])
    cost = result["cost"]
    sent = sum(cost["bytes_sent"].values())
    note(
        f"job {result['job']}, {result['protocol']}: {cost['seconds']} s, {cost['rounds']} rounds, {sent:,} bytes sent"
    )


def require_file(out: Path | None, format_name: str | None) -> None:
    """Nothing, if a result can be written so; said before anybody is asked for it.

    Raises:
        click.UsageError: a format without a file. LocalError: the file's name tells none.
    """
    from mpcgov.publish import format_of

    if out is None and format_name is not None:
        raise click.UsageError("--format needs --out FILE")
    if out is not None and format_name is None:
        format_of(out)


def note_repeated(asked: str, result: dict[str, Any]) -> None:
    """Says why a result has another job's id, if it has."""
    if result["job"] != asked:
        note(f"job {asked}: asked before, of the same rows; this is the result that job {result['job']} gave then")


def show_result(
    result: dict[str, Any], as_json: bool, out: Path | None, format_name: str | None, protocols: Path | None = None
) -> None:
    """A result as it was asked for: to a file, or to stdout for programs or people."""
    from mpcgov import publish

    if out is None:
        print_json(result) if as_json else print_result(result, protocols)
        return
    for path in publish.write(result, out, format_name):
        note(f"{path}: written")


def _print_footer(lines: Sequence[str], several: bool) -> None:
    """Lines below a table, set off from it, and from the next one if there are several."""
    if lines:
        click.echo("")
    for line in lines:
        click.echo(plain(line))
    if several:
        click.echo("")


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
        return HIDDEN
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
