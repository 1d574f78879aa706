#!/bin/sh
# Dask 2026.8.0 finds 24 of 100 persons when it joins a column of dates with the same dates in another unit, microseconds as
# pandas 3.1.1 makes of texts and nanoseconds as older files hold: `hash_pandas_object` tells the two apart, so that rows that
# belong together go to different partitions. pandas finds all 100. That types differ is warned of for whole numbers and
# floats, too, which are joined rightly, so that the warning says little. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet dask[dataframe]==2026.8.0 pandas==3.1.1 pyarrow==26.0.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import warnings

import dask
import dask.dataframe
import pandas

warnings.simplefilter("ignore")


def joined(left, right):
    of_left, of_right = dask.dataframe.from_pandas(left, npartitions=4), dask.dataframe.from_pandas(right, npartitions=3)
    return len(of_left.merge(of_right, on="key").compute()), len(left.merge(right, on="key"))


dates = pandas.DataFrame({"key": pandas.date_range("1980-01-01", periods=100).astype("datetime64[us]")})
numbers = pandas.DataFrame({"key": range(100)})
found = {
    "dates, us and us": joined(dates, dates),
    "dates, us and ns": joined(dates, dates.astype("datetime64[ns]")),
    "whole numbers and floats": joined(numbers, numbers.astype(float)),
}
print(f"of 100, by dask {dask.__version__} and by pandas {pandas.__version__}: {found}")
assert found["dates, us and ns"][0] < 50, "they are joined now"
assert found["dates, us and ns"][1] == 100
assert found["dates, us and us"] == found["whole numbers and floats"] == (100, 100)
PY
