"""Processes that children are forked from: each has loaded what a kind of child needs, and holds no key and no data.

Loading takes a second, a fork a hundredth of it. Templates are started without anything of a job and never learn
anything of one: what a job is about goes to the forked child, on a socket that its template closes unread. There are
two, one for each kind of child. They load together what both kinds need, and end together. See ADR 17.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from mpcgov.node.process import Forked, Kind, environment

CAN_FORK = hasattr(os, "pidfd_open")
"""Whether children are forked from templates; on Linux only."""

LOG = 2
"""The descriptor of this process's log, which is its children's, too."""

START_LIMIT_S = 120.0
"""How long a template may take to load and fork; far more than it takes on a busy machine."""

END_S = 0.2
"""How long templates have to end by themselves; those that may still be loading take longer, and are killed at once."""

Environments = Mapping[Kind, Mapping[str, str]]


class Process(Protocol):
    """The process of both templates: a `subprocess.Popen`, or a `mpcgov.trial.bare.Copy`."""

    @property
    def pid(self) -> int:
        """Its number."""

    def kill(self) -> None:
        """Ends it."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises: subprocess.TimeoutExpired: it hasn't ended by then."""


Start = Callable[[Sequence[int], Mapping[str, str]], Process]
"""Starts the process of both templates, given the sockets on which they are asked, and its environment."""


class Lent:
    """The two processes that children are forked from, and that may serve others, too: see `Templates.lend`."""

    def __init__(self, environments: Environments) -> None:
        self.environments = {kind: dict(environ) for kind, environ in environments.items()}
        self._sockets: dict[Kind, socket.socket] = {}
        self._asking: dict[Kind, threading.Lock] = {"read": threading.Lock(), "run": threading.Lock()}
        self._loaded: set[Kind] = set()

    def pair(self, kind: Kind) -> socket.socket:
        """The other end of what is asked on; for whoever has the template of that kind serve it."""
        self._sockets[kind], theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sockets[kind].settimeout(START_LIMIT_S)
        return theirs

    def fork(self, kind: Kind, control: int, folder: int) -> Forked:
        """A new child, once its template has loaded; blocks.

        Args:
            control: the child's end of its control socket, copied. folder: its working folder, open.

        Raises:
            OSError: the template is gone, or takes too long.
        """
        with self._asking[kind]:
            socket.send_fds(self._sockets[kind], [b"fork"], [control, LOG, folder])
            number, descriptors, _, _ = socket.recv_fds(self._sockets[kind], 16, 1)
        if not descriptors:
            raise ConnectionResetError("the template is gone")
        self._loaded.add(kind)
        return Forked(int(number), descriptors[0])

    def close(self) -> None:
        """Asks for no more; what was forked goes on."""
        for own in self._sockets.values():
            with contextlib.suppress(OSError):  # its template is gone already
                own.shutdown(socket.SHUT_RDWR)  # whoever waits for an answer learns that there will be none
            own.close()

    def leave(self) -> None:
        """Forgets them in a copy of the process that has them, which goes on having them."""
        for own in self._sockets.values():
            own.close()


class Templates(Lent):
    """The two processes that children are forked from, and their owner."""

    def __init__(self, environments: Environments, start: Start) -> None:
        super().__init__(environments)
        with contextlib.ExitStack() as given:
            theirs = [given.enter_context(self.pair(kind)).fileno() for kind in self._asking]
            only_read = self.environments["read"].items() - self.environments["run"].items()
            self._sockets["read"].send(json.dumps(dict(only_read)).encode())
            self.process = start(theirs, self.environments["run"])

    def lend(self) -> Lent:
        """The same templates for a copy of this process, as long as this one has them; they needn't have loaded."""
        lent = Lent(self.environments)
        for kind, own in self._sockets.items():
            with lent.pair(kind) as theirs:
                socket.send_fds(own, [b"serve"], [theirs.fileno()])
        return lent

    def close(self) -> None:
        """Ends the templates; what was forked from them goes on."""
        super().close()
        try:
            self.process.wait(END_S if self._loaded == self._asking.keys() else 0.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _started(sockets: Sequence[int], environ: Mapping[str, str]) -> Process:
    """A process that has loaded nothing yet."""
    # -P: modules come from where Python is installed, never from the folder that we were started in. Its environment
    # and arguments hold no secret, and no shell sees them.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-m", "mpcgov.worker", "templates", *map(str, sockets)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environ,
        pass_fds=sockets,
        start_new_session=True,
    )


class _Own:
    """The templates of this process, if it has any."""

    def __init__(self) -> None:
        self._choosing = threading.Lock()
        self.templates: Lent | None = None
        atexit.register(self.close)

    def fork(self, kind: Kind, control: int, folder: int) -> Forked:
        """As `Lent.fork`; of new ones if there are none, the environment was another, or one of them is gone."""
        templates = self.current()
        try:
            return templates.fork(kind, control, folder)
        except OSError:
            self._drop(templates)
            return self.current().fork(kind, control, folder)

    def current(self, start: Start = _started) -> Lent:
        """Templates that have the environment of now; they may still be loading. New ones are started so."""
        environments: Environments = {kind: environment(kind) for kind in ("read", "run")}
        with self._choosing:
            if self.templates is not None and self.templates.environments != environments:
                self.templates.close()
                self.templates = None
            if self.templates is None:
                self.templates = Templates(environments, start)
            return self.templates

    def close(self) -> None:
        """Ends them; what was forked goes on."""
        if self.templates is not None:
            self._drop(self.templates)

    def _drop(self, templates: Lent) -> None:
        with self._choosing:
            templates.close()
            if self.templates is templates:
                self.templates = None

    def lend(self) -> Lent | None:
        """See `lend`."""
        with self._choosing:
            return self.templates.lend() if isinstance(self.templates, Templates) else None

    def use(self, lent: Lent) -> None:
        """See `use`."""
        with self._choosing:
            if self.templates is not None:
                self.templates.leave()
            self.templates = lent


_OWN = _Own()


def prepare(start: Start = _started) -> None:
    """Has templates start to load what children will need, if they don't yet; returns at once."""
    if CAN_FORK:
        _OWN.current(start)


def lend() -> Lent | None:
    """This process's templates for a copy of it that is about to be made, if it has some of its own."""
    return _OWN.lend()


def use(lent: Lent) -> None:
    """In the copy: from now on its children are forked from these."""
    _OWN.use(lent)


async def fork(kind: Kind, control: socket.socket) -> Forked:
    """A child of this process's template of that kind, with this process's working folder and log.

    Args:
        control: the child's end of its control socket; stays open here.

    Raises:
        OSError: there can be no template, or no child.
    """
    copy, folder = control.dup(), os.open(".", os.O_RDONLY | os.O_CLOEXEC)

    def forked() -> Forked:
        try:
            return _OWN.fork(kind, copy.fileno(), folder)
        finally:
            copy.close()
            os.close(folder)

    asking = asyncio.ensure_future(asyncio.to_thread(forked))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        asking.add_done_callback(_forget)
        raise


def _forget(asked: asyncio.Future[Forked]) -> None:
    """Nobody wants the child any more; it ends by itself, as the other end of its control socket is closed."""
    if not asked.cancelled() and asked.exception() is None:
        os.close(asked.result().descriptor)
