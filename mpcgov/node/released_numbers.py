"""How many numbers all jobs of this node's ledger have released of each column of its own data, of the same rows.

A job says for how many it allows, and inside MPC something is shown only of rows enough for so many
(docs/security/disclosure.md). Whether that is true only the ledgers know. A node compares and never merges: it denies a
job that allows for fewer, and says how many there are. It depends on what jobs say alone, never on data.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from mpcgov.linked.capacity import told_bits
from mpcgov.node import units
from mpcgov.node.differencing import Release, release
from mpcgov.node.facts import Facts, Line, View, alike
from mpcgov.node.units import Register, Units, apart
from mpcgov.spec.job import Disclosure, Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.statement import Proposal

DIGITS = Disclosure.model_fields["digits"].default
"""Where a line's rules name no digits."""

UNKNOWN = 65
"""What a job is taken to have released of every column, of which nothing more is known than its rows: as the largest
model."""


def own(release: Release, me: str) -> dict[str, int]:
    """What a job releases of this party's columns, by column."""
    found = {}
    for name, count in (release.numbers or {}).items():
        party, dot, column = name.partition(".")
        if not dot or party == me:
            found[column or party] = count
    return found


def held(new: Line, earlier: Sequence[Line], me: str, persons: Units) -> dict[str, int]:
    """By column of this party's, how many were released of persons who aren't certain to be others than a new job's.

    Args:
        persons: by what the data set tells persons apart.
    """
    total: Counter[str] = Counter()
    for line, *more in alike(earlier):
        if new.release is not None and line.release is not None and not apart(me, new, line, persons):
            unknown, jobs = line.release.numbers is None, 1 + len(more)
            counts = dict.fromkeys(own(new.release, me), UNKNOWN) if unknown else own(line.release, me)
            total.update({name: jobs * _as_many(count, line.release, new.release) for name, count in counts.items()})
    return dict(sorted(total.items()))


def _as_many(count: int, earlier: Release, new: Release) -> int:
    """As how many of a new job's numbers an earlier one's count: of more digits as more of them, as each tells more."""
    before, now = (told_bits(1, json.loads(one.rules).get("digits", DIGITS)) for one in (earlier, new))
    return max(count, -(-count * before // now))


def allowed(job: Job, release: Release) -> int:
    """For how many a job allows of any one column: as it says, or as many as it releases itself."""
    return job.disclosure.numbers or max((release.numbers or {}).values(), default=0)


def needed(new: Line, earlier: Sequence[Line], me: str, register: Register) -> dict[str, int]:
    """By column of this party's that a job releases numbers of, how many there are with all earlier ones; with those of
    every column that is read or derived from the same."""
    ours = {} if new.release is None else own(new.release, me)
    total = Counter(held(new, earlier, me, register.persons)) + Counter(ours)
    return {column: _of_alike(total, column, register) for column in ours}


def _of_alike(total: Mapping[str, int], column: str, register: Register) -> int:
    return sum(count for other, count in total.items() if register.alike(column, other))


def numbers_suffice(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """A rule of `decide`: what is decided inside MPC about so many numbers holds for all that were released."""
    job, me, ledger = proposal.job, facts.me, facts.ledger
    new = facts.release(proposal)
    if new is None or me not in job.data_parties or job.disclosure.noise or ledger.answer:
        return
    wanted = needed(units.asked(new, ledger), ledger.earlier, me, units.here(proposal, facts))
    if wanted and max(wanted.values()) > allowed(job, new):
        column = max(wanted, key=wanted.__getitem__)
        yield (
            f"{me}: with what earlier jobs have released, {wanted[column]} numbers are about {column} of the same "
            f"rows, and this job allows for {allowed(job, new)}: say disclosure.numbers: {wanted[column]} or more"
        )


def notes(proposal: Proposal, manifest: Manifest, me: str, seen: View, register: Register) -> Iterator[str]:
    """What the person who says yes or no should know of a job's numbers."""
    new = release(proposal, manifest)
    for column, count in needed(units.asked(new, seen), seen.earlier, me, register).items():
        before = count - own(new, me)[column]
        yield (
            f"releases {count - before} numbers of {column}, and earlier jobs {before} of the same rows; nothing is "
            f"shown of fewer rows than {allowed(proposal.job, new)} numbers of a column are safe with"
        )


def totals(earlier: Sequence[Line], me: str, register: Register) -> dict[str, int]:
    """By column of this party's, the most numbers that are about one person of it, of any released so far; with
    those of every column that is read or derived from the same."""
    most: dict[str, int] = {}
    for line, *_ in alike(earlier):
        total = held(line, earlier, me, register.persons)
        for column in () if line.release is None else own(line.release, me):
            most[column] = max(most.get(column, 0), _of_alike(total, column, register))
    return dict(sorted(most.items()))
