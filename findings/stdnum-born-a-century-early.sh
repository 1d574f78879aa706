#!/bin/sh
# python-stdnum 2.2: `ro.cnp.get_birth_date` takes everybody whose Romanian number begins with 7 or 8, as those of residents
# from abroad do, for born in the 1900s: who was born on 12 March 2005 is 1905-03-12, a valid number and a day without a
# warning. Its source says that it assumes so "in order to try to construct a date"; nothing in what it returns does. Fails if
# that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet python-stdnum==2.2 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import stdnum
from stdnum.ro import cnp

found = {}
for first, who in (("5", "citizen"), ("7", "resident"), ("8", "resident")):
    number = f"{first}05031240012"
    number += cnp.calc_check_digit(number)
    found[first] = str(cnp.get_birth_date(number)) if cnp.is_valid(number) else "not valid"
    print(f"python-stdnum {stdnum.__version__}: a {who}'s number that begins with {first}0503: born {found[first]}")
assert found == {"5": "2005-03-12", "7": "1905-03-12", "8": "1905-03-12"}
PY
