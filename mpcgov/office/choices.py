"""What a form offers: the columns of the chosen data sets that each field may name, by kind and by policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mpcgov.coordinator.catalogue import Catalogue, Shown
from mpcgov.office.fields import ABSENT, Form, first
from mpcgov.spec.manifest import Manifest, Param
from mpcgov.spec.policy import Use
from mpcgov.spec.table import CategoryColumn, Column, DecimalColumn, IntegerColumn

USES: dict[str, tuple[Use, ...]] = {
    "categories": ("group",), "groups": ("group",), "measures": ("measure",), "pairs": ("measure",),
    "weight": ("measure",), "outcome": ("measure",), "predictors": ("group", "measure"), "quality": ("quality",),
}  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """The agencies of a job that is composed; `shown`: the data set of each that brings one, None if not listed."""

    parties: tuple[str, ...]
    shown: Mapping[str, Shown | None]
    names: Mapping[str, str]

    @property
    def all_listed(self) -> bool:
        """Whether all columns are known, so that nobody has to type one."""
        return all(self.shown.values())

    @property
    def texts(self) -> dict[str, frozenset[str]]:
        """By agency, the columns whose values are texts."""
        return {
            party: frozenset(name for name, column in one.declaration.columns.items() if not _is_number(column))
            for party, one in self.shown.items()
            if one is not None
        }

    def columns(self, manifest: Manifest, param: Param) -> list[str]:
        """What a parameter may name, as jobs write it."""
        listed = {party: one for party, one in self.shown.items() if one is not None}
        fitting = {party: _fitting(one, param) for party, one in listed.items()}
        if manifest.linked or param.kind == "quality":
            return [f"{party}.{name}" for party, names in fitting.items() for name in names]
        first = next(iter(fitting.values()), [])
        return [name for name in first if all(name in names for names in fitting.values())]

    def used(self, party: str, use: Use) -> list[str]:
        """The columns of an agency's data set that may serve for something."""
        one = self.shown.get(party)
        return [] if one is None else list(one.columns(use))


def chosen(form: Form, catalogue: Catalogue) -> Chosen:
    """What a form says of agencies and their data sets."""
    names = {
        party: first(form, f"parties.{party}.other") or first(form, f"parties.{party}.dataset")
        for party in catalogue.parties
    }
    taking = tuple(party for party, name in names.items() if name != ABSENT)
    return Chosen(taking, {party: catalogue.find(party, names[party]) for party in taking if names[party]}, names)


def _fitting(one: Shown, param: Param) -> list[str]:
    return [
        name
        for name, column in one.declaration.columns.items()
        if any(use in one.listed.uses[name] and _serves(column, use) for use in USES.get(param.kind, ()))
    ]


def _serves(column: Column, use: Use) -> bool:
    """Whether columns of this kind can serve for something at all."""
    if use == "measure":
        return _is_number(column)
    return use != "group" or isinstance(column, CategoryColumn)


def _is_number(column: Column) -> bool:
    return isinstance(column, IntegerColumn | DecimalColumn)
