#!/bin/sh
# pyarrow 26.0.1 counts INT96, in which Spark writes moments by default, in nanoseconds and says nothing where these don't
# reach: 9999-12-31, which registers have for "still valid", comes out as 1816-03-29, and 1600-01-01 as 2184-07-20; pandas
# reads by it. DuckDB 1.5.6 and polars 2.1.0 read both days. coerce_int96_timestamp_unit="us" mends it, if the moment is
# midnight (apache/arrow#37580). Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pyarrow==26.0.1 duckdb==1.5.6 polars==2.1.0 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from datetime import datetime

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq

days = [datetime(9999, 12, 31), datetime(1600, 1, 1), datetime(2020, 1, 2)]
pq.write_table(pa.table({"d": pa.array(days, pa.timestamp("us"))}), "d.parquet", use_deprecated_int96_timestamps=True)


def told(**how):
    return [str(one.cast(pa.timestamp("s"), safe=False)) for one in pq.read_table("d.parquet", **how)["d"]]


others = {
    "duckdb": [row[0] for row in duckdb.sql("FROM 'd.parquet'").fetchall()],
    "polars": polars.read_parquet("d.parquet")["d"].to_list(),
}
print(f"pyarrow {pa.__version__}: {told()}; in microseconds {told(coerce_int96_timestamp_unit='us')}")
assert [one[:10] for one in told()] == ["1816-03-29", "2184-07-20", "2020-01-02"], "Arrow reads them now"
assert told(coerce_int96_timestamp_unit="us") == [str(day) for day in days]
assert others == {"duckdb": days, "polars": days}, others
PY
