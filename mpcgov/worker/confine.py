"""Shuts the computing child in, so that even code an attacker got to run there finds no file, network or program.

Linux only, by the kernel's own means and without privileges: Landlock leaves the file system readable where Python,
what is loaded and the protocol are, and nowhere else; seccomp refuses new sockets, programs and looks into other
processes. The sockets and the pipe that came with the order stay usable, and can't be added to. Where the kernel has
neither, the job runs unconfined and the node's log says so. Sources: Linux Documentation/userspace-api/landlock.rst,
seccomp_filter.rst.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from mpcgov import registry

PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
ABI_ONLY = 1
RULE_PATH_BENEATH = 1
READ = 1 << 2 | 1 << 3
"""LANDLOCK_ACCESS_FS_READ_FILE and _READ_DIR: all that is left under the allowed folders."""
FS_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP_BIND_AND_CONNECT = 0b11
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11

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
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    alone = len(list(Path("/proc/self/task").iterdir())) == 1
    readable = {sys.prefix, sys.base_prefix, sysconfig.get_paths()["stdlib"], "/lib", "/lib64", "/usr/lib"}
    files = _restrict_files(libc, [*map(Path, readable), *_loaded_packages(), registry.PACKAGE, protocol_folder])
    return _refuse_calls(libc) and files and alone


def _loaded_packages() -> list[Path]:
    """The folders of the packages that are loaded, wherever they were installed: parts of them may be loaded later."""
    top_level = [module for name, module in list(sys.modules.items()) if "." not in name]
    # Not those without a file: a namespace may be any folder.
    found = [getattr(module, "__path__", ()) for module in top_level if getattr(module, "__file__", None)]
    return [Path(folder) for folders in found for folder in folders]


def _restrict_files(libc: ctypes.CDLL, readable: Iterable[Path]) -> bool:
    abi = libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ABI_ONLY)
    if abi < 1:
        return False
    handled = (1 << FS_RIGHTS_BY_ABI.get(abi, 16)) - 1
    attributes = struct.pack(
        "<QQQ", handled, TCP_BIND_AND_CONNECT if abi >= 4 else 0, ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0
    )
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            if path.is_dir():
                _allow(libc, ruleset, path)
        return bool(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        libc.syscall(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("<Qi", READ, folder), 0)
    finally:
        os.close(folder)


class _Program(ctypes.Structure):
    """struct sock_fprog: how many instructions, and where."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _refuse_calls(libc: ctypes.CDLL) -> bool:
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
