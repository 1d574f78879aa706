"""Templates that begin as a copy of a command's process, which has loaded what they both would load: see ADR 17.

For what one person runs on one machine. A node's templates never are copies of it: it holds a key, and more.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from mpcgov.node import template
from mpcgov.node.process import ONE_THREAD


def prepare() -> None:
    """Has templates start to load, if they don't yet: as copies of this process, if it has done nothing else so far."""
    if not template.CAN_FORK or "numpy" in sys.modules or threading.active_count() > 1:
        template.prepare()
        return
    os.environ |= ONE_THREAD  # a copy would lack the other ones
    importlib.import_module("mpcgov.trial.simulation")
    template.prepare(Copy)


class Copy:
    """A copy of this process that becomes both templates; of `subprocess.Popen`, what these need."""

    def __init__(self, sockets: Sequence[int], environ: Mapping[str, str]) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(sockets, environ)
        self._held = os.pidfd_open(self.pid)
        self._status: int | None = None

    def kill(self) -> None:
        """Ends it."""
        if self._status is None:
            signal.pidfd_send_signal(self._held, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises: subprocess.TimeoutExpired: it hasn't ended by then."""
        if self._status is None:
            ending = select.poll()
            ending.register(self._held, select.POLLIN)
            if not ending.poll(None if timeout is None else 1000 * timeout):
                raise subprocess.TimeoutExpired("templates", timeout or 0.0)
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._held)
        return self._status


def _become(sockets: Sequence[int], environ: Mapping[str, str]) -> NoReturn:
    """Goes on as a process that was started to be the templates would."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1):
            os.dup2(nowhere, number)
        for number in {int(one.name) for one in Path("/proc/self/fd").iterdir()} - {0, 1, 2, *sockets}:
            with contextlib.suppress(OSError):  # that of the list itself
                os.close(number)
        os.environ.clear()
        os.environ.update(environ)
        if not sys.flags.safe_path:  # modules come from where Python is installed, never from the folder of now
            del sys.path[0]
        sys.argv = ["mpcgov-worker", "templates", *map(str, sockets)]
        importlib.import_module("mpcgov.worker.__main__").main()
    except BaseException:  # what was to be done where this process was copied is for that one alone
        traceback.print_exc()
    finally:
        os._exit(1)
