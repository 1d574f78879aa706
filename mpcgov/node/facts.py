"""What a decision is made from, and what it may be: see `mpcgov.node.decide`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from mpcgov.node.differencing import Release, release
from mpcgov.rules.privacy import Spend
from mpcgov.spec.manifest import Protocol
from mpcgov.spec.policy import Policy
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration

MOST_REFUSED = 3
"""So many jobs may a data set end within a day; after these a person decides about each that comes."""


@dataclass(frozen=True)
class Permit:
    """The policy allows the job: `manual`, if a person here says yes; `standing`, by itself.

    `beside`: earlier jobs that released other tables of the same rows, which the person must weigh. `overlaps`: those
    whose rows may differ from this one's in few, which no yes may be given beside unless they differ in enough.
    `counted`: all that those share a person with, and so on, these included: what a yes is counted on.
    `why`: why people are asked, in sentences.
    """

    approve: Literal["manual", "standing"]
    beside: tuple[str, ...] = ()
    overlaps: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    why: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Deny:
    """The policy forbids the job, and why."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """What one job has taken from one data set of this agency, as the ledger has it.

    `release`: None if the job had noise, or gave an earlier result again. `spend`: None if it had no noise.
    `snapshot`: fingerprints of the rows that it read, by name. `at`: when the line was written.
    """

    job: str
    release: Release | None
    spend: Spend | None
    state: str
    snapshot: Mapping[str, str]
    at: float


def alike(lines: Iterable[Line]) -> list[list[Line]]:
    """Lines that lie alike to every other job, in groups: the ledger of a monthly table has thousands in a few.

    Equal releases are one object where the ledger was read (`mpcgov.node.lines`), by which they are known here.
    """
    groups: dict[tuple[int, tuple[tuple[str, str], ...]], list[Line]] = {}
    for line in lines:
        groups.setdefault((id(line.release), tuple(sorted(line.snapshot.items()))), []).append(line)
    return list(groups.values())


@dataclass(frozen=True)
class Balance:
    """What may be spent of a unit in a data set in all, and what has been; reserved amounts count as spent."""

    dataset: str
    unit: str
    measure: str
    total: Fraction
    spent: Fraction

    @property
    def left(self) -> Fraction:
        """What is left."""
        return max(self.total - self.spent, Fraction(0))


@dataclass(frozen=True)
class View:
    """What a decision about one job needs of the ledger.

    `earlier`: what was released without noise from the data set that the job uses here. `balance`: of the budget that
    it would take from; None if it takes from none. `answer`: the released job whose result it would get again.
    `asked`: how many tables that overlap earlier ones were put to people here lately. `matched`: by matcher, what it
    has learned of a key of that data set; None once it has counted without noise.
    `refused`: how many jobs the data set has ended lately. `found`: what was found out last about its persons, by
    fingerprints. `jobs`: how many jobs have released something from the data set, noisy ones included.
    """

    earlier: tuple[Line, ...] = ()
    balance: Balance | None = None
    answer: str | None = None
    asked: int = 0
    matched: Mapping[str, Fraction | None] = field(default_factory=dict)
    refused: int = 0
    found: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 0

    @property
    def asks(self) -> bool:
        """Whether so many were refused that a person decides."""
        return self.refused >= MOST_REFUSED


@dataclass(frozen=True)
class Facts:
    """All that a decision depends on besides the proposal, as this machine has it at this moment.

    `declaration`: this agency's own, of the whole data set that the job names; None if it has none of that name, or
    brings no data. `protocol`: as it is on this disk now. `known_digest`: the job digest already on record here under
    this proposal's job id. `ledger`: what was released and spent before. `sources`: by column of this agency's, what
    the source calls the columns that it is read or derived from. `made`: by column, a digest of how.
    """

    me: str
    now: float
    roster: Roster
    roster_digest: str
    policy: Policy
    protocol: Protocol | None
    declaration: Declaration | None
    known_digest: str | None
    ledger: View = field(default_factory=View)
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    made: Mapping[str, str] = field(default_factory=dict)

    def release(self, proposal: Proposal) -> Release | None:
        """What a job releases, with how values of ours are made; None without its protocol."""
        return None if self.protocol is None else release(proposal, self.protocol.manifest, self.me, self.made)


Rule = Callable[[Proposal, Facts], Iterator[str]]
