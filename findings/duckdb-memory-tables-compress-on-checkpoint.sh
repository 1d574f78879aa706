#!/bin/sh
# DuckDB 1.5.6 keeps a table in memory uncompressed until somebody says CHECKPOINT, which then takes it down to a quarter;
# ATTACH ':memory:' AS m (COMPRESS) changes neither. So whoever fills a large table has to say so between its parts.
# Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import duckdb

ROWS = "SELECT 'P' || lpad(i::VARCHAR, 10, '0') AS id, (i * 7919) % 100000 AS n FROM range(2000000) r(i)"
SIZE = "SELECT memory_usage_bytes >> 20 FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
for attach in ("", "ATTACH ':memory:' AS m (COMPRESS); USE m"):
    engine = duckdb.connect()
    engine.execute(attach or "SELECT 1")
    engine.execute(f"CREATE TABLE t AS {ROWS}")
    (before,) = engine.execute(SIZE).fetchone()
    engine.execute("CHECKPOINT")
    (after,) = engine.execute(SIZE).fetchone()
    print(f"duckdb {duckdb.__version__} {attach or 'in memory'}: {before} MiB, after CHECKPOINT {after} MiB")
    assert before > 3 * after, "it is compressed at once now"
PY
