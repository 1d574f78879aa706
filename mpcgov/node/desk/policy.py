"""The policy at the desk: how it stands, what a change of it would mean, and people's yes to one."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError, Refused, SpecError
from mpcgov.node import operator, policies
from mpcgov.node.book import Book
from mpcgov.node.desk import accounts, passkeys
from mpcgov.node.desk import questions as ask
from mpcgov.node.desk.access import Access
from mpcgov.node.desk.sessions import Tickets
from mpcgov.node.home import NodeHome
from mpcgov.node.policies import Policies, Standing
from mpcgov.spec.assertion import Agreed, check_agreed
from mpcgov.spec.ids import digest


class PolicyDesk:
    """One method per question about the policy."""

    def __init__(self, home: NodeHome, book: Book, clock: Clock, access: Access) -> None:
        self._home = home
        self._book = book
        self._clock = clock
        self._access = access
        self._tickets = Tickets(clock)
        self._lock = threading.Lock()

    def policy(self, asked: ask.Signed) -> dict[str, Any]:
        person, now = self._access.person(asked), self._standing()
        forward = now.forward
        return {
            "text": now.text,
            "digest": now.digest,
            "needed": now.needed,
            "written": now.written,
            "written_digest": "" if now.written is None else digest(now.written.encode()),
            "written_changes": self._changes(now.text, now.written),
            "may_edit": person.role in accounts.MAY_EDIT,
            "may_agree": person.role in accounts.MAY_AGREE,
            "forward": None if forward is None else {
                "digest": forward.digest, "text": forward.text, "person": forward.person, "at": forward.at,
                "people": list(forward.people), "mine": person.name in forward.people,
                "outdated": forward.before != now.digest, "changes": self._changes(now.text, forward.text),
            },
        }  # fmt: skip

    def policy_checked(self, asked: ask.PolicyText) -> dict[str, Any]:
        """What is wrong with a text, or else what it changes."""
        self._access.holder(asked, accounts.MAY_EDIT)
        now, text = self._standing(), _lines(asked.text)
        try:
            policies.read(text, self._declared())
        except SpecError as error:
            return {"text": text, "faults": error.faults[:50], "changes": [], "same": False}
        return {"text": text, "faults": [], "changes": self._changes(now.text, text), "same": text == now.text}

    def to_agree(self, asked: ask.ToAgree) -> dict[str, Any]:
        """What a passkey must sign: for a text, or for that of a digest, which was put forward or is in the file."""
        person = self._access.holder(asked, accounts.MAY_EDIT if asked.text else accounts.MAY_AGREE)
        now = self._standing()
        text = _lines(asked.text) if asked.text else self._known(now, asked.digest)
        policies.read(text, self._declared())
        agreed = Agreed(
            policy_digest=digest(text.encode()), before=now.digest, party=self._home.party, known_as=person.known_as,
            nonce=secrets.token_hex(16),
        )  # fmt: skip
        with self._book.view() as tx:
            known = accounts.passkeys(tx, name=person.name)
        what = {"person": person, "nonce": agreed.nonce, "text": text, "before": now.digest}
        with self._lock:
            ticket = self._tickets.issue("agree", agreed.challenge, **what)
        return {"ticket": ticket, "options": passkeys.to_sign(self._access.config, agreed.challenge, known)}

    def agree(self, asked: ask.Decide) -> dict[str, Any]:
        person = self._access.holder(asked, accounts.MAY_AGREE)
        with self._lock:
            ticket = self._tickets.take(asked.ticket, "agree")
            passkey = self._access.signed_by(person, ticket, asked.credential)
        word = passkeys.assertion(passkey, person, asked.credential, ticket.nonce, "")
        try:
            check_agreed(word, digest(ticket.text.encode()), ticket.before, self._home.party)
        except SpecError as error:
            raise Refused("the passkey's answer doesn't hold", hint=error.message, code="passkey") from None
        with self._policies() as changing:
            done = changing.agree(ticket.text, ticket.before, person.name, word)
        return {"in_force": done}

    def withdraw_policy(self, asked: ask.Signed) -> dict[str, Any]:
        person = self._access.holder(asked, accounts.MAY_AGREE)
        with self._policies() as changing:
            changing.withdraw(person.name)
        return {}

    def restore_policy(self, asked: ask.Signed) -> dict[str, Any]:
        person = self._access.holder(asked, accounts.MAY_EDIT)
        with self._policies() as changing:
            changing.restore(person.name)
        return {}

    @contextmanager
    def _policies(self) -> Iterator[Policies]:
        """Changed as an operator's command does it: the daemon's own log is another thread's."""
        with operator.opened(self._home.path) as (node, book, audit):
            yield Policies(node, book, audit, self._clock)

    def _standing(self) -> Standing:
        with self._book.view() as tx:
            return policies.standing(self._home, tx)

    def _known(self, now: Standing, wanted: str) -> str:
        texts = [now.written, now.forward.text if now.forward is not None else None]
        found = next((text for text in texts if text is not None and digest(text.encode()) == wanted), None)
        if found is None:
            raise Refused("this change isn't open any more", hint="look at the policy again", code="policy")
        return found

    def _changes(self, before: str, after: str | None) -> list[dict[str, str]]:
        return [] if after is None else [vars(one) for one in policies.compared(before, after)]

    def _declared(self) -> Any:
        try:
            return self._home.datasets().root
        except MpcgovError:
            return {}


def _lines(text: str) -> str:
    """A text as files have it: browsers end lines otherwise."""
    return text.replace("\r\n", "\n").rstrip("\n") + "\n"
