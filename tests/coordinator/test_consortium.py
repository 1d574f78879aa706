"""A consortium that can't be formed, signed or joined with anything changed, missing, forged or old."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mpcgov import keys
from mpcgov.errors import LocalError, SpecError
from mpcgov.keys import Identity
from mpcgov.spec.envelope import Envelope, add_signature, sign
from mpcgov.spec.load import canonical_json
from mpcgov.spec.roster import CARD_TYPE, ROSTER_TYPE, Card
from mpcgov.trust import consortium

PARTIES = ("tax", "welfare", "census")
Identities = dict[str, Identity]


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> Identities:
    homes = tmp_path_factory.mktemp("homes")
    made = {
        party: keys.create(homes / party, "party", party, f"127.0.0.1:{7101 + i}") for i, party in enumerate(PARTIES)
    }
    made["hq"] = keys.create(homes / "hq", "coordinator", "hq", None)
    made["other"] = keys.create(homes / "other", "coordinator", "other", None)
    made["impostor"] = keys.create(homes / "impostor", "party", "tax", "127.0.0.1:7101")
    return made


def cards(identities: Identities) -> list[Card]:
    return [identities[party].card for party in PARTIES]


def created(identities: Identities, serial: int = 1) -> Envelope:
    return consortium.create(cards(identities), identities["hq"], 1, serial)


def signed(identities: Identities, serial: int = 1) -> Envelope:
    envelope = created(identities, serial)
    for party in PARTIES:
        envelope = consortium.sign_roster(envelope, identities[party])
    return envelope


def rewritten(envelope: Envelope, change: Callable[[dict[str, Any]], None]) -> Envelope:
    value = json.loads(envelope.body)
    change(value)
    return envelope.model_copy(update={"payload": base64.b64encode(canonical_json(value)).decode()})


def test_everyone_who_joins_pins_the_same_roster(identities: Identities, tmp_path: Path) -> None:
    envelope = signed(identities)
    for name in (*PARTIES, "hq"):
        (tmp_path / name).mkdir()
        consortium.join(tmp_path / name, envelope, identities[name])
        kept, roster = consortium.load_roster(tmp_path / name)
        assert kept.digest == envelope.digest
        assert [card.id for card in consortium.members(roster)] == [*PARTIES, "hq"]
    consortium.join(tmp_path / "tax", envelope, identities["tax"])


def test_a_missing_signature_is_named_and_nothing_is_joined(identities: Identities, tmp_path: Path) -> None:
    envelope = consortium.sign_roster(created(identities), identities["tax"])
    with pytest.raises(SpecError, match="not signed by welfare, census"):
        consortium.join(tmp_path, envelope, identities["tax"])
    assert not list(tmp_path.iterdir())
    with pytest.raises(LocalError, match="no consortium joined"):
        consortium.load_roster(tmp_path)


# A serial number of a certificate may become one that is warned of.
@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_any_flipped_byte_of_the_roster_is_noticed(identities: Identities) -> None:
    envelope = signed(identities)
    body = bytearray(envelope.body)
    for position in range(0, len(body), 23):
        damaged = bytearray(body)
        damaged[position] ^= 1
        payload = base64.b64encode(damaged).decode()
        with pytest.raises(SpecError):
            consortium.verify_roster(envelope.model_copy(update={"payload": payload}))


@pytest.mark.parametrize("member", [*PARTIES, "hq"])
def test_a_flipped_bit_of_any_signature_is_noticed(identities: Identities, member: str) -> None:
    envelope = signed(identities)
    signatures = []
    for signature in envelope.signatures:
        raw = bytearray(base64.b64decode(signature.sig))
        raw[10] ^= signature.keyid == member
        signatures.append(signature.model_copy(update={"sig": base64.b64encode(raw).decode()}))
    with pytest.raises(SpecError, match=f"signature of {member} doesn't hold"):
        consortium.verify_roster(envelope.model_copy(update={"signatures": tuple(signatures)}))


def test_nobody_can_sign_for_another(identities: Identities) -> None:
    envelope = consortium.sign_roster(created(identities), identities["welfare"])
    envelope = consortium.sign_roster(envelope, identities["census"])
    forged = add_signature(envelope, "tax", identities["welfare"].signing_key)
    with pytest.raises(SpecError, match="signature of tax doesn't hold"):
        consortium.verify_roster(forged)


def test_another_type_of_statement_is_no_roster(identities: Identities) -> None:
    roster = consortium.read_roster(created(identities))
    with pytest.raises(SpecError, match="not a roster"):
        consortium.verify_roster(sign(roster, CARD_TYPE, "hq", identities["hq"].signing_key))


def test_an_older_roster_or_another_of_the_same_number_is_refused(identities: Identities, tmp_path: Path) -> None:
    second = signed(identities, serial=2)
    consortium.join(tmp_path, second, identities["tax"])
    assert consortium.next_serial(tmp_path) == 3
    with pytest.raises(LocalError, match="already joined roster 2"):
        consortium.join(tmp_path, signed(identities, serial=1), identities["tax"])
    twin = consortium.create(list(reversed(cards(identities))), identities["hq"], 1, 2)
    for party in PARTIES:
        twin = consortium.sign_roster(twin, identities[party])
    with pytest.raises(LocalError, match="already joined roster 2"):
        consortium.join(tmp_path, twin, identities["tax"])
    assert consortium.load_roster(tmp_path)[0].digest == second.digest
    assert consortium.join(tmp_path, signed(identities, serial=3), identities["tax"]).serial == 3


def test_who_finds_another_key_under_its_name_neither_signs_nor_joins(identities: Identities, tmp_path: Path) -> None:
    envelope = signed(identities)
    with pytest.raises(SpecError, match="doesn't hold the card of tax"):
        consortium.sign_roster(envelope, identities["impostor"])
    with pytest.raises(SpecError, match="doesn't hold the card of tax"):
        consortium.join(tmp_path, envelope, identities["impostor"])


def test_a_certificate_must_be_the_one_its_digest_names(identities: Identities) -> None:
    def swap(value: dict[str, Any]) -> None:
        value["parties"][0]["certificate"] = value["parties"][1]["certificate"]

    changed = rewritten(created(identities), swap)
    changed = add_signature(changed, "hq", identities["hq"].signing_key)
    with pytest.raises(SpecError, match="tax: the certificate is not the one"):
        consortium.sign_roster(changed, identities["welfare"])


def test_two_members_with_one_key_make_no_roster(identities: Identities) -> None:
    twin = identities["tax"].card.model_copy(update={"id": "twin", "address": "127.0.0.1:9"})
    with pytest.raises(SpecError, match="two members have the same signing key"):
        consortium.create([*cards(identities), twin], identities["hq"], 1, 1)


@pytest.mark.parametrize("threshold", [-1, 0, 2, 3])
def test_a_threshold_that_three_parties_cant_have_is_refused(identities: Identities, threshold: int) -> None:
    with pytest.raises(SpecError, match="threshold"):
        consortium.create(cards(identities), identities["hq"], threshold, 1)


def test_a_consortium_has_three_parties_and_one_coordinator(identities: Identities) -> None:
    with pytest.raises(SpecError, match="at least three"):
        consortium.create(cards(identities)[:2], identities["hq"], 1, 1)
    with pytest.raises(SpecError, match="other: another coordinator's card"):
        consortium.create([*cards(identities), identities["other"].card], identities["hq"], 1, 1)
    with pytest.raises(SpecError, match="tax is a party"):
        consortium.create(cards(identities), identities["tax"], 1, 1)
    own = consortium.create([*cards(identities), identities["hq"].card], identities["hq"], 1, 1)
    assert consortium.read_roster(own).coordinator.id == "hq"


def test_a_card_proves_that_its_owner_holds_the_key(identities: Identities, tmp_path: Path) -> None:
    path = tmp_path / "tax.card"
    path.write_bytes(consortium.card_envelope(identities["tax"]).to_bytes())
    assert consortium.read_card(path) == identities["tax"].card

    stolen = sign(identities["tax"].card, CARD_TYPE, "tax", identities["impostor"].signing_key)
    path.write_bytes(stolen.to_bytes())
    with pytest.raises(SpecError, match="signature of tax doesn't hold"):
        consortium.read_card(path)

    moved = rewritten(
        consortium.card_envelope(identities["tax"]), lambda value: value.update(address="203.0.113.9:7101")
    )
    path.write_bytes(moved.to_bytes())
    with pytest.raises(SpecError, match="signature of tax doesn't hold"):
        consortium.read_card(path)


def test_what_isnt_a_card_is_refused_with_the_files_name(identities: Identities, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    roster = created(identities).to_bytes()
    for content in (b"", b"[]", b"{}", b"\xff", roster):
        path.write_bytes(content)
        with pytest.raises(SpecError, match=r"card\.json"):
            consortium.read_card(path)
    with pytest.raises(SpecError, match=r"nothing\.json: can't be read"):
        consortium.read_card(tmp_path / "nothing.json")


def test_a_damaged_joined_roster_isnt_used(identities: Identities, tmp_path: Path) -> None:
    consortium.join(tmp_path, signed(identities), identities["tax"])
    path = tmp_path / consortium.ROSTER_FILE
    envelope = consortium.read_envelope(path)
    path.write_bytes(rewritten(envelope, lambda value: value.update(serial=9)).to_bytes())
    with pytest.raises(SpecError, match="doesn't hold"):
        consortium.load_roster(tmp_path)


def test_standing_says_whose_signature_is_missing_or_broken(identities: Identities) -> None:
    envelope = consortium.sign_roster(created(identities), identities["tax"])
    envelope = add_signature(envelope, "welfare", identities["tax"].signing_key)
    roster = consortium.read_roster(envelope)
    words = {card.id: word for card, word in consortium.standing(envelope, roster)}
    assert words == {"tax": "holds", "welfare": "DOESN'T HOLD", "census": "missing", "hq": "holds"}
    assert envelope.payloadType == ROSTER_TYPE
