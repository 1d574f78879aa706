#!/bin/sh
# DuckDB 1.5.6 reads a large CSV file from several places on, also with a single thread, and takes what it finds there for rows,
# be it in the middle of a field between quotes: with store_rejects 40,000 rows become millions, and nothing is said. With
# parallel=false it reads what is there, and keeps the whole file in memory. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import duckdb

ROWS = 40_000
note = "7,x\n" * 125
with open("t.csv", "w") as file:
    file.write("id,note\n" + f'1,"{note}"\n' * ROWS)
READ = "SELECT count(*) FROM read_csv('t.csv', columns={{'id': 'VARCHAR', 'note': 'VARCHAR'}}, auto_detect=false, header=true, strict_mode=true, store_rejects=true, quote='\"', escape='\"', parallel={})"
found = {parallel: duckdb.connect(config={"threads": 1}).execute(READ.format(parallel)).fetchone()[0] for parallel in ("true", "false")}
print(f"duckdb {duckdb.__version__}: of {ROWS} rows, parallel or not: {found}")
assert found["false"] == ROWS
assert found["true"] > 2 * ROWS, "it reads what is there now"
PY
