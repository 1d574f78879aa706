"""Columns of several owners, as jobs write them: `party.column`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mpcgov.spec.job import Job


@dataclass(frozen=True, order=True)
class Qualified:
    """A column of one party's data set; if `party` is empty, of every owner's."""

    party: str
    column: str

    def __str__(self) -> str:
        return f"{self.party}.{self.column}" if self.party else self.column


def column_of(item: Any, place: str, job: Job | None, faults: list[str]) -> Qualified | None:
    """A column by its name in a job, without one of all parties with data; anything wrong with it goes to `faults`."""
    if job is None:
        if isinstance(item, str) and item:
            return Qualified("", item)
        faults.append(f"{place}: expected the name of a column that all parties with data have")
        return None
    party, dot, column = item.partition(".") if isinstance(item, str) else ("", "", "")
    if not (party and dot and column) or "." in column:
        faults.append(f"{place}: expected a column with its party, such as tax.income")
    elif party not in job.parties:
        faults.append(f"{place}: {item}: {party} is no party of the job")
    elif job.parties[party].dataset is None:
        faults.append(f"{place}: {item}: {party} brings no data")
    else:
        return Qualified(party, column)
    return None
