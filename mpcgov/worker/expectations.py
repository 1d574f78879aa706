"""Whether a data set is what its owner expects: judged over all its rows, whichever a job chooses.

So a refusal is a fact of the data set, as that it isn't unique is one. What is kept of earlier editions stands in
`figures/` beside `datasets.yaml`, where `mpcgov node dataset check --keep` writes it.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from mpcgov.errors import DataError
from mpcgov.spec.expect import Bins, Figures, last_day
from mpcgov.spec.load import parse_json
from mpcgov.spec.table import Dataset
from mpcgov.worker import unique
from mpcgov.worker.advice import MISSING
from mpcgov.worker.bins import bins
from mpcgov.worker.readers.raw import counted
from mpcgov.worker.source import Source

FEWEST = 10
"""So many rows must be as late as expected: that one is says less of a register, and more of a person."""


def judge(source: Source, dataset: Dataset, base: Path) -> None:
    """That a data set is as expected.

    Args:
        base: the folder of `datasets.yaml`.

    Raises:
        DataError: it isn't; says in what, for its owner.
    """
    found = faults(source, dataset, base)
    if found:
        hint = "look at the data; if they are right, change what is expected in datasets.yaml"
        raise DataError(f"{source.name}: {'; '.join(found)}", hint=hint, code="expectations")


def faults(source: Source, dataset: Dataset, base: Path) -> list[str]:
    """What isn't as expected."""
    expect, rows = dataset.expect, max(source.rows, 1)
    found = []
    if expect.rows and not expect.rows[0] <= source.rows <= expect.rows[1]:
        least, most = expect.rows
        found.append(f"expected {least:,} to {most:,} rows: there are {source.rows:,}")
    for name, lacking in _missing(source, tuple(expect.missing)).items():
        if lacking > Decimal(expect.missing[name]) * rows:
            found.append(
                f"column {name}: {_of(lacking, rows)} lack a value, more than {_percent(expect.missing[name])}"
            )
    for name, most_repeated in expect.repeated.items():
        _, again = unique.repeated(source, (name,))
        if again > Decimal(most_repeated) * rows:
            found.append(f"column {name}: {_of(again, rows)} share their value, more than {_percent(most_repeated)}")
    return [*found, *_stale(source, dataset), *_moved(source, dataset, base)]


def last_edition(dataset: Dataset, name: str, base: Path) -> tuple[str, Figures] | None:
    """The latest edition before this one of which figures are kept, and these; None if there are none.

    Raises:
        DataError: they are damaged.
    """
    kept = {path.stem.partition("@")[2]: path for path in (base / "figures").glob(f"{name}@*.json")}
    before = [edition for edition in kept if dataset.edition is not None and edition < dataset.edition]
    if not before:
        return None
    path = kept[max(before)]
    return max(before), parse_json(path.read_bytes(), Figures, str(path))


def _missing(source: Source, names: tuple[str, ...]) -> dict[str, int]:
    sums = {f"n{n}": (source.table[source.fault(name)] == MISSING).sum() for n, name in enumerate(names)}
    found = source.query(source.table.aggregate(**sums)).to_pylist()[0] if sums else {}
    return {name: int(found[f"n{n}"] or 0) for n, name in enumerate(names)}


def _stale(source: Source, dataset: Dataset) -> list[str]:
    found, last = [], last_day(dataset.edition or "")
    for name, days in dataset.expect.fresh.items() if last else ():
        value = source.table[source.value(name)]
        late = source.table.filter(value >= (last or value) - timedelta(days))
        rows = int(source.query(late.aggregate(n=late.count()))["n"][0].as_py())
        if rows < FEWEST:
            found.append(
                f"column {name}: {counted(rows)} in the {days} days before {dataset.edition} ends, fewer than {FEWEST}"
            )
    return found


def _moved(source: Source, dataset: Dataset, base: Path) -> list[str]:
    before = last_edition(dataset, source.name, base) if dataset.expect.drift else None
    if before is None:
        return []
    edition, figures = before
    found = []
    for name, most in dataset.expect.drift.items():
        moved = drift(bins(source, name), figures.columns.get(name))
        if moved is not None and moved > Decimal(most):
            found.append(
                f"column {name}: {moved:.1%} of rows lie elsewhere than in {edition}, more than {_percent(most)}"
            )
    return found


def drift(now: Bins, before: Bins | None) -> Decimal | None:
    """The share of rows that would have to be elsewhere for a column to spread as before (the total variation
    distance); None if it was declared otherwise then, or has no rows."""
    if before is None or before.declared != now.declared or not (sum(now.rows) and sum(before.rows)):
        return None
    both = zip(now.rows, before.rows, strict=True)
    far = sum(abs(Decimal(a) / sum(now.rows) - Decimal(b) / sum(before.rows)) for a, b in both)
    return Decimal(far) / 2


def _of(rows: int, all_rows: int) -> str:
    return f"{rows:,} of {all_rows:,} rows"


def _percent(share: str) -> str:
    return f"{(Decimal(share) * 100).normalize():f} %"
