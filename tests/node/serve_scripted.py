"""A node as a process, with a scripted worker that stays in a phase: `python serve_scripted.py HOME PHASE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mpcgov.node import daemon
from tests.node.network import ScriptedWorker


def supervisor() -> ScriptedWorker:
    worker = ScriptedWorker()
    if len(sys.argv) > 2:
        worker.gates[sys.argv[2]] = asyncio.Event()
    return worker


daemon.Supervisor = supervisor
daemon.serve(Path(sys.argv[1]))
