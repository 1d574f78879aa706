#!/bin/sh
# fastparquet 2026.9.0 with pandas 3.1.1: `write(..., times="int96")` takes a column's numbers for nanoseconds, while
# pandas now makes microseconds of dates, and writes 1970-01-19 06:18:43.2 for 2020-01-02 without a word; with the
# default, or with a column of nanoseconds, the day is right. fastparquet, pyarrow and others read the file alike, so
# that no second reader shows it. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet fastparquet==2026.9.0 pandas==3.1.1 pyarrow==26.0.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import fastparquet
import pandas
import pyarrow.parquet

frame = pandas.DataFrame({"born": pandas.to_datetime(["2020-01-02"])})
found = {}
for name, data, times in (
    ("default", frame, "int64"),
    ("int96", frame, "int96"),
    ("int96 of nanoseconds", frame.astype("datetime64[ns]"), "int96"),
):
    fastparquet.write("d.parquet", data, times=times)
    again = pandas.Timestamp(fastparquet.ParquetFile("d.parquet").to_pandas()["born"][0])
    other = pandas.Timestamp(pyarrow.parquet.read_table("d.parquet")["born"][0].as_py())
    found[name] = (str(again), str(other))
    print(f"fastparquet {fastparquet.__version__}, pandas {pandas.__version__}, {frame.born.dtype}, {name}: {found[name]}")
day, other = "2020-01-02 00:00:00", "1970-01-19 06:18:43.200000"
assert found == {"default": (day, day), "int96": (other, other), "int96 of nanoseconds": (day, day)}
PY
