"""Whether a proposal means what it says, here and now, about data that this agency has; before any policy is asked.

These rules compare the proposal with this machine's own protocol, roster and declaration. See `mpcgov.node.decide`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov.errors import SpecError
from mpcgov.jobs import check
from mpcgov.node.facts import Facts, Rule
from mpcgov.spec.statement import Proposal

SLACK_S = 60


def _not_replayed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if facts.known_digest not in (None, proposal.job_digest):
        yield f"{facts.me} already knows another job under this id"


def _in_time(proposal: Proposal, facts: Facts) -> Iterator[str]:
    behind_s = round(proposal.proposed_at - facts.now)
    if behind_s > SLACK_S:
        yield f"{facts.me}'s clock is {behind_s} s behind the coordinator's: one of the two is wrong"
    if facts.now >= proposal.approve_before:
        yield f"the time to approve it is over by {facts.me}'s clock"
    if proposal.approve_before - proposal.proposed_at > proposal.job.approve_within_h * 3600 + SLACK_S:
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


AGREEMENT: tuple[Rule, ...] = (_not_replayed, _in_time, _same_roster, _same_protocol, _declarations_complete)
"""Does the proposal mean what it says, here and now?"""

MEANING: tuple[Rule, ...] = (_sound, _own_declaration)
"""Is it a sound job, about the data that this agency really has?"""
