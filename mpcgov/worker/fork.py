"""The template's side of `mpcgov.node.template`: forks children on request, and knows nothing of what they do."""

from __future__ import annotations

import os
import signal
import socket

DESCRIPTORS = 3
"""With each request: the child's end of its control socket, its log, and its working folder."""


def forked(requests: socket.socket) -> socket.socket:
    """Serves requests until nobody can make any more, and then ends; returns in each child, with its control socket."""
    signal.signal(signal.SIGCHLD, lambda *_: _reap())
    while True:
        _, descriptors, _, _ = socket.recv_fds(requests, 16, DESCRIPTORS)
        if len(descriptors) < DESCRIPTORS:
            os._exit(0)
        # A child that ends at once stays there until it is named: its number could else be another process's by then.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            requests.close()
            return _settled(*descriptors)
        _answer(requests, pid)
        for descriptor in descriptors:
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


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
        socket.send_fds(requests, [str(pid).encode()], [child])
    finally:
        os.close(child)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:  # none is left
        return
