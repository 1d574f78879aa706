"""What a data set is declared to hold: its columns, their kinds and ranges, by its owner, in `datasets.yaml`."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, RootModel, model_validator

from mpcgov.spec.ids import ColumnName, DatasetName
from mpcgov.spec.impossible import Combinations
from mpcgov.spec.impossible import faults as impossible_faults
from mpcgov.spec.link import KeyColumns
from mpcgov.spec.load import Frozen, as_text

MAX_ROWS_DEFAULT = 10_000_000
MAX_ABSOLUTE = 2**53
"""Largest magnitude of a declared bound, in the column's own steps (units for integers, 10^-places for decimals)."""

_DECIMAL = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?\Z")
"""As many digits as decimals are computed with exactly."""

Text = Annotated[str, BeforeValidator(as_text)]


def _decimal(value: Any) -> Any:
    text = str(getattr(value, "source", value))
    if isinstance(value, bool) or not _DECIMAL.match(text):
        raise ValueError("expected a number such as 1234.50")
    return text


DecimalText = Annotated[str, BeforeValidator(_decimal)]


def _date(value: Any) -> Any:
    if not isinstance(value, str) or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", value):
        raise ValueError("expected a date as YYYY-MM-DD")
    date.fromisoformat(value)
    return value


DateText = Annotated[str, BeforeValidator(_date)]


class KeyColumn(Frozen):
    """Identifies a person or thing across registers; used to link, never opened."""

    kind: Literal["key"]
    normalise: tuple[Literal["nfkc", "trim", "casefold", "digits"], ...] = Field(default=(), strict=False)


class CategoryColumn(Frozen):
    """One of a declared list of values, compared exactly."""

    kind: Literal["category"]
    values: tuple[Text, ...] = Field(strict=False, min_length=1, max_length=100_000)

    @model_validator(mode="after")
    def _distinct(self) -> CategoryColumn:
        if len(set(self.values)) != len(self.values):
            raise ValueError("values: the same value stands twice")
        if "" in self.values:
            raise ValueError("values: an empty value means missing and can't be declared")
        return self


class IntegerColumn(Frozen):
    """Whole numbers from `min` to `max`, both included."""

    kind: Literal["integer"]
    min: int
    max: int
    unit: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> IntegerColumn:
        if self.min > self.max:
            raise ValueError("min is greater than max")
        if max(abs(self.min), abs(self.max)) > MAX_ABSOLUTE:
            raise ValueError("bounds must lie within ±2^53")
        return self


class DecimalColumn(Frozen):
    """Numbers with at most `places` decimal digits, from `min` to `max`; held as whole multiples of 10^-places."""

    kind: Literal["decimal"]
    min: DecimalText
    max: DecimalText
    places: Annotated[int, Field(ge=0, le=9)]
    unit: str = ""

    @property
    def low(self) -> int:
        """The lower bound in steps of 10^-places."""
        return int(Decimal(self.min).scaleb(self.places))

    @property
    def high(self) -> int:
        """The upper bound in steps of 10^-places."""
        return int(Decimal(self.max).scaleb(self.places))

    @model_validator(mode="after")
    def _ordered(self) -> DecimalColumn:
        low, high = Decimal(self.min), Decimal(self.max)
        if low > high:
            raise ValueError("min is greater than max")
        if any(bound.scaleb(self.places) % 1 for bound in (low, high)):
            raise ValueError("bounds have more decimal digits than places")
        if max(abs(self.low), abs(self.high)) > MAX_ABSOLUTE:
            raise ValueError("bounds times 10^places must lie within ±2^53")
        return self


class DateColumn(Frozen):
    """Days from `min` to `max`, both included, written YYYY-MM-DD."""

    kind: Literal["date"]
    min: DateText
    max: DateText

    @model_validator(mode="after")
    def _ordered(self) -> DateColumn:
        if self.min > self.max:
            raise ValueError("min is later than max")
        return self


class TextColumn(Frozen):
    """Any text; can be tested for equality and used to link, never counted or opened."""

    kind: Literal["text"]


Column = Annotated[
    KeyColumn | CategoryColumn | IntegerColumn | DecimalColumn | DateColumn | TextColumn, Field(discriminator="kind")
]


class Declaration(Frozen):
    """What other parties may know of a data set: everything but where it is.

    `unique`: sets of columns whose values together no two rows share, as written after the columns' `normalise`; rows
    without a value in one of them aside. It is a statement about all rows, whichever of them a job chooses.
    `impossible`: combinations of categories that no row can have, as everybody knows.
    """

    max_rows: Annotated[int, Field(ge=1, le=2**31)] = MAX_ROWS_DEFAULT
    columns: dict[ColumnName, Column] = Field(min_length=1)
    missing: Literal["refuse", "drop"] = "refuse"
    unique: Annotated[tuple[KeyColumns, ...], Field(strict=False, max_length=16)] = ()
    impossible: Combinations = ()

    def only(self, names: set[str]) -> Declaration:
        """The declaration of some of the columns, in declared order, with what is said of these and no others."""
        columns = {name: column for name, column in self.columns.items() if name in names}
        return Declaration(
            max_rows=self.max_rows,
            columns=columns,
            missing=self.missing,
            unique=tuple(one for one in self.unique if names.issuperset(one)),
            impossible=tuple(one for one in self.impossible if names.issuperset(one)),
        )

    def names_one_row(self, key: Collection[str]) -> bool:
        """Whether no two rows can have the same key: its columns hold those of a unique set."""
        return any(set(one) <= set(key) for one in self.unique)

    @model_validator(mode="after")
    def _impossible_are_categories(self) -> Declaration:
        values = {name: column.values for name, column in self.columns.items() if isinstance(column, CategoryColumn)}
        if found := impossible_faults(self.impossible, values, "impossible"):
            raise ValueError("; ".join(found))
        return self

    @model_validator(mode="after")
    def _unique_sets_are_columns(self) -> Declaration:
        for one in self.unique:
            unknown = [name for name in one if name not in self.columns]
            if unknown:
                raise ValueError(f"unique: there is no column {', '.join(unknown)}")
            if len(set(one)) != len(one):
                raise ValueError(f"unique: a column stands twice in [{', '.join(one)}]")
        if len({frozenset(one) for one in self.unique}) != len(self.unique):
            raise ValueError("unique: the same columns stand twice")
        return self


class Dataset(Declaration):
    """A data set as its owner declares it: where it is, and what it holds."""

    source: str

    @property
    def declaration(self) -> Declaration:
        """The part without `source`."""
        return self.only(set(self.columns))


class Datasets(RootModel[dict[DatasetName, Dataset]]):
    """The file `datasets.yaml`: data sets by name."""
