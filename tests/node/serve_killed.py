"""Nodes as processes that kill themselves: reads lines HOME, MOMENT, EVENT, with tabs between.

Forks, so that a node is there at once; says its process id, and then what it ended by.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mpcgov.node import daemon
from tests.node.failpoints import die_at
from tests.node.network import ScriptedWorker

for line in sys.stdin:
    home, moment, event = line.rstrip("\n").split("\t")
    child = os.fork()
    if child == 0:
        os.close(0)
        die_at(moment, event)
        daemon.Supervisor = lambda **_: ScriptedWorker()
        daemon.serve(Path(home))
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
