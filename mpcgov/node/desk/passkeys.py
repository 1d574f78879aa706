"""The ceremonies of Web Authentication (level 3): what a browser is asked, and whether what its authenticator answers
holds.

Whatever is wrong with an answer is one refusal: who tries things out isn't told how far they got.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov.errors import InternalError, Refused, SpecError
from mpcgov.node.desk import extra
from mpcgov.node.desk.accounts import Passkey, Person
from mpcgov.node.desk.config import ConsoleConfig
from mpcgov.node.desk.sessions import TICKET_S
from mpcgov.node.process import environment
from mpcgov.spec.assertion import Assertion, check
from mpcgov.spec.assertion import signed as checked
from mpcgov.spec.statement import Proposal

TIMEOUT_MS = int(TICKET_S * 1000)
READ_S = 30.0
TYPE = "public-key"
ALGORITHMS = (-8, -7, -257)
"""Ed25519, ECDSA and RSA with SHA-256, by their numbers in COSE: those that `spec.assertion` checks."""


def to_enrol(config: ConsoleConfig, agency: str, person: Person, known: Sequence[Passkey], nonce: bytes) -> Any:
    """What a browser needs to make a person's new passkey: `PublicKeyCredentialCreationOptionsJSON`.

    Args:
        known: the passkeys that the person has; the same device makes no second one.
        nonce: what the answer must be about.

    Raises:
        LocalError: the library that reads the answer isn't installed.
    """
    extra.require("passkeys", "webauthn")
    return {
        "rp": {"id": config.site, "name": f"mpcgov, {agency}"},
        "user": {"id": _text(bytes.fromhex(person.handle)), "name": person.name, "displayName": person.name},
        "challenge": _text(nonce),
        "pubKeyCredParams": [{"type": TYPE, "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": TIMEOUT_MS,
        "excludeCredentials": _descriptors(known),
        "authenticatorSelection": {
            "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
        },
        "attestation": "none",
    }  # fmt: skip


def enrolled(config: ConsoleConfig, person: Person, credential: Mapping[str, Any], nonce: bytes) -> Passkey:
    """The new passkey in a browser's answer.

    Raises:
        Refused: it doesn't answer what was asked.
    """
    expected = {"challenge": _text(nonce), "site": config.site, "origin": config.seen_at}
    new = json.loads(read_apart(json.dumps({"credential": dict(credential), **expected}).encode()))
    return Passkey(new["id"], person.name, bytes.fromhex(new["cose"]), bytes.fromhex(new["key"]), new["used"])


def read_apart(asked: bytes) -> bytes:
    """What `enrolling` reads in a new passkey's answer, in a process of its own, which has no keys and ends with it.

    Raises:
        Refused: it doesn't answer what was asked.
        InternalError: that process has failed.
    """
    command = [sys.executable, "-P", "-m", "mpcgov.node.desk.enrolling"]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command, input=asked, capture_output=True, env=environment("run"), timeout=READ_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise _no() from None
    if done.returncode == extra.HOLDS_NOT:
        raise _no()
    if done.returncode:
        raise InternalError("the process that reads new passkeys has failed")
    return done.stdout


def to_sign(config: ConsoleConfig, challenge: bytes, known: Sequence[Passkey] = ()) -> Any:
    """What a browser needs to have a challenge signed, by one of these passkeys or else by any:
    `PublicKeyCredentialRequestOptionsJSON`."""
    return {
        "challenge": _text(challenge),
        "timeout": TIMEOUT_MS,
        "rpId": config.site,
        "allowCredentials": _descriptors(known),
        "userVerification": "required",
    }


def signed(config: ConsoleConfig, passkey: Passkey, credential: Mapping[str, Any], challenge: bytes) -> int:
    """How often a passkey says it was used, once it has signed a challenge.

    Raises:
        Refused: it hasn't, or for another site; or a copy of it has been used meanwhile.
    """
    try:
        named, response = (credential["type"], credential["id"], credential["rawId"]), credential["response"]
        client, about, signature = map(_bytes, map(response.get, ("clientDataJSON", "authenticatorData", "signature")))
        found = checked("this", passkey.key, client, about, signature, challenge)
    except (AttributeError, KeyError, TypeError, ValueError, SpecError):
        raise _no() from None
    at = (found.origin, found.site)
    # A passkey that counts says more each time; one that doesn't says 0.
    fresh = found.used > passkey.used or found.used == passkey.used == 0
    here = (config.seen_at, hashlib.sha256(config.site.encode()).digest())
    if named != (TYPE, passkey.id, passkey.id) or at != here or not fresh:
        raise _no()
    return found.used


def assertion(passkey: Passkey, person: Person, credential: Mapping[str, Any], nonce: str, reason: str) -> Assertion:
    """What a passkey has signed, as peers see it; verified by `signed` before.

    Raises:
        Refused: it isn't of the form that peers read.
    """
    try:
        response = credential["response"]
        parts = {
            ours: _standard(response[theirs])
            for ours, theirs in (
                ("client_data", "clientDataJSON"),
                ("authenticator_data", "authenticatorData"),
                ("signature", "signature"),
            )
        }
        key = base64.b64encode(passkey.key).decode()
        who = {"known_as": person.known_as, "credential": passkey.id, "key": key}
        return Assertion(**who, nonce=nonce, reason=reason, **parts)
    except (KeyError, TypeError, ValueError):
        raise _no() from None


def require_said(assertion: Assertion, proposal: Proposal, party: str, said: Any) -> None:
    """Nothing, if peers will find that the assertion holds."""
    check(assertion, proposal.job_digest, party, said)


def _descriptors(known: Sequence[Passkey]) -> list[dict[str, str]]:
    return [{"id": one.id, "type": TYPE} for one in known]


def _standard(text: str) -> str:
    return base64.b64encode(_bytes(text)).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _no() -> Refused:
    return Refused("the passkey's answer doesn't hold", hint="try again", code="passkey")
