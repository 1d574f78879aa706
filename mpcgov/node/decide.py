"""What this agency allows: one pure decision about one proposal. Read this file to know what can be approved at all.

Everything is denied that no rule finds in order: first those of `agreement`, which compare the proposal with this
machine's own protocol, roster and declaration; then those below, of the agency's policy file. An error in here denies.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpcgov import check, privacy
from mpcgov.linked.params import releases_links, sum_testers
from mpcgov.node.agreement import AGREEMENT, MEANING
from mpcgov.node.facts import Deny, Facts, Permit, Rule
from mpcgov.protections import floor_faults
from mpcgov.spec.link import described, weaker
from mpcgov.spec.policy import matches
from mpcgov.spec.statement import Proposal


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


def _protocol_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    allowed = {"*", proposal.job.protocol_name, proposal.protocol}
    if not allowed & set(facts.policy.protocols):
        yield f"{facts.me} doesn't allow protocol {proposal.protocol}"


def _purpose_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    if not any(matches(pattern, proposal.job.purpose) for pattern in facts.policy.purposes):
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
    yield from (f"{facts.me} needs {need}" for need in floor_faults(rules, facts.protocol.manifest, allowed))
    yield from (f"{facts.me} needs {need}" for need in privacy.floor_faults(rules.noise, allowed))


def _linking_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    link, policy = proposal.job.linking, facts.policy
    if facts.protocol is None or not facts.protocol.manifest.linked:
        return
    compares = facts.protocol.manifest.compares
    if not policy.link if compares else link.method not in policy.link:
        yield f"{facts.me} takes no part in jobs that link rows{'' if compares else f' by {link.method}'}"
    if link.method == "matcher" and not compares and weaker(link.size_noise, policy.size_noise):
        yield f"{facts.me} needs size_noise {described(policy.size_noise)}, the job says {described(link.size_noise)}"
    for receiver in sum_testers(proposal.job, facts.protocol.manifest) - {*policy.receivers, facts.me}:
        yield f"{facts.me} must name {receiver} as a receiver: exact sums tell a measure's owner about its own records"


def _naming_allowed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """Pairs of linked records go to receivers that the policy names, not to whoever comes."""
    if facts.protocol is not None and releases_links(proposal.job, facts.protocol.manifest):
        for receiver in set(proposal.job.receivers) - {*facts.policy.receivers, facts.me}:
            yield f"{facts.me} must name {receiver} as a receiver: it would learn which records are the same person's"


POLICY: tuple[Rule, ...] = (
    _protocol_allowed, _purpose_allowed, _partners_allowed, _receivers_allowed, _linking_allowed, _naming_allowed,
    _data_allowed,
)  # fmt: skip
