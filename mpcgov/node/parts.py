"""Which rows one party brings to a job, as far as other jobs' rows must be compared with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from mpcgov.jobs import check
from mpcgov.spec import where
from mpcgov.spec.condition import Expr, nullable
from mpcgov.spec.ids import ColumnName, DatasetName, PartyId
from mpcgov.spec.levels import base
from mpcgov.spec.link import KeyColumns, Rule
from mpcgov.spec.load import Frozen
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import CategoryColumn, Column, Declaration


class Part(Frozen):
    """The rows that one party brought: of which data set, under which filter.

    `columns`: those that the filter tests, as declared. `used`: where rows without a value are dropped, the columns
    that a row is dropped for if it lacks one, so that their choice is part of the filter; empty otherwise. `edition`:
    which issue of the register it was, if its owner says so. `linked`: the key's columns, as declared, and the
    categories of which the first or last declared is taken, for how they are written decides which rows are linked and
    put together; None in lines of older versions. `made`: by used column of our own, a digest of how its values are
    made of the source's (`recode`, `missing`, `derive`); None for others' parts, and in lines of older versions.
    """

    party: PartyId
    dataset: DatasetName
    where: str | None
    columns: dict[ColumnName, Column]
    used: Annotated[tuple[ColumnName, ...], Field(strict=False)]
    key: KeyColumns | None
    duplicates: dict[ColumnName, Rule] | None
    edition: str | None = None
    linked: dict[ColumnName, Column] | None = None
    made: dict[ColumnName, str] | None = None


def part_of(proposal: Proposal, manifest: Manifest, party: str, made: Mapping[str, str] | None) -> Part:
    """The rows of a party; `made`: of our own, how columns' values are made."""
    part, declaration = proposal.job.parties[party], proposal.declarations[party]
    condition = None if part.where is None else where.parse(part.where)
    named = where.columns(condition) if condition else frozenset()
    used = _dropped_by(proposal, manifest, party, condition) if declaration.missing == "drop" else []
    return Part(
        party=party,
        dataset=part.dataset or "",
        where=where.canonical(condition) if condition else None,
        columns={name: column for name, column in declaration.columns.items() if name in named},
        used=tuple(used),
        key=part.key,
        duplicates=part.duplicates,
        edition=declaration.edition,
        linked=_linked(part.key or (), part.duplicates or {}, declaration),
        made=None if made is None else {name: made[name] for name in declaration.columns if name in made},
    )


def _linked(key: KeyColumns, duplicates: Mapping[str, Rule], declaration: Declaration) -> dict[str, Column]:
    """The columns whose declaration decides which rows are linked, and what is put together of those of one key."""
    columns = declaration.columns
    chosen = {name for name, rule in duplicates.items() if rule in ("max", "min")}
    ordered = {name for name in chosen if isinstance(columns.get(name), CategoryColumn)}
    return {name: column for name, column in columns.items() if name in {*key, *ordered}}


def _dropped_by(proposal: Proposal, manifest: Manifest, party: str, condition: Expr | None) -> list[str]:
    """The columns that a row is left out for if it lacks a value: not those that are only tested for having one, nor
    those that are only compared, or reported on."""
    tested = nullable(condition) if condition else frozenset()
    optional = {"quality", *(["key"] if manifest.compares else [])}
    uses = check.used_columns(proposal.job, manifest, party)
    needed = {name for name in uses if uses[name] - optional - ({"filter"} if name in tested else set())}
    return sorted({base(name) for name in needed})  # a level's code is missing where the column's own is
