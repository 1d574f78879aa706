"""Every node keeps the last signed head of each other node's log, so that none can be set back, or shown in two forms.

Before a job deals anything its parties show each other the heads of their audit logs, which stand in one database with
the ledger, and tell what they last saw of one another. A node that is behind what a peer saw of it, or has something
else in that place, was restored from an old copy or changed: it refuses. So does a peer that is shown such a head; both
signed heads go on record. A head belongs to a party and its signing key: a key that a joined roster replaced starts a
new line, on record, and the old one is kept. After the commit the new head goes round once more, so that the spending
can't be undone.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sql

from mpcgov.errors import MpcgovError, PeerError, SpecError
from mpcgov.node.audit import AuditLog
from mpcgov.node.home import NodeHome
from mpcgov.node.restored import MOST_FORMER, Kept, Restored, rolled_back
from mpcgov.node.store import Store
from mpcgov.node.tables import HEADS
from mpcgov.spec.envelope import Envelope, open_envelope, sign
from mpcgov.spec.load import IN_LOOP_BYTES, canonical_json, parse_json, validate
from mpcgov.spec.statement import HEAD_TYPE, Head
from mpcgov.trust.client import Client

EXCHANGE_S = 5.0
REPLY_LIMIT_BYTES = IN_LOOP_BYTES
FORMER_HEADS = sql.Table(
    "heads",
    sql.MetaData(),
    sql.Column("party", sql.String(64), primary_key=True),
    sql.Column("sequence", sql.BigInteger, nullable=False),
    sql.Column("envelope", sql.LargeBinary, nullable=False),
)
"""What earlier versions kept, one head per party whatever its key. It is never made, only taken over and dropped."""

_PARTY = HEADS.c.party == sql.bindparam("party")
_LINE = (_PARTY, HEADS.c.signing_key == sql.bindparam("signing_key"))
_SEEN = (
    sql.select(HEADS.c.signing_key, HEADS.c.sequence, HEADS.c.envelope).where(_PARTY).order_by(HEADS.c.sequence.desc())
)
_KEPT = sql.select(HEADS.c.party).where(*_LINE)
_FORGET = sql.delete(HEADS).where(*_LINE, HEADS.c.sequence < sql.bindparam("sequence"))


class Shown(Kept):
    """What one node shows another: its own head, and what it keeps of the other's log."""

    head: Envelope


