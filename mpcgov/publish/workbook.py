"""Excel: a sheet for each table, and one that says what they are. A hidden number is `c`, confidential, as Eurostat's
flag has it; `z`, not applicable, is of whom a register doesn't have. A sum over the column leaves both out."""

from __future__ import annotations

import io
import re
from typing import Any

from mpcgov.errors import LocalError
from mpcgov.publish.about import SUPPRESSED, about, title
from mpcgov.publish.table import Released, tables_of

HIDDEN, IMPOSSIBLE = "c", "z"
WIDTH = 40


def whole(result: dict[str, Any]) -> bytes:
    """All tables of a result as one workbook.

    Raises:
        LocalError: the library that writes it isn't installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise LocalError("Excel files need openpyxl", hint="pip install 'mpcgov[excel]'", code="format") from None
    book = openpyxl.Workbook()
    book.remove(book.active)
    for released in tables_of(result):
        _sheet(book, released)
    sheet = book.create_sheet("About")
    lines = [(title(result), ""), *about(result), (f"'{HIDDEN}'", f"a number {SUPPRESSED}"),
             (f"'{IMPOSSIBLE}'", "a number that can't exist, of whom a register doesn't have")]  # fmt: skip
    for number, line in enumerate(lines, 1):
        for place, text in enumerate(line, 1):
            _write(sheet.cell(number, place), text)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = WIDTH / 2, 2 * WIDTH
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _sheet(book: Any, released: Released) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    # A sheet's name has at most 31 characters, and none of these.
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", released.name)[:31])
    for place, column in enumerate(released.columns, 1):
        _write(sheet.cell(1, place), column)
        sheet.cell(1, place).font = Font(bold=True)
        longest = max(len(str(row[place - 1])) for row in (released.columns, *released.rows))
        sheet.column_dimensions[get_column_letter(place)].width = min(WIDTH, longest + 2)
    for number, row in enumerate(released.rows, 2):
        for place, value in enumerate(row, 1):
            if value is None:
                possible = released.can_be(row[: len(released.dimensions)], released.columns[place - 1])
                _write(sheet.cell(number, place), HIDDEN if possible else IMPOSSIBLE)
                sheet.cell(number, place).alignment = Alignment(horizontal="right")
            else:
                _write(sheet.cell(number, place), value)
    sheet.freeze_panes = sheet.cell(2, len(released.dimensions) + 1)


def _write(cell: Any, value: Any) -> None:
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"  # else a text that begins with = were a formula
