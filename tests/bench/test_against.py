"""`scripts/bench-against`: this build beside another one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPT = CHECKOUT / "scripts" / "bench-against"


def test_what_is_no_checkout_is_said(tmp_path: Path) -> None:
    done = subprocess.run([SCRIPT, tmp_path, "W5"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"{tmp_path} has no .venv-test: run scripts/test there once")


@pytest.mark.slow
def test_a_build_beside_itself_sends_as_much() -> None:
    done = subprocess.run([SCRIPT, CHECKOUT, "--runs", "1", "W5"], capture_output=True, text=True, check=True)
    line = done.stdout.splitlines()[-1].strip("| ").split(" | ")
    assert line[0] == "W5"
    assert line[5] == line[6]
