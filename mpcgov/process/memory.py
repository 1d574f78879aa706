"""Keeps what a process holds in memory, keys and rows and shares, from being written to a disk when it crashes."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys

PR_SET_DUMPABLE = 4


def no_dumps() -> None:
    """From now on this process leaves no core dump, and no other process of its user may look into it.

    The limit alone isn't enough: Linux ignores it where dumps are piped to a program, as most distributions do
    (core(5)). Only what isn't dumpable stays in memory.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def settle() -> None:
    """What was loaded stays, and isn't looked through for garbage any more; what loading took besides goes back to the
    system, where the C library can."""
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def tidy() -> None:
    """Frees what only refers to itself. Python looks for it by the number of objects, whatever buffers these hold."""
    gc.collect()
