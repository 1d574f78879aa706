"""Lists of codes and tables of old codes in files beside `datasets.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec.codelists import load_datasets

DATASETS = """people:
  source: people.csv
  columns:
    region: {kind: category, values: codes/nuts.csv, recode: codes/old.csv}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "codes").mkdir()
    (tmp_path / "datasets.yaml").write_text(DATASETS)
    write(tmp_path, "nuts", "code,name\nEL11,Thrace\n01,With a zero\n")
    write(tmp_path, "old", "from;to;since\nGR11;EL11;2010\n")
    return tmp_path


def write(home: Path, name: str, text: str) -> None:
    (home / "codes" / f"{name}.csv").write_text(text)


def test_codes_of_files_stand_in_the_declaration(home: Path) -> None:
    people = load_datasets(home / "datasets.yaml").root["people"]
    assert people.declaration.columns["region"].model_dump() == {"kind": "category", "values": ("EL11", "01")}
    assert people.reading("region").recode == {"GR11": "EL11"}


def test_others_see_no_names_of_files(home: Path) -> None:
    seen = load_datasets(home / "datasets.yaml").root["people"].declaration.model_dump_json()
    assert "codes" not in seen
    assert "GR11" not in seen


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nuts", "region,name\nEL11,Thrace\n", "values: nuts.csv: expected one column code in its header"),
        ("nuts", "code,code\nA,B\n", "values: nuts.csv: expected one column code in its header"),
        ("nuts", "", "values: nuts.csv: expected one column code in its header"),
        ("nuts", "code,name\nEL11,Thrace\n,Nowhere\n", "values: nuts.csv: row 2 under the header has no code"),
        ("nuts", "code,name\nEL11,Thrace\nEL11,Thrace\n", "category: values: the same value stands twice"),
        ("old", "code;to\nGR11;EL11\n", "recode: old.csv: expected one column from in its header"),
        ("old", "from;to\nGR11;EL11\nGR11;EL12\n", "recode: old.csv: the same code stands twice under from"),
        ("old", "from;to\nGR11\n", "recode: old.csv: row 1 under the header has no from or to"),
    ],
)
def test_what_is_no_list_of_codes_is_refused(home: Path, name: str, text: str, said: str) -> None:
    write(home, name, text)
    with pytest.raises(SpecError) as found:
        load_datasets(home / "datasets.yaml")
    assert f"datasets.yaml:4: people.columns.region.{said}" in found.value.line()


def test_a_list_that_isnt_there_is_named_with_its_line(home: Path) -> None:
    (home / "codes" / "nuts.csv").unlink()
    with pytest.raises(SpecError, match=r"datasets.yaml:4: people.columns.region.values: .*nuts.csv: can't be read"):
        load_datasets(home / "datasets.yaml")
