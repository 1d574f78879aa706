"""Whose yes counts, and how many a policy wants: of this agency's own people, and of its partners'."""

from __future__ import annotations

from collections.abc import Mapping, Set

import sqlalchemy as sql

from mpcgov.lifecycle import State
from mpcgov.node import questions
from mpcgov.node import store as table
from mpcgov.node.desk import accounts
from mpcgov.node.desk.config import Role
from mpcgov.spec.policy import Policy

OPEN = (State.PROPOSED, State.AWAITING_APPROVAL)
"""The states in which this agency's people decide about a job."""


def needs_passkeys(tx: sql.Connection, policy: Policy, roles: Set[Role] = accounts.MAY_DECIDE) -> bool:
    """Whether only a yes that a passkey has signed counts: if the policy says so, or leaves it open and somebody who
    may say it has a passkey. Else one on the command line counts too, as that of the system's user.

    Args:
        roles: those who may say it.
    """
    if policy.passkeys is not None:
        return policy.passkeys == "required"
    return accounts.sign(tx, roles)


def counted(tx: sql.Connection, job: str, policy: Policy) -> tuple[str, ...]:
    """The people whose yes to a job counts, the first of all first.

    As long as it isn't decided, a yes that a passkey has signed counts while its person may still say it; after that
    those stand by which it was.
    """
    names, signed = questions.yeses(tx, job), accounts.kept(tx, job)
    if table.require(tx, job).state in OPEN:
        may = sql.select(questions.YESES.c.person).where(accounts.may_still(questions.YESES, accounts.MAY_DECIDE))
        still = set(tx.execute(may.where(questions.YESES.c.job == job)).scalars())
        names = tuple(name for name in names if name in still or name not in signed)
    return tuple(name for name in names if name in signed) if needs_passkeys(tx, policy) else names


def own_lacking(tx: sql.Connection, job: str, policy: Policy) -> str:
    """What is missing of this agency's own people's yes, by its policy as it is now; empty if nothing is."""
    names = counted(tx, job, policy)
    if len(names) >= policy.approvals:
        return ""
    return f"its policy now asks for {policy.approvals} people's yes, and {len(names)} counts"


def partners_lacking(policy: Policy, signed: Mapping[str, int]) -> str:
    """Which partner's yes fewer people have signed than this agency's policy wants; empty if none's.

    Args:
        signed: by party, how many different people have signed its yes with passkeys.
    """
    for party, count in signed.items():
        least = policy.partner_approvals.get(party, policy.partner_approvals.get("*", 0))
        if count < least:
            return f"{party}'s yes must be signed by {least} people, and {count} did (partner_approvals)"
    return ""
