"""Tells people and systems what happens, beside the jobs: nothing here is waited for by any of them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sql
import structlog

from mpcgov import keys
from mpcgov.clock import Clock
from mpcgov.errors import LocalError, MpcgovError
from mpcgov.node.budget import balances_of
from mpcgov.node.home import NodeHome
from mpcgov.node.notify import channels, queue
from mpcgov.node.notify.config import Notify
from mpcgov.node.notify.letters import TEST, Sender, letter, payload
from mpcgov.node.notify.queue import Notice
from mpcgov.node.store import Store
from mpcgov.trust import consortium

T = TypeVar("T")

LOOK_S = 1.0
RARELY_S = 3600.0
LOW_PERCENT = 80
CERTIFICATE_DAYS = (60, 14, 3)
"""So many days before its end a certificate is told of, once each."""


class Notifier:
    """The notices of one running node; does nothing unless node.yaml says so."""

    def __init__(self, home: NodeHome, store: Store, clock: Clock) -> None:
        self._home = home
        self._store = store
        self._clock = clock
        self._log = structlog.get_logger().bind(party=home.party)
        self._task: asyncio.Task[None] | None = None
        self._looked_at: float | None = None
        self._beside: set[asyncio.Future[Any]] = set()

    def start(self) -> None:
        """Tells from now on."""
        if (wanted := self._home.config.notify) is not None:
            self._task = asyncio.create_task(self._go_on(wanted))

    async def stop(self) -> None:
        """What is still to be told stays in the database."""
        if self._task is not None:
            self._task.cancel()
            # The database is closed soon: what a thread does with it must be over.
            await asyncio.gather(self._task, *self._beside, return_exceptions=True)

    async def _go_on(self, wanted: Notify) -> None:
        while True:
            try:
                await self._in_thread(self._gather, wanted)
                await asyncio.gather(*(self._deliver(wanted, channel) for channel in wanted.channels))
            except MpcgovError as error:
                self._log.error("notices wait", error=error.message)
            except Exception as error:
                self._log.error("notices wait", error=type(error).__name__)
            await asyncio.sleep(LOOK_S)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Works with the database beside the event loop."""
        future = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
        self._beside.add(future)
        future.add_done_callback(self._beside.discard)
        return await asyncio.shield(future)

    def _gather(self, wanted: Notify) -> None:
        """Turns what has happened, and what runs low, into notices."""
        now = self._clock.now()
        with self._store.write() as tx:
            lost = queue.gather(tx, wanted.channels, wanted.events, now)
            if self._looked_at is None or now - self._looked_at >= RARELY_S:
                self._looked_at = now
                self._run_low(tx, wanted, now)
        if lost:
            self._log.error("notices were dropped: too many wait", dropped=lost)

    def _run_low(self, tx: sql.Connection, wanted: Notify, now: float) -> None:
        if "budget" in wanted.events:
            for name in self._home.datasets().root:
                for one in balances_of(tx, name):
                    what = f"budget {one.dataset} {one.unit} {one.measure} {one.total}"[:300]
                    low = one.total > 0 and one.spent * 100 >= one.total * LOW_PERCENT
                    if low and queue.once(tx, what, now):
                        queue.add(tx, wanted.channels, "budget", {"percent": LOW_PERCENT}, now)
        if "certificate" in wanted.events:
            for card in consortium.members(self._home.joined()[0]):
                end = keys.certificate_end(card.certificate)
                days = (end - dt.datetime.fromtimestamp(now, dt.UTC)).days
                reached = [most for most in CERTIFICATE_DAYS if days <= most]
                if reached and queue.once(tx, f"certificate {card.certificate_digest} {min(reached)}", now):
                    facts = {"member": card.id, "until": end.date().isoformat(), "days": max(0, days)}
                    queue.add(tx, wanted.channels, "certificate", facts, now)

    async def _deliver(self, wanted: Notify, channel: str) -> None:
        """Tells what is due by a channel; what isn't taken comes again later, and with it what is due after it."""
        for notice in await self._in_thread(self._due, channel):
            try:
                await deliver(self._home, wanted, notice)
            except MpcgovError as error:
                kept = await self._in_thread(self._put_off, notice)
                text = "a notice wasn't taken" if kept else "a notice is given up"
                self._log.warning(text, notice=notice.event, channel=channel, error=error.message)
                return
            await self._in_thread(self._done, notice)

    def _due(self, channel: str) -> list[Notice]:
        with self._store.read() as tx:
            return queue.due(tx, channel, self._clock.now())

    def _put_off(self, notice: Notice) -> bool:
        with self._store.write() as tx:
            return queue.put_off(tx, notice, self._clock.now())

    def _done(self, notice: Notice) -> None:
        with self._store.write() as tx:
            queue.done(tx, notice)


async def deliver(home: NodeHome, wanted: Notify, notice: Notice) -> None:
    """Tells one thing by its channel.

    Raises:
        PeerError: it wasn't taken. LocalError: a secret can't be read.
    """
    sender = Sender(home.party, home.joined()[0].coordinator.id, wanted.language)
    if notice.channel == "webhook" and wanted.webhook is not None:
        body = payload(sender, notice.event, notice.facts, notice.number)
        await channels.post(home.path, wanted.webhook, body)
    elif notice.channel == "email" and wanted.email is not None:
        written = letter(sender, notice.event, notice.facts)
        await channels.mail(home.path, wanted.email, written, notice.number, home.party)


async def try_out(home: NodeHome) -> dict[str, str]:
    """Sends a test notice by each channel, at once; by channel what went wrong, "" if nothing did.

    Raises:
        LocalError: node.yaml names no channel.
    """
    wanted = home.config.notify
    if wanted is None:
        raise LocalError(f"{home.path}: node.yaml tells nobody", hint="see notify in docs/operations.md", code="notify")
    found = {}
    for channel in wanted.channels:
        try:
            await deliver(home, wanted, Notice(0, channel, TEST, {}, 0.0, 0))
            found[channel] = ""
        except MpcgovError as error:
            found[channel] = error.line()
    return found
