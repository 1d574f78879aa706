"""The ceremonies of Web Authentication: what a browser is asked, and whether what its authenticator answers holds.

Whatever is wrong with an answer is one refusal: who tries things out isn't told how far they got.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov.errors import LocalError, Refused
from mpcgov.node.desk import extra
from mpcgov.node.desk.accounts import Passkey, Person
from mpcgov.node.desk.config import ConsoleConfig
from mpcgov.node.desk.sessions import TICKET_S
from mpcgov.spec.assertion import Assertion, check
from mpcgov.spec.statement import Proposal

TIMEOUT_MS = int(TICKET_S * 1000)


def to_enrol(config: ConsoleConfig, agency: str, person: Person, known: Sequence[Passkey], nonce: bytes) -> Any:
    """What a browser needs to make a person's new passkey.

    Args:
        known: the passkeys that the person has; the same device makes no second one.
        nonce: what the answer must be about.
    """
    library = _library()
    structs = library.helpers.structs
    options = library.generate_registration_options(
        rp_id=config.site,
        rp_name=f"mpcgov, {agency}",
        user_id=bytes.fromhex(person.handle),
        user_name=person.name,
        challenge=nonce,
        timeout=TIMEOUT_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(known),
    )
    return json.loads(library.options_to_json(options))


def enrolled(config: ConsoleConfig, person: Person, credential: Mapping[str, Any], nonce: bytes) -> Passkey:
    """The new passkey in a browser's answer.

    Raises:
        Refused: it doesn't answer what was asked.
    """
    library = _library()
    try:
        found = library.verify_registration_response(
            credential=dict(credential),
            expected_challenge=nonce,
            expected_rp_id=config.site,
            expected_origin=config.seen_at,
            require_user_verification=True,
        )
        key = _plain_key(library, found.credential_public_key)
    except Exception as error:  # the library raises its own and others' for what an attacker may send
        raise _no(error) from None
    identifier = library.helpers.bytes_to_base64url(found.credential_id)
    return Passkey(identifier, person.name, found.credential_public_key, key, found.sign_count)


def to_sign(config: ConsoleConfig, challenge: bytes, known: Sequence[Passkey] = ()) -> Any:
    """What a browser needs to have a challenge signed, by one of these passkeys or else by any."""
    library = _library()
    options = library.generate_authentication_options(
        rp_id=config.site,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        allow_credentials=_descriptors(known) or None,
        user_verification=library.helpers.structs.UserVerificationRequirement.REQUIRED,
    )
    return json.loads(library.options_to_json(options))


def signed(config: ConsoleConfig, passkey: Passkey, credential: Mapping[str, Any], challenge: bytes) -> int:
    """How often a passkey says it was used, once it has signed a challenge.

    Raises:
        Refused: it hasn't, or for another site; or a copy of it has been used meanwhile.
    """
    try:
        found = _library().verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=config.site,
            expected_origin=config.seen_at,
            credential_public_key=passkey.cose_key,
            credential_current_sign_count=passkey.used,
            require_user_verification=True,
        )
    except Exception as error:  # as above
        raise _no(error) from None
    return int(found.new_sign_count)


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
    except (KeyError, TypeError, ValueError) as error:
        raise _no(error) from None


def require_said(assertion: Assertion, proposal: Proposal, party: str, said: Any) -> None:
    """Nothing, if peers will find that the assertion holds."""
    check(assertion, proposal.job_digest, party, said)


def _descriptors(known: Sequence[Passkey]) -> list[Any]:
    library = _library()
    descriptor = library.helpers.structs.PublicKeyCredentialDescriptor
    return [descriptor(id=library.helpers.base64url_to_bytes(one.id)) for one in known]


def _plain_key(library: Any, cose: bytes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    helpers = library.helpers
    public = helpers.decoded_public_key_to_cryptography(helpers.decode_credential_public_key(cose))
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _standard(text: str) -> str:
    return base64.b64encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).decode()


def _library() -> Any:
    return extra.loaded("passkeys", "webauthn", "helpers.structs")


def _no(error: Exception) -> Exception:
    if isinstance(error, LocalError):
        return error
    return Refused("the passkey's answer doesn't hold", hint="try again", code="passkey")
