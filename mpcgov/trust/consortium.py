"""How agencies come to trust one list of members: cards, a roster that everyone signs, and joining it.

Nobody hands out keys for others. A card is signed with the key it shows, so that nobody can present another's key as
their own; a roster counts only with every member's signature; joining pins every certificate in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from mpcgov import files
from mpcgov.errors import LocalError, SpecError
from mpcgov.keys import Identity, certificate_digest
from mpcgov.spec.envelope import Envelope, add_signature, open_envelope, sign, verify
from mpcgov.spec.load import parse_json, read_text, validate
from mpcgov.spec.roster import CARD_TYPE, ROSTER_TYPE, Card, Roster

ROSTER_FILE = "roster.json"


def read_envelope(path: Path) -> Envelope:
    """The envelope in a file, nothing in it verified.

    Raises:
        SpecError: the file can't be read or holds no envelope.
    """
    return parse_json(read_text(path).encode(), Envelope, str(path))


def joined_digest(home: Path) -> str:
    """The digest of the roster that is in a home now, nothing in it verified.

    Raises:
        SpecError: there is none, or it can't be read.
    """
    return _digest(read_text(home / ROSTER_FILE), str(home / ROSTER_FILE))


@lru_cache(maxsize=4)
def _digest(text: str, where: str) -> str:
    """A node looks once a second, and in each decision, whether it is still the one."""
    return parse_json(text.encode(), Envelope, where).digest


def card_envelope(identity: Identity) -> Envelope:
    """The identity's public card, signed with the key it shows."""
    return sign(identity.card, CARD_TYPE, identity.name, identity.signing_key)


def read_card(path: Path) -> Card:
    """The card in a file, its own signature and its certificate's digest verified.

    Raises:
        SpecError: no card, a signature that doesn't hold, or a certificate that isn't the one its digest names.
    """
    envelope = read_envelope(path)
    claimed = parse_json(envelope.body, Card, str(path))
    try:
        card = open_envelope(envelope, CARD_TYPE, Card, claimed.id, claimed.signing_key)
    except SpecError as error:
        raise SpecError(f"{path}: {error.message}", hint="ask its owner for the card again", code=error.code) from None
    _check_certificate(card, str(path))
    return card


def create(cards: Sequence[Card], coordinator: Identity, threshold: int, serial: int) -> Envelope:
    """A new roster with these parties, signed by its coordinator only so far.

    Args:
        cards: of the parties, in the order that the roster shall have; the coordinator's own may be among them.
        threshold: t; 1 <= t < m/2.
        serial: higher than that of any earlier roster of the consortium.

    Raises:
        SpecError: fewer than three parties, a threshold that is too high, or members that share a name, key or address.
    """
    own = coordinator.card
    if own.role != "coordinator":
        raise SpecError(f"{own.id} is a party; a consortium is created in a coordinator's home", code="roster")
    strangers = [card.id for card in cards if card.role == "coordinator" and card != own]
    if strangers:
        raise SpecError(
            f"{', '.join(strangers)}: another coordinator's card than this home's",
            hint="a consortium has one coordinator, who creates it",
            code="roster",
        )
    value = {
        "serial": serial,
        "threshold": threshold,
        "parties": tuple(card for card in cards if card.role == "party"),
        "coordinator": own,
    }
    roster = validate(value, Roster, "roster")
    return sign(roster, ROSTER_TYPE, own.id, coordinator.signing_key)


def next_serial(home: Path) -> int:
    """The serial number of the next roster made in this home: one more than the joined one's, or 1."""
    if not (home / ROSTER_FILE).exists():
        return 1
    return load_roster(home)[1].serial + 1


def sign_roster(envelope: Envelope, identity: Identity) -> Envelope:
    """The roster with this identity's signature: its agency's word that these are the members it will work with.

    Raises:
        SpecError: this identity isn't in it with its own card, or a signature that it already has doesn't hold.
    """
    roster = read_roster(envelope)
    _check_own_card(roster, identity)
    for card in members(roster):
        if any(signature.keyid == card.id for signature in envelope.signatures):
            verify(envelope, ROSTER_TYPE, card.id, card.signing_key)
    return add_signature(envelope, identity.name, identity.signing_key)


