"""Takes from a process system calls that Landlock leaves it, by the kernel's means and without privileges (seccomp).

Refused calls fail with EPERM; calls of another architecture end the process. It holds for all threads, also those that
run already. Source: Linux Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from dataclasses import dataclass
from typing import Any

from mpcgov.process import landlock

SET_MODE_FILTER, GET_ACTION_AVAIL, FILTER_FLAG_TSYNC = 1, 2, 1
ALLOW, KILL, EPERM = 0x7FFF0000, 0x80000000, 0x00050001
LOAD_WORD, AND, JUMP, JUMP_IF_EQUAL, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x06
CALL, ARCHITECTURE, ARGUMENTS = 0, 4, (16, 24)
"""Where the filter finds them; of an argument the lower half, which is all that the kernel takes of these."""
X32_CALLS = 0x40000000

INTERNET = (2, 10)
"""AF_INET and AF_INET6 of Linux."""
STREAM, TYPE_BITS, ALL_BITS = 1, 0xF, 0xFFFFFFFF


@dataclass(frozen=True)
class Machine:
    """What calls are named on one kind of machine.

    `dialling`: socket, connect and bind. `refused`, to everybody: execve, execveat, ptrace, process_vm_readv,
    process_vm_writev, pidfd_getfd, io_uring_setup, open_by_handle_at. Then what Landlock leaves to any process of a
    file's owner (chmod, fchmod, fchmodat, fchmodat2, chown, fchown, lchown, fchownat, utime, utimes, futimesat,
    utimensat, setxattr, lsetxattr, fsetxattr, setxattrat, removexattr, lremovexattr, fremovexattr, removexattrat,
    file_setattr) or older kernels' does (truncate; signals by kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo,
    pidfd_send_signal): keys could be made readable, and the node killed.
    """

    architecture: int
    seccomp: int
    dialling: tuple[int, int, int]
    socketpair: int
    prlimit: int
    refused: tuple[int, ...]


MACHINES = {
    "x86_64": Machine(0xC000003E, 317, (41, 42, 49), 53, 302, (
        59, 322, 101, 310, 311, 438, 425, 304,
        90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280, 188, 189, 190, 463, 197, 198, 199, 466,
        469, 76, 62, 200, 234, 129, 297, 424,
    )),
    "aarch64": Machine(0xC00000B7, 277, (198, 203, 200), 199, 261, (
        221, 281, 117, 270, 271, 438, 425, 265,
        52, 53, 452, 55, 54, 88, 5, 6, 7, 463, 14, 15, 16, 466,
        469, 45, 129, 130, 131, 138, 240, 424,
    )),
}  # fmt: skip


class _Program(ctypes.Structure):
    """struct sock_fprog: how many instructions, and where."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def known() -> bool:
    """Whether this kernel can refuse calls."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return False
    action, number = ctypes.c_uint32(EPERM & 0xFFFF0000), MACHINES[platform.machine()].seccomp
    return bool(landlock.kernel().syscall(number, GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0)


def refuse(libc: Any = None, *, dials: bool = False) -> bool:
    """From now on this process runs no program, changes no file's rights, harms no other process and gets no socket but
    pairs of streams, or, if it `dials`, those of the Internet's protocols. `landlock.restrict` comes first.

    Returns:
        Whether the kernel does that; False on another system or machine.
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return False
    machine = MACHINES[platform.machine()]
    rules = program(machine, dials=dials)
    given = _Program(len(rules), b"".join(rules))
    done = (libc or landlock.kernel()).syscall(machine.seccomp, SET_MODE_FILTER, FILTER_FLAG_TSYNC, ctypes.byref(given))
    return bool(done == 0)


def program(machine: Machine, *, dials: bool) -> list[bytes]:
    """The filter's instructions."""
    refused = machine.refused if dials else (*machine.dialling, *machine.refused)
    return [
        _rule(LOAD_WORD, ARCHITECTURE),
        _rule(JUMP_IF_EQUAL, machine.architecture, 1, 0),
        _rule(RETURN, KILL),
        _rule(LOAD_WORD, CALL),
        _rule(JUMP_IF_AT_LEAST, X32_CALLS, len(refused) + 1, 0),
        *(_rule(JUMP_IF_EQUAL, call, len(refused) - i, 0) for i, call in enumerate(refused)),
        _rule(JUMP, 1),
        _rule(RETURN, EPERM),
        *(_only(machine.dialling[0], 0, ALL_BITS, INTERNET) if dials else ()),
        # Pairs of datagram sockets send to any socket that has a name.
        *_only(machine.socketpair, 1, TYPE_BITS, (STREAM,)),
        # Limits of its own, which is 0; those of another process would end it.
        *_only(machine.prlimit, 0, ALL_BITS, (0,)),
        _rule(RETURN, ALLOW),
    ]


def _only(call: int, argument: int, bits: int, values: tuple[int, ...]) -> list[bytes]:
    """Refuses a call unless these bits of an argument are one of these values."""
    return [
        _rule(LOAD_WORD, CALL),
        _rule(JUMP_IF_EQUAL, call, 0, len(values) + 3),
        _rule(LOAD_WORD, ARGUMENTS[argument]),
        _rule(AND, bits),
        *(_rule(JUMP_IF_EQUAL, value, len(values) - i, 0) for i, value in enumerate(values)),
        _rule(RETURN, EPERM),
    ]


def _rule(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
