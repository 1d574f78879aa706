"""The desk: what the console may ask of a running node, through a socket that only this machine's own user reaches.

Each question names the session of the person for whom it is asked; what that person may do is decided here, and so is
whether a passkey's answer holds. The console shows, and passes on; it could be anybody's program.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel

from mpcgov.clock import Clock
from mpcgov.errors import InternalError, MpcgovError, Refused
from mpcgov.node.answers import HTTP_STATUS, answer, where
from mpcgov.node.book import Book
from mpcgov.node.desk.access import Access
from mpcgov.node.desk.answers import Answers
from mpcgov.node.desk.policy import PolicyDesk
from mpcgov.node.desk.questions import QUESTIONS
from mpcgov.node.home import NodeHome
from mpcgov.node.logs import HTTP_LOG
from mpcgov.process.memory import give_back
from mpcgov.spec.load import parse_json

SOCKET = "desk.sock"
LIMIT_BYTES = 64 << 10
THREADS = 4
GIVE_BACK_S = 3.0
"""What a look at lists and logs took of memory goes back to the system so long after it, as most nodes are looked at
seldom."""
_PEER = struct.Struct("3i")


class Desk:
    """The desk of one running node."""

    def __init__(self, home: NodeHome, book: Book, clock: Clock) -> None:
        self._path = home.state_path
        access = Access(home, book, clock)
        self._asked_of = (access, Answers(home, book, clock, access), PolicyDesk(home, book, clock, access))
        # Threads of its own: whatever people look at, the node's jobs find theirs free.
        self._threads = ThreadPoolExecutor(THREADS, "desk")
        self._later: asyncio.TimerHandle | None = None
        self._log = structlog.get_logger().bind(party=home.party)
        app = web.Application(client_max_size=LIMIT_BYTES)
        app.router.add_post("/{question:[a-z_]{1,40}}", self._asked)
        self._runner = web.AppRunner(app, access_log=None, logger=HTTP_LOG, auto_decompress=False, shutdown_timeout=0.5)

    async def open(self) -> None:
        """Answers from now on."""
        await self._runner.setup()
        await web.SockSite(self._runner, _listening(self._path)).start()

    async def close(self) -> None:
        """Answers nothing any more."""
        await self._runner.cleanup()
        if self._later is not None:
            self._later.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(OSError):
            (self._path / SOCKET).unlink()

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        try:
            _require_own_user(request)
            answered = await self._answer(request.match_info["question"], await request.read())
            return answer(answered)
        except MpcgovError as error:
            return answer({"error": error.to_json()}, HTTP_STATUS[error.exit_status])
        except web.HTTPException:
            raise
        except Exception as error:
            self._log.error("internal error", error=type(error).__name__, where=where(error))
            return answer({"error": InternalError("internal error", hint="see the node's log").to_json()}, 500)

    async def _answer(self, name: str, body: bytes) -> dict[str, Any]:
        question = QUESTIONS.get(name)
        if question is None:
            raise Refused("no such question", code="route")
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(GIVE_BACK_S, self._give_back)
        asked: BaseModel = parse_json(body, question, "question", LIMIT_BYTES)
        handler: Callable[[Any], dict[str, Any]] = next(
            getattr(one, name) for one in self._asked_of if hasattr(one, name)
        )
        # Beside the event loop, as an operator's command is: it works on the same files and waits for their locks.
        return await asyncio.get_running_loop().run_in_executor(self._threads, handler, asked)

    def _give_back(self) -> None:
        self._later = None
        self._threads.submit(give_back)


def _listening(folder: Path) -> socket.socket:
    """The socket, in a folder that only the node's user may enter; by a short way there, as its path may be long."""
    listening, at = socket.socket(socket.AF_UNIX), os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        (folder / SOCKET).unlink(missing_ok=True)
        listening.bind(f"/proc/self/fd/{at}/{SOCKET}")
        (folder / SOCKET).chmod(0o600)
        listening.setblocking(False)
    finally:
        os.close(at)
    return listening


def _require_own_user(request: web.Request) -> None:
    """Nothing, if who asks runs as this node's user, or as the superuser.

    Raises:
        Refused: it is another's process.
    """
    own = request.transport.get_extra_info("socket") if request.transport is not None else None
    if own is None:
        raise Refused("this connection is gone", code="caller")
    _, user, _ = _PEER.unpack(own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    if user not in (0, os.getuid()):
        raise Refused("another user's process", code="caller")