def read_roster(envelope: Envelope) -> Roster:
    """The roster inside, sound in itself, every certificate the one that its digest names; no signature verified.

    Raises:
        SpecError: it isn't such a roster.
    """
    if envelope.payloadType != ROSTER_TYPE:
        raise SpecError(f"not a roster but {envelope.payloadType}", code="envelope")
    roster = parse_json(envelope.body, Roster, "roster")
    for card in members(roster):
        _check_certificate(card, f"roster: {card.id}")
    return roster


def verify_roster(envelope: Envelope) -> Roster:
    """The roster inside, once every member's signature holds.

    Raises:
        SpecError: signatures are missing (all named) or don't hold.
    """
    roster = read_roster(envelope)
    missing = unsigned(envelope, roster)
    if missing:
        raise SpecError(
            f"roster: not signed by {', '.join(missing)}",
            hint="each of them runs 'mpcgov consortium sign --home THEIRS roster.json'",
            code="signature",
        )
    for card in members(roster):
        verify(envelope, ROSTER_TYPE, card.id, card.signing_key)
    return roster


def unsigned(envelope: Envelope, roster: Roster) -> list[str]:
    """The members of whom the envelope holds no signature."""
    signed = {signature.keyid for signature in envelope.signatures}
    return [card.id for card in members(roster) if card.id not in signed]


def standing(envelope: Envelope, roster: Roster) -> list[tuple[Card, str]]:
    """Each member, and whether it signed: for people to look at; `verify_roster` is what decides."""
    missing, result = unsigned(envelope, roster), []
    for card in members(roster):
        try:
            verify(envelope, ROSTER_TYPE, card.id, card.signing_key)
            word = "holds"
        except SpecError:
            word = "missing" if card.id in missing else "DOESN'T HOLD"
        result.append((card, word))
    return result


def join(home: Path, envelope: Envelope, identity: Identity) -> Roster:
    """From now on this home works with exactly these members; each one's certificate and key are pinned.

    Raises:
        SpecError: a signature is missing or doesn't hold, or the own card was changed.
        LocalError: the roster is older than the joined one, or another with the same serial number.
    """
    roster = verify_roster(envelope)
    _check_own_card(roster, identity)
    path = home / ROSTER_FILE
    if path.exists():
        before, joined = load_roster(home)
        if roster.serial < joined.serial or (roster.serial == joined.serial and envelope.digest != before.digest):
            raise LocalError(
                f"roster {roster.serial}: this home has already joined roster {joined.serial}",
                hint="a new roster needs a higher serial number; the coordinator makes it with 'consortium create'",
                code="rollback",
            )
    files.replace(path, envelope.to_bytes())
    return roster


def load_roster(home: Path) -> tuple[Envelope, Roster]:
    """The joined roster, its signatures verified afresh.

    Raises:
        LocalError: none was joined. SpecError: the file was damaged.
    """
    path = home / ROSTER_FILE
    if not path.exists():
        raise LocalError(
            f"{home}: no consortium joined", hint="mpcgov consortium join --home DIR roster.json", code="roster"
        )
    envelope = read_envelope(path)
    return envelope, verify_roster(envelope)


def members(roster: Roster) -> tuple[Card, ...]:
    """Everyone in it: the parties in roster order, then the coordinator."""
    return (*roster.parties, roster.coordinator)


def _check_own_card(roster: Roster, identity: Identity) -> None:
    if identity.card not in members(roster):
        raise SpecError(
            f"roster: doesn't hold the card of {identity.name} as this home has it",
            hint="send the coordinator the output of 'mpcgov card' again",
            code="roster",
        )


def _check_certificate(card: Card, where: str) -> None:
    try:
        matches = certificate_digest(card.certificate) == card.certificate_digest
    except LocalError as error:
        raise SpecError(f"{where}: certificate: {error.message}", code="certificate") from None
    if not matches:
        raise SpecError(f"{where}: the certificate is not the one that its digest names", code="certificate")
