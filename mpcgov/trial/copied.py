"""Nodes of one person on one machine, each a process of its own that is a copy of this one: so all is loaded once.

Copies are made before there is any key, and share the templates of this process (see ADR 17). A copy has its own keys,
database, address and log, and ends with this process, however that does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from mpcgov.errors import MpcgovError
from mpcgov.node import daemon, template
from mpcgov.process import traits


class Copy:
    """A copy of this process that waits for a home, and then is its node; of `subprocess.Popen`, what nodes need."""

    def __init__(self) -> None:
        lent = template.lend()
        receiving, self._giving = multiprocessing.Pipe(duplex=False)
        with receiving:
            # The main thread's alone: nothing else runs that a copy could lack.
            copying = multiprocessing.get_context("fork")
            self._process = copying.Process(target=_wait, args=(os.getpid(), receiving, lent), daemon=True)
            self._process.start()
        if lent is not None:
            lent.leave()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._process.exitcode

    def serve(self, home: Path, log: Path) -> None:
        """Has it serve the node in this home from now on, and write to this log."""
        for path in (home, log):
            self._giving.send_bytes(os.fsencode(path.absolute()))

    def close(self) -> None:
        """Ends it, if it hasn't ended."""
        self._giving.close()
        self.kill()
        self._process.join()

    def poll(self) -> int | None:
        """As `returncode`."""
        return self.returncode

    def terminate(self) -> None:
        """Asks it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """Ends it."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises: subprocess.TimeoutExpired: it hasn't ended by then."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("a node", timeout or 0.0)
        return self.returncode


def _wait(parent: int, receiving: Connection, lent: template.Lent | None) -> None:
    """What a copy does: nothing until it is given a home."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    traits.end_with(parent)
    traits.name("mpcgov-node")
    os.setsid()
    if lent is not None:
        template.use(lent)
    home, log = (Path(os.fsdecode(receiving.recv_bytes())) for _ in range(2))
    with log.open("wb") as stream:
        for standard in (1, 2):
            os.dup2(stream.fileno(), standard)
    # What this process had may write elsewhere, as pytest's does.
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    try:
        daemon.serve(home)
    except MpcgovError as error:
        sys.stderr.write(f"mpcgov: {error.line()}\n")
        sys.exit(error.exit_status)
