#!/bin/sh
# DuckDB 1.5.6 reads a Parquet decimal of more than 38 digits as DOUBLE, and not as the number that is stored:
# 2.25 in a decimal(50, 2) comes out as 37748736.0. No error, no warning.
# Arrow 26.0.1 wrote the file and reads it back exactly. So the number is in the file. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 pyarrow==26.0.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

stored = [Decimal("2.25"), Decimal("2.25")]
pq.write_table(pa.table({"n": pa.array(stored, pa.decimal256(50, 2))}), "d.parquet")
assert pq.read_table("d.parquet")["n"].to_pylist() == stored
value, kind = duckdb.sql("SELECT n, typeof(n) FROM 'd.parquet'").fetchone()
print(f"duckdb {duckdb.__version__}, arrow {pa.__version__}: stored 2.25, read {value!r} as {kind}")
assert kind == "DOUBLE" and value != 2.25, "it reads the number now"
PY
