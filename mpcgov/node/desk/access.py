"""Who comes in at the desk, and by what: a passkey, a link, or the agency's own provider; and who it is that asks."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any

from mpcgov.clock import Clock
from mpcgov.errors import Refused
from mpcgov.node import operator
from mpcgov.node.audit import Entry
from mpcgov.node.book import Book
from mpcgov.node.desk import accounts, passkeys
from mpcgov.node.desk import questions as ask
from mpcgov.node.desk.accounts import Passkey, Person
from mpcgov.node.desk.config import ConsoleConfig, Role
from mpcgov.node.desk.guests import let_in
from mpcgov.node.desk.provider import Provider
from mpcgov.node.desk.sessions import Ticket, Tickets
from mpcgov.node.home import NodeHome
from mpcgov.trust.sessions import Sessions

NOBODY = "this passkey isn't known here, or its person is let in no more"
ATTEMPTS, ATTEMPTS_S = 60, 60.0
"""So many sign-ins and enrolments may be tried at this node within so many seconds, whoever tries."""
TURNED_AWAY_S = 3600.0
"""An account that isn't let in is put on record once in so many seconds: everybody at the agency has one."""


class Access:
    """One method per question that strangers may ask, and who the others are; for one running node."""

    def __init__(self, home: NodeHome, book: Book, clock: Clock) -> None:
        self._home = home
        self._book = book
        self._clock = clock
        self.config = home.config.console or ConsoleConfig()
        named = self.config.provider
        self._provider = None if named is None else Provider(home.path, self.config, named, clock)
        self._sessions = Sessions(clock)
        self._strangers = Tickets(clock)
        self._lock = threading.Lock()
        self._tries: list[float] = []
        self._turned_away: dict[str, float] = {}

    def about(self, _: ask.About) -> dict[str, Any]:
        return {
            "party": self._home.party, "origin": self.config.seen_at, "provider": self._provider is not None,
        }  # fmt: skip

    # By a passkey

    def to_sign_in(self, _: ask.ToSignIn) -> dict[str, Any]:
        challenge = secrets.token_bytes(32)
        with self._lock:
            self._tried()
            ticket = self._strangers.issue("sign in", challenge)
        return {"ticket": ticket, "options": passkeys.to_sign(self.config, challenge)}

    def sign_in(self, asked: ask.SignIn) -> dict[str, Any]:
        with self._lock:
            self._tried()
            ticket = self._strangers.take(asked.ticket, "sign in")
            person, _ = self.signed(ticket, asked.credential, event="signed in")
            return self._begun(person)

    def sign_out(self, asked: ask.Signed) -> dict[str, Any]:
        with self._lock:
            self._sessions.end(asked.session)
        return {}

    # By the agency's provider

    def to_provider(self, asked: ask.ToProvider) -> dict[str, Any]:
        provider, question = self._named(), Provider.asked()
        with self._lock:
            self._tried()
            state = self._strangers.issue("provider", b"", browser=asked.browser, **vars(question))
        return {"next": provider.address(state, question)}

    def from_provider(self, asked: ask.FromProvider) -> dict[str, Any]:
        provider = self._named()
        with self._lock:
            self._tried()
            ticket = self._strangers.take(asked.state, "provider")
        if not hmac.compare_digest(ticket.browser.encode(), asked.browser.encode()):
            raise Refused("another browser was sent there", hint="try again", code="ticket")
        claims = provider.claims(asked.code, asked.issuer, ticket)
        account, now = str(claims["sub"]), self._clock.now()
        with self._lock:
            with self.entry() as entry:
                person = let_in(entry, provider.config, claims, now)
                if person is None and now - self._turned_away.get(account, 0.0) < TURNED_AWAY_S:
                    raise _nobodys()  # nothing of this is kept: it is on record already
            if person is None:
                recent = {one: at for one, at in self._turned_away.items() if now - at < TURNED_AWAY_S}
                self._turned_away = recent | {account: now}
                raise _nobodys()
            self._turned_away.pop(account, None)
            return self._begun(person)

    # To make a passkey

    def to_enrol(self, asked: ask.ToEnrol) -> dict[str, Any]:
        with self._lock:
            self._tried()
            with self._book.view() as tx:
                person = self._linked(accounts.link_person(tx, asked.link, self._clock.now()))
            return self._to_make(person, asked.link)

    def to_enrol_own(self, asked: ask.Signed) -> dict[str, Any]:
        """The first passkey of somebody who came by the provider; a further one takes a link, as everybody's does."""
        person = self.person(asked)
        with self._lock:
            self._tried()
            with self._book.view() as tx:
                person = self._linked(accounts.without_passkey(tx, person.name))
            return self._to_make(person)

    def enrol(self, asked: ask.Enrol) -> dict[str, Any]:
        with self._lock:
            self._tried()
            ticket = self._strangers.take(asked.ticket, "enrol")
        person = self._linked(ticket.person)
        # A process reads it, for half a second: nobody who signs in meanwhile waits for that.
        new = passkeys.enrolled(self.config, person, asked.credential, ticket.challenge)
        with self._lock, self.entry() as entry:
            now = self._clock.now()
            still = (
                accounts.link_person(entry.tx, ticket.link, now)
                if ticket.link
                else accounts.without_passkey(entry.tx, person.name)
            )
            if still != person or accounts.passkey(entry.tx, new.id) is not None:
                raise Refused("this link isn't open any more, or the passkey is known", code="enrol")
            accounts.add_passkey(entry.tx, new, now)
            entry.record("passkey added", person=person.name, credential=new.id)
            return {"name": person.name, "account": accounts.has_account(entry.tx, person.name)}

    # Who

    def who(self, asked: ask.Signed) -> dict[str, Any]:
        person = self.person(asked)
        with self._book.view() as tx:
            lacks_passkey = accounts.without_passkey(tx, person.name) is not None
        return {
            "name": person.name, "role": person.role, "known_as": person.known_as, "party": self._home.party,
            "lacks_passkey": lacks_passkey,
        }  # fmt: skip

    def person(self, asked: ask.Signed) -> Person:
        """Who asks, as the database has them now.

        Raises:
            Refused: nobody has signed in, or they are let in no more.
        """
        with self._lock:
            handle = self._sessions.find(asked.session).name
        with self._book.view() as tx:
            person = accounts.of_handle(tx, handle)
        if person is None:
            with self._lock:
                self._sessions.end(asked.session)
            raise Refused(NOBODY, code="session")
        return person

    def holder(self, asked: ask.Signed, roles: Set[Role]) -> Person:
        """Who asks, if theirs is one of these roles.

        Raises:
            Refused: it isn't; or as `person`.
        """
        person = self.person(asked)
        if person.role not in roles:
            raise Refused(f"{person.name} may look at this, and not decide about it", code="role")
        return person

    @contextmanager
    def entry(self) -> Iterator[Entry]:
        """Changes on record, made as an operator's command makes them: the daemon's own log is another thread's."""
        with operator.opened(self._home.path) as (_, _, audit), audit.entry() as entry:
            yield entry

    def signed_by(self, person: Person, ticket: Ticket, credential: Mapping[str, Any]) -> Passkey:
        """The passkey of a person that has signed what they were asked.

        Raises:
            Refused: somebody else was asked, or has signed; or as `signed`.
        """
        if ticket.person != person:
            raise Refused("somebody else was asked this", code="ticket")
        signer, passkey = self.signed(ticket, credential)
        if signer != person:
            raise Refused("this is another person's passkey", code="passkey")
        return passkey

    def signed(self, ticket: Ticket, credential: Mapping[str, Any], event: str = "") -> tuple[Person, Passkey]:
        """Whose passkey has signed what was asked, and which; its counter is moved on.

        Args:
            event: what is put on record; `signed in` only for those who don't come by the provider.

        Raises:
            Refused: it is known to nobody, has signed something else, or doesn't let its person in.
        """
        with self._book.view() as tx:
            passkey = accounts.passkey(tx, str(credential.get("id")))
            person = accounts.person(tx, passkey.person) if passkey is not None else None
            elsewhere = person is not None and accounts.has_account(tx, person.name)
        if passkey is None or person is None:
            raise Refused(NOBODY, hint="ask who runs the node for a link", code="passkey")
        count = passkeys.signed(self.config, passkey, credential, ticket.challenge)
        if event == "signed in" and elsewhere:
            raise Refused("you sign in with your agency's account", hint="the passkey is for decisions", code="passkey")
        with self.entry() as entry:
            accounts.used(entry.tx, passkey.id, count)
            what = {"job": ticket.job} if ticket.job else {}
            entry.record(event or "passkey used", **what, person=person.name, credential=passkey.id)
        return person, passkey

    def _begun(self, person: Person) -> dict[str, Any]:
        return {"session": self._sessions.begin(person.handle), "name": person.name, "role": person.role}

    def _to_make(self, person: Person, link: str = "") -> dict[str, Any]:
        challenge = secrets.token_bytes(32)
        with self._book.view() as tx:
            known = accounts.passkeys(tx, name=person.name)
        ticket = self._strangers.issue("enrol", challenge, person=person, link=link)
        options = passkeys.to_enrol(self.config, self._home.party, person, known, challenge)
        return {"ticket": ticket, "options": options, "name": person.name}

    def _named(self) -> Provider:
        if self._provider is None:
            raise Refused("this agency has no sign-in of its own", code="provider")
        return self._provider

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


def _nobodys() -> Refused:
    hint = "ask who runs the node; its audit log has your account"
    return Refused("your account may do nothing here", hint=hint, code="role")
