"""Shuts the computing child in, so that even code an attacker got to run there finds no file, network or program.

Linux only, by the kernel's own means and without privileges: Landlock leaves the file system readable where Python,
what is loaded and the protocol are, and nowhere else; seccomp refuses new sockets, programs and looks into other
processes. The sockets and the pipe that came with the order stay usable, and can't be added to. Where the kernel has
neither, the job runs unconfined and the node's log says so. Who unpickles is never run so: `worker/placing.py`.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from mpcgov import registry
from mpcgov.process import landlock, seccomp


def confine(protocol_folder: Path) -> bool:
    """From now on this process reads only Python's and mpcgov's own files, and starts nothing.

    Returns:
        Whether both means were in force for all of it; False on another system or an old kernel, or where threads run
        already, which Landlock leaves as they are.
    """
    if sys.platform != "linux" or platform.machine() not in seccomp.MACHINES:
        return False
    libc = landlock.kernel()
    files = landlock.restrict([registry.PACKAGE, protocol_folder], libc)
    return seccomp.refuse(libc) and files
