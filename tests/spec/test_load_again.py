"""Files that a node reads again and again are parsed once for each text, and every text is parsed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec import load
from mpcgov.spec.policy import Policy


def test_a_file_is_parsed_again_once_it_says_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = load.parse_yaml
    monkeypatch.setattr(load, "parse_yaml", lambda text, *rest: parsed.append(text) or parse(text, *rest))
    path = tmp_path / "policy.yaml"
    for text in ("purposes: ['a: *']\n", "purposes: ['a: *']\n", "purposes: ['b: *']\n", "purposes: ['a: *']\n"):
        path.write_text(text)
        assert list(load.load_yaml(path, Policy).purposes) == [text[12:-3]]
    assert parsed == ["purposes: ['a: *']\n", "purposes: ['b: *']\n"]


def test_a_fault_is_named_each_time(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("purposes: 1\n")
    for _ in range(2):
        with pytest.raises(SpecError, match=r"policy.yaml:1"):
            load.load_yaml(path, Policy)
