"""A passkey and a browser in software: what they send is made as the standard says, or wrong in one way."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def data(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


@dataclass
class Authenticator:
    """One device with one passkey. `flags`: what it says of the person."""

    origin: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    flags: int = PRESENT | VERIFIED
    count: int = 0
    algorithm: int = -7

    @property
    def id(self) -> bytes:
        return hashlib.sha256(str(self.key.public_key().public_numbers()).encode()).digest()

    def made(self, options: dict[str, Any]) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: self.algorithm, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        about = self._about(options["rp"]["id"], self.flags | ATTESTED) + attested
        response = {
            "clientDataJSON": text(self._client("webauthn.create", options)),
            "attestationObject": text(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": about})),
        }
        return self._answer(response)

    def signed(self, options: dict[str, Any]) -> dict[str, Any]:
        self.count += 1
        about, client = self._about(options["rpId"], self.flags), self._client("webauthn.get", options)
        signature = self.key.sign(about + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": text(client), "authenticatorData": text(about), "signature": text(signature),
        }  # fmt: skip
        return self._answer(response)

    def _about(self, site: str, flags: int) -> bytes:
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        about = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(about).encode()

    def _answer(self, response: dict[str, str]) -> dict[str, Any]:
        return {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}


class Browser:
    """Somebody's browser at one console, with a device at hand; sends what a page's script would."""

    def __init__(self, origin: str, at: str, session: aiohttp.ClientSession) -> None:
        self.origin = origin
        self.at = at
        self.session = session
        self.device = Authenticator(origin)
        self.cookie = ""
        self.csrf = ""

    @property
    def headers(self) -> dict[str, str]:
        cookie = {"Cookie": f"mpcgov={self.cookie}"} if self.cookie else {}
        return {"Host": self.origin.partition("//")[2]} | cookie

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(self.at + path, headers=self.headers | headers, allow_redirects=False) as response:
            self._keep(response)
            page = await response.text()
        if found := re.search(r'<meta name="csrf" content="([0-9a-f]{64})">', page):
            self.csrf = found[1]
        return response.status, page

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        sent = self.headers | {"Origin": self.origin, "X-CSRF": self.csrf} | headers
        async with self.session.post(self.at + path, json=body, headers=sent, allow_redirects=False) as response:
            self._keep(response)
            raw = await response.text()
        try:
            return response.status, json.loads(raw)
        except ValueError:
            return response.status, {"text": raw}

    async def form(self, path: str, **fields: str) -> int:
        """Sends a form, as a page without a script does."""
        data, headers = {"csrf": self.csrf, **fields}, self.headers | {"Origin": self.origin}
        async with self.session.post(self.at + path, data=data, headers=headers, allow_redirects=False) as response:
            self._keep(response)
            return response.status

    def _keep(self, response: aiohttp.ClientResponse) -> None:
        if "mpcgov" in response.cookies:
            self.cookie = response.cookies["mpcgov"].value

    async def enrol(self, link: str) -> int:
        await self.get("/enrol")
        status, asked = await self.post("/enrol/options", {"link": link.partition("#")[2]})
        if status != 200:
            return status
        made = self.device.made(asked["options"])
        status, _ = await self.post("/enrol", {"ticket": asked["ticket"], "credential": made})
        return status

    async def sign_in(self) -> int:
        await self.get("/sign-in")
        status, asked = await self.post("/sign-in/options", {})
        assert status == 200, asked
        signed = self.device.signed(asked["options"])
        status, _ = await self.post("/sign-in", {"ticket": asked["ticket"], "credential": signed})
        await self.get("/")
        return status

    async def asked(self, job: str, said: str = "approve", reason: str = "") -> dict[str, Any]:
        status, answer = await self.post(f"/jobs/{job}/options", {"said": said, "reason": reason})
        assert status == 200, answer
        return answer

    async def say(self, job: str, said: str = "approve", reason: str = "") -> tuple[int, dict[str, Any]]:
        asked = await self.asked(job, said, reason)
        body = {"ticket": asked["ticket"], "credential": self.device.signed(asked["options"])}
        return await self.post(f"/jobs/{job}/decide", body)
