"""A node as a process that kills itself at a point of its ledger: `python serve_killed.py HOME MOMENT EVENT`.

MOMENT: `recorded`, when the record of the event is written and not yet durable; `durable`, as soon as it is.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from mpcgov.node import daemon
from mpcgov.node.audit import AuditLog
from tests.node.network import ScriptedWorker

_, HOME, MOMENT, EVENT = sys.argv
recorded: list[str] = []
append, advance = AuditLog.append, AuditLog._advance_head


def append_or_die(self: AuditLog, tx: Any, event: str, job: str, facts: dict[str, Any]) -> Any:
    head = append(self, tx, event, job, facts)
    recorded.append(event)
    if ("recorded", event) == (MOMENT, EVENT):
        os.kill(os.getpid(), signal.SIGKILL)
    return head


def advance_or_die(self: AuditLog, head: Any) -> None:
    if MOMENT == "durable" and recorded[-1] == EVENT:
        os.kill(os.getpid(), signal.SIGKILL)
    advance(self, head)


AuditLog.append, AuditLog._advance_head = append_or_die, advance_or_die  # type: ignore[method-assign]
daemon.Supervisor = ScriptedWorker  # type: ignore[assignment, misc]
daemon.serve(Path(HOME))
