#!/bin/sh
# pyreadstat 1.3.7 makes days of some SAS dates and leaves others as numbers, by their format, and says nothing: 1 January
# 1980 is date(1980, 1, 1) with the format WEEKDATE., and 7305.0 with MONYY7., NLDATE. or WORDDATE., which SAS shows as
# that same day. So a column's type isn't that of the data but of a list in the library. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pyreadstat==1.3.7 pandas 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import pandas
import pyreadstat

found = {}
for style in ("DATE9.", "WEEKDATE.", "MONYY7.", "NLDATE.", "WORDDATE18.", "EURDFDD10."):
    pyreadstat.write_xport(pandas.DataFrame({"d": [7305.0]}), "d.xpt", variable_format={"d": style})
    data, _ = pyreadstat.read_xport("d.xpt", output_format="dict")
    found[style] = str(data["d"][0])
    print(f"{style:12} {found[style]}")
assert found["DATE9."].startswith("1980-01-01") and found["WEEKDATE."].startswith("1980-01-01")
assert all(found[style] == "7305.0" for style in ("MONYY7.", "NLDATE.", "WORDDATE18.", "EURDFDD10."))
PY
