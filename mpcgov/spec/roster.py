"""The roster: who is in a consortium, with which addresses, certificates and keys; signed by all of them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from mpcgov.spec.ids import Digest, PartyId, matching
from mpcgov.spec.job import COORDINATOR
from mpcgov.spec.load import Frozen

CARD_TYPE = "application/vnd.mpcgov.card+json"
ROSTER_TYPE = "application/vnd.mpcgov.roster+json"

Address = Annotated[
    str,
    Field(max_length=260),
    matching(
        r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*):[0-9]{1,5}",
        "host:port, such as tax.example.gov:7101",
    ),
]
"""`host:port`, with an IPv6 host in brackets."""


def is_local(host: str) -> bool:
    """Whether a host's name, in brackets or not, is one of this machine's alone."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _of_this_machine(address: str) -> str:
    if not is_local(address.rpartition(":")[0]):
        raise ValueError("expected an address of this machine alone, such as 127.0.0.1:7180; others come by a proxy")
    return address


LocalAddress = Annotated[Address, AfterValidator(_of_this_machine)]
"""An `Address` that nobody reaches from elsewhere."""


class Card(Frozen):
    """The public half of an identity: what others need to reach it and to know it when they see it."""

    role: Literal["party", "coordinator"]
    id: PartyId
    address: Address | None
    certificate: Annotated[str, Field(max_length=8192)]
    certificate_digest: Digest
    signing_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @model_validator(mode="after")
    def _reachable(self) -> Card:
        if (self.role == "party") != (self.address is not None):
            raise ValueError("a party has an address, a coordinator has none")
        if self.role == "party" and self.id == COORDINATOR:
            raise ValueError("id: 'coordinator' is not a party's name")
        return self


class Roster(Frozen):
    """A consortium: its parties, its coordinator, and the threshold t: any t parties together learn nothing."""

    serial: Annotated[int, Field(ge=1)]
    threshold: Annotated[int, Field(ge=1)]
    parties: Annotated[tuple[Card, ...], Field(strict=False)]
    coordinator: Card

    @model_validator(mode="after")
    def _sound(self) -> Roster:
        faults = []
        m, cards = len(self.parties), (*self.parties, self.coordinator)
        if m < 3:
            faults.append(f"{m} parties; at least three must compute")
        elif 2 * self.threshold >= m:
            faults.append(f"threshold {self.threshold} is too high for {m} parties; it must be below half")
        if any(card.role != "party" for card in self.parties) or self.coordinator.role != "coordinator":
            faults.append("the parties' cards must be of parties, the coordinator's of a coordinator")
        faults += [
            f"two members have the same {what.replace('_', ' ')}"
            for what in ("id", "certificate_digest", "signing_key")
            if len({getattr(card, what) for card in cards}) != len(cards)
        ]
        if len({card.address for card in self.parties}) != m:
            faults.append("two parties have the same address")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def member(self, name: str) -> Card:
        """The card of a party by id, or the coordinator's by its id or as 'coordinator'.

        Raises:
            KeyError: nobody of that name is in the consortium.
        """
        if name in (COORDINATOR, self.coordinator.id):
            return self.coordinator
        for card in self.parties:
            if card.id == name:
                return card
        raise KeyError(name)

    def by_certificate(self, certificate_digest: str) -> Card | None:
        """The member that holds a certificate, by its SHA-256; None for a stranger's."""
        cards = (*self.parties, self.coordinator)
        return next((card for card in cards if card.certificate_digest == certificate_digest), None)
