#!/bin/sh
# Who was born on 01.02.69 was born in 1969 for Python, pandas, DuckDB 1.5.6 and Arrow, which follow POSIX, and in 2069 for
# polars 2.1.0, with the same pattern `%d.%m.%y`: a year of births in a register lies a century off, in one of two tables made
# of one file. 68 and 70 are the same everywhere. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet polars==2.1.0 duckdb==1.5.6 pyarrow==26.0.1 pandas==3.1.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from datetime import datetime

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.compute as pc

DAY = "%d.%m.%y"
texts = [f"01.02.{year}" for year in (68, 69, 70)]
found = {
    "python": [datetime.strptime(text, DAY).year for text in texts],
    "pandas": pandas.to_datetime(texts, format=DAY).year.to_list(),
    "duckdb": [row[0] for row in duckdb.sql(f"SELECT year(strptime(unnest({texts}), '{DAY}'))").fetchall()],
    "pyarrow": pc.year(pc.strptime(pa.array(texts), format=DAY, unit="s")).to_pylist(),
    "polars": polars.Series(texts).str.to_date(DAY).dt.year().to_list(),
}
for name, years in found.items():
    print(f"{name:8} {years}")
assert found.pop("polars") == [2068, 2069, 1970]
assert all(years == [2068, 1969, 1970] for years in found.values())
PY
