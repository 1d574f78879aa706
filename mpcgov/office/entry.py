"""Who is let in: whoever opens a link that this program has written to its own terminal. A link works once."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from aiohttp import web

from mpcgov.clock import Clock
from mpcgov.console.bodies import form, json_object, text
from mpcgov.console.frame import Frame
from mpcgov.console.guard import VISIT, Guard
from mpcgov.errors import Refused
from mpcgov.trust.sessions import Sessions

LINK_S = 15 * 60.0
IDLE_S = 60 * 60.0
"""Longer than at an agency's desk: a form takes its time, and nothing is decided here."""


class Entry:
    """The way in. `tell` writes to the terminal."""

    def __init__(self, guard: Guard, origin: str, clock: Clock, tell: Callable[[str], None]) -> None:
        self._guard = guard
        self._origin = origin
        self._sessions = Sessions(clock, idle_s=IDLE_S)
        self._tell = tell
        self._hash = b""
        self._until = 0.0
        self.user = _user()

    def add_routes(self, router: web.UrlDispatcher, frame: Frame) -> None:
        """Adds the pages that are open to strangers."""

        async def page(request: web.Request) -> web.StreamResponse:
            return frame.page(request, "enter.html", tab="", me=None, asked="asked" in request.query)

        router.add_get("/enter", page)
        router.add_post("/enter", self._enter)
        router.add_post("/link", self._new_link)
        router.add_post("/sign-out", self._sign_out)

    def write_link(self) -> None:
        """Writes a new link to the terminal; one from before works no more."""
        secret = secrets.token_urlsafe(24)
        self._hash, self._until = _hash(secret), time.monotonic() + LINK_S
        # Behind the #, which browsers don't send: it stays out of logs, and of what the next page is told.
        self._tell(f"{self._origin}/enter#{secret}")

    def require(self, request: web.Request) -> None:
        """Nothing, if whoever asks has come in.

        Raises:
            Refused: they haven't, or not for a while.
        """
        self._sessions.find(request[VISIT].token)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        given = text(await json_object(request, "link"), "link")
        right = hmac.compare_digest(_hash(given), self._hash or _hash(secrets.token_urlsafe()))
        if not right or time.monotonic() > self._until:
            raise Refused("this link doesn't work any more", hint="ask for a new one below", code="link")
        self._hash = b""
        response = web.json_response({"next": "/"})
        # Another token than before: one that somebody had put into this browser is worth nothing.
        self._guard.remember(response, self._sessions.begin(self.user))
        return response

    async def _new_link(self, request: web.Request) -> web.StreamResponse:
        self._guard.tried(request)
        await form(request)
        self.write_link()
        return web.Response(status=303, headers={"Location": "/enter?asked"})

    async def _sign_out(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        self._sessions.end(request[VISIT].token)
        response = web.Response(status=303, headers={"Location": "/enter"})
        self._guard.remember(response, self._guard.stranger())
        return response


def to_enter(_: web.Request) -> web.StreamResponse:
    """To whoever hasn't come in."""
    return web.Response(status=303, headers={"Location": "/enter"})


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "?"
