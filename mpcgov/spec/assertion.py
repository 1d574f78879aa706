"""What a person's passkey signs to say yes or no to a job, or yes to a policy, and whether such a signature holds.

A passkey (W3C Web Authentication, level 3) signs a challenge. Ours is the SHA-256 of what is decided: which proposal,
by which agency's person, yes or no, for which reason. So an assertion can't be used for anything else, and whoever
holds the proposal can check it without asking anybody, with no library but the one for signatures.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import Field

from mpcgov.errors import SpecError
from mpcgov.spec.ids import Digest, PartyId
from mpcgov.spec.load import Frozen, canonical_json

Said = Literal["approve", "reject"]

KNOWN_AS_LIMIT = 64
USER_PRESENT, USER_VERIFIED = 0x01, 0x04
FLAGS_AT, SHORTEST = 32, 37
"""Where the flags stand in authenticator data, after the digest of the site's name; a counter of four bytes follows."""

Encoded = Annotated[str, Field(max_length=4000)]
"""Bytes in base 64."""


class Decided(Frozen):
    """What a person says to a job. `nonce`: chosen by the node for this one question."""

    format: Literal["mpcgov-decision-1"] = "mpcgov-decision-1"
    job_digest: Digest
    party: PartyId
    known_as: Annotated[str, Field(min_length=1, max_length=KNOWN_AS_LIMIT)]
    said: Said
    reason: Annotated[str, Field(max_length=4000)]
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

    @property
    def challenge(self) -> bytes:
        """What the passkey signs."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).digest()


class Agreed(Frozen):
    """What a person agrees to in a change of policy: the text of this digest in the place of that one's."""

    format: Literal["mpcgov-policy-1"] = "mpcgov-policy-1"
    policy_digest: Digest
    before: Digest
    party: PartyId
    known_as: Annotated[str, Field(min_length=1, max_length=KNOWN_AS_LIMIT)]
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

    @property
    def challenge(self) -> bytes:
        """What the passkey signs."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).digest()


class Assertion(Frozen):
    """One person's signed word on a job or a policy; that on a job is seen by peers.

    `known_as`: the person's name as the agency gives it out, which need tell nobody who it is. `credential`: which
    passkey; `key`: its public key. The node that signs the approval vouches for both being that person's.
    """

    known_as: Annotated[str, Field(min_length=1, max_length=KNOWN_AS_LIMIT)]
    credential: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,1400}$")]
    key: Encoded
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    reason: Annotated[str, Field(max_length=4000)] = ""
    client_data: Encoded
    authenticator_data: Encoded
    signature: Encoded


def check(assertion: Assertion, job_digest: str, party: str, said: Said) -> None:
    """Nothing, if the assertion says this about this job.

    Raises:
        SpecError: it was made for something else, without the person being verified, or the signature doesn't hold.
    """
    decided = Decided(
        job_digest=job_digest, party=party, known_as=assertion.known_as, said=said,
        reason=assertion.reason, nonce=assertion.nonce,
    )  # fmt: skip
    _check(assertion, decided.challenge, party)


def check_agreed(assertion: Assertion, policy_digest: str, before: str, party: str) -> None:
    """Nothing, if the assertion agrees to this policy in the place of that one.

    Raises:
        SpecError: as `check`.
    """
    agreed = Agreed(
        policy_digest=policy_digest, before=before, party=party, known_as=assertion.known_as, nonce=assertion.nonce
    )
    _check(assertion, agreed.challenge, party)


def check_all(assertions: Sequence[Assertion], job_digest: str, party: str, said: Said) -> None:
    """Nothing, if each holds (`check`), and no two are of one person or one passkey.

    Raises:
        SpecError: one doesn't, or two are.
    """
    for assertion in assertions:
        check(assertion, job_digest, party, said)
    for of_one in ("known_as", "credential", "key"):
        if len({getattr(one, of_one) for one in assertions}) < len(assertions):
            raise SpecError(f"{party}: two of the people who said yes are one", code="assertion")


@dataclass(frozen=True)
class Signed:
    """What a passkey's signature over a challenge says besides.

    `origin`: the page that had it made, as its browser says. `site`: the digest of the site's name that the passkey is
    for. `used`: the passkey's own counter; 0 if it has none.
    """

    origin: str
    site: bytes
    used: int


def signed(what: str, key: bytes, client: bytes, authenticator: bytes, signature: bytes, challenge: bytes) -> Signed:
    """What a passkey has signed, if it has signed this challenge, once it had verified its person.

    Args:
        what: whose word this is, for messages.
        key: the passkey's public key.
        client: what its browser says of the page, as signed.
        authenticator: what the passkey itself says, as signed.

    Raises:
        SpecError: it was made for something else, without the person being verified, or the signature doesn't hold.
    """
    try:
        data = json.loads(client)
        fits = isinstance(data, dict) and data.get("type") == "webauthn.get" and not data.get("crossOrigin")
        if not fits or data.get("challenge") != _text(challenge):
            raise SpecError(f"{what} is about something else", code="assertion")
        if len(authenticator) < SHORTEST:
            raise SpecError(f"{what} was given at another site", code="assertion")
        if authenticator[FLAGS_AT] & (flags := USER_PRESENT | USER_VERIFIED) != flags:
            raise SpecError(f"{what} was given without looking who it is", code="assertion")
        _verify(key, signature, authenticator + hashlib.sha256(client).digest())
    except (ValueError, RecursionError, InvalidSignature, UnsupportedAlgorithm):
        raise SpecError(f"{what} isn't signed by the passkey that it names", code="assertion") from None
    used = int.from_bytes(authenticator[FLAGS_AT + 1 : SHORTEST], "big")
    return Signed(str(data.get("origin")), authenticator[:FLAGS_AT], used)


def _check(assertion: Assertion, challenge: bytes, party: str) -> None:
    what = f"{party}: the word of {assertion.known_as}"
    try:
        key, client, authenticator, signature = (
            base64.b64decode(one, validate=True)
            for one in (assertion.key, assertion.client_data, assertion.authenticator_data, assertion.signature)
        )
    except ValueError:
        raise SpecError(f"{what} isn't signed by the passkey that it names", code="assertion") from None
    found = signed(what, key, client, authenticator, signature, challenge)
    with suppress(ValueError):
        if found.site == hashlib.sha256((urlsplit(found.origin).hostname or "").encode()).digest():
            return
    raise SpecError(f"{what} was given at another site", code="assertion")


def _verify(key: bytes, signature: bytes, message: bytes) -> None:
    public: Any = load_der_public_key(key)
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    elif isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, message)
    elif isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    else:
        raise InvalidSignature


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
