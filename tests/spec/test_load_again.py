"""Files that a node reads again and again are parsed once for each text, and every text is parsed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec import codelists, load
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


DATASETS = """people:
  source: people.csv
  columns:
    region: {kind: category, values: regions.csv}
"""


def test_declarations_are_composed_again_once_a_file_that_they_name_says_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    composed: list[str] = []
    compose = codelists.compose_yaml
    monkeypatch.setattr(codelists, "compose_yaml", lambda text, where: composed.append(text) or compose(text, where))
    path, codes = tmp_path / "datasets.yaml", tmp_path / "regions.csv"

    def regions() -> tuple[str, ...]:
        declaration = codelists.load_datasets(path, look=False).root["people"].declaration
        return declaration.columns["region"].model_dump()["values"]

    path.write_text(DATASETS)
    codes.write_text("code\nNorth\nSouth\n")
    assert [regions() for _ in range(3)] == [("North", "South")] * 3
    assert composed == [DATASETS]
    codes.write_text("code\nNorth\nWest\n")
    assert [regions() for _ in range(2)] == [("North", "West")] * 2
    assert composed == [DATASETS] * 2
    path.write_text(DATASETS.replace("regions.csv", "[East]"))
    assert regions() == ("East",)
    path.write_text(DATASETS)
    codes.unlink()
    for _ in range(2):
        with pytest.raises(SpecError, match=r"regions\.csv"):
            regions()


def test_of_a_list_that_changes_meanwhile_what_was_read_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, codes = tmp_path / "datasets.yaml", tmp_path / "regions.csv"
    path.write_text(DATASETS)
    codes.write_text("code\nNorth\n")
    read = codelists.read_text

    def read_and_changed(one: Path) -> str:
        text = read(one)
        codes.write_text("code\nSouth\n")
        return text

    with monkeypatch.context() as patch:
        patch.setattr(codelists, "read_text", read_and_changed)
        codelists.load_datasets(path, look=False)
    codes.write_text("code\nNorth\n")
    declaration = codelists.load_datasets(path, look=False).root["people"].declaration
    assert declaration.columns["region"].model_dump()["values"] == ("North",)
