"""Rosters that nobody should sign."""

import pytest

from mpcgov.errors import SpecError
from mpcgov.spec.load import validate
from mpcgov.spec.roster import Card, Roster


def changed(roster: Roster, **update: object) -> Roster:
    return validate(roster.model_dump() | update, Roster, "roster")


def test_a_sound_roster_knows_its_members(roster: Roster) -> None:
    assert changed(roster) == roster
    assert roster.member("coordinator").id == roster.member("hq").id == "hq"
    labour = roster.member("labour")
    assert roster.by_certificate(labour.certificate_digest) == labour
    assert roster.by_certificate("sha256:" + "0" * 64) is None
    with pytest.raises(KeyError):
        roster.member("police")


@pytest.mark.parametrize("threshold", [0, 2, 3])
def test_a_threshold_outside_1_to_below_half_is_refused(roster: Roster, threshold: int) -> None:
    with pytest.raises(SpecError, match="threshold"):
        changed(roster, threshold=threshold)


def test_two_parties_are_refused(roster: Roster) -> None:
    with pytest.raises(SpecError, match="at least three"):
        changed(roster, parties=roster.model_dump()["parties"][:2])


@pytest.mark.parametrize(
    "address", ["..:7101", "tax..gov:7101", ".tax:1", "a" * 64 + ":7101", "tax gov:7101", "tax:", ":7101"]
)
def test_an_address_that_nobody_can_have_is_refused(roster: Roster, address: str) -> None:
    labour = roster.member("labour").model_dump()
    with pytest.raises(SpecError, match="expected host:port"):
        validate(labour | {"address": address}, Card, "card")
    assert validate(labour | {"address": "tax-1.example.gov:7101"}, Card, "card").address == "tax-1.example.gov:7101"


@pytest.mark.parametrize("field", ["id", "address", "signing_key", "certificate_digest"])
def test_two_members_with_one_name_key_certificate_or_address_are_refused(roster: Roster, field: str) -> None:
    parties = list(roster.model_dump()["parties"])
    parties[1] = parties[1] | {field: parties[0][field]}
    with pytest.raises(SpecError, match=f"two (members|parties) have the same {field.replace('_', ' ')}"):
        changed(roster, parties=tuple(parties))


def test_the_coordinators_card_is_no_partys(roster: Roster) -> None:
    with pytest.raises(SpecError, match="coordinator"):
        changed(roster, coordinator=roster.model_dump()["parties"][0])
