"""OpenID Connect: sends a browser to the agency's provider, and says whose account it comes back with.

Authorization code with PKCE. An account's word is believed only if the provider signed it for this console and for
this one question, and lately. Whatever is wrong with it is one refusal; this agency's log says what.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
import structlog

from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError, PeerError, Refused, SpecError
from mpcgov.node.desk import extra
from mpcgov.node.desk.config import ConsoleConfig, ProviderConfig
from mpcgov.node.desk.sessions import Ticket
from mpcgov.node.notify.channels import tls_context
from mpcgov.node.notify.config import safe_url, secret
from mpcgov.spec.load import json_value

BACK = "/provider"
"""Where the provider sends browsers back to, at the console."""
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384")
"""Public keys only: with a shared secret, whoever can check a word could have made it."""
LEEWAY_S, OLDEST_S = 60, 600
TIMEOUT_S = 10.0
LIMIT_BYTES = 256 << 10
KNOWN_S, AGAIN_S = 3600.0, 30.0
"""For how long what the provider says of itself is kept; and for how long at least, whatever key is asked for."""
AT_ONCE = 2
"""So many of the desk's threads may wait for the provider: a slow one doesn't keep people from anything else."""
DISCOVERY = "/.well-known/openid-configuration"

Found = TypeVar("Found")


@dataclass(frozen=True)
class Asked:
    """What a browser is sent to the provider with; `nonce` and `verifier` are kept here until it comes back."""

    nonce: str
    verifier: str


@dataclass(frozen=True)
class Known:
    """What the provider says of itself."""

    authorize: str
    token: str
    keys: Any
    read_at: float


class Provider:
    """The provider that one agency has named."""

    def __init__(self, home: Path, config: ConsoleConfig, provider: ProviderConfig, clock: Clock) -> None:
        self._home = home
        self._back = config.seen_at + BACK
        self.config = provider
        self._clock = clock
        self._known: Known | None = None
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._log = structlog.get_logger().bind(issuer=provider.issuer)

    @staticmethod
    def asked() -> Asked:
        """A new question."""
        return Asked(secrets.token_urlsafe(32), secrets.token_urlsafe(48))

    def address(self, state: str, asked: Asked) -> str:
        """Where a browser is sent with a question.

        Raises:
            PeerError: the provider doesn't answer.
        """
        digest = hashlib.sha256(asked.verifier.encode()).digest()
        query = {
            "response_type": "code", "client_id": self.config.client_id, "redirect_uri": self._back,
            "scope": " ".join(("openid", *self.config.scopes)), "state": state, "nonce": asked.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), "code_challenge_method": "S256",
        }  # fmt: skip
        at = self._waited_for(self._about).authorize
        return f"{at}{'&' if '?' in at else '?'}{urlencode(query)}"

    def claims(self, code: str, issuer: str, ticket: Ticket) -> Mapping[str, Any]:
        """What the provider says of the account that somebody has signed in with.

        Args:
            code: what the browser came back with.
            issuer: who has sent it back, as the browser says; empty if it doesn't.

        Raises:
            Refused: it doesn't hold. PeerError: the provider doesn't answer.
        """
        if issuer not in ("", self.config.issuer):
            raise self._no("another issuer sent the browser back")
        return self._waited_for(lambda: self._exchanged(code, ticket))

    def _exchanged(self, code: str, ticket: Ticket) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._back,
            "client_id": self.config.client_id, "code_verifier": ticket.verifier,
        }  # fmt: skip
        status, body = self._fetch(self._about().token, form)
        if status != 200:
            raise self._no(f"the provider answers the code with {status}")
        token = _object(body).get("id_token")
        if not isinstance(token, str):
            raise self._no("the provider's answer has no ID token")
        return self._checked(token, ticket.nonce)

    def _checked(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that holds.

        Raises:
            Refused: it doesn't.
        """
        jose, now = _library(), int(self._clock.now())
        wanted = {
            "iss": {"essential": True, "value": self.config.issuer},
            "aud": {"essential": True, "value": self.config.client_id},
            "nonce": {"essential": True, "value": nonce},
            "sub": {"essential": True}, "exp": {"essential": True}, "iat": {"essential": True},
        }  # fmt: skip
        try:
            claims: dict[str, Any]
            try:
                claims = jose.jwt.decode(token, self._about().keys, algorithms=ALGORITHMS).claims
            except jose.errors.InvalidKeyIdError:  # the provider may have new keys
                claims = jose.jwt.decode(token, self._about(AGAIN_S).keys, algorithms=ALGORITHMS).claims
            jose.jwt.JWTClaimsRegistry(now, LEEWAY_S, **wanted).validate(claims)
        except (jose.errors.JoseError, ValueError, TypeError, RecursionError) as error:
            raise self._no(f"the ID token doesn't hold: {type(error).__name__}") from None
        texts = [claims[name] for name in ("sub", "nonce", "iss")]
        if not all(isinstance(text, str) and 0 < len(text) <= 255 and text.isprintable() for text in texts):
            raise self._no("the ID token's sub, nonce or iss is no text")
        if claims["aud"] not in (self.config.client_id, [self.config.client_id]):
            raise self._no("the ID token is for others, too")
        if claims.get("azp", self.config.client_id) != self.config.client_id:
            raise self._no("the ID token was asked for by another client")
        if claims["iat"] < now - OLDEST_S:
            raise self._no("the ID token is old")
        return claims

    def _about(self, newest_s: float | None = None) -> Known:
        """What the provider says of itself, read again if that was longer ago than this."""
        known = self._known
        if known is None or time.monotonic() - known.read_at > (KNOWN_S if newest_s is None else newest_s):
            known = self._known = self._read()
        return known

    def _read(self) -> Known:
        about = self._json(self.config.issuer.rstrip("/") + DISCOVERY)
        if about.get("issuer") != self.config.issuer:
            raise self._broken("it says that it is another issuer")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        try:
            authorize, token, keys = (safe_url(str(about.get(name))) for name in names)
        except ValueError:
            raise self._broken("it names addresses without TLS, or none") from None
        # Else an issuer elsewhere could have this machine's own services asked, with the client's secret.
        schemes = {urlsplit(address).scheme for address in (authorize, token, keys)}
        if "http" in schemes and urlsplit(self.config.issuer).scheme != "http":
            raise self._broken("it names addresses without TLS")
        library = _library()
        try:
            found = library.jwk.KeySet.import_key_set(self._json(keys))
        except (library.errors.JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise self._broken("its keys can't be read") from None
        return Known(authorize, token, found, time.monotonic())

    def _json(self, address: str) -> dict[str, Any]:
        status, body = self._fetch(address)
        if status != 200:
            raise self._broken(f"{address} answers {status}")
        return _object(body)

    def _fetch(self, address: str, form: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """A page of the provider's, or its answer to a form; no other place is followed to."""
        try:
            return asyncio.run(self._asked_for(address, form))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._broken(f"it can't be reached ({type(error).__name__})") from None

    async def _asked_for(self, address: str, form: Mapping[str, str] | None) -> tuple[int, bytes]:
        headers, context = {"Accept": "application/json"}, tls_context(self._home, self.config.ca)
        if form is not None and self.config.secret is not None:
            # Each half as in a form first: RFC 6749, 2.3.1.
            ours = (self.config.client_id, secret(self._home, self.config.secret).decode())
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(map(quote_plus, ours)).encode()).decode()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False, headers=headers) as session:
            method = "GET" if form is None else "POST"
            async with session.request(method, address, data=form, allow_redirects=False, ssl=context) as answer:
                body = bytearray()
                async for chunk in answer.content.iter_any():
                    body.extend(chunk)
                    if len(body) > LIMIT_BYTES:
                        raise self._broken(f"{address} answers without end")
                return answer.status, bytes(body)

    def _waited_for(self, ask: Callable[[], Found]) -> Found:
        """What the provider answers, if not too many wait for it."""
        if not self._places.acquire(blocking=False):
            raise Refused("others are just signing in", hint="try again", code="too-many")
        try:
            return ask()
        finally:
            self._places.release()

    def _no(self, why: str) -> MpcgovError:
        self._log.warning("a sign-in was refused", why=why)
        return Refused("what your agency's sign-in says doesn't hold", hint="try again", code="provider")

    def _broken(self, why: str) -> MpcgovError:
        self._log.warning("the provider can't be used", why=why)
        return PeerError("your agency's sign-in doesn't work just now", hint="the node's log says why", code="provider")


def _object(body: bytes) -> dict[str, Any]:
    """A JSON object; an empty one if it is none."""
    try:
        found = json_value(body, "answer", LIMIT_BYTES)
    except SpecError:
        return {}
    return found if isinstance(found, dict) else {}


def _library() -> Any:
    return extra.loaded("ID tokens", "joserfc", "errors", "jwk", "jwt")
