"""The table of requirements names tests and code that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| (R\d+b?) \| .* \| (.*) \| (.*) \|$", (ROOT / "docs/requirements.md").read_text("utf-8"), re.M)


def test_every_requirement_has_one_row() -> None:
    names = [name for name, _, _ in ROWS]
    assert len(set(names)) == len(names) >= 11


@pytest.mark.parametrize(("name", "tests", "code"), ROWS, ids=lambda value: value if value[:1] == "R" else "")
def test_a_requirements_tests_carry_its_number_and_its_code_exists(name: str, tests: str, code: str) -> None:
    texts = [(ROOT / file).read_text(encoding="utf-8") for file in re.findall(r"`([^`]+)`", tests)]
    assert any(f"def test_{name.lower()}_" in text for text in texts)
    paths = re.findall(r"`([^`]+)`", code)
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []
