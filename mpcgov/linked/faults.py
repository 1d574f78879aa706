"""What is wrong with a linked job, all at once: roles, keys, rules for repeated keys, columns, sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import comb, prod
from typing import get_args

from mpcgov import kinds
from mpcgov.errors import SpecError
from mpcgov.linked import blocks, comparing, fieldkinds, layout, plan, sums
from mpcgov.linked.capacity import MOST_DIGITS
from mpcgov.linked.classes import MOST_JOINT
from mpcgov.linked.columns import NO_MATCH, Category, Number, carried, rule
from mpcgov.linked.facts import Linked
from mpcgov.linked.model import model
from mpcgov.linked.params import Asked
from mpcgov.linked.qualified import Qualified
from mpcgov.linked.sizes import padded_length
from mpcgov.linked.sums import SAFE_BITS
from mpcgov.linked.taken import classed
from mpcgov.rules import impossible, protections
from mpcgov.spec.job import Job, Part
from mpcgov.spec.link import Rule
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.table import Column, Declaration, KeyColumn

MAX_TERMS = 32
"""The largest regression, intercept included."""

MAX_RANKED = 1000
"""The most values of a category whose rows can be put together: the engine that holds them is told each one's place."""

MAX_DEALT = 2**60
"""What an owner deals of one key stays below this in magnitude."""

RULES = " | ".join(get_args(Rule))
"""The rules for repeated keys, as messages name them."""

_KEY_CLASS = {"key": "text", "text": "text", "category": "text", "date": "date", "integer": "integer"}
"""Kinds of columns that can be keys, and as what they are compared."""


def of_parts(job: Job, manifest: Manifest) -> list[str]:
    """What is wrong with keys, rules and roles before any declaration is known."""
    if not manifest.linked:
        return [*_needless(job, manifest), *_rounding(job, manifest)]
    found = plan.faults(job, manifest)
    if manifest.compares:
        keyed = [party for party in job.data_parties if job.parties[party].key is not None]
        found += [f"parties.{party}.key: {manifest.id} compares records without one" for party in keyed]
        return [*found, *comparing.receiver_faults(job), *comparing.report_faults(job), *_rounding(job, manifest)]
    keys = {party: job.parties[party].key for party in job.data_parties}
    found += [f"parties.{party}.key: missing; it says whose rows they are" for party, key in keys.items() if not key]
    if len({len(key) for key in keys.values() if key}) > 1:
        found.append("parties: every key must have the same number of columns, in the same order")
    return [*found, *_rounding(job, manifest)]


def of_columns(
    job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], asked: Asked, threshold: int
) -> list[str]:
    """What is wrong with the columns: `of_parts` and the parameters by themselves have no fault."""
    found = [*_keys(job, declarations), *_rules(job, declarations, asked), *_kinds(job, declarations, asked)]
    found += _compared(job, declarations, asked)
    found = found or blocks.faults(asked.blocks, declarations)
    if found:
        return found
    if manifest.compares:
        found += comparing.threshold_faults(manifest, threshold)
    linked = Linked(job, manifest, declarations, asked)
    found += _margins(linked)
    found += _dominance(linked)
    found += linked.clamp_faults()
    if asked.outcome is not None:
        found += _model(linked, threshold)
    elif not found:
        found += layout.faults(linked)
    for party in job.data_parties:
        if padded_length(declarations[party].max_rows) > 2**31:
            found.append(f"parties.{party}: max_rows {declarations[party].max_rows:,} is too many to be linked")
    return found


def _margins(linked: Linked) -> list[str]:
    """True totals of counts: cells in which nobody can be would be no cover for others."""
    if not linked.job.disclosure.margins:
        return []
    groups = linked.asked.groups
    owners = {column.party for column in groups}
    if linked.left is not None and len(owners) == 1 and linked.left not in owners:
        return [f"disclosure.margins: in a left join not for two columns of {groups[0].party}, which match together"]
    if len(owners) == 1 and owners & set(linked.job.receivers):
        whose = f"all columns of `by` are {groups[0].party}'s, who gets the result"
        return [f"disclosure.margins: not where {whose}: it knows how many of its own rows can be in each cell"]
    return [
        *protections.margin_faults(
            kinds.counting(linked).partition(".")[0], [len(linked.values(column)) for column in groups]
        ),
        *impossible.job_faults(linked.job, {str(column): linked.values(column) for column in groups}),
    ]


