#!/bin/sh
# Excel has a 29 February 1900, serial number 60, which no calendar has. python-calamine 0.9.1 and openpyxl 3.1.5 give it as
# 28 February 1900, which is serial number 59: two cells that differ become one date, and nothing says so. From 1 March 1900
# on, and in workbooks that count from 1904, dates are right. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet python-calamine==0.9.1 openpyxl==3.1.5 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from datetime import date

import openpyxl
import python_calamine

book = openpyxl.Workbook()
for serial in (58, 59, 60, 61):
    book.active.append([serial])
    book.active.cell(book.active.max_row, 1).number_format = "YYYY-MM-DD"
book.save("d.xlsx")
seen = [day for (day,) in python_calamine.CalamineWorkbook.from_path("d.xlsx").get_sheet_by_index(0).to_python()]
other = [day.date() for (day,) in openpyxl.load_workbook("d.xlsx").active.iter_rows(values_only=True)]
print(f"serials 58 to 61: python-calamine 0.9.1 {[*map(str, seen)]}, openpyxl {openpyxl.__version__} {[*map(str, other)]}")
assert seen == other == [date(1900, 2, 27), date(1900, 2, 28), date(1900, 2, 28), date(1900, 3, 1)]
PY
