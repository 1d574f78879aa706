"""Codes that stand for no value, taken out of a raw column: by what a value is, not by how it happens to be written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import ibis

from mpcgov.spec.table import Column, DecimalColumn, IntegerColumn, KeyColumn
from mpcgov.worker.identity import compared, written

_NUMBER = r"-?[0-9]{1,18}(\.[0-9]{1,9})?"


def without_codes(raw: Any, plain: Any, column: Column, codes: Sequence[str]) -> Any:
    """A column of text without its codes.

    A key is compared as it is linked, since 999-99-9999 would be linked as 999999999; a number as the number that it
    is, since -9.00 is -9.

    Args:
        raw: the text.
        plain: of numbers, as mpcgov writes them; else the same.
        column: how it is declared.
        codes: what stands for no value.
    """
    absent = raw.isin(codes)
    if isinstance(column, KeyColumn) and (column.normalise or column.zeros != "keep"):
        same = {text for code in codes if (text := written(code, column))}
        absent |= compared(raw, column).isin(sorted(same)) if same else False
    if isinstance(column, IntegerColumn | DecimalColumn) and (numbers := _numbers(codes)):
        shortest = plain.re_replace(r"(\.[0-9]*[1-9])0+$", r"\1").re_replace(r"\.0*$", "")
        shortest = shortest.re_replace(r"^(-?)0+([0-9])", r"\1\2")
        absent |= shortest.isin([_shortest(number) for number in numbers])
    return ibis.ifelse(absent, ibis.null("string"), raw)


def without_typed(raw: Any, codes: Sequence[str]) -> Any:
    """A column of another type without its codes, and without NaN."""
    dtype = raw.type()
    nothing = ibis.null(dtype)
    if dtype.is_floating():
        raw = ibis.ifelse(raw.isnan(), nothing, raw)
    if not codes or dtype.is_null():
        return raw
    if dtype.is_numeric():
        numbers = _numbers(codes)
        return ibis.ifelse(raw.cast("float64").isin([float(n) for n in numbers]), nothing, raw) if numbers else raw
    if dtype.is_date() or dtype.is_timestamp():
        return ibis.ifelse(raw.cast("string").left(10).isin(codes), nothing, raw)
    return ibis.ifelse(raw.cast("string").isin(codes), nothing, raw) if dtype.is_boolean() else raw


def _numbers(codes: Sequence[str]) -> list[Decimal]:
    return [Decimal(code) for code in codes if re.fullmatch(_NUMBER, code)]


def _shortest(number: Decimal) -> str:
    return re.sub(r"\.?0+$", "", text) if "." in (text := f"{number:f}") else text
