"""What the desk answers people who have signed in: first whether they may, then what; each in a thread of its own."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from mpcgov.clock import Clock
from mpcgov.errors import Refused, SpecError, one_line
from mpcgov.node import operator
from mpcgov.node.book import Book
from mpcgov.node.desk import accounts, passkeys, shown
from mpcgov.node.desk import questions as ask
from mpcgov.node.desk.access import Access
from mpcgov.node.desk.health import Health
from mpcgov.node.desk.jobs import Jobs
from mpcgov.node.desk.kept import Kept
from mpcgov.node.desk.sessions import Tickets
from mpcgov.node.home import NodeHome
from mpcgov.spec.assertion import Decided


class Answers:
    """One method per question; each is given the question as `mpcgov.node.desk.questions` reads it."""

    def __init__(self, home: NodeHome, book: Book, clock: Clock, access: Access) -> None:
        self._access = access
        self._home = home
        self._book = book
        self._clock = clock
        self._kept = Kept(home, book)
        self._jobs = Jobs(home, book, self._kept)
        self._tickets = Tickets(clock)
        self._lock = threading.Lock()
        self._health = Health(lambda: shown.health(home), clock)

    # Looking

    def jobs(self, asked: ask.Listed) -> dict[str, Any]:
        self._access.person(asked)
        return self._jobs.listed(asked.which, asked.page, asked.text)

    def job(self, asked: ask.OneJob) -> dict[str, Any]:
        person = self._access.person(asked)
        found = self._jobs.one(asked.job, person.name)
        return found | {"may_decide": person.role in accounts.MAY_DECIDE}

    def datasets(self, asked: ask.Signed) -> dict[str, Any]:
        self._access.person(asked)
        return shown.datasets(self._home)

    def budgets(self, asked: ask.Signed) -> dict[str, Any]:
        self._access.person(asked)
        return self._kept.get("budgets", lambda: shown.budgets(self._home))

    def health(self, asked: ask.Signed) -> dict[str, Any]:
        self._access.person(asked)
        return self._health.found()

    def audit(self, asked: ask.AuditPage) -> dict[str, Any]:
        self._access.person(asked)
        return shown.audit(self._book, asked.before, asked.text)

    def audit_verified(self, asked: ask.Signed) -> dict[str, Any]:
        self._access.person(asked)
        return shown.audit_verified(self._home)

    def people(self, asked: ask.Signed) -> dict[str, Any]:
        self._access.person(asked)
        with self._book.view() as tx:
            keys = [one.person for one in accounts.passkeys(tx)]
            return {
                "people": [
                    {"name": one.name, "role": one.role, "known_as": one.known_as, "passkeys": keys.count(one.name),
                     "account": accounts.has_account(tx, one.name)}
                    for one in accounts.people(tx)
                ]
            }  # fmt: skip

    # Deciding

    def to_decide(self, asked: ask.ToDecide) -> dict[str, Any]:
        person, nonce = self._access.holder(asked, accounts.MAY_DECIDE), secrets.token_hex(16)
        reason = one_line(asked.reason) if asked.said == "reject" else ""
        row = self._book.job(asked.job)
        decided = Decided(
            job_digest=row.digest, party=self._home.party, known_as=person.known_as, said=asked.said,
            reason=reason, nonce=nonce,
        )  # fmt: skip
        with self._lock, self._book.view() as tx:
            known = accounts.passkeys(tx, name=person.name)
            what = {"person": person, "job": asked.job, "said": asked.said, "reason": reason, "nonce": nonce}
            ticket = self._tickets.issue("decide", decided.challenge, **what)
        return {"ticket": ticket, "options": passkeys.to_sign(self._access.config, decided.challenge, known)}

    def decide(self, asked: ask.Decide) -> dict[str, Any]:
        person = self._access.holder(asked, accounts.MAY_DECIDE)
        with self._lock:
            ticket = self._tickets.take(asked.ticket, "decide")
            passkey = self._access.signed_by(person, ticket, asked.credential)
        word = passkeys.assertion(passkey, person, asked.credential, ticket.nonce, ticket.reason)
        try:
            passkeys.require_said(word, self._book.proposal(ticket.job), self._home.party, ticket.said)
        except SpecError as error:
            raise Refused("the passkey's answer doesn't hold", hint=error.message, code="passkey") from None
        if ticket.said == "approve":
            view = operator.approve(self._home.path, ticket.job, person.name, word)
        else:
            view = operator.reject(self._home.path, ticket.job, ticket.reason, person.name, word)
        return {"state": view.state, "consent": view.consent}
