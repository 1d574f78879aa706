"""A node as a process, with a scripted worker that stays in a phase: `python serve_scripted.py HOME PHASE`.

It has all the time in the world to tell the others of an end; without PHASE also to stop, so that who waits for
something is noticed on any machine.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mpcgov.node import daemon, ends, service
from tests.node.network import ScriptedWorker


def supervisor(**_: object) -> ScriptedWorker:
    worker = ScriptedWorker()
    ends.TELL_S = service.TELL_S = 600.0
    if len(sys.argv) > 2:
        worker.gates[sys.argv[2]] = asyncio.Event()
    else:
        daemon.SHUTDOWN_S = 600.0
    return worker


daemon.Supervisor = supervisor
daemon.serve(Path(sys.argv[1]))
