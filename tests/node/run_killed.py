"""One node's job as a process that kills itself, without the network: reads lines HOME, MOMENT, EVENT, and three files
with the proposal and the other parties' approvals, with tabs between.

Forks. Each child is a node that starts, puts in order what the one before left, and takes the job through; its worker
deals into a pipe. Says what it ended by, and how many bytes were dealt.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from mpcgov.node import home as homes
from tests.node.alone import Dealing, started, take_through
from tests.node.failpoints import die_at

for line in sys.stdin:
    folder, moment, event, *paths = line.rstrip("\n").split("\t")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        home = homes.load(Path(folder))
        book, _ = started(home)
        die_at(moment, event)
        proposed, *theirs = (Path(path).read_bytes() for path in paths)
        take_through(home, book, proposed, theirs, Dealing(partial(os.write, writer, b"share")))
        os._exit(0)
    os.close(writer)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(os.read(reader, 100)), flush=True)
    os.close(reader)
