"""A home that came from a backup takes part in no job before every other member has shown what it saw of its log.

A job's parties show each other the heads of their logs anyway. But what was spent since the backup may have been in
jobs with other members than those of the next job. So a restored node asks all of them, once, and whoever becomes a
member later. If one ever shows a head that isn't in this log, the node has forgotten something: that goes on record,
and it takes part in no job any more. Else its log would soon be longer than what the others have seen, and all be well.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from mpcgov.errors import MpcgovError, PeerError, Refused
from mpcgov.node.audit import NEW_OWN_KEY, AuditLog
from mpcgov.node.home import NodeHome
from mpcgov.node.record import Record
from mpcgov.node.store import Store
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import Frozen, validate
from mpcgov.spec.statement import Head
from mpcgov.trust.client import Client

RESTORED = "restored"
"""The event of the record with which a restored log goes on."""
COMPARED = "restored log compared"
"""The event by which it is known that none of some members had seen more of it."""
FOUND = "ledger rollback"
"""The event by which it is known that a member has seen something of this log that isn't in it."""
ASK_S = 5.0
MOST_FORMER = 5
"""Of so many former keys of a member the last head is shown, the highest ones."""


class Kept(Frozen):
    """What one node keeps of another's log: the last head that it saw, and `former`: those under keys that the other
    had before."""

    seen: Envelope | None = None
    former: Annotated[tuple[Envelope, ...], Field(strict=False, max_length=MOST_FORMER)] = ()


class Restored:
    """Whether this node's log was restored and not yet compared with what all members saw of it; or is an old copy."""

    def __init__(self, home: NodeHome, store: Store, audit: AuditLog) -> None:
        self._home = home
        self._store = store
        self._audit = audit
        self._from: Record | None = None
        self._found: Record | None = None
        self._to_ask: list[str] = []
        self.former_keys: tuple[str, ...] = ()
        """The keys under which this log was written before."""

    def look(self) -> None:
        """Looks it up in the log."""
        with self._store.read() as tx:
            found = self._audit.of(tx, RESTORED, COMPARED, FOUND, NEW_OWN_KEY)
        self.former_keys = tuple(record.facts["former"] for record in found if record.event == NEW_OWN_KEY)
        self._from = next((record for record in reversed(found) if record.event == RESTORED), None)
        self._found = next((record for record in found if record.event == FOUND), None)
        since = found[found.index(self._from) :] if self._from is not None else []
        asked = {party for record in since if record.event == COMPARED for party in record.facts["parties"]}
        others = {card.id for card in self._home.joined()[0].parties} - {self._home.party}
        self._to_ask = sorted(others - asked) if self._from is not None else []

    @property
    def is_old_copy(self) -> bool:
        """Whether a member has seen something of this log that isn't in it."""
        return self._found is not None

    @property
    def text(self) -> str:
        """What people should know of it; "" if there is nothing."""
        if self._found is not None:
            return f"{self._home.party}'s database is an old copy"
        if self._from is None or not self._to_ask:
            return ""
        made = dt.datetime.fromtimestamp(float(self._from.facts["made_at"]), dt.UTC)
        return f"{self._home.party}'s database is from a backup of {made:%Y-%m-%d %H:%M} UTC"

    def find(self, party: str, seen: Head, what: str) -> Refused:
        """Puts on record that a member has seen something of this log that isn't in it; the error to raise."""
        self.look()
        if self._found is None:
            with self._audit.entry() as entry:
                entry.record(FOUND, party=party, seen=seen.model_dump(mode="json"))
            self.look()
        return rolled_back(what)

    def require_whole(self) -> None:
        """Nothing, unless this node has forgotten something.

        Raises:
            Refused: it has.
        """
        if self._found is not None:
            seen, at = self._found.facts, dt.datetime.fromtimestamp(self._found.at, dt.UTC)
            number, party = seen["seen"]["sequence"], seen["party"]
            raise rolled_back(
                f"{party} saw another record {number} of {self._home.party} than it has, found on {at:%Y-%m-%d}"
            )

    async def settle(self, client: Client, check: Callable[[str, Kept], None]) -> None:
        """Asks those members what they saw that weren't asked yet, if need be.

        Args:
            check: raises if what a member saw of this log doesn't fit it.

        Raises:
            Refused: one saw another or a longer log. PeerError: one can't be asked.
        """
        self.require_whole()
        if not self._to_ask:
            return
        others = self._to_ask
        for party, kept in zip(others, await asyncio.gather(*(self._kept(client, one) for one in others)), strict=True):
            check(party, kept)
        if self._to_ask:
            self._to_ask = []
            with self._audit.entry() as entry:
                entry.record(COMPARED, parties=others)

    async def _kept(self, client: Client, party: str) -> Kept:
        """What a member keeps of this node's log."""
        try:
            about = await client.request(party, "GET", "/v1/about", timeout_s=ASK_S)
            return read_kept(party, about)
        except MpcgovError as error:
            raise PeerError(
                f"{self.text}, and {party} hasn't shown what it saw since: {error.message}",
                hint="no job runs here before all members have; docs/operations.md",
                code="restored",
            ) from None


def rolled_back(what: str) -> Refused:
    """The error of a job that an old copy of a database can't take part in."""
    return Refused(
        f"ledger rollback: {what}",
        hint="a node with an old copy of its database must not go on; docs/operations.md says what to do",
        code="rollback",
    )


def read_kept(party: str, about: Any) -> Kept:
    """What a member says of itself that it keeps of this node's log; nothing, if it says nothing."""
    kept = about.get("kept") if isinstance(about, dict) else None
    return Kept() if kept is None else validate(kept, Kept, f"{party}: heads")
