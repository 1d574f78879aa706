"""What the desk answers: first who asks and whether they may, then what; each in a thread of its own."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError, Refused, SpecError, one_line
from mpcgov.node import operator
from mpcgov.node.audit import Entry
from mpcgov.node.book import Book
from mpcgov.node.desk import accounts, passkeys, shown
from mpcgov.node.desk import questions as ask
from mpcgov.node.desk.accounts import Passkey, Person, Role
from mpcgov.node.desk.config import ConsoleConfig
from mpcgov.node.desk.jobs import Jobs
from mpcgov.node.desk.kept import Kept
from mpcgov.node.desk.sessions import Ticket, Tickets
from mpcgov.node.home import NodeHome
from mpcgov.spec.assertion import Decided
from mpcgov.trust.sessions import Sessions

MAY_DECIDE: frozenset[Role] = frozenset({"approver"})
NOBODY = "this passkey isn't known here, or its person is let in no more"
HEALTH_S = 60.0
ATTEMPTS, ATTEMPTS_S = 60, 60.0
"""So many sign-ins and enrolments may be tried at this node within so many seconds, whoever tries."""


class Answers:
    """One method per question; each is given the question as `mpcgov.node.desk.questions` reads it."""

    def __init__(self, home: NodeHome, book: Book, clock: Clock) -> None:
        self._home = home
        self._book = book
        self._clock = clock
        self._config = home.config.console or ConsoleConfig()
        self._kept = Kept(home, book)
        self._jobs = Jobs(home, book, self._kept)
        self._sessions = Sessions(clock)
        self._strangers, self._tickets = Tickets(clock), Tickets(clock)
        self._lock = threading.Lock()
        self._health: tuple[float, dict[str, Any]] = (0.0, {})
        self._tries: list[float] = []

    def about(self, _: ask.About) -> dict[str, Any]:
        return {"party": self._home.party, "origin": self._config.seen_at}

    # Signing in

    def to_sign_in(self, _: ask.ToSignIn) -> dict[str, Any]:
        challenge = secrets.token_bytes(32)
        with self._lock:
            self._tried()
            ticket = self._strangers.issue("sign in", challenge)
        return {"ticket": ticket, "options": passkeys.to_sign(self._config, challenge)}

    def sign_in(self, asked: ask.SignIn) -> dict[str, Any]:
        with self._lock:
            self._tried()
            ticket = self._strangers.take(asked.ticket, "sign in")
            person, _ = self._signed(ticket, asked.credential, event="signed in")
            return {"session": self._sessions.begin(person.name), "name": person.name, "role": person.role}

    def sign_out(self, asked: ask.Signed) -> dict[str, Any]:
        with self._lock:
            self._sessions.end(asked.session)
        return {}

    def who(self, asked: ask.Signed) -> dict[str, Any]:
        person = self._person(asked)
        return {"name": person.name, "role": person.role, "known_as": person.known_as, "party": self._home.party}

    def to_enrol(self, asked: ask.ToEnrol) -> dict[str, Any]:
        challenge = secrets.token_bytes(32)
        with self._lock:
            self._tried()
            with self._book.view() as tx:
                person = self._linked(accounts.link_person(tx, asked.link, self._clock.now()))
                known = accounts.passkeys(tx, name=person.name)
            ticket = self._strangers.issue("enrol", challenge, person=person, link=asked.link)
        options = passkeys.to_enrol(self._config, self._home.party, person, known, challenge)
        return {"ticket": ticket, "options": options, "name": person.name}

    def enrol(self, asked: ask.Enrol) -> dict[str, Any]:
        with self._lock:
            self._tried()
            ticket = self._strangers.take(asked.ticket, "enrol")
            person = self._linked(ticket.person)
            new = passkeys.enrolled(self._config, person, asked.credential, ticket.challenge)
            with self._entry() as entry:
                still = accounts.link_person(entry.tx, ticket.link, self._clock.now())
                if still != person or accounts.passkey(entry.tx, new.id) is not None:
                    raise Refused("this link isn't open any more, or the passkey is known", code="enrol")
                accounts.add_passkey(entry.tx, new, self._clock.now())
                entry.record("passkey added", person=person.name, credential=new.id)
        return {"name": person.name}

    # Looking

    def jobs(self, asked: ask.Listed) -> dict[str, Any]:
        self._person(asked)
        return self._jobs.listed(asked.which, asked.page, asked.text)

    def job(self, asked: ask.OneJob) -> dict[str, Any]:
        person = self._person(asked)
        found = self._jobs.one(asked.job, person.name)
        return found | {"may_decide": person.role in MAY_DECIDE}

    def datasets(self, asked: ask.Signed) -> dict[str, Any]:
        self._person(asked)
        return shown.datasets(self._home)

    def budgets(self, asked: ask.Signed) -> dict[str, Any]:
        self._person(asked)
        return self._kept.get("budgets", lambda: shown.budgets(self._home))

    def health(self, asked: ask.Signed) -> dict[str, Any]:
        self._person(asked)
        with self._lock:
            asked_at, found = self._health
            due = time.monotonic() - asked_at > HEALTH_S
            if found and due:  # whoever looks next sees the new one; this takes long with a long log or a silent peer
                self._health = (time.monotonic(), found)
        if found and due:
            threading.Thread(target=self._look_again, name="health", daemon=True).start()
        return found or self._look_after()

    def _look_again(self) -> None:
        with suppress(MpcgovError):  # the last findings stand, with their time
            self._look_after()

    def _look_after(self) -> dict[str, Any]:
        found = shown.health(self._home) | {"at": self._clock.now()}
        with self._lock:
            self._health = (time.monotonic(), found)
        return found

    def audit(self, asked: ask.AuditPage) -> dict[str, Any]:
        self._person(asked)
        return shown.audit(self._book, asked.before, asked.text)

    def audit_verified(self, asked: ask.Signed) -> dict[str, Any]:
        self._person(asked)
        return shown.audit_verified(self._home)

    def people(self, asked: ask.Signed) -> dict[str, Any]:
        self._person(asked)
        with self._book.view() as tx:
            keys = [one.person for one in accounts.passkeys(tx)]
            found = [(one, keys.count(one.name)) for one in accounts.people(tx)]
        return {
            "people": [
                {"name": one.name, "role": one.role, "known_as": one.known_as, "passkeys": count}
                for one, count in found
            ]
        }

    # Deciding

    def to_decide(self, asked: ask.ToDecide) -> dict[str, Any]:
        person, nonce = self._approver(asked), secrets.token_hex(16)
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
        return {"ticket": ticket, "options": passkeys.to_sign(self._config, decided.challenge, known)}

    def decide(self, asked: ask.Decide) -> dict[str, Any]:
        person = self._approver(asked)
        with self._lock:
            ticket = self._tickets.take(asked.ticket, "decide")
            if ticket.person != person:
                raise Refused("somebody else was asked this", code="ticket")
            signer, passkey = self._signed(ticket, asked.credential)
        if signer != person:
            raise Refused("this is another person's passkey", code="passkey")
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

    # Who

    @contextmanager
    def _entry(self) -> Iterator[Entry]:
        """Changes on record, made as an operator's command makes them: the daemon's own log is another thread's."""
        with operator.opened(self._home.path) as (_, _, audit), audit.entry() as entry:
            yield entry

    def _signed(self, ticket: Ticket, credential: Mapping[str, Any], event: str = "") -> tuple[Person, Passkey]:
        """Whose passkey has signed what was asked, and which; its counter is moved on."""
        with self._book.view() as tx:
            passkey = accounts.passkey(tx, str(credential.get("id")))
            person = accounts.person(tx, passkey.person) if passkey is not None else None
        if passkey is None or person is None:
            raise Refused(NOBODY, hint="ask who runs the node for a link", code="passkey")
        count = passkeys.signed(self._config, passkey, credential, ticket.challenge)
        with self._entry() as entry:
            accounts.used(entry.tx, passkey.id, count)
            what = {"job": ticket.job} if ticket.job else {}
            entry.record(event or "passkey used", **what, person=person.name, credential=passkey.id)
        return person, passkey

    def _person(self, asked: ask.Signed) -> Person:
        """Who asks, as the database has them now.

        Raises:
            Refused: nobody has signed in, or they are let in no more.
        """
        with self._lock:
            name = self._sessions.find(asked.session).name
        with self._book.view() as tx:
            person = accounts.person(tx, name)
        if person is None:
            with self._lock:
                self._sessions.end(asked.session)
            raise Refused(NOBODY, code="session")
        return person

    def _approver(self, asked: ask.Signed) -> Person:
        person = self._person(asked)
        if person.role not in MAY_DECIDE:
            raise Refused(f"{person.name} may look at jobs, and not decide about them", code="role")
        return person

    def _linked(self, person: Person | None) -> Person:
        if person is None:
            raise Refused("this link is used up, or has ended", hint="ask who runs the node for another", code="enrol")
        return person

    def _tried(self) -> None:
        now = time.monotonic()
        self._tries = [at for at in self._tries if now - at < ATTEMPTS_S]
        if len(self._tries) >= ATTEMPTS:
            raise Refused("too many attempts", hint="try again in a minute", code="too-many")
        self._tries.append(now)
