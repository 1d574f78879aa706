"""A first declaration of a file: one that the file passes, and that shows nobody's own values."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpcgov.spec.codelists import load_datasets
from mpcgov.spec.table import Column
from mpcgov.worker import local
from mpcgov.worker.profile import profile

CODES = "Personen ID,place,kind,pay,born,note\n"


def rows(delimiter: str = ",", comma: str = ".", date: str = "{0}-03-04") -> str:
    lines = [
        (
            f"{n:04d}",
            "Unheardof" if n == 7 else "Here",
            "AB"[n % 2],
            "NA" if n == 3 else f"{1234 + n}{comma}25",
            date.format(1950 + n),
            "",
        )
        for n in range(40)
    ]
    return CODES.replace(",", delimiter) + "".join(delimiter.join(line) + "\n" for line in lines)


def declared(folder: Path, text: str) -> tuple[str, dict[str, Column]]:
    (folder / "people.csv").write_text(text)
    said = profile("people.csv", folder)
    (folder / "datasets.yaml").write_text(said)
    people = load_datasets(folder / "datasets.yaml").root["people"]
    assert local.dataset_check(people, "people", folder).faults == ()
    return said, dict(people.columns)


@pytest.mark.parametrize(
    "text", [rows(), rows(";", ",", "04.03.{0}")], ids=["plain", "semicolons, decimal commas and other dates"]
)
def test_a_file_passes_what_is_first_declared_of_it(tmp_path: Path, text: str) -> None:
    said, columns = declared(tmp_path, text)
    assert {name: column.kind for name, column in columns.items()} == {
        "Personen_ID": "key", "place": "text", "kind": "category", "pay": "decimal", "born": "date", "note": "text",
    }  # fmt: skip
    assert 'pay: {kind: decimal, min: "1230.00", max: "1280.00", places: 2, missing: [NA]}' in said


def test_no_rare_value_and_no_persons_own_number_is_shown(tmp_path: Path) -> None:
    said, _ = declared(tmp_path, rows())
    assert "Here" not in said
    for own in ("Unheardof", "1234", "1273", "0039", "1950-03-04", "1989-03-04"):
        assert own not in said
