"""Ports for servers of tests that nobody else is given before they listen, nor while they are down."""

from __future__ import annotations

import atexit
import itertools
import socket
from functools import cache

KEPT = 60
"""So many ports a process of tests has, in turns: no test needs nearly as many at once."""


def free_ports(count: int) -> list[int]:
    """Ports on which only who is told of them listens.

    The system gives nobody a port that is bound; but a server that may reuse its address, as all of ours may, listens
    beside a socket that is bound and doesn't listen.
    """
    return [sock.getsockname()[1] for sock in itertools.islice(_turns(), count)]


@cache
def _turns() -> itertools.cycle[socket.socket]:
    sockets = [socket.socket() for _ in range(KEPT)]
    for sock in sockets:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        atexit.register(sock.close)
    return itertools.cycle(sockets)
