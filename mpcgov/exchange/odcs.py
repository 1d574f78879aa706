"""A declaration as a contract of the Open Data Contract Standard (version 3.1.0), and the other way round.

Lists of values are library checks of quality; what the standard has no word for stands in `customProperties`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpcgov.exchange.column import OURS, Field, field_of, listed, ours, unique
from mpcgov.spec.table import Column, Declaration


def written(name: str, declaration: Declaration) -> dict[str, Any]:
    """What others may see of a data set, as a contract: no servers, and nothing of how a file is written."""
    first = list(declaration.unique[0]) if declaration.unique else []
    required = declaration.missing == "refuse"
    properties = [
        _property(column, kind, required, first.index(column) + 1 if column in first else 0)
        for column, kind in declaration.columns.items()
    ]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": name,
        "name": name,
        "version": declaration.edition or "1.0.0",
        "status": "active",
        "schema": [{"name": name, "logicalType": "object", "properties": properties}],
    }


def _property(name: str, column: Column, required: bool, position: int) -> dict[str, Any]:
    said = Field.of(column)
    options = {
        "minimum": said.low,
        "maximum": said.high,
        "pattern": said.pattern,
        "minLength": said.length,
        "maxLength": said.length,
    }
    kept = {key: value for key, value in options.items() if value is not None}
    among = {"validValues": list(said.values)}
    return {
        "name": name,
        "logicalType": said.type,
        "required": required,
        **({"primaryKey": True, "primaryKeyPosition": position} if position else {}),
        **({"logicalTypeOptions": kept} if kept else {}),
        **(
            {"quality": [{"type": "library", "metric": "invalidValues", "arguments": among, "mustBe": 0}]}
            if said.values
            else {}
        ),
        **(
            {"customProperties": [{"property": f"{OURS}{key}", "value": value} for key, value in said.extra.items()]}
            if said.extra
            else {}
        ),
    }


def read(whole: Mapping[str, Any]) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """For each object of the contract: a name, a data set as `datasets.yaml` has it, and why columns are left out."""
    return [_object(one, whole) for one in listed(whole.get("schema")) if isinstance(one, Mapping)]


def _object(one: Mapping[str, Any], whole: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, str]]:
    columns: dict[str, Any] = {}
    odd: dict[str, str] = {}
    keys: dict[int, str] = {}
    alone: list[str] = []
    properties = [prop for prop in listed(one.get("properties")) if isinstance(prop, Mapping)]
    for prop in properties:
        name = str(prop.get("name"))
        column, why = field_of(_field(prop))
        columns |= {name: column} if column else {}
        odd |= {} if column else {name: why}
        if prop.get("primaryKey"):
            keys[int(prop.get("primaryKeyPosition", len(keys) + 1))] = name
        alone += [name] if prop.get("unique") else []
    name = str(one.get("physicalName") or one.get("name"))
    required = all(prop.get("required") for prop in properties)
    return str(one.get("name")), {
        "source": f"{name}.csv",
        **({"edition": str(whole["version"])} if whole.get("version") else {}),
        **({} if required else {"missing": "drop"}),
        "unique": unique([[keys[position] for position in sorted(keys)], *alone], columns),
        "columns": columns,
    }, odd  # fmt: skip


def _field(prop: Mapping[str, Any]) -> Field:
    options = prop.get("logicalTypeOptions") or {}
    rules = [rule for rule in listed(prop.get("quality")) if isinstance(rule, Mapping)]
    lists = [listed((rule.get("arguments") or rule).get("validValues")) for rule in rules]
    custom = [one for one in listed(prop.get("customProperties")) if isinstance(one, Mapping)]
    return Field(
        type=str(prop.get("logicalType", "string")),
        low=options.get("minimum"),
        high=options.get("maximum"),
        values=tuple(next((found for found in lists if found), ())),
        pattern=options.get("pattern"),
        length=options.get("maxLength") if options.get("minLength") == options.get("maxLength") else None,
        extra=ours((str(one.get("property")), one.get("value")) for one in custom),
    )
