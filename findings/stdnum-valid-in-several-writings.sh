#!/bin/sh
# python-stdnum 2.2: `is_valid` judges a number without what stands around its characters, so that several texts are the
# same valid number, and not only with blanks: an IBAN in lower case, a Swiss one with dots or without, and a Dutch one
# of 9 digits without its leading zero, which is another text of another length. A column all of whose values are valid
# may be no key. `compact` makes one text of them. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet python-stdnum==2.2 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
from importlib import import_module

import stdnum

WRITINGS = {
    "iban": ["DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"],
    "ch.ssn": ["7569217076985", "756.9217.0769.85"],
    "nl.bsn": ["012345672", "12345672", "0123.45.672"],
}
for name, texts in WRITINGS.items():
    module = import_module(f"stdnum.{name}")
    valid, compact = [module.is_valid(text) for text in texts], {module.compact(text) for text in texts}
    print(f"python-stdnum {stdnum.__version__} {name}: {texts} valid {valid}, compact {sorted(compact)}")
    assert all(valid) and len(compact) == 1
PY
