"""Where a node kills itself: `die_at(moment, event)`, in a process of its own.

MOMENT: `changed`, when the ledger has changed in a transaction that has no record yet; `recorded`, when the record of
the event is written and not yet durable; `durable`, as soon as it is; `headed`, when the signed head of the log says
so, before anything else follows.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from mpcgov.node import ledger
from mpcgov.node.audit import AuditLog
from mpcgov.node.heads import Heads

CHANGES = {"all-approved": "reserve", "read": "admit", "commit": "commit", "release": "settle"}
"""What changes the ledger when something happens."""
POINTS = [
    ("changed", "all-approved", None, False), ("recorded", "all-approved", None, False),
    ("durable", "all-approved", "void", False), ("headed", "all-approved", "void", False),
    ("changed", "read", "void", False), ("recorded", "read", "void", False),
    ("durable", "read", "void", False), ("headed", "read", "void", False),
    ("changed", "commit", "void", False), ("recorded", "commit", "void", False),
    ("durable", "commit", "final", False), ("headed", "commit", "final", False),
    ("recorded", "computed", "final", True), ("durable", "computed", "final", True),
    ("headed", "computed", "final", True), ("changed", "release", "final", True),
    ("recorded", "release", "final", True), ("durable", "release", "final", True),
    ("headed", "release", "final", True),
]  # fmt: skip
"""Every point; what the ledger says once the node is back, None for nothing; whether it has dealt anything by then."""


def die_at(moment: str, event: str) -> None:
    """Makes this process kill itself at that point."""
    if moment == "deferred":
        _die_before_the_head()
        return
    recorded: list[str] = []
    append, advance = AuditLog.append, AuditLog._advance_head

    def die_if(here: bool) -> None:
        if here:
            os.kill(os.getpid(), signal.SIGKILL)

    def appended(self: AuditLog, tx: Any, event_now: str, job: str, facts: dict[str, Any]) -> Any:
        head = append(self, tx, event_now, job, facts)
        recorded.append(event_now)
        die_if((moment, event) == ("recorded", event_now))
        return head

    def advanced(self: AuditLog, head: Any) -> None:
        die_if((moment, event) == ("durable", recorded[-1]))
        advance(self, head)
        die_if((moment, event) == ("headed", recorded[-1]))

    def dying_after(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*args: Any) -> Any:
            result = change(*args)
            die_if(event != "release" or "computed" in recorded)  # what was under way before has to be settled first
            return result

        return changed

    AuditLog.append, AuditLog._advance_head = appended, advanced
    AuditLog.gather = lambda self, later: None  # a head for each record, so that there is such a point after each
    if moment == "changed":
        setattr(ledger, CHANGES[event], dying_after(getattr(ledger, CHANGES[event])))


def _die_before_the_head() -> None:
    announce, settle, seen = Heads.announce, AuditLog.settle, threading.Event()

    async def announced(self: Heads, *args: Any) -> None:
        await announce(self, *args)
        seen.set()

    def settled(self: AuditLog) -> None:
        if self._later is None:  # it doesn't serve yet, and writes each head at once
            settle(self)
            return
        seen.wait()
        os.kill(os.getpid(), signal.SIGKILL)

    Heads.announce, AuditLog.settle = announced, settled
