"""What the members say of their data sets before anything is asked: those that they list, and how these are declared.

What an agency doesn't list can be used all the same, by whoever knows its name and is allowed to.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from mpcgov.errors import MpcgovError, PeerError, SpecError
from mpcgov.spec.ids import ColumnName, DatasetName
from mpcgov.spec.load import Frozen, canonical_json, validate
from mpcgov.spec.policy import Use
from mpcgov.spec.roster import Roster
from mpcgov.spec.table import Column, Declaration
from mpcgov.trust.client import Client

ASK_TIMEOUT_S = 5.0
MOST_DATASETS = 1000


class Listed(Frozen):
    """One line of a node's list: a data set, its least cell, and what each column may serve for."""

    name: DatasetName
    min_count: Annotated[int, Field(ge=3)]
    uses: Annotated[dict[ColumnName, Annotated[tuple[Use, ...], Field(strict=False)]], Field(max_length=1000)]


class Listing(Frozen):
    """A node's whole list."""

    datasets: Annotated[tuple[Listed, ...], Field(strict=False, max_length=MOST_DATASETS)]


@dataclass(frozen=True)
class Shown:
    """A data set as its agency shows it."""

    party: str
    listed: Listed
    declaration: Declaration

    @property
    def name(self) -> str:
        """The name by which jobs call it."""
        return self.listed.name

    def columns(self, use: Use) -> dict[str, Column]:
        """Its columns that may serve for something."""
        return {name: column for name, column in self.declaration.columns.items() if use in self.listed.uses[name]}


@dataclass(frozen=True)
class Catalogue:
    """All that is shown, and by agency why one's is missing."""

    parties: tuple[str, ...]
    shown: tuple[Shown, ...]
    missing: dict[str, MpcgovError]

    def of(self, party: str) -> tuple[Shown, ...]:
        """An agency's data sets."""
        return tuple(one for one in self.shown if one.party == party)

    def find(self, party: str, dataset: str) -> Shown | None:
        """A data set by its name; None if it isn't shown."""
        return next((one for one in self.of(party) if one.name == dataset), None)


async def catalogue(client: Client, roster: Roster) -> Catalogue:
    """What all members show now; a node that doesn't answer is missing."""
    parties = tuple(card.id for card in roster.parties)
    answers = await asyncio.gather(*(_of(client, party) for party in parties))
    both = dict(zip(parties, answers, strict=True))
    shown = [one for answer in answers if not isinstance(answer, MpcgovError) for one in answer]
    return Catalogue(parties, tuple(shown), {name: one for name, one in both.items() if isinstance(one, MpcgovError)})


async def _of(client: Client, party: str) -> list[Shown] | MpcgovError:
    try:
        answer = await client.request(party, "GET", "/v1/datasets", timeout_s=ASK_TIMEOUT_S)
        listing = validate(answer, Listing, f"{party}: list of data sets")
        declared = await asyncio.gather(*(_declared(client, party, one) for one in listing.datasets))
    except SpecError as error:
        return PeerError(error.message, code="answer")
    except MpcgovError as error:
        return error
    return [Shown(party, one, how) for one, how in zip(listing.datasets, declared, strict=True)]


async def _declared(client: Client, party: str, one: Listed) -> Declaration:
    body = canonical_json({"dataset": one.name, "columns": sorted(one.uses)})
    answer = await client.request(party, "POST", "/v1/declarations", body, ASK_TIMEOUT_S)
    found = validate(answer, Declaration, f"{party}: declaration of {one.name}")
    if set(found.columns) != set(one.uses):
        raise SpecError(f"{party}: declaration of {one.name}: other columns than were asked for", code="answer")
    return found
