"""What children need is loaded before they are forked, not anew in each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

READS = """
import io, sys
from mpcgov.worker import withheld
withheld.withhold()
from pathlib import Path
import numpy as np
from mpcgov.spec.load import validate
from mpcgov.spec.table import Dataset
from mpcgov.worker import __main__ as worker, encode, engine, read, source
worker._load_common()
engine.load()
before = set(sys.modules)
columns = {"sex": {"kind": "category", "values": ["f", "m"]}, "wage": {"kind": "integer", "min": 0, "max": 9}}
dataset = validate({"source": "people.csv", "columns": columns}, Dataset, "people")
with source.open_table(dataset, "people", Path.cwd()) as people:
    people.query(people.table)
encode.write_counts(io.BytesIO(), np.array([1, 2]), 9)
print(sorted(set(sys.modules) - before))
"""


def test_a_small_file_is_read_without_loading_more(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("sex,wage\nf,1\nm,2\n", encoding="utf-8")
    run = subprocess.run([sys.executable, "-P", "-c", READS], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("[]\n", "")
