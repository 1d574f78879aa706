"""What a data set is declared to hold: its columns, their kinds and ranges, by its owner, in `datasets.yaml`."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    RootModel,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from mpcgov.spec.derive import Derivation
from mpcgov.spec.derive import faults as derived_faults
from mpcgov.spec.expect import Expectations
from mpcgov.spec.expect import faults as expected_faults
from mpcgov.spec.ids import ColumnName, DatasetName, matching
from mpcgov.spec.impossible import Combinations
from mpcgov.spec.impossible import faults as impossible_faults
from mpcgov.spec.link import KeyColumns
from mpcgov.spec.load import Frozen
from mpcgov.spec.numbers import DecimalText
from mpcgov.spec.reading import Codes, Dialect, Reading, Text, parted
from mpcgov.spec.reading import faults as written_faults

MAX_ROWS_DEFAULT = 10_000_000
MAX_ABSOLUTE = 2**53
"""Largest magnitude of a declared bound, in the column's own steps (units for integers, 10^-places for decimals)."""


def _date(value: Any) -> Any:
    if not isinstance(value, str) or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", value):
        raise ValueError("expected a date as YYYY-MM-DD")
    date.fromisoformat(value)
    return value


DateText = Annotated[str, BeforeValidator(_date)]


CheckName = Annotated[str, matching(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", "a check such as luhn or ee.ik")]


_NOT_RE2 = re.compile(r"\(\?([=!(>#]|<[=!]|P[=>])|\\[1-9Z]|[*+?}]\+")
"""What engines can't run, in time that grows with the text only: they use RE2."""


class KeyColumn(Frozen):
    """Identifies a person or thing across registers; used to link, never opened.

    `zeros`: what becomes of leading zeros, after `normalise`: `strip` takes them away, `pad N` adds them up to N
    characters. `length`, `pattern` (a regular expression of the whole) and `check` (a module of python-stdnum, such as
    luhn, iban or ee.ik) say what a key is then; a row whose key is otherwise is malformed.
    """

    kind: Literal["key"]
    normalise: tuple[Literal["nfkc", "trim", "casefold", "digits"], ...] = Field(default=(), strict=False)
    zeros: Annotated[str, matching(r"keep|strip|pad [1-9][0-9]?", "keep, strip, or pad and a length")] = "keep"
    length: Annotated[int, Field(ge=1, le=1000)] | None = None
    pattern: Annotated[str, Field(max_length=200)] | None = None
    check: CheckName | None = None

    @property
    def writing(self) -> str:
        """What decides how keys look once they are compared: two owners' keys can only meet if this is the same.

        The other steps of `normalise` take away what most registers don't have; a plan points out where these differ.
        """
        said = [f"normalise: [{'digits' if 'digits' in self.normalise else ''}]", f"zeros: {self.zeros}"]
        for name in ("length", "check"):
            value = getattr(self, name)
            said += [] if value is None else [f"{name}: {value}"]
        return ", ".join(said)

    @model_validator(mode="after")
    def _whole(self) -> KeyColumn:
        try:
            re.compile(self.pattern or "")
        except re.error:
            raise ValueError("pattern: not a regular expression") from None
        plain = re.sub(r"\[\^?\]?[^\]]*\]", "x", re.sub(r"\\\\", "x", self.pattern or ""))
        if _NOT_RE2.search(plain):
            raise ValueError("pattern: no look-ahead, look-behind, back-references, possessive or atomic parts")
        if self.length and self.zeros.startswith("pad") and int(self.zeros[4:]) > self.length:
            raise ValueError("zeros: padded to more than length")
        return self


class CategoryColumn(Frozen):
    """One of a declared list of values, compared exactly.

    `groups`: of a coarser level of a code list, which of its codes each finer code is in.
    """

    kind: Literal["category"]
    values: tuple[Text, ...] = Field(strict=False, min_length=1, max_length=100_000)
    groups: dict[Text, Text] = Field(default_factory=dict, max_length=100_000)

    @model_validator(mode="after")
    def _distinct(self) -> CategoryColumn:
        if len(set(self.values)) != len(self.values):
            raise ValueError("values: the same value stands twice")
        if "" in self.values:
            raise ValueError("values: an empty value means missing and can't be declared")
        if self.groups and set(self.groups.values()) != set(self.values):
            raise ValueError("groups: its codes aren't those of values")
        return self

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return written if self.groups else {key: value for key, value in written.items() if key != "groups"}


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


Edition = Annotated[Text, matching(r"[\w.-]{1,32}", "letters, digits, points and hyphens, such as 2025-11")]


class Declaration(Frozen):
    """What other parties may know of a data set: everything but where it is.

    `unique`: sets of columns whose values together no two rows share, as written after the columns' `normalise`; rows
    without a value in one of them aside. It is a statement about all rows, whichever of them a job chooses.
    `impossible`: combinations of categories that no row can have, as everybody knows. `edition`: which issue of the
    register this is, such as 2025-11.
    """

    max_rows: Annotated[int, Field(ge=1, le=2**31)] = MAX_ROWS_DEFAULT
    columns: dict[ColumnName, Column] = Field(min_length=1)
    missing: Literal["refuse", "drop"] = "refuse"
    unique: Annotated[tuple[KeyColumns, ...], Field(strict=False, max_length=16)] = ()
    impossible: Combinations = ()
    edition: Edition | None = None

    def only(self, names: set[str]) -> Declaration:
        """The declaration of some of the columns, in declared order, with what is said of these and no others."""
        columns = {name: column for name, column in self.columns.items() if name in names}
        return Declaration(
            max_rows=self.max_rows,
            columns=columns,
            missing=self.missing,
            unique=tuple(one for one in self.unique if names.issuperset(one)),
            impossible=tuple(one for one in self.impossible if names.issuperset(one)),
            edition=self.edition,
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


class Dataset(Declaration, Dialect):
    """A data set as its owner declares it: where it is, how it is written there, and what it holds."""

    source: str
    missing_codes: Codes = ()
    readings: dict[ColumnName, Reading] = Field(default_factory=dict)
    derived: dict[ColumnName, Derivation] = Field(default_factory=dict)
    expect: Expectations = Expectations()

    @property
    def declaration(self) -> Declaration:
        """What others may know of it."""
        return self.only(set(self.columns))

    def reading(self, column: str) -> Reading:
        """How a column is written, with the codes for missing values of all columns."""
        own = self.readings.get(column) or Reading()
        return own.model_copy(update={"source": own.source or column, "missing": (*own.missing, *self.missing_codes)})

    @property
    def fixed_width(self) -> bool:
        """Whether columns are said to stand at characters of a line."""
        return any(reading.at for reading in self.readings.values())

    @property
    def own_columns(self) -> tuple[str, ...]:
        """The columns but for coarser levels of others, which are as these are."""
        levels = {name for name, how in self.derived.items() if how.level_of}
        return tuple(name for name in self.columns if name not in levels)

    @model_validator(mode="before")
    @classmethod
    def _parted(cls, value: Any) -> Any:
        return parted(value)

    @model_validator(mode="after")
    def _derivable(self) -> Dataset:
        stored = {name: column for name, column in self.columns.items() if name not in self.derived}
        found = [*derived_faults(self.derived, self.columns, self.readings), *written_faults(self.readings, stored)]
        if found := [*found, *expected_faults(self.expect, self.columns, self.edition)]:
            raise ValueError("; ".join(found))
        return self


class Datasets(RootModel[dict[DatasetName, Dataset]]):
    """The file `datasets.yaml`: data sets by name."""
