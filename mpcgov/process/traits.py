"""What a process is called, and that it ends with another; on Linux only, elsewhere neither."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15


def name(text: str) -> None:
    """What `ps` and `top` call this process: at most fifteen ASCII characters. Forked ones inherit it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, text.encode(), 0, 0, 0)


def end_with(parent: int) -> None:
    """From now on this process is killed when its parent, whose number is given, ends, however it does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before
        os._exit(0)
