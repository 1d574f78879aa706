"""Serves the coordinator's pages on this machine until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from mpcgov.clock import RealClock
from mpcgov.console.serving import listening
from mpcgov.coordinator import home as homes
from mpcgov.errors import LocalError
from mpcgov.office.app import application
from mpcgov.spec.roster import is_local


async def serve(home: Path, listen: str, tell: Callable[[str], None]) -> None:
    """Serves until Ctrl-C.

    Args:
        home: the coordinator's.
        listen: host and port on this machine.
        tell: writes a line to the terminal.

    Raises:
        LocalError: it is no coordinator's home, or nothing can listen there.
    """
    host, port = _local(listen)
    homes.load(home).roster()
    app, entry = application(home, f"http://localhost:{port}", listen, RealClock(), tell)
    runner = await listening(app, host, port)
    entry.write_link()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await runner.cleanup()


def _local(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not is_local(host) or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        hint = "such as 127.0.0.1:7181; others come by a proxy of their own"
        raise LocalError(f"--listen {listen}: expected a port on this machine", hint=hint, code="listen")
    return host, int(port)
