"""The table of requirements names tests and code that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| (R\d+b?) \| .* \| (.*) \| (.*) \|$", (ROOT / "docs/requirements.md").read_text("utf-8"), re.M)


ON_WHAT_MAY_LEAVE = {"R17", "R18", *(f"R{number}" for number in range(21, 29)), *(f"R{n}" for n in range(30, 36))}


def test_every_requirement_has_one_row() -> None:
    names = [name for name, _, _ in ROWS]
    assert len(set(names)) == len(names)
    assert set(names) >= ON_WHAT_MAY_LEAVE


def test_every_test_of_a_requirement_is_in_a_file_that_its_row_names() -> None:
    named = {name.lower(): tests for name, tests, _ in ROWS}
    for path in ROOT.glob("tests/**/test_*.py"):
        for number in set(re.findall(r"^(?:async )?def test_(r\d+b?)_", path.read_text(encoding="utf-8"), re.M)):
            assert str(path.relative_to(ROOT)) in named.get(number, ""), number


@pytest.mark.parametrize(("name", "tests", "code"), ROWS, ids=lambda value: value if value[:1] == "R" else "")
def test_a_requirements_tests_carry_its_number_and_its_code_exists(name: str, tests: str, code: str) -> None:
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in re.findall(r"`([^`]+)`", tests)]
    assert any(f"def test_{name.lower()}_" in text for text in texts)
    paths = re.findall(r"`([^`]+)`", code)
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []
