"""The job: what a coordinator proposes and every party approves."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from mpcgov.spec.ids import DatasetName, PartyId, ProtocolRef
from mpcgov.spec.impossible import Combinations
from mpcgov.spec.link import Duplicates, KeyColumns, Link
from mpcgov.spec.load import Frozen, as_text
from mpcgov.spec.manifest import Rule
from mpcgov.spec.noise import CellNoise

COORDINATOR = "coordinator"
"""The name under which a job speaks of its roster's coordinator; no party may have it."""

Line = Annotated[str, BeforeValidator(as_text), Field(min_length=1, max_length=1000)]


class Part(Frozen):
    """What one party brings: a data set and which of its rows, or nothing but its computing.

    `key` and `duplicates` are for linked jobs: what identifies a row's person, and what becomes of several rows of one.
    With noise, `key` in any other job says which rows are of one unit, so that only `bound` of them are counted.
    """

    dataset: DatasetName | None = None
    where: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    key: KeyColumns | None = None
    duplicates: Duplicates = None

    @model_validator(mode="after")
    def _rows_need_data(self) -> Part:
        given = {"where": self.where, "key": self.key, "duplicates": self.duplicates}
        needless = [name for name, value in given.items() if value is not None]
        if needless and self.dataset is None:
            raise ValueError(f"{', '.join(needless)}: needs a dataset")
        if self.duplicates is not None and self.key is None:
            raise ValueError("duplicates needs a key")
        if self.key is not None and len(set(self.key)) != len(self.key):
            raise ValueError("key: a column stands twice")
        return self


class Disclosure(Frozen):
    """What protects the persons behind the cells: applied inside MPC, before anything is opened.

    `margins`: the true totals of a two-way table are asked for, and more cells hidden so that they don't tell the
    others. `impossible`: combinations of that table's columns that nobody can have. `contributors`: how many agencies
    must have `min_count` rows in a cell. `dominance`: p of the p % rule for sums.
    `digits`: to how many significant digits numbers are rounded that aren't counts. `numbers`: how many of them may be
    released of one column's rows, by all jobs that the agencies' ledgers know of, this one included; None: by this one.
    With `noise`, what the other rules look at are the noisy counts, and totals are sums of all of these.
    """

    min_count: Annotated[int, Field(ge=3, le=1_000_000)] = 10
    round_to: Annotated[int, Field(ge=3, le=1000)] | None = None
    margins: bool = False
    impossible: Combinations = ()
    contributors: Annotated[int, Field(ge=3, le=64)] | None = None
    dominance: Annotated[int, Field(ge=1, le=100)] | None = None
    digits: Annotated[int, Field(ge=1, le=9)] = 4
    numbers: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    noise: CellNoise | None = None

    @property
    def asked(self) -> tuple[Rule, ...]:
        """The rules that not every protocol has and this job asks for."""
        rules: dict[Rule, object] = {
            "margins": self.margins, "contributors": self.contributors, "dominance": self.dominance
        }  # fmt: skip
        return tuple(rule for rule, value in rules.items() if value)

    @model_validator(mode="after")
    def _rules_agree(self) -> Disclosure:
        if self.margins and self.round_to is not None:
            raise ValueError("margins: not together with round_to, as true totals tell what was rounded")
        if self.impossible and (not self.margins or self.noise is not None):
            raise ValueError(
                "impossible: only with margins and without noise, where other cells are hidden with small ones"
            )
        exact = [rule for rule in self.asked if rule != "margins"]
        if self.noise is not None and exact:
            raise ValueError(f"{', '.join(exact)}: not together with noise, as they look at the exact data")
        return self


class Job(Frozen):
    """A job as its file says it. Parties keep the order of the file: a party's position + 1 is its Shamir point."""

    protocol: ProtocolRef
    purpose: Line
    legal_basis: Line
    parties: dict[PartyId, Part]
    params: dict[str, Any] = Field(default_factory=dict)
    link: Link | None = None
    disclosure: Disclosure = Disclosure()
    receivers: Annotated[tuple[PartyId, ...], Field(strict=False, min_length=1)]
    approve_within_h: Annotated[int, Field(ge=1, le=8760)] = 336
    deadline_s: Annotated[int, Field(ge=1, le=86_400)] = 600

    @property
    def protocol_name(self) -> str:
        """The protocol's name without its digest."""
        return self.protocol.partition("@")[0]

    @property
    def linking(self) -> Link:
        """How rows are linked, with the defaults if the job says nothing; for linked protocols."""
        return self.link or Link()

    @property
    def data_parties(self) -> tuple[str, ...]:
        """The parties that bring data, in job order."""
        return tuple(party for party, part in self.parties.items() if part.dataset is not None)

    @property
    def receiving_owners(self) -> tuple[str, ...]:
        """Those of them that get the result, and can take their own rows out of it."""
        return tuple(party for party in self.data_parties if party in self.receivers)

    @model_validator(mode="after")
    def _sound(self) -> Job:
        faults = []
        if len(self.parties) < 3:
            faults.append("parties: at least three must compute; with two, each share is the secret itself")
        if COORDINATOR in self.parties:
            faults.append("parties: 'coordinator' is not a party's name")
        if not self.data_parties:
            faults.append("parties: none has a dataset")
        if len(set(self.receivers)) != len(self.receivers):
            faults.append("receivers: a name stands twice")
        unknown = [r for r in self.receivers if r != COORDINATOR and r not in self.parties]
        if unknown:
            faults.append(f"receivers: {', '.join(unknown)}: neither a party of the job nor 'coordinator'")
        if faults:
            raise ValueError("; ".join(faults))
        return self
