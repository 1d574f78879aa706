"""Nodes in processes of their own, forked from one that has loaded all they need, so that each is there at once."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mpcgov.node import daemon, ends, service
from tests.node.failpoints import die_at
from tests.node.network import ScriptedWorker
from tests.patience import LONG_S

FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload([__name__])


class Apart:
    """A process that does one thing, with something to read what it says from."""

    def __init__(self, does: Callable[..., None], *given: Any) -> None:
        self._reading, writing = FORKING.Pipe(duplex=False)
        with writing:
            self._process = FORKING.Process(target=_begin, args=(writing, does, *given), daemon=True)
            self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Unless it has ended."""
        if self._process.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def says(self, words: str) -> None:
        """Returns once it has said this; fails if it ends before."""
        async with asyncio.timeout(LONG_S):
            said = b""
            while words.encode() not in said:
                more = await asyncio.to_thread(self._read)
                assert more, f"ended without saying {words!r}:\n{said.decode()}"
                said += more

    async def wait(self) -> int:
        """What it ended by, as `subprocess` has it."""
        await asyncio.to_thread(self._process.join, LONG_S)
        assert self._process.exitcode is not None, "it never ended"
        return self._process.exitcode

    async def close(self) -> None:
        """Ends it, even if it was stopped."""
        for number in (signal.SIGKILL, signal.SIGCONT):
            self.send_signal(number)
        await self.wait()
        self._process.close()
        self._reading.close()

    def _read(self) -> bytes:
        return os.read(self._reading.fileno(), 1 << 16) if self._reading.poll(LONG_S) else b""


def _begin(writing: Connection, does: Callable[..., None], *given: Any) -> None:
    for standard in (1, 2):
        os.dup2(writing.fileno(), standard)
    does(*given)


def staying(home: Path, phase: str | None) -> None:
    """A node whose next job stays in a phase.

    It has all the time in the world to tell the others of an end; without `phase` also to stop, so that who waits for
    something is noticed on any machine.
    """

    def supervisor(**_: object) -> ScriptedWorker:
        worker = ScriptedWorker()
        ends.TELL_S = service.TELL_S = 600.0
        if phase is not None:
            worker.gates[phase] = asyncio.Event()
        else:
            daemon.SHUTDOWN_S = 600.0
        return worker

    daemon.Supervisor = supervisor
    daemon.serve(home)


def dying(home: Path, moment: str, event: str) -> None:
    """A node that kills itself where `tests.node.failpoints` says."""
    die_at(moment, event)
    daemon.Supervisor = lambda **_: ScriptedWorker()
    daemon.serve(home)