def _model(linked: Linked, threshold: int) -> Iterator[str]:
    """A regression that would be too large."""
    asked = model(linked)
    if asked.unknowns > MAX_TERMS:
        yield f"params: {asked.unknowns} coefficients; at most {MAX_TERMS}, the intercept included"
        return
    rules, subsets = linked.job.disclosure, comb(len(linked.job.parties), threshold)
    if rules.digits > MOST_DIGITS:
        yield f"disclosure.digits: {linked.manifest.id} gives at most {MOST_DIGITS}"
    if rules.numbers is not None and rules.numbers < asked.numbers:
        yield f"disclosure.numbers: this job alone releases {asked.numbers} of every column"
    yield from _combined(linked)
    try:
        asked.share_bits(subsets)
        asked.needs(subsets).check(subsets)
    except SpecError as error:
        yield f"params: {error.message}: declare fewer max_rows or smaller ranges, or take fewer predictors"


def _combined(linked: Linked) -> Iterator[str]:
    """More combinations of a receiver's own categories than there may be classes."""
    for party in linked.owners:
        own = classed(linked, party)
        if own is not None and own.most < (2 if own.numbers else 1):
            most = MOST_JOINT // (2 if own.numbers else 1)
            beside = " beside numbers" if own.numbers else ""
            yield (
                f"params.predictors: {party} gets the result, and its {' and '.join(own.by)} have more than {most} "
                f"combinations{beside}, each of which must have min_count linked rows: take fewer, or coarser ones, or "
                "name receivers without such columns"
            )


def _dominance(linked: Linked) -> Iterator[str]:
    """What the p % rule can't judge: values that take each other away, or count otherwise than as they are."""
    percent, where = linked.job.disclosure.dominance, "disclosure.dominance"
    if percent is None:
        return
    if linked.left is not None:
        yield f"{where}: not with a left join"
    if linked.asked.weight is not None or linked.asked.pairs:
        yield f"{where}: not with a weight or correlations, which tell more of the greatest value than a mean does"
    cells = prod(len(linked.values(column)) for column in linked.asked.groups)
    for column in linked.asked.measures:
        number, total = linked.number(column), sums.sum_of(linked, (column,), linked.needed())
        if number.low < 0:
            yield f"{where}: {column} may be negative; declare it with min 0 or more"
        elif (total.high + 3 * number.high) * 100 >= 1 << SAFE_BITS or (cells + 1) * (number.high + 2) > 1 << 60:
            yield f"{where}: {column} is too large; declare fewer max_rows, or a smaller range or fewer places"


def _rounding(job: Job, manifest: Manifest) -> Iterator[str]:
    if job.disclosure.round_to is not None and not manifest.rounding:
        yield f"disclosure.round_to: {manifest.id} releases exact counts and sums, or nothing of a cell"


def _needless(job: Job, manifest: Manifest) -> Iterator[str]:
    if job.link is not None:
        yield f"link: protocol {manifest.id} doesn't link rows"
    for party, part in job.parties.items():
        if part.key is not None and job.disclosure.noise is None:
            yield f"parties.{party}.key: protocol {manifest.id} doesn't link rows; only noise has a use for it"
        if part.duplicates is not None:
            yield f"parties.{party}.duplicates: protocol {manifest.id} doesn't link rows"


