"""The prototype of ADR 19 runs as its page says, and finds the message that it changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_prototype_finds_what_it_forges() -> None:
    script = ROOT / "docs/adr/0019-active/prototype.py"
    done = subprocess.run([sys.executable, script, "--elements", "300"], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines][::2] == [
        "product, passive",
        "product, folded (Boneh et al., Goyal and Song)",
        "comparison, checked ANDs (Araki et al.)",
    ]
    assert [line.endswith("forgery found") for line in lines] == [False, True, True, False, True]
