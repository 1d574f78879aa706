"""The desk of a running node, and the console's process before it, if node.yaml asks for one.

The console is started with nothing but the socket's name and where to listen, in an environment without secrets; it
ends when its standard input does, which is when this process does. If it ends before, it is started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import structlog

from mpcgov.clock import Clock
from mpcgov.node.book import Book
from mpcgov.node.desk.server import SOCKET, Desk
from mpcgov.node.home import NodeHome
from mpcgov.node.process import environment

AGAIN_S = 5.0
END_S = 2.0


class Hall:
    """Where people meet one running node."""

    def __init__(self, home: NodeHome, book: Book, clock: Clock) -> None:
        self._config = home.config.console
        self._socket = home.state_path / SOCKET
        self._desk = Desk(home, book, clock)
        self._log = structlog.get_logger().bind(party=home.party)
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """People are let in from now on."""
        await self._desk.open()
        if self._config is not None:
            self._keeping = asyncio.create_task(self._keep(self._config.listen, self._config.seen_at))

    async def close(self) -> None:
        """Ends the console, then the desk."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._desk.close()

    async def _keep(self, listen: str, seen_at: str) -> None:
        """The console's process, and another when that ends."""
        while True:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "mpcgov.console", str(self._socket.absolute()), listen, seen_at, "child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                env=environment("run"),
            )  # fmt: skip
            self._log.info("the console is served", listen=listen, seen_at=seen_at)
            try:
                await process.wait()
                self._log.error("the console has ended; it is started again", status=process.returncode)
            finally:
                await _ended(process)
            await asyncio.sleep(AGAIN_S)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Returns once it has ended, by itself or not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
