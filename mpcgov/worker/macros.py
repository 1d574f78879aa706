"""What is said of values that don't fit, as macros of the engine of this process: put together once for all columns.

The engine puts a macro's text in the place of its name, so it computes what it would without. But it took ibis a third
of reading a small file to put these texts together anew for each column. What is said of dates is no macro: for the
engine to take it in takes as long as for ibis to put it together once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ibis
from sqlglot import expressions

from mpcgov.spec.reading import Dialect, Reading
from mpcgov.worker import advice

_PLAIN, _READING = Dialect(), Reading()
_TEXTS = {"raw": "string", "header": "string"}

_WRITTEN: Mapping[str, tuple[Mapping[str, str], Callable[..., Any]]] = {
    "mpcgov_odd_number": (_TEXTS, lambda raw, header: advice.odd_number(raw, header, _PLAIN, _READING)),
    "mpcgov_odd_code": ({"near": "boolean"} | _TEXTS, lambda near, raw, header: advice.odd_code(near, raw, (), header)),
    "mpcgov_seen": ({"raw": "string"}, advice.seen),
}
"""By name, what a macro takes, and its expression."""

_texts: list[str] = []


def texts(backend: Any) -> list[str]:
    """The statements that make them, put together by any connection of the engine, for all."""
    if not _texts:
        _texts.extend(_text(backend, name, *written) for name, written in _WRITTEN.items())
    return _texts


def _text(backend: Any, name: str, takes: Mapping[str, str], expression: Callable[..., Any]) -> str:
    given = ibis.table(dict(takes), name="given")
    asked = given.select(found=expression(*(given[one] for one in takes)))
    found = backend.compiler.to_sqlglot(asked).selects[0].this
    for column in found.find_all(expressions.Column):
        column.set("table", None)
    return f"CREATE TEMP MACRO {name}({', '.join(takes)}) AS {found.sql(backend.dialect)}"


def _one(raw: Any) -> Any:
    return raw


def _two(raw: Any, header: Any) -> Any:
    return raw, header


def _three(near: Any, raw: Any, header: Any) -> Any:
    return near, raw, header


def _function(takes: Callable[..., Any], name: str, gives: str) -> Any:
    """A macro as a function of ibis's."""
    return ibis.udf.scalar.builtin(takes, name=name, signature=(tuple(_WRITTEN[name][0].values()), gives))


seen = _function(_one, "mpcgov_seen", "string")
_odd_number = _function(_two, "mpcgov_odd_number", "int8")
_odd_code = _function(_three, "mpcgov_odd_code", "int8")


def odd_number(raw: Any, header: str, how: Dialect, reading: Reading) -> Any:
    """As `advice.odd_number`, in the engine of this process."""
    plain = how.decimal == _PLAIN.decimal and not reading.implied
    return _odd_number(raw, header) if plain else advice.odd_number(raw, header, how, reading)


def odd_code(near: Any, raw: Any, values: tuple[str, ...], header: str) -> Any:
    """As `advice.odd_code`, in the engine of this process."""
    plain = not any(value.isdigit() and value.startswith("0") for value in values)
    return _odd_code(near, raw, header) if plain else advice.odd_code(near, raw, values, header)
