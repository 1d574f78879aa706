"""Takes from a process the right to open files, by the kernel's own means and without privileges (Linux, Landlock).

Source: Linux Documentation/userspace-api/landlock.rst. Everything that is open already stays usable. Threads that run
already stay as they are.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
ABI_ONLY = 1
RULE_PATH_BENEATH = 1
READ = 1 << 2 | 1 << 3
"""LANDLOCK_ACCESS_FS_READ_FILE and _READ_DIR: all that is left under the allowed folders."""
READ_FILE = 1 << 2
FS_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
TCP_BIND_AND_CONNECT = 0b11
ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


def kernel() -> Any:
    """The C library, through which the kernel is asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def known() -> bool:
    """Whether this kernel has Landlock."""
    return sys.platform == "linux" and _abi(kernel()) >= 1


def restrict(readable: Iterable[Path], libc: Any = None, *, dials: bool = False) -> bool:
    """From now on this process opens files to read them: these, and those below these folders and the ones of Python
    and of the packages that are loaded. It starts no program, and, unless it `dials`, binds or dials no TCP port.

    Returns:
        Whether the kernel does that for all of it; False on another system, or where threads run already.
    """
    if sys.platform != "linux":
        return False
    libc = libc or kernel()
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    alone = len(list(Path("/proc/self/task").iterdir())) == 1
    python = {sys.prefix, sys.base_prefix, sysconfig.get_paths()["stdlib"], "/lib", "/lib64", "/usr/lib"}
    return _restrict_files(libc, [*map(Path, python), *_loaded_packages(), *readable], dials) and alone


def _loaded_packages() -> list[Path]:
    """The folders of the packages that are loaded, wherever they were installed: parts of them may be loaded later."""
    top_level = [module for name, module in list(sys.modules.items()) if "." not in name]
    # Not those without a file: a namespace may be any folder.
    found = [getattr(module, "__path__", ()) for module in top_level if getattr(module, "__file__", None)]
    return [Path(folder) for folders in found for folder in folders]


def _abi(libc: Any) -> int:
    return int(libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ABI_ONLY))


def _restrict_files(libc: Any, readable: Iterable[Path], dials: bool) -> bool:
    abi = _abi(libc)
    if abi < 1:
        return False
    handled = (1 << FS_RIGHTS_BY_ABI.get(abi, 16)) - 1
    ports = TCP_BIND_AND_CONNECT if abi >= 4 and not dials else 0
    attributes = struct.pack("<QQQ", handled, ports, ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0)
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            if path.exists():
                _allow(libc, ruleset, path)
        return bool(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: Any, ruleset: int, path: Path) -> None:
    rights = READ if path.is_dir() else READ_FILE
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        libc.syscall(LANDLOCK_ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("<Qi", rights, opened), 0)
    finally:
        os.close(opened)
