"""Who an account at the agency's provider is here: somebody who was added with it, or whom its claims give a role.

Anybody else is let in by nothing. An account once bound to a person stays theirs, whatever name it claims later; an
account that claims the name of somebody else, or of somebody who was removed, gets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpcgov.node.audit import Entry
from mpcgov.node.desk import accounts
from mpcgov.node.desk.accounts import Person
from mpcgov.node.desk.config import ProviderConfig, Role
from mpcgov.node.desk.enrolment import NAME


def let_in(entry: Entry, config: ProviderConfig, claims: Mapping[str, Any], now: float) -> Person | None:
    """The person of an account that has signed in, on record; None if it is let in as nobody, which is, too.

    Args:
        claims: of the account, as the provider has signed them for us.
    """
    issuer, subject = config.issuer, str(claims["sub"])
    known, role = accounts.account(entry.tx, issuer, subject), config.role(claims)
    person = None if known is None or known.person is None else accounts.person(entry.tx, known.person)
    if known is None and role is not None:
        name = str(claims.get(config.name_claim, "")).lower()
        if NAME.fullmatch(name) and not _is_taken(entry, name):
            person = accounts.add(entry.tx, name, role, accounts.free_outward_name(entry.tx), now)
            accounts.bind(entry.tx, issuer, subject, name, by_claim=True)
            entry.record("person added", person=name, role=role, known_as=person.known_as, account=subject)
    if known is not None and known.by_claim and person is not None and role != person.role:
        person = _moved(entry, person, role)
    if person is None:
        entry.record("not let in", account=subject, role=role or "none")
    else:
        entry.record("signed in", person=person.name, role=person.role, account=subject)
    return person


def _is_taken(entry: Entry, name: str) -> bool:
    return accounts.person(entry.tx, name) is not None or accounts.is_barred(entry.tx, name)


def _moved(entry: Entry, person: Person, role: Role | None) -> Person | None:
    """A person whose account claims another role now; None if it claims none, and a session that is open only looks."""
    accounts.set_role(entry.tx, person.name, role or "viewer")
    return accounts.person(entry.tx, person.name) if role is not None else None
