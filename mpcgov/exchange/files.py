"""Reading either standard's files into the text of a `datasets.yaml`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mpcgov.errors import SpecError
from mpcgov.exchange import odcs, table_schema
from mpcgov.spec.ids import IDENTIFIER_PATTERN
from mpcgov.spec.load import compose_yaml, read_text, validate
from mpcgov.spec.table import Datasets


def imported(path: Path) -> str:
    """The text of a `datasets.yaml` for what a file declares; columns that can't be are comments, with the reason.

    Raises:
        SpecError: it is neither a Table Schema, nor a resource or package with some, nor an Open Data Contract.
    """
    whole, _ = compose_yaml(read_text(path), str(path))
    try:
        found = _read(whole, path.name.split(".")[0])
    except (AttributeError, TypeError, ValueError, ArithmeticError):
        raise SpecError(f"{path}: something isn't where its standard has it", code="file") from None
    if found is None:
        raise SpecError(
            f"{path}: neither a Table Schema nor an Open Data Contract",
            hint="expected fields, a schema, resources, or kind: DataContract",
            code="file",
        )
    text = "".join(line + "\n" for one in found for line in _lines(*one))
    value, lines = compose_yaml(text, str(path)) if text.strip() else ({}, {})
    if not value or any(not one.get("columns") for one in value.values()):
        raise SpecError(f"{path}: no column of it can be declared", code="file")
    validate(value, Datasets, f"{path}, as declared here", lines)
    return text


def _read(whole: Mapping[str, Any], stem: str) -> list[tuple[str, dict[str, Any], dict[str, str]]] | None:
    if whole.get("kind") == "DataContract":
        return odcs.read(whole)
    if isinstance(whole.get("resources"), list):
        return [table_schema.read(one, stem) for one in whole["resources"] if isinstance(one, Mapping)]
    declares = isinstance(whole.get("fields"), list) or isinstance(whole.get("schema"), Mapping)
    return [table_schema.read(whole, stem)] if declares else None


def _lines(name: str, dataset: Mapping[str, Any], odd: Mapping[str, str]) -> Iterator[str]:
    yield "# Nothing was read of the data: see that source is right, then mpcgov node dataset check."
    yield f"{re.sub(r'[^a-z0-9_-]+', '-', name.lower()).strip('-')[:64] or 'data'}:"
    named = {column: _named(column) for column in dataset["columns"]}
    for key, value in dataset.items():
        if key == "unique" and value:
            yield f"  unique: {json.dumps([[named[column] for column in one] for one in value])}"
        elif key not in ("columns", "unique"):
            yield f"  {key}: {json.dumps(value, ensure_ascii=False)}"
    yield "  columns:" if named else "  columns: {}"
    for column, kind in dataset["columns"].items():
        own = {"from": column} if named[column] != column else {}
        yield f"    {named[column]}: {json.dumps({**kind, **own}, ensure_ascii=False)}"
    for column, why in odd.items():
        yield f"    # {_named(column)}: {why}"


def _named(column: str) -> str:
    plain = re.sub(r"\W+", "_", column).strip("_")[:60] or "column"
    return plain if re.fullmatch(IDENTIFIER_PATTERN, plain) else f"c_{plain}"
