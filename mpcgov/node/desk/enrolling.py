"""`python -m mpcgov.node.desk.enrolling`: reads a new passkey in what a browser answered, from its standard input.

A process of its own, which has no keys, may open no file but Python's own where the kernel has Landlock, and ends with
the answer: eight forms of attestation are read by a library of some megabytes, and whatever is in them was written by
a stranger's device.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import webauthn
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn import helpers

from mpcgov.node.desk.extra import HOLDS_NOT
from mpcgov.process import landlock


def read(asked: bytes) -> bytes:
    """The new passkey, as JSON: its `id`, its public key as passkeys write it (`cose`) and as everybody else does
    (`key`), in hexadecimal, and how often it was `used`.

    Args:
        asked: the browser's `credential`, the `challenge` that it must be about, the `site` and the `origin` that it
            must be for, as JSON.

    Raises:
        Exception: it isn't; the library raises its own and others' for what an attacker may send.
    """
    question: dict[str, Any] = json.loads(asked)
    found = webauthn.verify_registration_response(
        credential=question["credential"],
        expected_challenge=helpers.base64url_to_bytes(question["challenge"]),
        expected_rp_id=question["site"],
        expected_origin=question["origin"],
        require_user_verification=True,
    )
    cose = found.credential_public_key
    public = helpers.decoded_public_key_to_cryptography(helpers.decode_credential_public_key(cose))
    key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name = helpers.bytes_to_base64url(found.credential_id)
    return json.dumps({"id": name, "cose": cose.hex(), "key": key.hex(), "used": found.sign_count}).encode()


def main() -> int:
    """The entry point; gives the exit status."""
    asked = sys.stdin.buffer.read()
    landlock.restrict([])
    try:
        answer = read(asked)
    except Exception:
        return HOLDS_NOT
    sys.stdout.buffer.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
