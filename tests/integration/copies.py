"""Nodes as copies of the tests' process: each is a process of its own, and nothing is loaded once more for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

from mpcgov.cli.main import run
from mpcgov.node import template
from mpcgov.process import traits


class Copy:
    """A process that runs `mpcgov node serve`; of `subprocess.Popen`, what networks need.

    Its children are forked from the templates of the tests' process.
    """

    def __init__(self, home: Path, log: Path) -> None:
        template.prepare()
        lent = template.lend()
        forking = multiprocessing.get_context("fork")
        self._process = forking.Process(target=_serve, args=(os.getpid(), home, log, lent), daemon=True)
        self._process.start()
        if lent is not None:
            lent.leave()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout_s: float | None = None) -> int:
        self._process.join(timeout_s)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a node", timeout_s or 0.0)
        return self._process.exitcode


def _serve(parent: int, home: Path, log: Path, lent: template.Lent | None) -> None:
    """What a copy does, without what pytest has changed in its process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    traits.end_with(parent)
    os.setsid()
    warnings.resetwarnings()
    if lent is not None:
        template.use(lent)
    with log.open("wb") as stream:
        for standard in (1, 2):
            os.dup2(stream.fileno(), standard)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.exit(run(["node", "serve", "--home", str(home)]))
