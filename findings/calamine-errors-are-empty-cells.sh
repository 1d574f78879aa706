#!/bin/sh
# python-calamine 0.9.1 gives a cell with an error, such as #N/A or #DIV/0!, as "", as it gives an empty cell, and so a
# formula whose result no program has stored. Nothing tells them apart: a column of failed look-ups is one of missing
# values, and a row of them is a blank row. openpyxl gives the errors as text. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet python-calamine==0.9.1 openpyxl==3.1.5 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import openpyxl
import python_calamine

book = openpyxl.Workbook()
for row in ([1], ["#N/A"], ["=1/0"], [4]):
    book.active.append(row)
assert book.active["A2"].data_type == "e"
book.save("d.xlsx")
seen = python_calamine.CalamineWorkbook.from_path("d.xlsx").get_sheet_by_index(0).to_python()
other = [list(row) for row in openpyxl.load_workbook("d.xlsx", data_only=True).active.iter_rows(values_only=True)]
print(f"python-calamine 0.9.1: {seen}; openpyxl {openpyxl.__version__}: {other}")
assert seen == [[1.0], [""], [""], [4.0]]
assert other == [[1], ["#N/A"], [None], [4]]
PY
