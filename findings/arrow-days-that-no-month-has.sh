#!/bin/sh
# pyarrow 26.0.1 takes 31.02.2023 for 3 March 2023 where it is told how days are written, in `compute.strptime` and in
# `csv.ConvertOptions(timestamp_parsers=...)`, with error_is_null too. A made-up day, as in dates of birth that somebody
# didn't know, becomes another person's. 32.01. is refused, 2023-02-31 without a pattern too, and DuckDB, polars and Python
# refuse both (apache/arrow#31374). Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pyarrow==26.0.1 duckdb==1.5.6 polars==2.1.0 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from io import BytesIO

import duckdb
import polars
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

DAY = "%d.%m.%Y"
texts = ["31.02.2023", "29.02.2023", "31.04.2023", "32.01.2023"]
read = pc.strptime(pa.array(texts), format=DAY, unit="s", error_is_null=True)
found = [None if day is None else f"{day:%Y-%m-%d}" for day in read.to_pylist()]
file = BytesIO(b"born\n31.02.2023\n28.02.2023\n")
column = csv.read_csv(file, convert_options=csv.ConvertOptions(timestamp_parsers=[DAY]))["born"]
from_csv = [f"{day:%Y-%m-%d}" for day in column.to_pylist()]
by_sql = [row[0] for row in duckdb.sql(f"SELECT try_strptime(unnest({texts}), '{DAY}')").fetchall()]
in_polars = polars.Series(texts).str.to_date(DAY, strict=False).to_list()
print(f"pyarrow {pa.__version__}: {dict(zip(texts, found))}; in CSV: {from_csv}")
print(f"duckdb {duckdb.__version__}, polars {polars.__version__}: {by_sql}, {in_polars}")
assert found == ["2023-03-03", "2023-03-01", "2023-05-01", None], "Arrow refuses them now"
assert from_csv == ["2023-03-03", "2023-02-28"]
assert not any(by_sql) and not any(in_polars)
PY
