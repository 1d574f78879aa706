"""The console's process, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from mpcgov.console.app import application
from mpcgov.console.desk import Desk
from mpcgov.console.serving import listening
from mpcgov.errors import MpcgovError
from mpcgov.process import landlock, memory


async def serve(path: str, listen: str, origin: str, *, child: bool) -> None:
    """Serves until it is told to stop; as a child, until its standard input ends.

    Args:
        path: the socket of the node's desk.
        listen: host and port on this machine.
        origin: what browsers must name.
        child: whether the node started it.

    Raises:
        LocalError: something else listens there.
    """
    host, _, port = listen.rpartition(":")
    async with Desk(path) as desk:
        runner = await listening(application(desk, origin, listen), host.strip("[]"), int(port))
        memory.settle()
        if not landlock.restrict([]):
            print("this kernel doesn't keep the console from files", file=sys.stderr)  # noqa: T201 - as below
        print(f"the console is at {origin}", file=sys.stderr, flush=True)  # noqa: T201 - the operator waits for it
        await _stopped(child)
        await runner.cleanup()


async def _stopped(child: bool) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if child:
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1) else stop.set())
    await stop.wait()


def run(arguments: Sequence[str]) -> int:
    """Serves; gives the exit status.

    Args:
        arguments: as `serve` takes them, and `child` if the node started it.
    """
    path, listen, origin, *rest = arguments
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(path, listen, origin, child=rest == ["child"]))
    except MpcgovError as error:
        print(f"mpcgov: {error.line()}", file=sys.stderr)  # noqa: T201 - as the command line says it
        return error.exit_status
    return 0
