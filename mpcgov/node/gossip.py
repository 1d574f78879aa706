"""Gives this node's approvals to the peers that lack them, and asks for theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from mpcgov.errors import MpcgovError
from mpcgov.node import peers
from mpcgov.node.book import Book
from mpcgov.node.peers import PeerClient
from mpcgov.node.store import JobRow

GOSSIP_EVERY = 5
"""How many ticks apart peers are asked that have this node's approval and owe theirs."""

Take = Callable[[str, str, dict[str, Any]], None]
"""Takes what a peer answers to an approval: job, party and answer."""


class Gossip:
    """The approvals of one node on their way. `spawn` starts work in the background; `take` takes what peers answer."""

    def __init__(
        self,
        book: Book,
        client: PeerClient,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        take: Take,
    ) -> None:
        self._book = book
        self._client = client
        self._spawn = spawn
        self._take = take
        self._pushing: set[tuple[str, str]] = set()
        self._delivered: set[tuple[str, str]] = set()
        self._unreached: set[str] = set()
        self._log = structlog.get_logger().bind(party=book.me)

    def push(self, row: JobRow, ticks: int) -> None:
        """Sends this node's approval to those that lack it, and every GOSSIP_EVERY ticks to those that owe theirs.

        A party that wasn't reached is tried with one job at a time: a thousand that wait for it are no reason to dial
        it a thousand times a second.
        """
        held = self._book.approvals(row.id)
        for party in row.parties:
            key = (row.id, party)
            settled = key in self._delivered and (party in held or ticks % GOSSIP_EVERY)
            tried = party in self._unreached and any(other == party for _, other in self._pushing)
            if party != self._book.me and key not in self._pushing and not settled and not tried:
                self._pushing.add(key)
                self._spawn(self._push(row.id, party, held[self._book.me]), f"push {row.id}")

    def forget(self, but: Sequence[JobRow]) -> None:
        """Nothing is kept of any job but these: all others are over."""
        kept = {row.id for row in but}
        self._delivered = {key for key in self._delivered if key[0] in kept}

    async def _push(self, job: str, party: str, own: bytes) -> None:
        try:
            answer = await peers.send_approval(self._client, job, party, own)
            self._unreached.discard(party)
            self._delivered.add((job, party))
            self._take(job, party, answer)
        except MpcgovError as error:
            (self._unreached.add if error.code == "unreachable" else self._unreached.discard)(party)
            self._log.debug("approval not delivered", job=job, peer=party, error=error.message)
        finally:
            self._pushing.discard((job, party))