class Heads:
    """This node's view of the other nodes' logs."""

    def __init__(self, home: NodeHome, store: Store, audit: AuditLog) -> None:
        self._home = home
        self._store = store
        self._audit = audit
        self.restored = Restored(home, store, audit)

    def adopt(self) -> None:
        """Takes over the heads that an earlier version of this node kept, so that no peer is forgotten by an upgrade.

        One that today's key of its party doesn't bear out begins no line: it goes on record instead.
        """
        with self._store.read() as tx:
            if not sql.inspect(tx).has_table(FORMER_HEADS.name):
                return
            former = tx.execute(sql.select(FORMER_HEADS)).all()
        members = {card.id for card in self._home.joined()[0].parties}
        for row in former:
            try:
                envelope = parse_json(bytes(row.envelope), Envelope, "head")
                head = self._read(envelope, row.party) if row.party in members else None
            except MpcgovError:
                head = None
            if head is not None:
                self._keep({row.party: (head, envelope)})
            else:
                with self._audit.entry() as entry:
                    entry.record("head of another key", party=row.party, sequence=row.sequence)
        with self._store.write() as tx:
            FORMER_HEADS.drop(tx)

    def own(self) -> Head:
        """How far this node's own log goes."""
        return self._store.look_up(self._audit.last)

    def show(self, party: str) -> Shown:
        """What a peer is shown."""
        own = sign(self.own(), HEAD_TYPE, self._home.party, self._home.identity.signing_key)
        return Shown(head=own, **dict(self.kept(party)))

    def kept(self, party: str) -> Kept:
        """What this node keeps of a peer's log."""
        rows = self._store.look_up(_seen, party)
        found = {row.signing_key: parse_json(bytes(row.envelope), Envelope, "head") for row in rows}
        return Kept(seen=found.pop(self._key(party), None), former=tuple(found.values())[:MOST_FORMER])

    def answer(self, party: str, body: bytes) -> Shown:
        """Answers a peer that shows its head; keeps that, unless a later one was seen before.

        Raises:
            SpecError, PeerError: it isn't the peer's signed head. Refused: what the peer saw isn't in this node's log;
                it must not be answered, or the peer would keep today's head in its place.
        """
        theirs = parse_json(body, Shown, "head")
        self.restored.require_whole()
        self.check_own(party, theirs)
        head, answer = self._read(theirs.head, party), self.show(party)
        kept = None if answer.seen is None else self._read(answer.seen, party)
        if kept is None or kept.sequence < head.sequence:
            self._keep({party: (head, theirs.head)})
        return answer

    def check_own(self, party: str, kept: Kept) -> None:
        """Nothing, if what a peer keeps of this node's log fits the log as it is.

        A head under a key that this log never had is of another home, which the agency has given up.

        Raises:
            Refused: it doesn't; this node has an old copy of its database, or a changed one. PeerError: it's no head.
        """
        if kept.seen is not None:
            self._compare_own(party, self._read(kept.seen, self._home.party, party))
        for envelope, key in itertools.product(kept.former, self.restored.former_keys):
            with contextlib.suppress(SpecError):
                self._compare_own(party, open_envelope(envelope, HEAD_TYPE, Head, self._home.party, key))

    async def exchange(self, client: Client, job: str, parties: Iterable[str]) -> None:
        """Shows this node's head to the job's other parties, and looks at what they show.

        Raises:
            Refused: this node's log, or a peer's, is not what it was. PeerError: a peer can't be reached.
        """
        await self.restored.settle(client, self.check_own)
        others = [party for party in parties if party != self._home.party]
        answers = await asyncio.gather(*(self._ask(client, job, party) for party in others))
        self._keep({party: self._compared(party, *both) for party, both in zip(others, answers, strict=True)})

    async def announce(self, client: Client, job: str, parties: Iterable[str]) -> None:
        """Lets the peers see how far the log has come; those that can't be reached see it next time."""
        for party in parties:
            if party != self._home.party:
                with contextlib.suppress(MpcgovError):
                    await self._ask(client, job, party)

    async def _ask(self, client: Client, job: str, party: str) -> tuple[Shown, Shown]:
        """What this node showed a peer, and what the peer then showed."""
        own = self.show(party)
        body = canonical_json(own.model_dump(mode="json"))
        answer = await client.request(party, "POST", f"/v1/jobs/{job}/head", body, EXCHANGE_S, REPLY_LIMIT_BYTES)
        try:
            return own, validate(answer, Shown, f"{party}: head")
        except SpecError as error:
            raise PeerError(error.message, code="answer") from None

    def _compared(self, party: str, own: Shown, shown: Shown) -> tuple[Head, Envelope]:
        """What a peer shows, if neither its log nor this node's has been set back.

        It is compared with what was seen before the peer was asked: meanwhile the peer may have shown a later one.
        """
        self.check_own(party, shown)
        head, saw = self._read(shown.head, party), own.seen
        kept = None if saw is None else self._read(saw, party)
        if saw is None or kept is None or kept == head or kept.sequence < head.sequence:
            return head, shown.head
        with self._audit.entry() as entry:
            both = [saw.model_dump(mode="json"), shown.head.model_dump(mode="json")]
            entry.record("heads conflict", party=party, saw_and_shows=both)
        raise rolled_back(f"{self._home.party} saw record {kept.sequence} of {party}, which now shows {head.sequence}")

    def _compare_own(self, party: str, seen: Head) -> None:
        last, there = self.own(), self._store.look_up(self._audit.at, seen.sequence)
        if seen.sequence > last.sequence:
            what = f"{party} saw record {seen.sequence} of {self._home.party}, which has {last.sequence}"
            raise self.restored.find(party, seen, what)
        if there != seen:
            what = f"{party} saw another record {seen.sequence} of {self._home.party} than it has"
            raise self.restored.find(party, seen, what)

    def _read(self, envelope: Envelope, party: str, shown_by: str = "") -> Head:
        try:
            return _opened(envelope, party, self._key(party))
        except SpecError as error:
            raise PeerError(f"{shown_by or party}: no head of {party}'s log: {error.message}", code="head") from None

    def _keep(self, heads: Mapping[str, tuple[Head, Envelope]]) -> None:
        """Keeps the later one of each. They are signed by others, so that no record of ours needs to vouch for them.

        What is kept already isn't written again: each job's nodes show each other the same heads in both directions.
        """
        later = {party: shown for party, shown in heads.items() if self._is_later(party, shown[0])}
        if not later:
            return
        with self._store.write() as tx:
            for party, (head, envelope) in later.items():
                line = {"party": party, "signing_key": self._key(party)}
                tx.execute(_FORGET, line | {"sequence": head.sequence})
                if tx.execute(_KEPT, line).one_or_none() is None:
                    tx.execute(sql.insert(HEADS), line | {"sequence": head.sequence, "envelope": envelope.to_bytes()})

    def _is_later(self, party: str, head: Head) -> bool:
        """Whether a head is later than what is kept of its line. Puts on record that a party whose log was seen under
        another key shows one under its new key.

        A log that goes on has a higher number than it had.
        """
        found = self._store.look_up(_seen, party)
        key, former = self._key(party), {str(row.signing_key): int(row.sequence) for row in found}
        if former and key not in former:
            facts = {"signing_key": key, "sequence": head.sequence, "former": former, "roster": self._home.joined()[1]}
            with self._audit.entry() as entry:
                entry.record("new key", "", party=party, **facts)
        return former.get(key, 0) < head.sequence

    def _key(self, party: str) -> str:
        return self._home.joined()[0].member(party).signing_key


def _seen(tx: sql.Connection, party: str) -> Sequence[Any]:
    """What is kept of a party's log, by key, the highest number first."""
    return tx.execute(_SEEN, {"party": party}).all()


@lru_cache(maxsize=64)
def _opened(envelope: Envelope, party: str, key: str) -> Head:
    """A head that was shown with each job since is verified once."""
    return open_envelope(envelope, HEAD_TYPE, Head, party, key)
