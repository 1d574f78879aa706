#!/bin/sh
# DuckDB 1.5.6: `median` and `quantile_cont` of a DECIMAL have its scale, and what lies between two amounts is cut off there:
# the median of 1.01 and 1.02 is 1.01, while their `avg` is 1.015; of whole numbers as DECIMAL it is 2 where it is 2.5 as
# INTEGER. polars and Python's statistics say 1.015. Of other types whose median isn't their mean: duckdb/duckdb#13655. Fails
# if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 polars==2.1.0 pyarrow==26.0.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from decimal import Decimal
from statistics import median

import duckdb
import polars

wages = [Decimal("1.01"), Decimal("1.02")]
ask = "SELECT median(x)::VARCHAR, quantile_cont(x, 0.5)::VARCHAR, avg(x) FROM (VALUES (1.01::DECIMAL(4, 2)), (1.02)) t(x)"
middle, quantile, mean = duckdb.sql(ask).fetchone()
of_type = "SELECT median(x::{})::DOUBLE FROM range(1, 5) t(x)"
counts = [duckdb.sql(of_type.format(kind)).fetchone()[0] for kind in ("INTEGER", "DECIMAL(9, 0)")]
print(f"duckdb {duckdb.__version__}: median {middle}, quantile_cont {quantile}, avg {mean}; 1 to 4 by type: {counts}")
print(f"statistics: {median(wages)}; polars {polars.__version__}: {polars.Series(wages).median()}")
assert (middle, quantile, mean) == ("1.01", "1.01", 1.015), "what lies between isn't cut off now"
assert counts == [2.5, 2.0]
assert median(wages) == Decimal("1.015") and polars.Series(wages).median() == 1.015
PY
