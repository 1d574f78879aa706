"""Which columns a job over linked rows makes numbers of together: what is an equation about whose column.

An owner knows its own columns, and may have made them up. Each of them that is paired with another owner's column, or
weights it, gives one more equation about that one, and two that differ in a single row give that row's value. So a
receiver that brings rows pairs one own column with a given one of another owner: within a job by the rule here, over
several jobs by the ledgers (`mpcgov.node.differencing`). docs/security/disclosure.md says what that leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from mpcgov.linked.facts import Linked
from mpcgov.linked.params import Asked
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
    return tuple(sorted({*job.data_parties} & {*job.receivers})) if manifest.linked else ()


def faults(linked: Linked) -> Iterator[str]:
    """More than one own column of a receiver together with one of another owner's. With noise any number may be."""
    if linked.job.disclosure.noise is not None:
        return
    by_owner = _by_owner(equations(linked.asked), ())
    for reader in readers(linked.job, linked.manifest):
        for other, own in ((place[0], own) for place, own in by_owner.items() if place[1] == reader and len(own) > 1):
            yield (
                f"params: {reader} gets the result and knows {', '.join(sorted(own))}, each beside {other}, of which "
                f"two tell single values: name one, let {reader} not be a receiver, or ask for noise"
            )
