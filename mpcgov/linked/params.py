"""What a job over rows asks for: columns of several owners, written `party.column`; or, if the owners' rows aren't
linked, columns that all of them have, written `column`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from mpcgov.linked import compared
from mpcgov.linked.blocks import BlockColumn
from mpcgov.linked.compared import ComparedField
from mpcgov.linked.encoding import ONE_TO_ONE, USUAL_PROBABILITY, Match
from mpcgov.linked.qualified import Qualified, column_of
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest, Param
from mpcgov.spec.policy import Use
from mpcgov.spec.table import CategoryColumn, Column, Declaration


@dataclass(frozen=True)
class Asked:
    """The columns that a job's parameters name, by what they serve for. Empty where the protocol has no such one."""

    groups: tuple[Qualified, ...] = ()
    measures: tuple[Qualified, ...] = ()
    pairs: tuple[tuple[Qualified, Qualified], ...] = ()
    weight: Qualified | None = None
    outcome: Qualified | None = None
    predictors: tuple[Qualified, ...] = ()
    fields: tuple[ComparedField, ...] = ()
    threshold: Fraction | None = None
    probability: Fraction | None = None
    output: str | None = None
    match: Match | None = None
    identify: tuple[Qualified, ...] = ()
    report: tuple[Qualified, ...] = ()
    blocks: tuple[tuple[BlockColumn, ...], ...] = ()
    exact: tuple[Qualified, ...] = ()
    quality: tuple[Qualified, ...] = ()

    @property
    def exact_fields(self) -> tuple[int, ...]:
        """The numbers of the fields in which records must be equal to be linked without being compared."""
        named = {(column.party, column.column) for column in self.exact}
        return tuple(n for n, field in enumerate(self.fields) if named & set(field.columns.items()))

    @property
    def one_to_one(self) -> bool:
        """Whether no record is linked twice."""
        return self.match in (None, ONE_TO_ONE)

    @property
    def numbers(self) -> tuple[Qualified, ...]:
        """Columns of which statistics are made, each once: measures, then those of pairs."""
        return tuple(dict.fromkeys((*self.measures, *(column for pair in self.pairs for column in pair))))

    @property
    def columns(self) -> tuple[Qualified, ...]:
        """All columns, each once, in the order in which their owners' rows carry them."""
        single = [column for column in (self.weight, self.outcome) if column is not None]
        return tuple(dict.fromkeys((*self.groups, *self.numbers, *single, *self.predictors, *self.report)))

    @property
    def paired(self) -> tuple[Mapping[str, str], ...]:
        """By party, the columns that records are compared in, or divided into blocks by."""
        return (*(field.columns for field in self.fields), *(one.columns for each in self.blocks for one in each))

    def of(self, party: str) -> tuple[str, ...]:
        """The columns of one party, without its name."""
        return tuple(column.column for column in self.columns if column.party == party)

    def uses(self, party: str, declaration: Declaration | None) -> dict[str, set[Use]]:
        """What each column of a party serves for; a category among the predictors is a group, if the kind is known."""
        uses: dict[str, set[Use]] = {}
        for column in self.columns:
            if column.party == party:
                kind = None if declaration is None else declaration.columns.get(column.column)
                uses[column.column] = self._uses(column, kind)
        for columns in self.paired:
            if party in columns:
                uses.setdefault(columns[party], set()).add("key")
        for column in self.identify:
            if column.party == party:
                uses.setdefault(column.column, set()).add("identify" if self.output == "links" else "key")
        for column in self.quality:
            if column.party == party:
                uses.setdefault(column.column, set()).add("quality")
        return uses

    def _uses(self, column: Qualified, kind: Column | None) -> set[Use]:
        uses: set[Use] = {"group"} if column in (*self.groups, *self.report) else set()
        if column in self.numbers or column in (self.weight, self.outcome):
            uses.add("measure")
        if column in self.predictors:
            uses.add("group" if isinstance(kind, CategoryColumn) else "measure")
        return uses


def read(job: Job, manifest: Manifest, faults: list[str]) -> Asked:
    """What the job asks for; anything wrong with the parameters by themselves goes to `faults`."""
    found: dict[str, Any] = {}
    for name, param in manifest.params.items():
        place = f"params.{name}"
        value = job.params.get(name)
        if value is None:
            if param.min_items:
                faults.append(f"{place}: missing ({param.what})")
            continue
        kind = "groups" if param.kind == "categories" else param.kind
        if manifest.local == "counts" and name != manifest.spanned_by:
            continue  # of several lists of categories one spans the tables
        reader: Callable[..., Any] = _READERS.get(kind, _columns)
        found[kind] = reader(value, place, param, job if manifest.qualified else None, faults)
    asked = Asked(**found)
    if asked.fields and asked.threshold is None and asked.probability is None:
        asked = replace(asked, probability=USUAL_PROBABILITY)
    _overlaps(asked, faults)
    _contradictions(asked, faults)
    return asked


