"""A home that came from a backup takes part in no job before every other member has shown what it saw of its log.

A job's parties show each other the heads of their logs anyway. But what was spent since the backup may have been in
jobs with other members than those of the next job. So a restored node asks all of them, once.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

from mpcgov.errors import MpcgovError, PeerError
from mpcgov.node.audit import AuditLog
from mpcgov.node.home import NodeHome
from mpcgov.node.record import Record
from mpcgov.node.store import Store
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import validate
from mpcgov.trust.client import Client

RESTORED = "restored"
"""The event of the record with which a restored log goes on."""
COMPARED = "restored log compared"
"""The event by which it is known that no member had seen more of it."""
ASK_S = 5.0


class Restored:
    """Whether this node's log was restored and not yet compared with what all members saw of it."""

    def __init__(self, home: NodeHome, store: Store, audit: AuditLog) -> None:
        self._home = home
        self._store = store
        self._audit = audit
        self._from: Record | None = None

    def look(self) -> None:
        """Looks it up in the log."""
        with self._store.read() as tx:
            found = self._audit.of(tx, RESTORED, COMPARED)
        self._from = found[-1] if found and found[-1].event == RESTORED else None

    @property
    def text(self) -> str:
        """What people should know of it; "" if there is nothing."""
        if self._from is None:
            return ""
        made = dt.datetime.fromtimestamp(float(self._from.facts["made_at"]), dt.UTC)
        return f"{self._home.party}'s database is from a backup of {made:%Y-%m-%d %H:%M} UTC"

    async def settle(self, client: Client, check: Callable[[str, Envelope], None]) -> None:
        """Asks all members what they saw, if need be; nothing to ask for from then on.

        Args:
            check: raises if what a member saw of this log doesn't fit it.

        Raises:
            Refused: one saw another or a longer log. PeerError: one can't be asked.
        """
        if self._from is None:
            return
        others = [card.id for card in self._home.joined()[0].parties if card.id != self._home.party]
        for party, seen in zip(others, await asyncio.gather(*(self._seen(client, one) for one in others)), strict=True):
            if seen is not None:
                check(party, seen)
        if self._from is not None:
            self._from = None
            with self._audit.entry() as entry:
                entry.record(COMPARED, parties=others)

    async def _seen(self, client: Client, party: str) -> Envelope | None:
        """The last head of this node's log that a member keeps; None if it has seen none."""
        try:
            about = await client.request(party, "GET", "/v1/about", timeout_s=ASK_S)
            seen = about.get("seen") if isinstance(about, dict) else None
            return None if seen is None else validate(seen, Envelope, f"{party}: head")
        except MpcgovError as error:
            raise PeerError(
                f"{self.text}, and {party} hasn't shown what it saw since: {error.message}",
                hint="no job runs here before all members have; docs/operations.md",
                code="restored",
            ) from None
