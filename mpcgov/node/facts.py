"""What a decision is made from, and what it may be: see `mpcgov.node.decide`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mpcgov.registry import Protocol
from mpcgov.spec.policy import Policy
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration


@dataclass(frozen=True)
class Permit:
    """The policy allows the job: `manual`, if a person here says yes; `standing`, by itself."""

    approve: Literal["manual", "standing"]


@dataclass(frozen=True)
class Deny:
    """The policy forbids the job, and why."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """All that a decision depends on besides the proposal, as this machine has it at this moment.

    `declaration`: this agency's own, of the whole data set that the job names; None if it has none of that name, or
    brings no data. `protocol`: as it is on this disk now. `known_digest`: the job digest already on record here under
    this proposal's job id.
    """

    me: str
    now: float
    roster: Roster
    roster_digest: str
    policy: Policy
    protocol: Protocol | None
    declaration: Declaration | None
    known_digest: str | None


Rule = Callable[[Proposal, Facts], Iterator[str]]
