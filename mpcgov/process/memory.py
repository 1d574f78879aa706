"""What a process holds in memory, keys and rows and shares: kept from being written to a disk when it crashes; and what
becomes of it when it is freed."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys

PR_SET_DUMPABLE = 4
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
ARENAS = 2
MOST_MAPPED_BYTES = 32 << 20
"""What the C library's own rule comes to, too, once it has freed an array of so many bytes; it takes no more."""


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
    give_back()


def give_back() -> None:
    """What was freed goes back to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def few_arenas() -> None:
    """Threads that begin from now on get memory from the same few heaps, and not each from one of its own, which stays
    as large as it ever was. They wait for Python's lock anyway."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(M_ARENA_MAX, ARENAS)


def tidy() -> None:
    """Frees what only refers to itself. Python looks for it by the number of objects, whatever buffers these hold."""
    gc.collect()


def keep_freed() -> None:
    """The memory of arrays of up to MOST_MAPPED_BYTES is used again for the next ones, where the C library can.

    Else arrays of more than 128 kB come from the system, and go back to it, each time, until large ones have been
    freed; and to be given a page takes as long as to compute with it. What is free at the end of the heap goes back
    once it is more than twice that. What lies below an array that is still there stays.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(M_MMAP_THRESHOLD, MOST_MAPPED_BYTES)
        set_option(M_TRIM_THRESHOLD, 2 * MOST_MAPPED_BYTES)
