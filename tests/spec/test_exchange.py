"""Declarations as other standards write them: there and back again, and what comes from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mpcgov.cli.main import run
from mpcgov.errors import SpecError
from mpcgov.exchange import odcs, table_schema
from mpcgov.exchange.files import imported
from mpcgov.spec.codelists import load_datasets, read_declarations
from mpcgov.spec.table import Declaration

EXAMPLES = [
    (party.parent.name, name, one)
    for party in sorted(Path("examples/agencies").glob("*/datasets.yaml"))
    for name, one in read_declarations(party).items()
]
STANDARDS = {"table-schema": table_schema.written, "odcs": odcs.written}


@pytest.mark.parametrize("standard", STANDARDS.values(), ids=STANDARDS)
@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{party} {name}" for party, name, _ in EXAMPLES])
def test_a_declaration_comes_back_as_it_was(
    tmp_path: Path, standard: Callable[[str, Declaration], dict[str, Any]], example: tuple[str, str, Declaration]
) -> None:
    _, name, declaration = example
    (tmp_path / "there.json").write_text(json.dumps(standard(name, declaration)))
    (tmp_path / "datasets.yaml").write_text(imported(tmp_path / "there.json"))
    back = load_datasets(tmp_path / "datasets.yaml").root[name].declaration
    lost = {"max_rows", "impossible"} | ({"unique", "edition"} if standard is odcs.written else set())
    assert {**back.model_dump(exclude=lost), "columns": _numbers(back)} == {
        **declaration.model_dump(exclude=lost),
        "columns": _numbers(declaration),
    }
    assert set(back.unique) <= set(declaration.unique)
    assert bool(back.unique) == bool(declaration.unique)


def _numbers(declaration: Declaration) -> dict[str, Any]:
    """Columns, with bounds of decimals as numbers: 0 and 0.00 are one."""
    columns = declaration.model_dump()["columns"]
    for column in columns.values():
        if column["kind"] == "decimal":
            column |= {"min": float(column["min"]), "max": float(column["max"])}
    return columns


def test_a_schema_from_elsewhere_is_declared_as_far_as_it_can_be(tmp_path: Path) -> None:
    fields = [
        {"name": "Personen ID", "type": "string", "constraints": {"required": True}},
        {"name": "sex", "type": "string", "constraints": {"enum": ["F", "M"]}},
        {"name": "age", "type": "integer", "constraints": {"minimum": 0, "maximum": 120}},
        {"name": "pay", "type": "number", "constraints": {"minimum": 0, "maximum": 99.5}},
        {"name": "n", "type": "integer"},
        {"name": "where", "type": "geopoint"},
    ]
    whole = {"fields": fields, "missingValues": ["", "NA"], "primaryKey": "Personen ID"}
    (tmp_path / "people.schema.json").write_text(json.dumps(whole))
    said = imported(tmp_path / "people.schema.json")
    (tmp_path / "datasets.yaml").write_text(said)
    people = load_datasets(tmp_path / "datasets.yaml").root["people"]
    kinds = {name: column.kind for name, column in people.columns.items()}
    assert kinds == {"Personen_ID": "text", "sex": "category", "age": "integer", "pay": "decimal"}
    assert people.unique == (("Personen_ID",),)
    assert people.reading("Personen_ID").source == "Personen ID"
    assert (people.missing, people.missing_codes) == ("drop", ("NA",))
    assert "# n: a column of type integer needs a minimum and a maximum" in said
    assert "# where: columns are text" in said


@pytest.mark.parametrize("whole", [
    {"a": 1}, {"fields": []}, {"kind": "DataContract", "schema": []}, {"fields": ["a"]},
    {"fields": [{"constraints": "x"}]},
    {"fields": [{"name": "n", "type": "integer", "constraints": {"minimum": "few", "maximum": 3}}]},
])  # fmt: skip
def test_what_declares_nothing_is_refused(tmp_path: Path, whole: dict[str, Any]) -> None:
    (tmp_path / "x.json").write_text(json.dumps(whole))
    with pytest.raises(SpecError):
        imported(tmp_path / "x.json")


def test_export_shows_what_others_may_see_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "tax"
    home.mkdir()
    (home / "datasets.yaml").write_text(
        "people:\n  source: secret-place.csv\n  delimiter: ';'\n  columns:\n"
        "    id: {kind: key, from: Hidden Name, missing: ['99'], length: 3}\n"
    )
    assert run(["node", "init", "--home", str(home), "--party", "tax", "--address", "127.0.0.1:7101"]) == 0
    for standard in STANDARDS:
        capsys.readouterr()
        assert run(["node", "dataset", "export", "people", "--format", standard, "--home", str(home)]) == 0
        out = capsys.readouterr().out
        assert json.loads(out)["name"] == "people"
        assert not [word for word in ("secret-place", "Hidden", "99", ";") if word in out]
    assert run(["node", "dataset", "export", "nobody", "--home", str(home)]) == 2
    (tmp_path / "people.json").write_text(out)
    assert run(["node", "dataset", "import", str(tmp_path / "people.json")]) == 0
    assert 'id: {"kind": "key", "length": 3}' in capsys.readouterr().out
