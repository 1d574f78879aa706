"""DSSE: the published vector, and every way in which an envelope may lie."""

import base64
import json

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec.envelope import Envelope, add_signature, open_envelope, pae, sign, verify
from mpcgov.spec.load import Frozen, parse_json
from mpcgov.spec.statement import APPROVAL_TYPE, PROPOSAL_TYPE


class Note(Frozen):
    text: str


def test_pae_is_the_one_of_the_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_what_was_signed_is_what_is_read(identities) -> None:
    me = identities["labour"]
    envelope = sign(Note(text="ja"), PROPOSAL_TYPE, "labour", me.signing_key)
    again = parse_json(envelope.to_bytes(), Envelope, "wire")
    assert open_envelope(again, PROPOSAL_TYPE, Note, "labour", me.card.signing_key) == Note(text="ja")
    with pytest.raises(SpecError, match="doesn't hold"):
        open_envelope(again, PROPOSAL_TYPE, Note, "labour", identities["welfare"].card.signing_key)


def test_any_flipped_bit_any_other_type_and_any_other_signer_is_refused(identities) -> None:
    me, other = identities["labour"], identities["welfare"]
    envelope = sign(Note(text="ja"), PROPOSAL_TYPE, "labour", me.signing_key)
    key = me.card.signing_key
    body = bytearray(envelope.body)
    for bit in range(len(body) * 8):
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        forged = envelope.model_copy(update={"payload": base64.b64encode(changed).decode()})
        with pytest.raises(SpecError, match="doesn't hold"):
            verify(forged, PROPOSAL_TYPE, "labour", key)
    with pytest.raises(SpecError, match="expected"):
        verify(envelope, APPROVAL_TYPE, "labour", key)
    with pytest.raises(SpecError, match="doesn't hold"):
        verify(envelope.model_copy(update={"payloadType": APPROVAL_TYPE}), APPROVAL_TYPE, "labour", key)
    with pytest.raises(SpecError, match="has not signed"):
        verify(envelope, PROPOSAL_TYPE, "welfare", other.card.signing_key)
    with pytest.raises(SpecError, match="doesn't hold"):
        verify(envelope, PROPOSAL_TYPE, "labour", other.card.signing_key)


def test_a_second_signature_under_one_name_does_not_hide_a_false_first(identities) -> None:
    me = identities["labour"]
    envelope = sign(Note(text="ja"), PROPOSAL_TYPE, "labour", me.signing_key)
    false = envelope.signatures[0].model_copy(update={"sig": base64.b64encode(b"0" * 64).decode()})
    both = envelope.model_copy(update={"signatures": (*envelope.signatures, false)})
    with pytest.raises(SpecError, match="doesn't hold"):
        verify(both, PROPOSAL_TYPE, "labour", me.card.signing_key)


def test_signing_again_replaces_ones_own_signature_only(identities) -> None:
    a, b = identities["labour"], identities["welfare"]
    envelope = add_signature(sign(Note(text="x"), PROPOSAL_TYPE, "a", a.signing_key), "b", b.signing_key)
    again = add_signature(envelope, "a", a.signing_key)
    assert sorted(s.keyid for s in again.signatures) == ["a", "b"]
    verify(again, PROPOSAL_TYPE, "b", b.card.signing_key)


def test_unknown_fields_in_the_payload_are_refused(identities) -> None:
    me = identities["labour"]
    body = base64.b64encode(json.dumps({"text": "x", "more": 1}).encode()).decode()
    unsigned = Envelope(payload=body, payloadType=PROPOSAL_TYPE, signatures=())
    envelope = add_signature(unsigned, "labour", me.signing_key)
    with pytest.raises(SpecError, match="unknown key"):
        open_envelope(envelope, PROPOSAL_TYPE, Note, "labour", me.card.signing_key)


@pytest.mark.parametrize("text", ["é", "a", "!!!!", "\x00"])
def test_what_is_not_base64_is_a_fault_of_the_envelope_and_not_of_ours(identities, text: str) -> None:
    me = identities["labour"]
    envelope = sign(Note(text="ja"), PROPOSAL_TYPE, "labour", me.signing_key)
    signature = envelope.signatures[0].model_copy(update={"sig": text})
    for forged in ({"payload": text}, {"signatures": (signature,)}):
        with pytest.raises(SpecError):
            verify(envelope.model_copy(update=forged), PROPOSAL_TYPE, "labour", me.card.signing_key)