def of_units(job: Job, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    """What is wrong with the columns that say which rows are of one unit, where rows aren't linked."""
    for party in job.data_parties:
        for name in job.parties[party].key or ():
            column = declarations[party].columns.get(name)
            if column is None:
                yield f"parties.{party}.key: data set {job.parties[party].dataset} has no column {name}"
            elif column.kind not in _KEY_CLASS:
                yield f"parties.{party}.key: {name} is a {column.kind}, which can't identify anyone"


def _keys(job: Job, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    classes: dict[int, dict[str, list[str]]] = {}
    for party in job.data_parties:
        for position, name in enumerate(job.parties[party].key or ()):
            column = declarations[party].columns.get(name)
            kind = None if column is None else _KEY_CLASS.get(column.kind)
            if column is None:
                yield f"parties.{party}.key: data set {job.parties[party].dataset} has no column {name}"
            elif kind is None:
                yield f"parties.{party}.key: {name} is a {column.kind}, which can't identify anyone"
            else:
                classes.setdefault(position, {}).setdefault(kind, []).append(f"{party}.{name}")
    for found in classes.values():
        if len(found) > 1:
            kinds = "; ".join(f"{', '.join(names)} as {kind}" for kind, names in found.items())
            yield f"parties: key columns in the same place must be of the same kind: {kinds}"
    if all(len(found) == 1 for found in classes.values()):
        yield from _written_differently(job, declarations)


def _written_differently(job: Job, declarations: Mapping[str, Declaration]) -> Iterator[str]:
    """Keys that can't meet, or only by chance, as their owners' declarations make different texts of the same id."""
    for position in range(len(next((part.key for part in job.parties.values() if part.key), ()))):
        found: dict[str, list[str]] = {}
        for party in job.data_parties:
            name = (job.parties[party].key or ())[position]
            column = declarations[party].columns.get(name)
            writing = column.writing if isinstance(column, KeyColumn) else KeyColumn(kind="key").writing
            found.setdefault(writing, []).append(f"{party}.{name}")
        if len(found) > 1:
            ways = "; ".join(f"{', '.join(names)} with {writing}" for writing, names in found.items())
            yield f"parties: keys in the same place must be written the same way, or the same id is two keys: {ways}"


def _compared(job: Job, declarations: Mapping[str, Declaration], asked: Asked) -> Iterator[str]:
    named = [Qualified(*item) for columns in asked.paired for item in columns.items()]
    for qualified in (*named, *asked.identify):
        if qualified.column not in declarations[qualified.party].columns:
            yield f"params: {qualified}: data set {job.parties[qualified.party].dataset} has no such column"
    for number, field in enumerate(asked.fields):
        yield from fieldkinds.faults(number, field, declarations)


def _rules(job: Job, declarations: Mapping[str, Declaration], asked: Asked) -> Iterator[str]:
    for party in job.data_parties:
        part, place = job.parties[party], f"parties.{party}.duplicates"
        used, rules = asked.of(party), part.duplicates or {}
        lacking = [name for name in used if name not in rules]
        known = part.key and set(part.key) <= set(declarations[party].columns)
        if lacking and known and not declarations[party].names_one_row(part.key or ()):
            yield _not_unique(party, part, lacking)
        elif lacking and part.duplicates is not None:
            yield f"{place}: no rule for {', '.join(lacking)}"
        for name in used if rules else ():
            column, chosen = declarations[party].columns.get(name), rules.get(name)
            found = None if column is None else carried(column, chosen, declarations[party].max_rows)
            if column is not None and carried(column, None, 1) and not found:
                yield f"{place}: {name} is {_article(column)}, of which there is no {chosen}"
            elif isinstance(found, Category) and len(found.values) > MAX_RANKED:
                yield f"{place}: {name} has {len(found.values):,} values; at most {MAX_RANKED:,} can be put together"
            elif isinstance(found, Number) and found.largest >= MAX_DEALT:
                yield f"{place}: {name} could reach 2^60 or more; declare fewer max_rows or a smaller range"


def _not_unique(party: str, part: Part, lacking: Sequence[str]) -> str:
    """The one line for a key that may be repeated, with nothing said of what becomes of the columns then."""
    columns = ", ".join(part.key or ())
    line = columns if len(part.key or ()) == 1 else f"[{columns}]"
    rules = ", ".join(f"{name}: {RULES}" for name in lacking)
    return (
        f"parties.{party}.key: {columns} may be repeated: if it names one row each, {party} adds `unique: [{line}]` to "
        f"{part.dataset} in datasets.yaml; if not, the job adds `duplicates: {{{rules}}}`"
    )


def _kinds(job: Job, declarations: Mapping[str, Declaration], asked: Asked) -> Iterator[str]:
    needs = dict.fromkeys((*asked.groups, *asked.report), "a category")
    numeric = [*asked.numbers, *(column for column in (asked.weight, asked.outcome) if column is not None)]
    needs |= {column: "both a category and a number" if column in needs else "a number" for column in numeric}
    needs |= {column: "a number or a category" for column in asked.predictors if column not in needs}
    for qualified, need in needs.items():
        column = declarations[qualified.party].columns.get(qualified.column)
        if column is None:
            yield f"params: {qualified}: data set {job.parties[qualified.party].dataset} has no such column"
            continue
        found = carried(column, None, declarations[qualified.party].max_rows)
        kind = "a category" if isinstance(found, Category) else "a number" if isinstance(found, Number) else ""
        if not kind or kind not in need or need.startswith("both"):
            yield f"params: {qualified} is {_article(column)}; it must be {need}"
        else:
            yield from _values(job, asked, qualified, column)


def _values(job: Job, asked: Asked, qualified: Qualified, column: Column) -> Iterator[str]:
    found = carried(column, rule(job, qualified), 1)
    values = found.values if isinstance(found, Category) else ()
    if job.linking.join == "left" and NO_MATCH in values:
        yield f"params: {qualified} has a value '{NO_MATCH}', which a left join needs for itself"
    if qualified in asked.predictors and len(values) == 1:
        yield f"params: {qualified} has one value only, so that it predicts nothing"
    if qualified == asked.weight and isinstance(found, Number) and found.low < 0:
        yield f"params.weight: {qualified} may be negative; declare it with min 0 or more"


def _article(column: Column) -> str:
    return f"an {column.kind}" if column.kind == "integer" else f"a {column.kind}"
