#!/bin/sh
# DuckDB 1.5.6: a column's COLLATE stays with it in the file and decides what is equal to whoever opens it: with NOCASE,
# x = 'a' is true of 'A', IN and GROUP BY make them one, and CAST(x AS VARCHAR) and x || '' keep it so, while
# hash(x), count(DISTINCT x) and list_contains(['a'], x) tell them apart. Neither DESCRIBE nor information_schema says
# that there is a collation. decode(encode(x)) takes it off. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import duckdb

with duckdb.connect("d.duckdb") as connection:
    connection.execute("CREATE TABLE t (x VARCHAR COLLATE NOCASE)")
    connection.execute("INSERT INTO t VALUES ('a'), ('A')")
with duckdb.connect("d.duckdb", read_only=True) as connection:
    ask = lambda query: connection.execute(query).fetchone()[0]
    equal = {
        text: ask(f"SELECT count(*) FROM t WHERE {text}")
        for text in ("x = 'a'", "x IN ('a')", "CAST(x AS VARCHAR) = 'a'", "x || '' = 'a'", "list_contains(['a'], x)",
                     "decode(encode(x)) = 'a'")
    }
    groups = ask("SELECT count(*) FROM (SELECT x FROM t GROUP BY x)")
    different = ask("SELECT count(DISTINCT x) FROM t")
    told = ask("SELECT collation_name FROM information_schema.columns"), ask("SELECT column_type FROM (DESCRIBE t)")
print(f"duckdb {duckdb.__version__}: {equal}; groups {groups}, distinct {different}; told of it: {told}")
assert list(equal.values()) == [2, 2, 2, 2, 1, 1]
assert (groups, different, told) == (1, 2, (None, "VARCHAR"))
PY
