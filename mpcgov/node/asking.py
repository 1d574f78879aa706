"""Why people are asked about a job, in plain words: from what job, policy and ledger say, never from data.

Whoever says yes or no reads them with the job. The coordinator reads the same when it plans, so that it can ask for
what needs nobody. A policy with `approve: standing` lets through by itself only what has none of these.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence

from mpcgov.linked.params import read
from mpcgov.node import units
from mpcgov.node.differencing import Release, links_otherwise, parts_of, rows_of, same_rows, share_no_row
from mpcgov.node.facts import Facts
from mpcgov.node.named_filters import unnamed
from mpcgov.spec.statement import Proposal

Earlier = Sequence[tuple[str, Release]]
"""Earlier jobs, and what they released."""

MANY_TABLES = 5
"""From so many related tables on, people are told what many tables tell: half as many as persons give everybody's."""


def reasons(proposal: Proposal, facts: Facts, related: Earlier, overlaps: Earlier) -> tuple[str, ...]:
    """Every reason why people are asked whatever `approve` says; none if none holds."""
    found = [_related(proposal, facts, *one) for one in related]
    if len(related) >= MANY_TABLES:
        found.append(
            f"{len(related)} tables about these rows are out already: counts by columns that somebody made up are "
            "equations, and fewer of them than persons tell everybody's group"
        )
    found += [
        f"its rows may differ in few from those of job {job} ({rows_of(old)}), whom both tables together would show: "
        "no yes is possible where they are too few"
        for job, old in overlaps
    ]
    found += [*_not_comparable(proposal, facts), *unnamed(proposal, facts), *units.doubts(proposal, facts)]
    found += [*_of_one_column(proposal, facts), *_standing_is_over(proposal, facts)]
    if proposal.job.disclosure.impossible:
        found.append("it says that some cells can't have rows (disclosure.impossible): whether they can, people know")
    if facts.ledger.asks:
        found.append(f"{facts.ledger.refused} jobs over its data have ended within a day because of them")
    return tuple(found)


def _related(proposal: Proposal, facts: Facts, job: str, old: Release) -> str:
    """Of a job that has released something about persons whom this one may be about, too."""
    new = facts.release(proposal)
    both = None if new is None else parts_of(facts.me, new, old)
    if new is not None and both is not None and share_no_row(*both):
        why = units.not_apart(facts.me, new, old, units.here(proposal, facts).persons)
        return f"job {job} ({rows_of(old)}) chose other rows, which may be the same persons': {why}"
    if new is not None and links_otherwise(new, old):
        return (
            f"it links the same registers in another way than job {job} ({rows_of(old)}): both together tell of "
            "whoever is linked by only one of them, perhaps a single person, and nobody can count these"
        )
    return (
        f"job {job} has released other tables of the same rows, or linked rows that it counted ({rows_of(old)}): what "
        "is suppressed in one may follow from both; look at them together"
    )


def _of_one_column(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """Of two columns that are made of one it is told how many rows lack them: few may lack one and not the other."""
    if facts.protocol is None:
        return
    register = units.here(proposal, facts)
    told = read(proposal.job, facts.protocol.manifest, []).quality
    for a, b in itertools.combinations([column.column for column in told if column.party == facts.me], 2):
        if register.alike(a, b):
            yield (
                f"{a} and {b} are made of one column: the difference of both numbers tells how many rows lack one and "
                "not the other, perhaps a single person's"
            )


def _standing_is_over(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """So many jobs, or until a day, may run over a data set by themselves: the end of a series, on this side."""
    dataset = proposal.job.parties[facts.me].dataset
    if facts.policy.approve != "standing" or dataset is None or facts.ledger.answer:
        return
    allowed, today = facts.policy.datasets[dataset], dt.datetime.fromtimestamp(facts.now, dt.UTC).date()
    if allowed.standing_jobs is not None and facts.ledger.jobs >= allowed.standing_jobs:
        yield f"{facts.ledger.jobs} jobs have released something from {dataset}, as many as may by themselves"
    if allowed.standing_until is not None and today > allowed.standing_until:
        yield f"jobs over {dataset} ran by themselves until {allowed.standing_until}"


def _not_comparable(proposal: Proposal, facts: Facts) -> Iterator[str]:
    new = facts.release(proposal)
    if new is None or proposal.job.disclosure.noise or facts.ledger.answer:
        return
    for line in facts.ledger.earlier:
        if line.release and not units.comparable(line.snapshot) and same_rows(facts.me, new, line.release):
            yield f"job {line.job} was read by an older version, so that nothing tells whether its rows have changed"
