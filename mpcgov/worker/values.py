"""The different values of a column that isn't declared yet, and how many rows have each: all that a profile looks at.

Asked of the engine once, whatever is asked of them later; what follows is Arrow's, in this process's memory. Numbers
and dates of typed sources are written as plain text, so that one way of looking does for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend, quiet
from mpcgov.worker.readers.raw import Raw

RARE_ROWS = 10
"""A value in fewer rows is never written out."""

_MOST_PLACES = 9
_CELLS = 5_000_000
"""So many are held at once; to ask for each column by itself takes ibis longer than the engine."""


@dataclass(frozen=True)
class Values:
    """Different values, none of them missing, and the number of rows of each; `missing`: rows without any.

    `kind`: what they were before they were written as text: text, whole, decimal, float, float32, boolean or date.
    """

    text: pa.Array
    rows: NDArray[np.int64]
    missing: int
    kind: str = "text"

    @property
    def total(self) -> int:
        """How many rows have a value."""
        return int(self.rows.sum())

    def __len__(self) -> int:
        return len(self.text)

    def among(self, codes: Sequence[str]) -> list[str]:
        """Which of some texts stand there."""
        found: list[str] = self.text.filter(self._in(codes)).to_pylist()
        return sorted(found)

    def without(self, codes: Sequence[str]) -> Values:
        """The rest, where some texts stand for no value."""
        gone = np.asarray(self._in(codes))
        kept, lost = self.text.filter(pa.array(~gone)), int(self.rows[gone].sum())
        return replace(self, text=kept, rows=self.rows[~gone], missing=self.missing + lost)

    def _in(self, codes: Sequence[str]) -> pa.Array:
        return pc.is_in(self.text, value_set=pa.array(list(codes), self.text.type))

    def all_match(self, pattern: str) -> bool:
        """Whether there are values, and each matches."""
        return bool(len(self)) and bool(pc.all(pc.match_substring_regex(self.text, pattern)).as_py())

    def any_match(self, pattern: str) -> bool:
        """Whether a value matches."""
        return bool(pc.any(pc.match_substring_regex(self.text, pattern)).as_py())

    def frequent(self, pattern: str) -> list[str]:
        """The values that may be written out, of those that match."""
        some = self.text.filter(pa.array(self.rows >= RARE_ROWS))
        found: list[str] = some.filter(pc.match_substring_regex(some, pattern)).to_pylist()
        return sorted(found)

    def lengths(self) -> tuple[int, int]:
        """The fewest and the most characters of a value."""
        found = pc.min_max(pc.utf8_length(self.text)).as_py()
        return found["min"] or 0, found["max"] or 0


def values_of(raw: Raw, table: Any, backend: Backend, name: str) -> dict[str, Values]:
    """The values of each column of a source, by declared name; those of a type that isn't read aside.

    Args:
        table: where the source's rows are.

    Raises:
        DataError: the engine can't read them.
    """
    fault = DataError(f"{name}: a column can't be read", code="data-unreadable")
    columns = {one: table[at] for one, at in raw.columns.items() if not _is_strange(table[at].type())}
    at_once = max(1, _CELLS // max(raw.rows, 1))
    found: dict[str, Values] = {}
    for start in range(0, len(columns), at_once):
        some = list(columns)[start : start + at_once]
        # By position: engines fold the case of names.
        wanted = {f"c{n}": _plain(columns[one]) for n, one in enumerate(some)}
        cells: pa.Table = quiet(partial(backend.to_pyarrow, table.select(**wanted)), fault)
        for number, one in enumerate(some):
            values = _counted(cells[f"c{number}"])
            found |= {one: values} if values is not None else {}
    return found


def _is_strange(dtype: Any) -> bool:
    return bool(
        dtype.is_nested() or dtype.is_binary() or dtype.is_time() or dtype.is_interval() or dtype.is_geospatial()
    )


def _plain(column: Any) -> Any:
    return column.cast("string") if column.type().is_string() or column.type().is_uuid() else column


def _counted(column: pa.ChunkedArray) -> Values | None:
    counts = pc.value_counts(column)
    values, rows = counts.field(0), counts.field(1).to_numpy().astype(np.int64)
    missing = np.asarray(values.is_null(nan_is_null=True))
    written = _written(values.filter(pa.array(~missing)))
    if written is None:
        return None
    text, kind = written
    return Values(text, rows[~missing], int(rows[missing].sum()), kind).without([""])


def _written(values: pa.Array) -> tuple[pa.Array, str] | None:
    kind = values.type
    if pa.types.is_floating(kind):
        return _of_floats(values)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _of_days(values)
    if pa.types.is_null(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return values.cast(pa.large_string()), "text"
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return values.cast(pa.large_string()), "boolean" if pa.types.is_boolean(kind) else "whole"
    if pa.types.is_decimal(kind):
        # Not Arrow's own text of them, which has exponents where a decimal has many places.
        texts = [None if value is None else f"{value:f}" for value in values.to_pylist()]
        return _unpadded(pa.array(texts, pa.string())), "decimal"
    return None


def _of_days(values: pa.Array) -> tuple[pa.Array, str] | None:
    """None if some are other moments than midnight, or of a time zone."""
    kind, days = values.type, values.cast(pa.date32(), safe=False)
    if pa.types.is_timestamp(kind) and (
        kind.tz is not None or pc.all(pc.equal(days.cast(kind, safe=False), values)).as_py() is False
    ):
        return None
    return days.cast(pa.large_string()), "date"


def _of_floats(values: pa.Array) -> tuple[pa.Array, str] | None:
    """As the shortest numbers that are read as these floats; None if some have no such short one."""
    kind = "float32" if values.type == pa.float32() else "float"
    numbers = values.to_numpy(zero_copy_only=False)
    if not np.all(np.abs(numbers) < 2.0**53):
        return None
    texts = [np.format_float_positional(number, trim="-") for number in numbers]
    if any(len(text.partition(".")[2]) > _MOST_PLACES for text in texts):
        return None
    return pa.array(["0" if text == "-0" else text for text in texts], pa.large_string()), kind


def _unpadded(text: pa.Array) -> pa.Array:
    shorter = pc.replace_substring_regex(text.cast(pa.large_string()), r"(\.[0-9]*?)0+$", r"\1")
    return pc.replace_substring_regex(shorter, r"\.$", "")
