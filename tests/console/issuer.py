"""An OpenID provider in the test's own process, which says what a test wants it to: true words and forged ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "mpcgov", "a secret: with / signs"


class Issuer:
    """`says`: changes the claims of the next token. `header`, `key`: what it is signed with. `asked`: by code, with
    what question it was given out."""

    def __init__(self, port: int, now: Callable[[], float]) -> None:
        self.port = port
        self.now = now
        self.url = f"http://127.0.0.1:{port}"
        self.own = RSAKey.generate_key(2048, {"kid": "first"}, auto_kid=False)
        self.published = [self.own]
        self.key: Any = self.own
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "first"}
        self.says: dict[str, Any] = {}
        self.raw: str | None = None
        self.about: dict[str, Any] = {}
        self.asked: dict[str, dict[str, str]] = {}
        self.calls = 0
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._about)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def code(self, address: str) -> tuple[str, str]:
        """Somebody has signed in who was sent to this address: the state, and a code for it."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self.asked[code] = query
        return query["state"], code

    async def _about(self, _: web.Request) -> web.Response:
        self.calls += 1
        names = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
        about = {"issuer": self.url} | {name: self.url + path for name, path in names.items()}
        return web.json_response(about | self.about)

    async def _keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.published]})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = self.asked.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        right = base64.b64encode(f"{CLIENT}:a+secret%3A+with+%2F+signs".encode()).decode()
        if (
            asked is None
            or asked["code_challenge"] != _encoded(digest)
            or form["redirect_uri"] != asked["redirect_uri"]
            or request.headers["Authorization"] != f"Basic {right}"
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(self.now())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "4711", "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            "preferred_username": "Anna", "groups": ["staff", "mpc-approvers"],
        } | self.says  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return web.json_response({"id_token": self.raw or self._signed(claims), "access_token": "x"})

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.header["alg"] not in ("none", "HS256"):
            return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (self.header, claims))
        # The old trick: an HMAC whose secret is the public key. A library that is asked won't make one.
        secret = self.own.as_pem(private=False)
        mac = hmac.digest(secret, text.encode(), hashlib.sha256) if self.header["alg"] == "HS256" else b""
        return f"{text}.{_encoded(mac)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
