"""What this agency allows: one pure decision about one proposal. Read this file to know what can be approved at all.

Everything is denied that no rule below finds in order. The decision trusts nobody's word: it compares the proposal
with this machine's own protocol, roster and declaration, and with the agency's policy file. An error in here denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from mpcgov import check, privacy
from mpcgov.errors import SpecError
from mpcgov.linked.params import sum_testers
from mpcgov.registry import Protocol
from mpcgov.spec.link import described, weaker
from mpcgov.spec.policy import Policy
from mpcgov.spec.roster import Roster
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration

SLACK_S = 60


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


def decide(proposal: Proposal, facts: Facts) -> Permit | Deny:
    """The decision: every rule is asked; if one objects, the job is denied with all objections."""
    try:
        for rules in (AGREEMENT, MEANING, POLICY):
            reasons = tuple(reason for rule in rules for reason in rule(proposal, facts))
            if reasons:
                return Deny(reasons)
    except Exception as error:
        return Deny((f"{facts.me} could not evaluate its policy ({type(error).__name__})",))
    return Permit(facts.policy.approve)


# 1. Does the proposal mean what it says, here and now?


def _not_replayed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if facts.known_digest not in (None, proposal.job_digest):
        yield f"{facts.me} already knows another job under this id"


def _in_time(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if facts.now >= proposal.approve_before:
        yield "the time to approve it is over"
    if proposal.approve_before - min(proposal.proposed_at, facts.now) > proposal.job.approve_within_h * 3600 + SLACK_S:
        yield "its time to approve is longer than approve_within_h says"


def _same_roster(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if proposal.roster_digest != facts.roster_digest:
        yield f"{facts.me} has roster {facts.roster_digest}, the proposal pins {proposal.roster_digest}"
    if proposal.threshold != facts.roster.threshold:
        yield f"the roster's threshold is {facts.roster.threshold}, the proposal says {proposal.threshold}"
    members = {card.id for card in facts.roster.parties}
    if facts.me not in proposal.parties:
        yield f"{facts.me} is no party of the job"
    for party in proposal.parties:
        if party not in members:
            yield f"{party} is not in the roster"


def _same_protocol(proposal: Proposal, facts: Facts) -> Iterator[str]:
    name = proposal.job.protocol_name
    if facts.protocol is None:
        yield f"{facts.me} has no protocol {name}"
    elif facts.protocol.digest != proposal.protocol_digest:
        yield f"{facts.me} has {name} {facts.protocol.digest}, the proposal pins {proposal.protocol_digest}"
    if proposal.job.protocol not in (name, proposal.protocol):
        yield "the job names another version of the protocol than the proposal pins"


def _declarations_complete(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if set(proposal.declarations) != set(proposal.job.data_parties):
        yield "the proposal doesn't pin exactly one declaration for each party with data"


# 2. Is it a sound job, about the data that this agency really has?


def _sound(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if facts.protocol is not None:
        try:
            check.check_job(proposal.job, facts.protocol.manifest, proposal.declarations, proposal.threshold)
        except SpecError as error:
            yield from error.faults


def _own_declaration(proposal: Proposal, facts: Facts) -> Iterator[str]:
    dataset = proposal.job.parties[facts.me].dataset
    if dataset is None or facts.protocol is None:
        return
    if facts.declaration is None:
        yield f"{facts.me} has no data set {dataset}"
        return
    used = set(check.used_columns(proposal.job, facts.protocol.manifest, facts.me))
    if proposal.declarations[facts.me] != facts.declaration.only(used):
        yield f"the proposal declares {dataset} otherwise than {facts.me} does"


# 3. Does this agency's policy allow it?


def _protocol_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    allowed = {"*", proposal.job.protocol_name, proposal.protocol}
    if not allowed & set(facts.policy.protocols):
        yield f"{facts.me} doesn't allow protocol {proposal.protocol}"


def _purpose_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if not any(_matches(pattern, proposal.job.purpose) for pattern in facts.policy.purposes):
        yield f"{facts.me} doesn't allow this purpose"


def _partners_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    for party in proposal.parties:
        if party != facts.me and not {"*", party} & set(facts.policy.partners):
            yield f"{facts.me} doesn't compute with {party}"


def _receivers_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    for receiver in proposal.job.receivers:
        if not {"*", receiver} & set(facts.policy.receivers):
            yield f"{facts.me} doesn't allow {receiver} to receive the result"


def _data_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    dataset = proposal.job.parties[facts.me].dataset
    if dataset is None or facts.protocol is None:
        return
    allowed = facts.policy.datasets.get(dataset)
    if allowed is None:
        yield f"{facts.me} doesn't allow data set {dataset}"
        return
    for column, uses in check.used_columns(proposal.job, facts.protocol.manifest, facts.me, facts.declaration).items():
        for use in sorted(uses - set(allowed.columns.get(column, ()))):
            yield f"{facts.me} doesn't allow column {column} of {dataset} as {use}"
    rules = proposal.job.disclosure
    if rules.min_count < allowed.min_count:
        yield f"{facts.me} needs min_count {allowed.min_count}, the job says {rules.min_count}"
    yield from (f"{facts.me} needs {need}" for need in privacy.floor_faults(rules.noise, allowed))


def _linking_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    link, policy = proposal.job.linking, facts.policy
    if facts.protocol is None or not facts.protocol.manifest.linked:
        return
    if link.method not in policy.link:
        yield f"{facts.me} takes no part in jobs that link rows by {link.method}"
    if weaker(link.size_noise, policy.size_noise):
        yield f"{facts.me} needs size_noise {described(policy.size_noise)}, the job says {described(link.size_noise)}"
    for receiver in sum_testers(proposal.job, facts.protocol.manifest) - {*policy.receivers, facts.me}:
        yield f"{facts.me} must name {receiver} as a receiver: exact sums tell a measure's owner about its own records"


AGREEMENT: tuple[Rule, ...] = (_not_replayed, _in_time, _same_roster, _same_protocol, _declarations_complete)
MEANING: tuple[Rule, ...] = (_sound, _own_declaration)
POLICY: tuple[Rule, ...] = (
    _protocol_allowed, _purpose_allowed, _partners_allowed, _receivers_allowed, _linking_allowed, _data_allowed,
)  # fmt: skip


def _matches(pattern: str, text: str) -> bool:
    """Whether the whole text is the pattern, in which * stands for any text; never just its beginning."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        at = text.find(part, at, end) + len(part)
        if at < len(part):
            return False
    return True
