#!/bin/sh
# pyarrow 26.0.1: a filter `("region", "!=", "N")` drops rows without a region, as SQL does, and `("region", "not in", {"N"})`
# keeps them: two ways to say the same give tables of different totals. pandas hands both filters on. SQL's NOT IN drops them,
# and so does polars. Known from where it breaks others (apache/iceberg-python#3918). Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pyarrow==26.0.1 pandas==3.1.1 duckdb==1.5.6 polars==2.1.0 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq

table = pa.table({"region": ["N", "S", None]})
pq.write_table(table, "d.parquet")
filters = {"!=": [("region", "!=", "N")], "not in": [("region", "not in", {"N"})]}
arrow = {name: pq.read_table("d.parquet", filters=one).num_rows for name, one in filters.items()}
frames = {name: len(pandas.read_parquet("d.parquet", filters=one)) for name, one in filters.items()}
sql = {name: len(duckdb.sql(f"FROM 'd.parquet' WHERE region {name} ('N')")) for name in ("!=", "not in")}
region = polars.col("region")
others = {"!=": region != "N", "not in": ~region.is_in(["N"])}
lazy = {name: polars.from_arrow(table).filter(one).height for name, one in others.items()}
print(f"rows of 3: pyarrow {pa.__version__} {arrow}, pandas {frames}, duckdb {sql}, polars {lazy}")
assert arrow == frames == {"!=": 1, "not in": 2}, "they agree now"
assert sql == lazy == {"!=": 1, "not in": 1}
PY
