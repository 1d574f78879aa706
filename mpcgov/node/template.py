"""Processes that children are forked from: each has loaded what a kind of child needs, and holds no key and no data.

Loading takes a second, a fork a hundredth of it. A template is started without anything of a job and never learns
anything of one: what a job is about goes to the forked child, on a socket that the template closes unread. See ADR 17.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping

from mpcgov.node.process import Forked, Kind

LOG = 2
"""The descriptor of this process's log, which is its children's, too."""

START_LIMIT_S = 120.0
"""How long a template may take to load and fork; far more than it takes on a busy machine."""


class Template:
    """A process that children of one kind are forked from."""

    def __init__(self, kind: Kind, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self._asking = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # -P: modules come from where Python is installed, never from the folder that we were started in. Its
            # environment and arguments hold no secret, and no shell sees them.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", "-m", "mpcgov.worker", kind, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=self.environ,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._socket.settimeout(START_LIMIT_S)

    def fork(self, control: int, folder: int) -> Forked:
        """A new child, once the template has loaded; blocks.

        Args:
            control: the child's end of its control socket, copied. folder: its working folder, open.

        Raises:
            OSError: the template is gone, or takes too long.
        """
        with self._asking:
            socket.send_fds(self._socket, [b"fork"], [control, LOG, folder])
            number, descriptors, _, _ = socket.recv_fds(self._socket, 16, 1)
        if not descriptors:
            raise ConnectionResetError("the template is gone")
        return Forked(int(number), descriptors[0])

    def close(self) -> None:
        """Ends the template; what was forked from it goes on."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


class _Templates:
    """The templates of this process, at most one of a kind."""

    def __init__(self) -> None:
        self._choosing = threading.Lock()
        self._of: dict[Kind, Template] = {}
        atexit.register(self.close)

    def fork(self, kind: Kind, environ: Mapping[str, str], control: int, folder: int) -> Forked:
        """As `Template.fork`; of a new template if there is none, its environment was another, or it is gone."""
        template = self._current(kind, environ)
        try:
            return template.fork(control, folder)
        except OSError:
            self._drop(kind, template)
            return self._current(kind, environ).fork(control, folder)

    def close(self) -> None:
        """Ends them; what was forked goes on."""
        for kind, template in list(self._of.items()):
            self._drop(kind, template)

    def _current(self, kind: Kind, environ: Mapping[str, str]) -> Template:
        with self._choosing:
            found = self._of.get(kind)
            if found is None or found.environ != environ:
                if found is not None:
                    found.close()
                found = self._of[kind] = Template(kind, environ)
            return found

    def _drop(self, kind: Kind, template: Template) -> None:
        with self._choosing:
            template.close()
            if self._of.get(kind) is template:
                del self._of[kind]


_TEMPLATES = _Templates()


async def fork(kind: Kind, environ: Mapping[str, str], control: socket.socket) -> Forked:
    """A child of this process's template of that kind, with this process's working folder and log.

    Args:
        control: the child's end of its control socket; stays open here.

    Raises:
        OSError: there can be no template, or no child.
    """
    copy, folder = control.dup(), os.open(".", os.O_RDONLY | os.O_CLOEXEC)

    def forked() -> Forked:
        try:
            return _TEMPLATES.fork(kind, environ, copy.fileno(), folder)
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
