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
    return list(itertools.islice(_turns(), count))


def own_ports(count: int) -> list[int]:
    """As `free_ports`, but nobody else in this process is given them, ever."""
    return [_bound() for _ in range(count)]


@cache
def _turns() -> itertools.cycle[int]:
    return itertools.cycle(own_ports(KEPT))


def _bound() -> int:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    atexit.register(sock.close)
    port: int = sock.getsockname()[1]
    return port
