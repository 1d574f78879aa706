"""The template's side of `mpcgov.node.template`: forks children on request, and knows nothing of what they do."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket

from mpcgov.process import traits

DESCRIPTORS = 3
"""With each request: the child's end of its control socket, its log, and its working folder."""

LENT = 1
"""With a request to serve another process, too: the socket on which that one asks."""

NAME = "mpcgov-template"
LIMIT_BYTES = 1 << 17
"""What the first message to the template of readers may hold: a few variables of the environment."""


def split(reads: socket.socket, computes: socket.socket) -> tuple[str, socket.socket, int | None]:
    """Goes on in two processes, one for each kind of child.

    The one for children that read is new, ends with this one, and has those variables of the environment that only it
    needs, which come with its first message.

    Returns:
        The kind, its socket, and in the process for children that compute the other one's number.
    """
    own = os.getpid()
    other = os.fork()
    if other:
        reads.close()
        return "run", computes, other
    traits.end_with(own)
    computes.close()
    os.environ.update(json.loads(reads.recv(LIMIT_BYTES) or b"{}"))
    return "read", reads, None


def forked(requests: socket.socket, kind: str, other: int | None = None) -> socket.socket:
    """Serves requests until their owner can't make any, and then ends; returns in each child, with its control socket.

    Args:
        requests: the owner's, which may have others served, too.
        kind: what its children are called after.
        other: a template that ends when this one does, and is waited for.
    """
    traits.name(NAME)
    signal.signal(signal.SIGCHLD, lambda *_: _reap())
    served = [requests]
    while True:
        asking = _next(served)
        descriptors = _request(asking)
        if len(descriptors) == LENT:
            served.append(socket.socket(fileno=descriptors[0]))
        elif len(descriptors) == DESCRIPTORS:
            if _is_child(asking, kind, descriptors):
                for one in served:
                    one.close()
                return _settled(*descriptors)
        elif asking is requests:
            _end(other)
        else:
            served.remove(asking)
            asking.close()


def _next(served: list[socket.socket]) -> socket.socket:
    """Who asks next, or has gone."""
    waiting = select.poll()
    for one in served:
        waiting.register(one, select.POLLIN)
    ready = {number for number, _ in waiting.poll()}
    return next(one for one in served if one.fileno() in ready)


def _request(asking: socket.socket) -> list[int]:
    """What came with a request; nothing if there can't be any more."""
    with contextlib.suppress(ConnectionResetError):  # who asked has gone without hearing the answer
        return socket.recv_fds(asking, 16, DESCRIPTORS)[1]
    return []


def _is_child(asking: socket.socket, kind: str, descriptors: list[int]) -> bool:
    """Forks. True in the child; in the template, whose copies are closed then, who asked has the answer."""
    # A child that ends at once stays there until it is named: its number could else be another process's by then.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    traits.name(f"mpcgov-{kind}")  # which the child has from its beginning, therefore
    pid = os.fork()
    if pid == 0:
        return True
    traits.name(NAME)
    _answer(asking, pid)
    for descriptor in descriptors:
        os.close(descriptor)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    return False


def _end(other: int | None) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    if other is not None:
        with contextlib.suppress(ChildProcessError):  # it has ended before
            os.waitpid(other, 0)
    os._exit(0)


def _settled(control: int, log: int, folder: int) -> socket.socket:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.setsid()
    os.fchdir(folder)
    os.dup2(log, 2)
    os.close(log)
    os.close(folder)
    return socket.socket(fileno=control)


def _answer(requests: socket.socket, pid: int) -> None:
    child = os.pidfd_open(pid)
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it ends with its control socket
            socket.send_fds(requests, [str(pid).encode()], [child])
    finally:
        os.close(child)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:  # none is left
        return
