"""How a console's HTTP server is set up: whatever browsers send, its log says that something was wrong and no more."""

from __future__ import annotations

import logging
import sys

from aiohttp import web

from mpcgov.errors import LocalError

IDLE_S = 30.0
END_S = 0.5


class _OneLine(logging.Handler):
    """The HTTP server's complaints without what they quote: bytes that somebody sent, and traces that hold them."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, saying that it happened."""
        print("mpcgov console: a malformed request", file=sys.stderr)  # noqa: T201 - there is no other log


HTTP_LOG = logging.getLogger("mpcgov.console.http")
HTTP_LOG.propagate = False
HTTP_LOG.handlers[:] = [_OneLine()]


async def listening(app: web.Application, host: str, port: int) -> web.AppRunner:
    """The server of these pages, which answers from now on; whoever has it ends it by `cleanup`.

    Raises:
        LocalError: something else listens there.
    """
    # What is compressed stays so: no page sends that, and a few bytes could be many.
    runner = web.AppRunner(
        app, access_log=None, logger=HTTP_LOG, auto_decompress=False, keepalive_timeout=IDLE_S, shutdown_timeout=END_S
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_address=True).start()
    except OSError as error:
        await runner.cleanup()
        raise LocalError(f"{host}:{port}: can't listen there ({error.strerror})", code="listen") from None
    return runner
