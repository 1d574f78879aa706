#!/bin/sh
# Arrow's cast from a decimal to a double isn't the nearest double: -9.37 becomes -9.370000000000001.
# float(Decimal("-9.37")), the text "-9.37" read as a double, and DuckDB's cast all give -9.37. So a file whose decimals
# went through this cast holds numbers with more digits than the ones they were made from. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 pyarrow==26.0.1 2>/dev/null
"$folder/env/bin/python" - <<'PY'
from decimal import Decimal

import duckdb
import pyarrow as pa

number = Decimal("-9.37")
cast = pa.array([number], pa.decimal128(12, 2)).cast(pa.float64())[0].as_py()
other = duckdb.sql("SELECT (-9.37)::DECIMAL(12, 2)::DOUBLE").fetchone()[0]
print(f"arrow {pa.__version__}: {cast!r}; duckdb {duckdb.__version__}: {other!r}; python: {float(number)!r}")
assert cast != float(number) == other, "the cast is the nearest double now"
PY
