"""A result as an analyst has it: its tables as data frames, in a notebook, as a chart, as a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpcgov import publish
from mpcgov.errors import LocalError
from mpcgov.publish import parquet, report
from mpcgov.publish.table import Released, tables_of

if TYPE_CHECKING:
    import pandas as pd


class Tables(Mapping[str, "pd.DataFrame"]):
    """A result's tables by name, as data frames of pandas; hidden numbers are missing ones."""

    def __init__(self, result: dict[str, Any]) -> None:
        self._result = result
        self._released = {one.name: one for one in tables_of(result)}

    def __getitem__(self, name: str) -> pd.DataFrame:
        import pandas as pd

        frame: pd.DataFrame = parquet.arrow(self._result, self.released(name)).to_pandas(types_mapper=pd.ArrowDtype)
        # The usual types: whole numbers stay whole where some are missing.
        return frame.convert_dtypes(dtype_backend="numpy_nullable")

    def __iter__(self) -> Iterator[str]:
        return iter(self._released)

    def __len__(self) -> int:
        return len(self._released)

    def __repr__(self) -> str:
        return f"tables {', '.join(self)}"

    def released(self, name: str) -> Released:
        """A table as it was released. Raises: KeyError if there is none of that name."""
        if name not in self._released:
            raise KeyError(f"no table {name!r}; there are {', '.join(self)}")
        return self._released[name]


class Result:
    """What the receivers of a job got.

    `tables[name]` is a table as a data frame of pandas; `arrow(name)` and `polars(name)` have it otherwise. A table's
    name can be left out where the first one is meant. `json` is all of it, as `mpcgov job result --json` prints it.
    """

    def __init__(self, json: dict[str, Any]) -> None:
        self.json = json
        self.tables = Tables(json)

    @property
    def job(self) -> str:
        """The job's id."""
        return str(self.json["job"])

    @property
    def disclosure(self) -> dict[str, Any]:
        """The rules that held, and how many cells they hid."""
        return dict(self.json["disclosure"])

    def arrow(self, name: str | None = None) -> Any:
        """A table as a `pyarrow.Table`."""
        return parquet.arrow(self.json, self._table(name))

    def polars(self, name: str | None = None) -> Any:
        """A table as a frame of Polars. Raises: LocalError if that isn't installed."""
        try:
            import polars as pl
        except ImportError:
            raise LocalError("Polars isn't installed", hint="pip install 'mpcgov[polars]'", code="format") from None
        return pl.from_arrow(self.arrow(name))

    def plot(self, name: str | None = None, measure: str | None = None) -> Any:
        """A bar chart of one number of a table, as an Altair chart; hidden cells have no bar.

        Args:
            measure: the column; None: the first one with numbers.

        Raises:
            LocalError: Altair isn't installed, or there is no such column.
        """
        from mpcgov.analyst.chart import bars

        return bars(self._table(name), measure)

    def to_file(self, path: str | Path, format: str | None = None) -> list[Path]:  # noqa: A002
        """Writes the result to a file: `mpcgov.publish.write`. Returns what was written.

        Args:
            format: json, csv, xlsx, parquet, sdmx-csv, px or html; None: as the path ends.
        """
        return publish.write(self.json, Path(path), format)

    def _table(self, name: str | None) -> Released:
        return self.tables.released(next(iter(self.tables)) if name is None else name)

    def _repr_html_(self) -> str:
        return report.fragment(self.json)

    def __repr__(self) -> str:
        hidden = self.disclosure["suppressed"]
        return f"<Result of job {self.job}: {self.tables}; {hidden} cells hidden>"
