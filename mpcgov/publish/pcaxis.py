"""PC-Axis: the whole cross product of a table's dimensions. `..` is a number that was hidden, `.` one that can't
exist, such as of a combination that the table doesn't have."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from mpcgov.publish.about import SUPPRESSED, about, title
from mpcgov.publish.table import Number, Released, identifiers

LINE = 200
"""Texts are broken into lines of so many characters; the format allows 256."""
MOST_SHOWN = 6
"""The format shows no more digits after the point."""

MEASURE = "measure"


def table(result: dict[str, Any], released: Released) -> bytes:
    """The table as the file."""
    stub = {name: _values(released, place) for place, name in enumerate(released.dimensions)}
    decimals = _decimals(released)
    least = min(MOST_SHOWN, min(decimals.values(), default=0))
    heading = MEASURE if MEASURE not in stub else "measure of the table"
    lines = [
        'CHARSET="ANSI";',
        'AXIS-VERSION="2013";',
        'CODEPAGE="utf-8";',
        'LANGUAGE="en";',
        f'CREATION-DATE="{_proposed(result)}";',
        f"DECIMALS={min(15, max(decimals.values(), default=0))};",
        f"SHOWDECIMALS={least};",
        f'MATRIX="{identifiers([released.name])[0][:20]}";',
        'SUBJECT-CODE="MPC";',
        'SUBJECT-AREA="Joint statistics";',
        f"TITLE={_text(f'{title(result)}: {released.name}')};",
        f"CONTENTS={_text(released.name)};",
        'UNITS="see measure";',
        *([f"STUB={_list(list(stub))};"] if stub else []),
        f"HEADING={_list([heading])};",
        *(f"VALUES({_text(name)})={_list(values)};" for name, values in stub.items()),
        f"VALUES({_text(heading)})={_list(released.measures)};",
        # Counts have none beside means that have some: PRECISION says where there are more.
        *(
            f"PRECISION({_text(heading)},{_text(name)})={min(MOST_SHOWN, digits)};"
            for name, digits in decimals.items()
            if digits > least
        ),
        'DATASYMBOL1="no such number";',
        f'DATASYMBOL2="{SUPPRESSED}";',
        f"SOURCE={_text('mpcgov, job ' + result['job'])};",
        f"NOTE={_text('#'.join(f'{head}: {text}' for head, text in about(result)))};",  # '#' begins a line
        "DATA=",
        *_data(released, list(stub.values())),
        ";",
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def _values(released: Released, place: int) -> list[str]:
    return list(dict.fromkeys(str(row[place]) for row in released.rows))


def _data(released: Released, values: Sequence[Sequence[str]]) -> Iterator[str]:
    known = {
        (names, measure): _number(number)
        for names, measure, number in released.observations()
        if number is not None or released.can_be(names, measure)
    }
    for names in itertools.product(*values):
        yield " ".join(known.get((names, measure), '"."') for measure in released.measures)


def _number(number: Number) -> str:
    if number is None:
        return '".."'
    return format(Decimal(str(int(number) if number == int(number) else number)), "f")


def _decimals(released: Released) -> dict[str, int]:
    """The most digits after the point that a number of each measure has."""
    found = dict.fromkeys(released.measures, 0)
    for _, measure, number in released.observations():
        if number is not None:
            found[measure] = max(found[measure], len(_number(number).partition(".")[2]))
    return found


def _proposed(result: dict[str, Any]) -> str:
    return dt.datetime.fromtimestamp(result["request"]["proposed_at"], dt.UTC).strftime("%Y%m%d %H:%M")


def _list(texts: Sequence[str]) -> str:
    return ",\r\n".join(map(_text, texts))


def _text(text: str) -> str:
    """A text in quotes, in lines; the format has no way to write a quotation mark in it."""
    plain = " ".join(text.split()).replace('"', "'")
    return "\r\n".join(f'"{plain[start : start + LINE]}"' for start in range(0, len(plain) or 1, LINE))
