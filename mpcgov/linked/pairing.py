"""Which columns a job over linked rows makes numbers of together: what is an equation about whose column.

An owner knows its own columns, and may have made them up. Each of them that is paired with another owner's column, or
weights it, gives one more equation about that one, and two that differ in a single row give that row's value. Within a
job `coarse` sees to that; here it is looked at over several jobs, for the ledgers (`mpcgov.node.differencing`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mpcgov.linked.params import Asked
from mpcgov.linked.qualified import Qualified
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest

Equation = tuple[str, ...]
"""What a number is made of: `mean` of one column or `r` of two, and the columns, a weight last."""


def equations(asked: Asked) -> tuple[Equation, ...]:
    """The numbers that a job over cells asks for, besides counts."""
    weight = () if asked.weight is None else (f"by {asked.weight}",)
    means = (("mean", str(column), *weight) for column in asked.measures)
    pairs = (("r", *sorted(map(str, pair)), *weight) for pair in asked.pairs)
    return tuple(sorted({*means, *pairs}))


def adds(one: Sequence[Equation], other: Sequence[Equation], readers: Collection[str]) -> bool:
    """Whether two jobs over the same rows have more of an owner's columns beside a given one of another owner's, or
    of a reader's beside nothing, than either has alone; that of a reader alone tells who is linked."""
    first, second = _by_owner(one, readers), _by_owner(other, readers)
    both = {place: first[place] | second[place] for place in first.keys() & second.keys()}
    return any(columns not in (first[place], second[place]) for place, columns in both.items())


def _by_owner(equations: Sequence[Equation], readers: Collection[str]) -> dict[tuple[str, str], set[str]]:
    """By a column and another owner, that owner's columns that it is in a number with; by none and a reader, all."""
    found: dict[tuple[str, str], set[str]] = {}
    for _, *texts in equations:
        columns = [(text, text.partition(".")[0]) for text in (text.removeprefix("by ") for text in texts)]
        for column, owner in columns:
            if owner in readers:
                found.setdefault(("", owner), set()).add(column)
            for other, whose in columns:
                if whose != owner:
                    found.setdefault((other, owner), set()).add(column)
    return found


def readers(job: Job, manifest: Manifest) -> tuple[str, ...]:
    """The receivers that bring rows to be linked, and so know columns that numbers are made of."""
    return tuple(sorted(job.receiving_owners)) if manifest.linked else ()


def tells_who(columns: Collection[Qualified]) -> str | None:
    """The owner of all columns of a number; to it, the number is about who is linked. None if there are several."""
    found = {column.party for column in columns}
    return found.pop() if len(found) == 1 else None
