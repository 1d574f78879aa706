#!/bin/sh
# A whole number and a float are compared as floats in joins of pandas 3.1.1 and DuckDB 1.5.6: pseudonyms of 64 bits, which
# are floats where one of them is missing in pandas, join their neighbours' rows, and nothing is said. pandas is silent though
# it warns of floats that aren't whole, and its own `isin` finds no such key. Signed and unsigned numbers were mended
# (pandas-dev/pandas#56367). polars 2.1.0 and Arrow 26.0.1 refuse the join. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pandas==3.1.1 duckdb==1.5.6 polars==2.1.0 pyarrow==26.0.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import warnings

import duckdb
import pandas
import polars
import pyarrow as pa

warnings.simplefilter("error")
register = pandas.DataFrame({"person": [4611686018427387905], "income": [1000]})
survey = pandas.DataFrame({"person": [4611686018427387904, None], "answer": ["yes", "no"]})
joined = len(register.merge(survey, on="person"))
known = int(register["person"].isin(survey["person"]).sum())
by_sql = len(duckdb.sql("SELECT * FROM register JOIN survey USING (person)"))
print(f"pandas {pandas.__version__}: merge {joined} row, isin {known}; duckdb {duckdb.__version__}: {by_sql} row")
assert (joined, known, by_sql) == (1, 0, 1), "different persons aren't joined now"
tables = {"polars": [*map(polars.from_pandas, (register, survey))], "pyarrow": [*map(pa.Table.from_pandas, (register, survey))]}
refused = []
for left, right in tables.values():
    try:
        left.join(right, "person")
    except (polars.exceptions.SchemaError, pa.ArrowInvalid) as error:
        refused.append(type(error).__name__)
print(f"polars {polars.__version__} and pyarrow {pa.__version__}: {refused}")
assert len(refused) == 2
PY
