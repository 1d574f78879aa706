#!/bin/sh
# A sum of whole numbers is a HUGEINT in DuckDB 1.5.6, which has no type in Arrow: `.pl()` makes a Decimal without places of
# it. polars 2.1.0 keeps a Decimal's places when it divides, so that the shares of 1 and 2 in their sum are 0 and 1, and not
# 0.33 and 0.67. Nothing warns. With `count(*)`, a BIGINT, they are right; so they are in pandas. The product of 0.05 and 0.05
# is 0.00 (pola-rs/polars#19784, #29461). Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 polars==2.1.0 pyarrow==26.0.1 pandas==3.1.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from decimal import Decimal

import duckdb
import polars

ROWS = "SELECT region, {} AS n FROM (VALUES ('N', 1), ('S', 1), ('S', 1)) t(region, one) GROUP BY region ORDER BY region"
shares = {}
for counted in ("sum(one)", "count(*)"):
    table = duckdb.sql(ROWS.format(counted)).pl()
    shares[counted] = table.select(polars.col("n") / polars.col("n").sum())["n"].to_list()
    print(f"{counted}: {table.schema['n']}, shares {[*map(str, shares[counted])]}")
pandas = duckdb.sql(ROWS.format("sum(one)")).df()["n"]
rate = polars.Series([Decimal("0.05")])
print(f"duckdb {duckdb.__version__}, polars {polars.__version__}: 0.05 * 0.05 is {(rate * rate).to_list()}")
print(f"shares in pandas: {(pandas / pandas.sum()).to_list()}")
assert shares["sum(one)"] == [0, 1], "they are shares now"
assert shares["count(*)"] == [1 / 3, 2 / 3] == (pandas / pandas.sum()).to_list()
assert (rate * rate).to_list() == [0]
PY
