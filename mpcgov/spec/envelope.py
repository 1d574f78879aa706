"""Signed envelopes: DSSE, which signs the type together with the bytes, as received.

Source: https://github.com/secure-systems-lab/dsse, protocol.md (PAE, envelope).
"""

from __future__ import annotations

import base64
from typing import Annotated, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field

from mpcgov.errors import SpecError
from mpcgov.spec.ids import digest
from mpcgov.spec.load import LIMIT_BYTES, Frozen, canonical_json, parse_json

Model = TypeVar("Model", bound=Frozen)


class Signature(Frozen):
    """One member's signature; `keyid` says whose it claims to be, the key comes from the roster."""

    keyid: str
    sig: str


class Envelope(Frozen):
    """Bytes, their type, and signatures over both."""

    payload: str
    payloadType: str
    signatures: Annotated[tuple[Signature, ...], Field(strict=False, max_length=64)]

    @property
    def body(self) -> bytes:
        """The signed bytes.

        Raises:
            SpecError: they aren't base64.
        """
        try:
            return base64.b64decode(self.payload, validate=True)
        except ValueError:
            raise SpecError("envelope: payload is not base64", code="envelope") from None

    @property
    def digest(self) -> str:
        """The SHA-256 of the signed bytes."""
        return digest(self.body)

    def to_bytes(self) -> bytes:
        """The envelope as JSON."""
        return canonical_json(self.model_dump(mode="json"))


def pae(payload_type: str, body: bytes) -> bytes:
    """Pre-authentication encoding: type and body, each with its length, so that neither can pass for the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def sign(value: Frozen, payload_type: str, signer: str, key: Ed25519PrivateKey) -> Envelope:
    """The value as canonical JSON in an envelope with one signature."""
    body = canonical_json(value.model_dump(mode="json"))
    return add_signature(
        Envelope(payload=base64.b64encode(body).decode(), payloadType=payload_type, signatures=()), signer, key
    )


def add_signature(envelope: Envelope, signer: str, key: Ed25519PrivateKey) -> Envelope:
    """The envelope with the signer's signature added, or replaced if it had one."""
    made = base64.b64encode(key.sign(pae(envelope.payloadType, envelope.body))).decode()
    others = tuple(s for s in envelope.signatures if s.keyid != signer)
    return envelope.model_copy(update={"signatures": (*others, Signature(keyid=signer, sig=made))})


def verify(envelope: Envelope, payload_type: str, signer: str, public_key: str) -> None:
    """Nothing, if the signer signed these bytes as this type.

    Args:
        public_key: the signer's Ed25519 key from the roster, 64 hexadecimal digits; never from the envelope.

    Raises:
        SpecError: wrong type, no signature of the signer, or one that doesn't hold.
    """
    if envelope.payloadType != payload_type:
        raise SpecError(f"envelope: expected {payload_type}", code="envelope")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
    message = pae(envelope.payloadType, envelope.body)
    mine = [s for s in envelope.signatures if s.keyid == signer]
    if not mine:
        raise SpecError(f"envelope: {signer} has not signed it", code="signature")
    for signature in mine:
        try:
            key.verify(base64.b64decode(signature.sig, validate=True), message)
        except (InvalidSignature, ValueError):
            raise SpecError(f"envelope: the signature of {signer} doesn't hold", code="signature") from None


def open_envelope(
    envelope: Envelope,
    payload_type: str,
    model: type[Model],
    signer: str,
    public_key: str,
    limit_bytes: int = LIMIT_BYTES,
) -> Model:
    """The value inside, after `verify`."""
    verify(envelope, payload_type, signer, public_key)
    return parse_json(envelope.body, model, payload_type, limit_bytes)
