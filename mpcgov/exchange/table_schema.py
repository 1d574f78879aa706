"""A declaration as a Frictionless data resource with its Table Schema (version 1), and the other way round.

What the schema has no word for, such as that a text is a key, stands in fields `mpcgov:…`, which the standard lets be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpcgov.exchange.column import OURS, Field, field_of, listed, ours, unique
from mpcgov.spec.table import Column, Declaration


def written(name: str, declaration: Declaration) -> dict[str, Any]:
    """What others may see of a data set, as a resource: no path, and nothing of how a file is written."""
    required = declaration.missing == "refuse"
    schema: dict[str, Any] = {
        "fields": [_field(column, kind, required) for column, kind in declaration.columns.items()],
        **({"primaryKey": list(declaration.unique[0])} if declaration.unique else {}),
        **({"uniqueKeys": [list(one) for one in declaration.unique]} if len(declaration.unique) > 1 else {}),
    }
    version = {"version": declaration.edition} if declaration.edition else {}
    return {"profile": "tabular-data-resource", "name": name, **version, "schema": schema}


def _field(name: str, column: Column, required: bool) -> dict[str, Any]:
    said = Field.of(column)
    constraints = {
        "required": required,
        "minimum": said.low,
        "maximum": said.high,
        "enum": list(said.values) or None,
        "pattern": said.pattern,
        "minLength": said.length,
        "maxLength": said.length,
    }
    extra = {f"{OURS}{key}": value for key, value in said.extra.items()}
    kept = {key: value for key, value in constraints.items() if value is not None}
    return {"name": name, "type": said.type, **extra, "constraints": kept}


def read(whole: Mapping[str, Any], name: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """A name, a data set as `datasets.yaml` has it, and why fields were left out, by name.

    Args:
        whole: a resource, or a schema by itself.
        name: what it is called if it doesn't say.
    """
    schema = whole["schema"] if isinstance(whole.get("schema"), Mapping) else whole
    columns: dict[str, Any] = {}
    odd: dict[str, str] = {}
    required = True
    for one in listed(schema.get("fields")):
        limits = one.get("constraints") or {}
        required &= bool(limits.get("required"))
        said = Field(
            type=str(one.get("type", "string")),
            low=limits.get("minimum"),
            high=limits.get("maximum"),
            values=tuple(listed(limits.get("enum"))),
            pattern=limits.get("pattern"),
            length=limits.get("maxLength") if limits.get("minLength") == limits.get("maxLength") else None,
            extra=ours(one.items()),
        )
        column, why = field_of(said)
        columns |= {str(one.get("name")): column} if column else {}
        odd |= {} if column else {str(one.get("name")): why}
    keys = [schema.get("primaryKey"), *listed(schema.get("uniqueKeys"))]
    codes = [str(code) for code in listed(schema.get("missingValues")) if code != ""]
    dialect = whole.get("dialect") if isinstance(whole.get("dialect"), Mapping) else {}
    return str(whole.get("name") or name), {
        "source": str(whole["path"]) if isinstance(whole.get("path"), str) else f"{name}.csv",
        **({"encoding": str(whole["encoding"])} if whole.get("encoding") else {}),
        **({"delimiter": str(dialect["delimiter"])} if dialect and dialect.get("delimiter") else {}),
        **({"edition": str(whole["version"])} if whole.get("version") else {}),
        **({"missing": codes} if codes else {} if required else {"missing": "drop"}),
        "unique": unique(keys, columns),
        "columns": columns,
    }, odd  # fmt: skip
