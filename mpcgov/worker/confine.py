"""Shuts the computing child in, so that even code an attacker got to run there finds no file, network or program.

Linux only, by the kernel's own means and without privileges: Landlock leaves the file system readable where Python,
what is loaded and the protocol are, and nowhere else; seccomp refuses new sockets, programs and looks into other
processes. The sockets and the pipe that came with the order stay usable, and can't be added to. Where the kernel has
neither, the job runs unconfined and the node's log says so. Sources: Linux Documentation/userspace-api/landlock.rst,
seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from pathlib import Path
from typing import Any

from mpcgov import registry
from mpcgov.process import landlock

SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC = 1, 1
SECCOMP_RET_ALLOW, SECCOMP_RET_KILL, SECCOMP_RET_EPERM = 0x7FFF0000, 0x80000000, 0x00050001
LOAD_WORD, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
X32_CALLS = 0x40000000

# By machine: audit architecture, number of seccomp(2), and the system calls that are refused: socket, connect, bind,
# execve, execveat, ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, io_uring_setup, open_by_handle_at. Then
# what Landlock leaves to any process of a file's owner (chmod, fchmod, fchmodat, fchmodat2, chown, fchown, lchown,
# fchownat, utime, utimes, futimesat, utimensat, setxattr, lsetxattr, fsetxattr) or older kernels' does (truncate;
# signals by kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, pidfd_send_signal): keys could be made readable,
# and the node killed.
MACHINES = {
    "x86_64": (0xC000003E, 317, (
        41, 42, 49, 59, 322, 101, 310, 311, 438, 425, 304,
        90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280, 188, 189, 190, 76, 62, 200, 234, 129, 297, 424,
    )),
    "aarch64": (0xC00000B7, 277, (
        198, 203, 200, 221, 281, 117, 270, 271, 438, 425, 265,
        52, 53, 452, 55, 54, 88, 5, 6, 7, 45, 129, 130, 131, 138, 240, 424,
    )),
}  # fmt: skip


def confine(protocol_folder: Path) -> bool:
    """From now on this process reads only Python's and mpcgov's own files, and starts nothing.

    Returns:
        Whether both means were in force for all of it; False on another system or an old kernel, or where threads run
        already, which Landlock leaves as they are.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return False
    libc = landlock.kernel()
    files = landlock.restrict([registry.PACKAGE, protocol_folder], libc)
    return _refuse_calls(libc) and files


class _Program(ctypes.Structure):
    """struct sock_fprog: how many instructions, and where."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _refuse_calls(libc: Any) -> bool:
    architecture, seccomp, refused = MACHINES[platform.machine()]
    rules = [
        _rule(LOAD_WORD, 4),
        _rule(JUMP_IF_EQUAL, architecture, 1, 0),
        _rule(RETURN, SECCOMP_RET_KILL),
        _rule(LOAD_WORD, 0),
        _rule(JUMP_IF_AT_LEAST, X32_CALLS, len(refused) + 1, 0),
        *(_rule(JUMP_IF_EQUAL, call, len(refused) - i, 0) for i, call in enumerate(refused)),
        _rule(RETURN, SECCOMP_RET_ALLOW),
        _rule(RETURN, SECCOMP_RET_EPERM),
    ]
    program = _Program(len(rules), b"".join(rules))
    return bool(libc.syscall(seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program)) == 0)


def _rule(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
