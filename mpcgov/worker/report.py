"""What an owner is told of a data set: whether it is as declared and as expected, and how its rows spread.

Counts, and the numbers of rows; values only where they are asked for, for a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import ibis

from mpcgov.spec.expect import Bins
from mpcgov.spec.impossible import described
from mpcgov.spec.table import Dataset
from mpcgov.worker import expectations, oddities, standins, unique
from mpcgov.worker.advice import MISSING
from mpcgov.worker.bins import bins, has_bins
from mpcgov.worker.local import ColumnReport, faults_of, judged
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source, open_table

MOST_EXACT = 100_000
"""Of more rows, different values are estimated: to tell them apart takes room for all of them."""
MOST_DRAWN = 60
"""So many columns' rows are counted by parts: each asks the engine once more."""


@dataclass(frozen=True)
class DatasetReport:
    """What `dataset check` found: how many rows were read, and each column's faults."""

    name: str
    rows: int
    columns: tuple[ColumnReport, ...]
    faults: tuple[str, ...]
    """One line for each fault; none if any job may use every column. Missing values are one unless dropped."""
    would_be_unique: tuple[tuple[str, ...], ...]
    """If the data set isn't declared unique by anything: sets of columns by which the data are."""
    warnings: tuple[str, ...] = ()
    """What is as declared and looks wrong all the same."""
    spreads: tuple[Spread, ...] = ()
    """Of each column, if they were asked for."""
    most_rows: Mapping[str, int] = field(default_factory=dict)
    """By column of kind key, the most rows that share one key."""


@dataclass(frozen=True)
class Spread:
    """How many different values a column has, about, and how its rows spread over what is declared of it."""

    column: str
    kind: str
    different: int
    bins: Bins | None


def dataset_check(dataset: Dataset, name: str, base: Path, *, spreads: bool = False) -> DatasetReport:
    """Judges every column of a data set, whatever a job would use, what it is unique by, and what is expected of it.

    Args:
        spreads: whether to look at how each column's rows spread.

    Raises:
        DataError: its structure is wrong, so that there are no columns to judge.
    """
    with open_table(dataset, name, base, {*dataset.own_columns, *dataset.expect.columns}) as source:
        reports = [_with_first(source, report) for report in judged(source, dataset.own_columns)]
        faults = tuple(fault for report in reports for fault in faults_of(report, source, dataset.missing == "refuse"))
        faults += tuple(unique.faults(source, dataset.unique)) + tuple(_impossible(source))
        faults += tuple(expectations.faults(source, dataset, base))
        missing = {one.column: one.missing for one in reports}
        proposed = () if dataset.unique else unique.candidates(source, missing)
        warnings = [*source.remarks, *oddities.crowded_keys(source), *oddities.placeholders(source)]
        warnings += [
            *standins.stand_ins(source),
            *oddities.totals(source),
            *oddities.last_row(source),
            *oddities.empty(source, missing),
        ]
        if dataset.expect.drift and expectations.last_edition(dataset, name, base) is None:
            warnings.append("no figures of an earlier edition are kept, so drift isn't judged: `dataset check --keep`")
        found = _spreads(source, dataset.own_columns) if spreads else ()
        most = unique.most_rows(source)
        return DatasetReport(name, source.rows, tuple(reports), faults, proposed, tuple(warnings), found, most)


def _spreads(source: Source, names: Sequence[str]) -> tuple[Spread, ...]:
    kinds, table = source.declaration.columns, source.table
    exact = source.rows <= MOST_EXACT
    values = {f"n{n}": table[source.value(name)] for n, name in enumerate(names)}
    different = {n: one.nunique() if exact else one.approx_nunique() for n, one in values.items()}
    found = source.query(table.aggregate(**different)).to_pylist()[0]
    drawn = [name for name in names if has_bins(kinds[name])][:MOST_DRAWN]
    return tuple(
        Spread(name, kinds[name].kind, int(found[f"n{n}"] or 0), bins(source, name) if name in drawn else None)
        for n, name in enumerate(names)
    )


def wrong_rows(dataset: Dataset, name: str, base: Path, most: int) -> list[tuple[int, str, str]]:
    """Of the first rows that aren't as declared, number, column and what stands there: for the owner's own eyes.

    Derived columns have nothing there that isn't in another column.
    """
    read = {one for one in dataset.own_columns if one not in dataset.derived}
    with open_table(dataset, name, base, read, as_read=True) as source:
        rows = source.table.mutate(row=ibis.row_number() + 1)
        faults = {one: rows[source.fault(one)] > MISSING for one in source.declaration.columns}
        wrong = rows.filter(ibis.or_(*faults.values())).order_by("row").limit(most)
        found = source.query(wrong).to_pylist()
        return [
            (row["row"], one, row[source.as_read(one)])
            for row in found
            for one in source.declaration.columns
            if row[source.fault(one)] > MISSING
        ]


def _impossible(source: Source) -> list[str]:
    """Rows in combinations that are declared impossible: for the owner to know. No job is refused for them."""
    table, found = source.table, []
    for one in source.declaration.impossible:
        here = table.filter(*(table[source.value(name)].isin(list(values)) for name, values in one.items()))
        rows = int(source.query(here.aggregate(rows=here.count())).to_pylist()[0]["rows"])
        if rows:
            found.append(f"impossible: {counted(rows)} with {described([one])}")
    return found


def _with_first(source: Source, report: ColumnReport) -> ColumnReport:
    """For the owner alone: where to look."""
    if not (report.malformed or report.outside):
        return report
    rows = source.table.select(fault=source.table[source.fault(report.column)], row=ibis.row_number() + 1)
    wrong = rows.filter(rows.fault > MISSING)
    return replace(report, first=int(source.query(wrong.aggregate(row=wrong.row.min()))["row"][0].as_py()))
