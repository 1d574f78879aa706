#!/bin/sh
# ibis-framework 12.0.0: `cast("int64")` of 2.7 is 3 in DuckDB 1.5.6 and 2 in SQLite and in polars 2.1.0, and of -2.7 -3 or
# -2: the same expression gives another table where it is run. Age bands by `(days / 365.25).cast("int64")` move half of all
# people up by a year. For BigQuery the same was mended in ibis, since Python cuts off (ibis-project/ibis#6111). Fails if that
# changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet 'ibis-framework[duckdb,sqlite,polars]==12.0.0' duckdb==1.5.6 polars==2.1.0 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib.metadata import version

import ibis

numbers = [2.7, 2.2, -2.7]
table = ibis.memtable({"x": numbers})
found = {}
for name in ("duckdb", "sqlite", "polars"):
    backend = getattr(ibis, name).connect()
    found[name] = backend.to_pyarrow(table.x.cast("int64").name("n")).to_pylist()
print(f"ibis {version('ibis-framework')}, {numbers} as whole numbers: {found}; int() of Python: {[*map(int, numbers)]}")
assert found["sqlite"] == found["polars"] == [2, 2, -2] == [*map(int, numbers)]
assert found["duckdb"] == [3, 2, -3], "DuckDB's are cut off now"
PY
