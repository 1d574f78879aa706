"""Whether a key is what its declaration says it is: its length, its form, its check digits.

Judged in the engine that holds the rows, on keys as they are compared. The checks are python-stdnum's, one value at a
time; none of them asks anybody outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import ibis
import pyarrow as pa

from mpcgov.errors import DataError, LocalError
from mpcgov.spec.table import Column, KeyColumn


def is_as_declared(raw: Any, column: KeyColumn) -> Any:
    """Whether the engine's text `raw` has the declared length, pattern and check digits once it is normalised."""
    text, tests = compared(raw, column), []
    if column.length:
        tests.append(text.length() == column.length)
    if column.pattern:
        tests.append(text.re_search(f"^(?:{column.pattern})$"))
    if column.check:
        tests.append(_checked(column.check)(text))
    found = tests[0]
    for one in tests[1:]:
        found &= one
    return found


def require(columns: Mapping[str, Column], name: str) -> None:
    """That the checks of some columns are there.

    Raises:
        DataError: python-stdnum has no such check.
        LocalError: it isn't installed.
    """
    checks = {column: kind.check for column, kind in columns.items() if isinstance(kind, KeyColumn) and kind.check}
    if checks and find_spec("stdnum") is None:
        raise LocalError(f"{name}: check digits need python-stdnum", hint="pip install 'mpcgov[keys]'", code="driver")
    for column, check in checks.items():
        if not _known(check):
            raise DataError(
                f"{name}: column {column}: there is no check {check}",
                hint="python-stdnum has them: luhn, iban, ean, ee.ik, …",
            )


def _known(check: str) -> bool:
    try:
        return callable(getattr(import_module(f"stdnum.{check}"), "is_valid", None))
    except ImportError:
        return False


def _checked(check: str) -> Any:
    return _tested(import_module(f"stdnum.{check}").is_valid, f"stdnum_{check}")


def _tested(test: Callable[[str], Any], name: str) -> Any:
    def tests(values: Any) -> Any:
        return pa.array([None if value is None else bool(test(value)) for value in values.to_pylist()], pa.bool_())

    return ibis.udf.scalar.pyarrow(tests, name=name.replace(".", "_"), signature=(("string",), "boolean"))


def is_spelt_out(raw: Any, column: KeyColumn) -> Any:
    """Whether a key that passes its check is written with more than its own characters, such as blanks or dots.

    python-stdnum takes these away before it checks, and pads zeros: several writings of one number are valid.
    """
    compact = getattr(import_module(f"stdnum.{column.check}"), "compact", str)
    folded = str.lower if "casefold" in column.normalise else str

    def test(value: str) -> bool:
        return bool(folded(compact(value)) != value)

    return _tested(test, f"spelt_{column.check}")(compared(raw, column))


def compared(raw: Any, column: KeyColumn) -> Any:
    """As `keys.encoded` writes it, but for the folding of letters outside of ASCII."""
    text = raw
    for step in column.normalise:
        if step == "trim":
            text = text.strip()
        elif step == "digits":
            text = text.re_replace("[^0-9]+", "")
        elif step == "casefold":
            text = text.lower()
    if column.zeros == "strip":
        return text.re_replace("^0+(.)", r"\1")
    if column.zeros.startswith("pad"):
        length = int(column.zeros[4:])
        return ibis.ifelse(text.length() < length, text.lpad(length, "0"), text)
    return text


def written(code: str, column: KeyColumn) -> str:
    """A text of the declaration as `compared` writes it."""
    text = code
    for step in column.normalise:
        if step == "trim":
            text = text.strip()
        elif step == "digits":
            text = re.sub("[^0-9]+", "", text)
        elif step == "casefold":
            text = text.lower()
    if column.zeros == "strip":
        return re.sub("^0+(.)", r"\1", text)
    return text.rjust(int(column.zeros[4:]), "0") if text and column.zeros.startswith("pad") else text
