"""What stands before every page: which requests are let in, whose they are, and what browsers may do with answers.

A browser must come to the one address that the console is seen at (so no other name can be pointed here), and whatever
changes something must come from a page of ours, with a token that only such a page has.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web

from mpcgov.errors import Refused

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers then say that a form of ours came from the origin null.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    "Cache-Control": "no-store",
}
LONGEST_ADDRESS = 2000
TRIES, TRIES_S = 30, 60.0
METHODS = ("GET", "HEAD", "POST")
HOP = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>mpcgov</title></head>
<body><p><a href="">Go on</a></p></body></html>
"""
"""What comes from another site's link gets this: loaded again from here, it comes with the cookie."""


@dataclass(frozen=True)
class Visit:
    """One browser's visit: `token` is a session's, or just a number before anybody signs in."""

    token: str
    csrf: str


VISIT = web.RequestKey("visit", Visit)


class Guard:
    """The rules for one address; `listen` is where a browser may be led there from.

    `name`: of the cookie. Browsers send a cookie to every port of a machine, so two consoles there need two names.
    """

    def __init__(self, origin: str, listen: str, name: str = "mpcgov") -> None:
        self._name = name
        self._origin = origin
        self._host = urlsplit(origin).netloc
        self._listen = listen
        self._secure = origin.startswith("https:")
        self._key = secrets.token_bytes(32)
        self._tries: dict[str, deque[float]] = defaultdict(deque)

    @property
    def cookie(self) -> str:
        """The name of the cookie; browsers let only this very site set one of the longer name."""
        return f"__Host-{self._name}" if self._secure else self._name

    async def let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The page, if the request may be answered at all; else why not, in a line."""
        try:
            response = await self._checked(request, handler)
        except web.HTTPException as error:  # such as that a form is too long
            response = _no(error.status, error.reason)
        response.headers.update(HEADERS)
        if self._secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response

    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if (unfit := self._unfit(request)) is not None:
            return unfit
        visit = self._visit(request)
        request[VISIT] = visit
        if request.method == "POST" and not await self._from_our_page(request, visit):
            return _no(403, "this didn't come from a page of the console; go back and load it again")
        response = await handler(request)
        if visit.token != request.cookies.get(self.cookie) and self.cookie not in response.cookies:
            self.remember(response, visit.token)
        return response

    def _unfit(self, request: web.Request) -> web.StreamResponse | None:
        """The answer to a request that no page is for; None if there may be one."""
        if request.host != self._host:
            if request.host == self._listen and request.method == "GET":
                return web.Response(status=302, headers={"Location": self._origin})
            return _no(421, f"this is {self._origin}")
        faults = {
            "no such method": (405, request.method not in METHODS),
            "too long an address": (414, len(request.raw_path) > LONGEST_ADDRESS),
            "no page takes a body that way": (400, request.method != "POST" and request.body_exists),
        }
        for text, (status, holds) in faults.items():
            if holds:
                return _no(status, text)
        if request.method != "POST" and request.headers.get("Sec-Fetch-Site") == "cross-site":
            # Without its cookie, whoever is signed in would be a stranger here, and get a stranger's in its place.
            return web.Response(text=HOP, content_type="text/html", charset="utf-8")
        return None

    def remember(self, response: web.StreamResponse, token: str) -> None:
        """From now on the browser names this token; until it is closed."""
        response.set_cookie(self.cookie, token, httponly=True, samesite="Strict", secure=self._secure, path="/")

    def stranger(self) -> str:
        """A token of a browser before anybody signs in."""
        return secrets.token_urlsafe(32)

    def tried(self, request: web.Request) -> None:
        """Counts an attempt to sign in or enrol.

        Raises:
            Refused: too many came from there lately.
        """
        now = time.monotonic()
        if len(self._tries) > 10_000:
            self._tries.clear()
        tries = self._tries[request.remote or ""]
        while tries and now - tries[0] > TRIES_S:
            tries.popleft()
        if len(tries) >= TRIES:
            raise Refused("too many attempts", hint="try again in a minute", code="too-many")
        tries.append(now)

    def _visit(self, request: web.Request) -> Visit:
        token = request.cookies.get(self.cookie, "")
        if not 20 <= len(token) <= 100 or not token.isascii():
            token = self.stranger()
        return Visit(token, hmac.digest(self._key, token.encode(), hashlib.sha256).hex())

    async def _from_our_page(self, request: web.Request, visit: Visit) -> bool:
        if request.headers.get("Origin") != self._origin:
            return False
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return False
        given = request.headers.get("X-CSRF", "")
        if not given and request.content_type == "application/x-www-form-urlencoded":
            with contextlib.suppress(ValueError, LookupError):  # no text in the character set that it names
                field = (await request.post()).get("csrf", "")
                given = field if isinstance(field, str) else ""
        return hmac.compare_digest(given.encode(), visit.csrf.encode())


def _no(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")
