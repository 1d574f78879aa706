#!/bin/sh
# pandas 3.1.1 keeps texts in Arrow if pyarrow is installed, and in Python's strings if it isn't, and `str.upper` and
# `str.lower` differ then: Weiß becomes WEIẞ or WEISS, and ΓΕΩΡΓΙΟΣ ends in σ or ς. Two agencies that prepare names by the
# same line of the same pandas have different keys. `str.casefold` is the same in both. pandas lists it among differences of
# storage (pandas-dev/pandas#63105). Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
cat > "$folder/names.py" <<'PY'
import pandas

names = pandas.Series(["Weiß", "ΓΕΩΡΓΙΟΣ"])
print(names.str.upper()[0], names.str.lower()[1], *names.str.casefold())
PY
"$folder/env/bin/pip" install --quiet pandas==3.1.1 2>/dev/null
without=$("$folder/env/bin/python" "$folder/names.py")
"$folder/env/bin/pip" install --quiet pyarrow==26.0.1 2>/dev/null
with=$("$folder/env/bin/python" "$folder/names.py")
echo "pandas 3.1.1 without pyarrow: $without; with it: $with"
test "$without" = "WEISS γεωργιος weiss γεωργιοσ" || { echo "pandas alone gives other texts now"; exit 1; }
test "$with" = "WEIẞ γεωργιοσ weiss γεωργιοσ" || { echo "pandas with pyarrow gives other texts now"; exit 1; }
