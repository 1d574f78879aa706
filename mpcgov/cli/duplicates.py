"""`node dataset duplicates`: rows of one register that are probably one person's, found where they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from mpcgov.cli.options import home_option, json_option
from mpcgov.cli.render import note, print_json, print_table
from mpcgov.errors import LocalError, SpecError


@click.command("duplicates")
@click.argument("name", metavar="NAME")
@click.option(
    "--field", "fields", metavar="COLUMN=TYPE[:STEP,…]", multiple=True, required=True,
    help="What is compared, such as first_name=name:nicknames or born=date: types and steps of record-linkage.",
)  # fmt: skip
@click.option(
    "--block", "blocks", metavar="COLUMN[+COLUMN]", multiple=True,
    help="Compare only rows that agree there; several are several passes. Without: all pairs.",
)  # fmt: skip
@click.option("--min-probability", default="0.5", show_default=True, help="The least probability of a pair.")
@click.option("--truth", metavar="COLUMN", help="A column that is the same for one person: shows how many were found.")
@click.option("--by", metavar="COLUMN", help="Name rows by this column, not by number; on a terminal only.")
@click.option("--show", metavar="N", type=click.IntRange(0), default=20, show_default=True, help="So many groups.")
@home_option
@json_option
def duplicates(
    name: str, fields: tuple[str, ...], blocks: tuple[str, ...], show: int, home: Path, as_json: bool, **rest: Any
) -> None:
    """Rows that are probably one person's, in groups.

    Nothing leaves this machine, and no other party takes part.
    """
    from mpcgov.cli.dataset import asked
    from mpcgov.node import home as homes

    if rest["by"] is not None and not sys.stdout.isatty():
        raise LocalError("--by shows values: it works on a terminal only", hint="take it out", code="terminal")
    said = {
        "fields": _fields(fields),
        "blocks": [block.split("+") for block in blocks],
        "least": _probability(rest["min_probability"]),
        "by": rest["by"],
        "truth": rest["truth"],
    }
    found = asked("duplicates", str(homes.load(home).datasets_path), name, json.dumps(said))
    if as_json:
        print_json(found)
        return
    groups = found["groups"][:show]
    if groups:
        rows = [(", ".join(map(str, one["rows"])), round(one["least"], 4)) for one in groups]
        print_table(("rows", "probability of the weakest"), rows)
    for line in _lines(found, len(groups)):
        note(line)


def _fields(said: tuple[str, ...]) -> list[dict[str, Any]]:
    """Columns, types and steps.

    Raises:
        SpecError: with what is wrong with them.
    """
    from mpcgov.linked.compared import TYPES
    from mpcgov.linked.preparing import steps

    faults: list[str] = []
    found: list[dict[str, Any]] = []
    for text in said:
        column, _, what = text.partition("=")
        type_, colon, names = what.partition(":")
        known = next((one for one in TYPES if one == type_), None)
        if known is None:
            faults.append(f"--field {text}: expected COLUMN=TYPE, with a type of {', '.join(TYPES)}")
            continue
        chosen = steps(names.split(","), f"--field {text}", known, faults) if colon else ()
        found.append({"column": column, "type": known, "steps": chosen})
    if len({one["column"] for one in found}) != len(found):
        faults.append("--field: a column stands twice")
    if faults:
        raise SpecError(faults, code="field")
    return found


def _probability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 1:
        raise SpecError(f"--min-probability: expected a number above 0 and below 1, found {text}", code="probability")
    return number


def _lines(found: dict[str, Any], shown: int) -> list[str]:
    groups = found["groups"]
    several = sum(len(one["rows"]) for one in groups)
    persons = found["rows"] - several + len(groups)
    of = f"{several:,} of {found['rows']:,} rows are in {len(groups):,} groups of two or more"
    lines = [f"{of}, so that there would be {persons:,} persons"]
    if shown < len(groups):
        lines.append(f"{shown:,} groups are shown; --show {len(groups)} shows all, --json as data")
    lines.append(
        f"estimated of pairs: precision {found['precision']:.3f}, recall {found['recall']:.3f} of those compared "
        f"({found['compared']:,})"
    )
    if found["truth"] is not None:
        figures = (f"{name} {'–' if value is None else f'{value:.4f}'}" for name, value in found["truth"].items())
        lines.append(f"beside the truth, pairs of the groups: {', '.join(figures)}")
    return lines
