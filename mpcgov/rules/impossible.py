"""The cells of a table in which nobody can be, by what the job and the owners' declarations say; public.

Of an unlinked table every owner must say so, as any of them may have rows there; of linked persons one owner of the
columns is enough. A table with true totals carries these cells in its layout, so that everybody signs them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from mpcgov.spec.impossible import Combination, faults, holds
from mpcgov.spec.job import Job
from mpcgov.spec.statement import ResultTable
from mpcgov.spec.table import Declaration


def marked(table: ResultTable, job: Job, declared: Mapping[str, Sequence[Combination]], linked: bool) -> ResultTable:
    """The table with its impossible cells. `declared`: by party, its declaration's combinations."""
    owners = [[_prefixed(one, party) for one in said] if linked else said for party, said in declared.items()]
    either = any if linked else all
    found = []
    for place, values in enumerate(itertools.product(*table.domain)):
        cell = dict(zip(table.columns, values, strict=False))
        named = any(holds(one, cell) for one in job.disclosure.impossible)
        if named or (owners and either(any(holds(one, cell) for one in said) for said in owners)):
            found.append(place)
    return table.model_copy(update={"impossible": tuple(found)})


def of_declarations(declarations: Mapping[str, Declaration]) -> dict[str, Sequence[Combination]]:
    """By party, the combinations that its data set can't have."""
    return {party: declaration.impossible for party, declaration in declarations.items()}


def job_faults(job: Job, columns: Mapping[str, Sequence[str]]) -> list[str]:
    """What is wrong with a job's combinations; `columns`: those that span the table, with their values."""
    return faults(job.disclosure.impossible, columns, "disclosure.impossible")


def _prefixed(one: Combination, party: str) -> Combination:
    return {f"{party}.{column}": named for column, named in one.items()}
