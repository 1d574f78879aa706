"""Each fix, taken out: the attack that it stands against succeeds. So none of these tests passes by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import nightly
from tests.adversary.fixes import FIXES, NAME, Fix
from tests.patience import LONG_S

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/security/attacks.md"


@pytest.mark.parametrize("name", nightly.first(1, FIXES))
def test_an_attack_succeeds_without_what_stands_against_it(name: str) -> None:
    attack = f"tests/adversary/{FIXES[name].attack}"
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "tests.adversary.fixes", attack]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=ROOT, env=os.environ | {NAME: name}, text=True,
        capture_output=True, timeout=10 * LONG_S, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-3000:] + done.stderr[-1000:]


def test_the_page_of_attacks_names_them_all() -> None:
    """By item, what it says, where it is and the attack's file."""
    lines = [
        f"| {name.partition(':')[0]} | {fix.says} | {places(fix)} | `{fix.attack.partition('::')[0]}` |"
        for name, fix in FIXES.items()
    ]
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert [one for one in page if one.startswith("| ") and one[2].isdigit()] == lines


def places(fix: Fix) -> str:
    return ", ".join(f"`{place.removeprefix('mpcgov.')}`" for place in fix.places)