def declared(asked: Asked, declarations: Mapping[str, Declaration]) -> dict[Qualified, Column]:
    """The declaration of each column asked for that has one."""
    return {
        column: declarations[column.party].columns[column.column]
        for column in asked.columns
        if column.party in declarations and column.column in declarations[column.party].columns
    }


def _columns(value: Any, place: str, param: Param, job: Job | None, faults: list[str]) -> tuple[Qualified, ...]:
    if not isinstance(value, list):
        faults.append(f"{place}: expected a list of columns, such as [{'tax.income' if job else 'income'}]")
        return ()
    columns = [column for item in value if (column := column_of(item, place, job, faults)) is not None]
    if len(set(columns)) != len(columns):
        faults.append(f"{place}: a column stands twice")
    _count(value, place, param, "columns", faults)
    return tuple(columns)


def _one(value: Any, place: str, _: Param, job: Job | None, faults: list[str]) -> Qualified | None:
    return column_of(value, place, job, faults)


def _pairs(
    value: Any, place: str, param: Param, job: Job | None, faults: list[str]
) -> tuple[tuple[Qualified, Qualified], ...]:
    if not isinstance(value, list) or not all(isinstance(item, list) and len(item) == 2 for item in value):
        example = "[tax.income, welfare.benefit]" if job else "[income, age]"
        faults.append(f"{place}: expected a list of pairs, such as [{example}]")
        return ()
    pairs = []
    for item in value:
        first, second = (column_of(name, place, job, faults) for name in item)
        if first is None or second is None:
            continue
        if first == second:
            faults.append(f"{place}: {first} with itself")
        elif (first, second) in pairs or (second, first) in pairs:
            faults.append(f"{place}: {first} with {second} stands twice")
        pairs.append((first, second))
    _count(value, place, param, "pairs", faults)
    return tuple(pairs)


def _count(value: list[Any], place: str, param: Param, what: str, faults: list[str]) -> None:
    if not param.min_items <= len(value) <= param.max_items:
        faults.append(f"{place}: expected {param.min_items} to {param.max_items} {what}, found {len(value)}")


def _overlaps(asked: Asked, faults: list[str]) -> None:
    if asked.outcome is not None and asked.outcome in asked.predictors:
        faults.append(f"params: {asked.outcome} is both outcome and predictor")
    if asked.weight is not None and asked.weight in asked.numbers:
        faults.append(f"params: {asked.weight} is both weight and measure")


def _contradictions(asked: Asked, faults: list[str]) -> None:
    """Parameters of compared records that don't go with each other."""
    _decided_twice(asked, faults)
    if not asked.one_to_one and (asked.threshold is not None or asked.output != "links"):
        faults.append(
            f"params.match: {asked.match} is for min_probability and output links: counts and statistics are of "
            "persons, each in one link"
        )
    if asked.output == "links" and not asked.identify:
        faults.append("params.identify: missing; output links names the records by it")
    if asked.output == "links" and asked.groups:
        faults.append("params.by: output links has no cells")
    if asked.fields and asked.output != "statistics" and (asked.numbers or asked.weight):
        faults.append("params: measures, correlations and weight are for output statistics")
    if len(asked.exact_fields) != len(asked.exact):
        faults.append("params.exact: expected columns of params.fields, of each field one owner's")
    if asked.report and asked.groups:
        faults.append("params.report: not beside by: cells that are hidden could be told from the report's")


def _decided_twice(asked: Asked, faults: list[str]) -> None:
    """What goes only with a threshold, or only with a probability."""
    if asked.threshold is not None and asked.probability is not None:
        faults.append("params: min_probability and threshold; expected one of them")
    if asked.probability is not None and asked.exact:
        faults.append("params.exact: not beside min_probability, which weighs equal values by how rare they are")
    if asked.threshold is not None and any(field.m for field in asked.fields):
        faults.append("params.fields: m is for min_probability; a threshold doesn't weigh fields")
    if asked.threshold is not None and len(asked.blocks) > 1:
        faults.append("params.blocks: several passes are for min_probability; with a threshold there is one")


_READERS: Mapping[str, Callable[..., Any]] = {"pairs": _pairs, "weight": _one, "outcome": _one, **compared.READERS}
