"""Each fix, taken out: the attack that it stands against succeeds. So none of these tests passes by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adversary.fixes import FIXES, NAME, Fix
from tests.patience import LONG_S

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/security/attacks.md"


@pytest.mark.by_day(1, "3: numbers are fewer than persons")  # in arithmetic alone
@pytest.mark.parametrize("name", FIXES)
def test_an_attack_succeeds_without_what_stands_against_it(name: str) -> None:
    attack = f"tests/adversary/{FIXES[name].attack}"
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "tests.adversary.fixes", attack]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=ROOT, env=os.environ | {NAME: name}, text=True,
        capture_output=True, timeout=10 * LONG_S, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout[-3000:] + done.stderr[-1000:]


def test_each_attack_that_succeeds_without_a_fix_is_tried_by_day(request: pytest.FixtureRequest) -> None:
    """Of the files that this run has collected."""
    tried = {item.nodeid.removeprefix("tests/adversary/") for item in request.session.items}
    files = {one.partition("::")[0] for one in tried}
    known = tried | files
    here = {name: fix.attack for name, fix in FIXES.items() if fix.attack.partition("::")[0] in files}
    assert [name for name, attack in here.items() if attack not in known] == []


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
