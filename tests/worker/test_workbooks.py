"""Cells of workbooks that their reader gives as empty and that aren't: no error is ever a missing value by itself."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mpcgov.errors import DataError
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker.profile import profile
from mpcgov.worker.readers import xlsx
from mpcgov.worker.report import DatasetReport, dataset_check
from tests.worker.test_other_files import MONEY, rows

openpyxl = pytest.importorskip("openpyxl")
COLUMNS: dict[str, Any] = {"id": {"kind": "key"}, "pay": MONEY}
TABLE = [["id", "pay", "note"], ["a", 1, "x"], ["b", 2, "y"], ["c", 3, "z"]]

LATER = (' fullCalcOnLoad="1"', "")


def written(folder: Path, change: Callable[[Any], None], table: list[list[Any]] = TABLE) -> None:
    book = openpyxl.Workbook()
    for row in table:
        book.active.append(row)
    change(book.active)
    book.save(folder / "d.xlsx")


def broken(**cells: str) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        for place, text in cells.items():
            sheet[place] = text
            sheet[place].data_type = "e" if text.startswith("#") else "f"

    return change


def rewritten(folder: Path, part: str, *changes: tuple[str, str]) -> None:
    """As another program would write it; what is changed is a regular expression."""
    with zipfile.ZipFile(folder / "d.xlsx") as book:
        parts = {name: book.read(name) for name in book.namelist()}
    for old, new in changes:
        parts[part], number = re.subn(old.encode(), new.encode(), parts[part])
        assert number == 1
    with zipfile.ZipFile(folder / "d.xlsx", "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)


def checked(folder: Path, **more: Any) -> DatasetReport:
    whole = {"source": "d.xlsx", "missing": "drop", "columns": COLUMNS, **more}
    return dataset_check(validate(whole, Dataset, "d"), "d", folder)


@pytest.mark.parametrize("piece", [xlsx._PIECE_BYTES, 7])
def test_an_error_is_a_fault_until_it_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:  # fmt: skip
    monkeypatch.setattr(xlsx, "_PIECE_BYTES", piece)
    written(tmp_path, broken(A2="#N/A", B3="#DIV/0!", C4="#REF!"))
    assert [fault.partition(" (")[0] for fault in checked(tmp_path).faults] == [
        "column id: 1 row not a key as declared",
        "column pay: 1 row not a number with at most 2 decimal digits",
    ]
    assert checked(tmp_path, missing=["#N/A", "#DIV/0!"]).faults == ()
    declared = {"id": {**COLUMNS["id"], "missing": "#N/A"}, "pay": MONEY | {"missing": "#DIV/0!"}}
    assert rows(tmp_path, "d.xlsx", declared) == [(None, 100), ("b", None), ("c", 300)]


def test_a_row_of_errors_alone_is_a_row(tmp_path: Path) -> None:
    written(tmp_path, broken(A5="#REF!", A6="#REF!", C7="#N/A"))
    assert rows(tmp_path, "d.xlsx", {"pay": MONEY}) == [(100,), (200,), (300,), (None,), (None,), (None,)]


def test_errors_are_found_as_other_programs_write_them(tmp_path: Path) -> None:
    written(tmp_path, broken(A2="#N/A"))
    sheet, old = "xl/worksheets/sheet1.xml", '<c r="A2" t="e"><v>#N/A</v></c>'
    rewritten(tmp_path, "xl/workbook.xml", LATER)
    rewritten(tmp_path, sheet, (old, "<x:c t = 'e' r='A2'><x:f>C1&gt;2</x:f><x:v>#N/A</x:v></x:c>"))
    assert checked(tmp_path).faults[0].startswith("column id: 1 row not a key")
    rewritten(tmp_path, sheet, (" r='A2'", ""))
    with pytest.raises(DataError, match=r"^d: not a workbook, or damaged$"):
        checked(tmp_path)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"B3": "=B2"}, "1 formula has"),
        ({"B3": "=B2", "A4": "=A3"}, "2 formulas have"),
        ({"C3": "=B2", "B1": "=1"}, ""),
    ],
)
def test_formulas_that_nobody_computed_are_no_missing_values(tmp_path: Path, cells: dict[str, str], told: str) -> None:
    written(tmp_path, broken(**cells), [*TABLE[:1], ["id", "pay", "note"], *TABLE[1:]] if not told else TABLE)
    if told:
        with pytest.raises(DataError, match=rf"^d: {told} never been computed$"):
            checked(tmp_path, columns={"id": COLUMNS["id"], "pay": MONEY})
        with pytest.raises(DataError, match="never been computed"):
            rows(tmp_path, "d.xlsx", COLUMNS)
    else:
        assert checked(tmp_path, skip_lines=1).rows == 3


def test_a_value_beside_a_formula_is_believed_if_a_program_computed_it(tmp_path: Path) -> None:
    written(tmp_path, broken(B3="=B2", A4="=A3"))
    sheet = "xl/worksheets/sheet1.xml"
    empty = "<v ?(/>|></v>)"  # as versions of openpyxl differ
    computed = [(f"<f>B2</f>{empty}", "<f>B2</f><v>7</v>"), (f"<f>A3</f>{empty}", "<f>A3</f><v></v>")]
    rewritten(tmp_path, sheet, *computed, ('r="A4"', 'r="A4" t="str"'))
    with pytest.raises(DataError, match="2 formulas have never been computed"):  # 0 is what xlsxwriter puts there
        checked(tmp_path)
    rewritten(tmp_path, "xl/workbook.xml", LATER)
    assert rows(tmp_path, "d.xlsx", COLUMNS) == [("a", 100), ("b", 700), (None, 300)]


def test_merged_cells_and_older_workbooks_are_pointed_out(tmp_path: Path) -> None:
    written(tmp_path, lambda sheet: sheet.merge_cells("A2:A3"))
    assert checked(tmp_path).warnings[0].startswith("1 merged area: only the first cell of each has its value")
    written(tmp_path, lambda sheet: sheet.merge_cells("A1:B1"), [["Title"], *TABLE])
    assert checked(tmp_path, skip_lines=1).warnings == ()


def test_what_is_profiled_of_a_sheet_with_errors_passes(tmp_path: Path) -> None:
    table = [["id", "pay"], *([f"p{n}", n % 7] for n in range(40))]
    written(tmp_path, broken(A5="#REF!", B6="#DIV/0!", B7="#N/A"), table)
    told = profile("d.xlsx", tmp_path)
    assert "#REF!" in told
    assert "#DIV/0!" in told


def hide(*places: int) -> Callable[[Any], None]:
    def change(sheet: Any) -> None:
        for place in places:
            sheet.row_dimensions[place].hidden = True

    return change


@pytest.mark.parametrize("piece", [xlsx._PIECE_BYTES, 7])
def test_hidden_rows_are_read_and_pointed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:  # fmt: skip
    """A filter hides rows from whoever looks, and from nobody else."""
    monkeypatch.setattr(xlsx, "_PIECE_BYTES", piece)
    written(tmp_path, hide(2, 4))
    assert "2 rows are hidden, such as by a filter, and read like the others" in "; ".join(checked(tmp_path).warnings)
    assert len(rows(tmp_path, "d.xlsx", COLUMNS)) == 3
    written(tmp_path, hide(1, 9))
    assert checked(tmp_path).warnings == ()


def test_a_hidden_sheet_is_pointed_out(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        sheet.title = "Q1 #2"
        sheet.sheet_state = "veryHidden"
        sheet.parent.create_sheet("seen")

    written(tmp_path, change)
    assert "the sheet is hidden in the workbook" in "; ".join(checked(tmp_path, source="d.xlsx#Q1 #2").warnings)


@pytest.mark.parametrize("area", ["B1:C1", "A1:A2"])
def test_a_header_of_merged_cells_is_refused(tmp_path: Path, area: str) -> None:
    """Below it stands the second row of the header, whose years would be amounts."""
    written(tmp_path, lambda sheet: sheet.merge_cells(area), [["id", "pay", None], [None, "23", "24"], ["a", 1, 2]])
    with pytest.raises(DataError, match="cells in the header are merged"):
        checked(tmp_path)


ODS = "urn:oasis:names:tc:opendocument:xmlns"
CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


def ods_row(*cells: str, of: str = "") -> str:
    return f"<table:table-row{of}>{''.join(map(CELL.format, cells))}</table:table-row>"


def test_hidden_rows_of_an_opendocument_sheet_are_pointed_out(tmp_path: Path) -> None:
    collapsed, filtered = (f' table:visibility="{how}"' for how in ("collapse", "filter"))
    shown = [ods_row("id", "pay"), ods_row("a", "1"), ods_row("b", "2", of=collapsed)]
    shown.append(ods_row("c", "3", of=f'{filtered} table:number-rows-repeated="2"'))
    other = f'<table:table table:name="A&amp;B">{ods_row("x", of=collapsed)}</table:table>'
    names = " ".join(f'xmlns:{name}="{ODS}:{name}:1.0"' for name in ("office", "table", "text"))
    sheet = f'<table:table table:name="S">{"".join(shown)}</table:table>'
    book = f"<office:body><office:spreadsheet>{other}{sheet}</office:spreadsheet></office:body>"
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    entry = f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
    with zipfile.ZipFile(tmp_path / "d.ods", "w") as file:
        file.writestr("mimetype", kind)
        file.writestr("content.xml", f"<office:document-content {names}>{book}</office:document-content>")
        manifest = f'<manifest:manifest xmlns:manifest="{ODS}:manifest:1.0">{entry}</manifest:manifest>'
        file.writestr("META-INF/manifest.xml", manifest)
    found = checked(tmp_path, source="d.ods#S")
    assert (found.rows, "3 rows are hidden, such as by a filter" in found.warnings[0]) == (4, True)
