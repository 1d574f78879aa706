"""Which earlier releases a job would stand beside at this node, and those that it may not: one rule of `decide`."""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov.node import units
from mpcgov.node.differencing import Release, Side, compare, countable, editions, parts_of, rows_of
from mpcgov.node.facts import Facts, Line, alike
from mpcgov.spec.statement import Proposal

OVERLAPS_LIMIT = 10
"""So many questions about overlapping tables are put to people for one data set in 30 days, whatever they answer."""


def no_difference_tells(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """No table is released that could be subtracted from an earlier one; depends on no data."""
    allowed = facts.policy.datasets.get(str(proposal.job.parties[facts.me].dataset))
    asks = allowed is not None and allowed.overlapping == "ask" and facts.policy.approve == "manual"
    unclear = beside(proposal, facts, Side.UNCLEAR)
    new, near = facts.release(proposal), [old for _, old in reached(proposal, facts)] if unclear and asks else []
    for job, old in unclear:
        if (issues := _issues(proposal, facts, old)) is not None:
            yield (
                f"{facts.me}: job {job} has released a table over {rows_of(old)} of edition {issues[1]}, and edition "
                f"{issues[0]} may differ in few persons, whom both together would show; allowed are rows that the "
                "filters keep apart, if a person there says yes, or disclosure.noise"
            )
            continue
        if asks and new is not None and countable((new, *near)):
            continue
        yield (
            f"{facts.me}: job {job} has released a table over {rows_of(old)}; this one's rows may "
            f"differ from those in few{_lacking(proposal, facts, old)}, whom both tables together would show; allowed "
            "are exactly the same rows, rows that the filters keep apart for certain, or disclosure.noise"
        )
    if unclear and asks and facts.ledger.asked >= OVERLAPS_LIMIT:
        yield f"{facts.me}: its people were asked about {OVERLAPS_LIMIT} overlapping tables within 30 days"
    if allowed is not None and allowed.more_tables == "refuse":
        for job, _ in beside(proposal, facts, Side.RELATED):
            yield f"{facts.me}: job {job} has released related tables, and more_tables is refuse"


def _lacking(proposal: Proposal, facts: Facts, old: Release) -> str:
    """That rows may differ though both filters say the same, as those without a value are left out."""
    new = facts.release(proposal)
    both = None if new is None else parts_of(facts.me, new, old)
    if both is None or both[0].where != both[1].where or both[0].used == both[1].used:
        return ""
    columns = ", ".join(sorted({*both[0].used} ^ {*both[1].used}))
    return f" (rows without a value are left out, and only one of both jobs uses {columns})"


def _issues(proposal: Proposal, facts: Facts, old: Release) -> tuple[str, str] | None:
    """Editions of our data set, this job's and an earlier one's, if these are others: nobody can count on the rows of
    one by how many persons they differ, so nobody is asked."""
    new = facts.release(proposal)
    return None if new is None else editions(facts.me, new, old)


def beside(proposal: Proposal, facts: Facts, side: Side) -> tuple[tuple[str, Release], ...]:
    """The earlier releases that this one would stand to in that way, by job."""
    new = facts.release(proposal) if facts.ledger.earlier else None
    if new is None or proposal.job.disclosure.noise or facts.ledger.answer:
        return ()
    asked, persons, found = units.asked(new, facts.ledger), units.here(proposal, facts).persons, set[str]()
    for line, *more in alike(facts.ledger.earlier):
        apart = units.apart(facts.me, asked, line, persons)
        if line.release is not None and compare(new, line.release, facts.me, persons_apart=apart) is side:
            found |= {one.job for one in (line, *more)}
    return tuple((line.job, line.release) for line in facts.ledger.earlier if line.job in found and line.release)


def reached(proposal: Proposal, facts: Facts) -> tuple[tuple[str, Release], ...]:
    """The earlier releases that share a person with this one, or with one that does, and so on: all that sums and
    differences with it could be made of. All, less the North, is the South: two tables apart, told together by a third.
    """
    new, persons = facts.release(proposal), units.here(proposal, facts).persons
    rest = [] if new is None else [group for group in alike(facts.ledger.earlier) if group[0].release is not None]
    ends, found = [] if new is None else [units.asked(new, facts.ledger)], set[str]()
    while ends:
        end, far = ends.pop(), []
        for group in rest:
            if _apart(end, group[0], facts.me, persons):
                far.append(group)
            else:
                ends.append(group[0])
                found |= {line.job for line in group}
        rest = far
    return tuple((line.job, line.release) for line in facts.ledger.earlier if line.job in found and line.release)


def _apart(one: Line, other: Line, me: str, persons: units.Units) -> bool:
    if one.release is None or other.release is None:
        return False
    apart = units.apart(me, one, other, persons)
    return compare(one.release, other.release, me, persons_apart=apart) is Side.APART
