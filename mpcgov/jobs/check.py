"""Whether a job makes sense: against its protocol's manifest and the declarations of its data sets.

Coordinator, simulator and every node run the same check on the same public things; nobody takes another's word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec

from mpcgov import disclosure
from mpcgov.errors import SpecError
from mpcgov.jobs import noising
from mpcgov.linked import faults as linked_faults
from mpcgov.linked import layout as linked_layout
from mpcgov.linked import params as linked_params
from mpcgov.linked import stacked
from mpcgov.linked.comparing import MOST_OWNERS
from mpcgov.rules import impossible, protections
from mpcgov.spec import where
from mpcgov.spec.job import Job
from mpcgov.spec.levels import base
from mpcgov.spec.manifest import Manifest, Param
from mpcgov.spec.policy import Use
from mpcgov.spec.statement import ResultTable
from mpcgov.spec.table import CategoryColumn, Declaration

MAX_CELLS = 1_000_000
MOST_NAMED = 10
"""Of codes that only one owner declares, so many are named."""

Args = ParamSpec("Args")


@dataclass(frozen=True)
class Domain:
    """The cells of a table: the columns that span them, each with its values in order; row-major, first slowest."""

    columns: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def cells(self) -> int:
        """How many there are."""
        return math.prod(len(values) for _, values in self.columns)


def used_columns(
    job: Job, manifest: Manifest, party: str, declaration: Declaration | None = None
) -> dict[str, set[Use]]:
    """The columns of a party's data set that the job touches, and what for; empty for one that only computes.

    Args:
        declaration: the party's own, if known. It tells what the predictors of a regression are used as.

    Raises:
        SpecError: its `where` doesn't parse.
    """
    part = job.parties[party]
    uses: dict[str, set[Use]] = {}
    if part.dataset is None:
        return uses
    if manifest.local != "counts":
        asked = linked_params.read(job, manifest, [])
        uses = asked.uses(party if manifest.qualified else "", declaration)
    else:
        for name, param in manifest.params.items():
            for column in _columns_param(job, name, param, []):
                uses.setdefault(column, set()).add("group")
    for column in part.key or ():
        uses.setdefault(column, set()).add("key")
    if part.where is not None:
        for column in _filtered(part.where, party):
            uses.setdefault(column, set()).add("filter")
    return uses


def choosing_columns(job: Job, manifest: Manifest, party: str, declaration: Declaration) -> set[str]:
    """The columns that decide which keys a party's list has: key and filters; all, where missing values drop rows."""
    used = used_columns(job, manifest, party, declaration)
    if declaration.missing != "refuse":
        return set(used)
    return {column for column, uses in used.items() if uses & {"key", "filter"}}


def _filtered(text: str, party: str) -> frozenset[str]:
    """The columns that a party's `where` tests; what is wrong with it names the party, as others have one too."""
    try:
        return where.columns(where.parse(text))
    except SpecError as error:
        faults = [f"parties.{party}.{fault}" for fault in error.faults]
        raise SpecError(faults, hint=error.hint, code=error.code) from None


def check_job(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], threshold: int) -> None:
    """Nothing, if the job can run as written.

    Args:
        declarations: of each data party, at least the columns that the job uses.
        threshold: t, from the roster.

    Raises:
        SpecError: with everything that is wrong.
    """
    faults: list[str] = []
    if threshold < 1:
        faults.append("threshold: must be at least 1; with 0 every share is the secret itself")
    if 2 * threshold >= len(job.parties):
        faults.append(f"parties: {len(job.parties)} are too few for the consortium's threshold {threshold}")
    faults += params_faults(job, manifest)
    for party in declarations:
        faults += _where_faults(job, declarations[party], party)
    if job.disclosure.round_to is not None:
        faults += _collect(disclosure.check_rounding, job.disclosure.min_count, job.disclosure.round_to)
    faults += protections.faults(job, manifest, threshold)
    faults += noising.request_faults(job, manifest)
    missing = [party for party in job.data_parties if party not in declarations]
    if missing and not faults:
        faults.append(f"parties: no declaration of the data of {', '.join(missing)}")
    if not missing:
        faults += _columns_faults(job, manifest, declarations, threshold, sound=not faults)
    if not missing and not faults:
        faults += noising.faults(job, manifest, declarations, _exact_tables(job, manifest, declarations))
    if faults:
        raise SpecError(faults, code="job")


def params_faults(job: Job, manifest: Manifest) -> list[str]:
    """What is wrong with the parameters by themselves, before any declaration is known."""
    faults = [manifest.unknown(name) for name in job.params if name not in manifest.params]
    faults += linked_faults.of_parts(job, manifest)
    if manifest.compares and not 2 <= len(job.data_parties) <= MOST_OWNERS:
        return faults  # what else could be said follows from that
    faults += _levels_faults(job, manifest)
    if manifest.local != "counts":
        asked = linked_params.read(job, manifest, faults)
        if manifest.local == "sums" and not asked.columns and not faults:
            faults.append(f"params: name some columns: {', '.join(manifest.params)}")
        return faults
    for name, param in manifest.params.items():
        _columns_param(job, name, param, faults)
    return faults


def _levels_faults(job: Job, manifest: Manifest) -> list[str]:
    """Tables by a column and by a level of it: most cells can't have rows, and totals would tell the others."""
    faults = []
    for name, param in manifest.params.items():
        value = job.params.get(name) if param.kind in ("categories", "groups") else None
        columns = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
        for column in {base(one) for one in columns if "@" in one}:
            same = [one for one in columns if base(one) == column]
            if len(same) > 1:
                faults.append(
                    f"params.{name}: {', '.join(same)}: one column at several levels; ask for a table of each"
                )
    return faults


def domain(job: Job, declarations: Mapping[str, Declaration], param: str) -> Domain:
    """The cells that a parameter's columns span, in the order of the first data party's declaration."""
    columns = declarations[job.data_parties[0]].columns
    spanned = []
    for name in job.params[param]:
        column = columns[name]
        if not isinstance(column, CategoryColumn):
            raise SpecError(f"params.{param}: {name} is not a category column", code="job")
        spanned.append((name, column.values))
    return Domain(tuple(spanned))


def result_tables(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> tuple[ResultTable, ...]:
    """The layout of what the job releases, known before anything is computed."""
    return noising.noised(job, manifest, declarations, _exact_tables(job, manifest, declarations))


def _exact_tables(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration]) -> tuple[ResultTable, ...]:
    return linked_layout.tables(stacked.facts(job, manifest, declarations))


def _columns_faults(
    job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], threshold: int, sound: bool
) -> list[str]:
    """What is wrong with the columns; `sound`: nothing else is."""
    if manifest.local == "counts":
        return _counts_faults(job, manifest, declarations, sound)
    if not sound:
        return []
    if manifest.local == "quality":
        return linked_layout.kind_faults(stacked.facts(job, manifest, declarations))
    asked = linked_params.read(job, manifest, [])
    if manifest.local == "sums":
        return stacked.faults(job, manifest, declarations, asked)
    return linked_faults.of_columns(job, manifest, declarations, asked, threshold)


def _counts_faults(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], sound: bool) -> list[str]:
    """What is wrong with the columns of an unlinked job; its size is looked at only if everything else is sound."""
    faults = list(linked_faults.of_units(job, declarations))
    for name, param in manifest.params.items():
        faults += _categories_faults(job, declarations, name, _columns_param(job, name, param, []))
    if sound and not faults:
        faults += linked_layout.kind_faults(stacked.facts(job, manifest, declarations))
    for name, table in manifest.tables.items() if sound and not faults else ():
        spanned = domain(job, declarations, str(table.by))
        if spanned.cells > MAX_CELLS:
            faults.append(f"params.{table.by}: table {name} would have {spanned.cells:,} cells; at most {MAX_CELLS:,}")
        elif job.disclosure.margins:
            faults += protections.margin_faults(name, [len(values) for _, values in spanned.columns])
            faults += impossible.job_faults(job, dict(spanned.columns))
    return faults


def _columns_param(job: Job, name: str, param: Param, faults: list[str]) -> list[str]:
    """The columns that a parameter lists; anything wrong with the list goes to `faults`."""
    value = job.params.get(name)
    if value is None and param.min_items:
        faults.append(f"params.{name}: missing ({param.what})")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        faults.append(f"params.{name}: expected a list of columns, such as [region, sex]")
        return []
    if len(set(value)) != len(value):
        faults.append(f"params.{name}: a column stands twice")
    if not param.min_items <= len(value) <= param.max_items:
        faults.append(f"params.{name}: expected {param.min_items} to {param.max_items} columns, found {len(value)}")
    return value


def _categories_faults(job: Job, declarations: Mapping[str, Declaration], param: str, names: list[str]) -> list[str]:
    faults, first = [], job.data_parties[0]
    for name in names:
        sets: dict[str, set[str]] = {}
        for party in job.data_parties:
            column = declarations[party].columns.get(name)
            dataset = job.parties[party].dataset
            if column is None:
                faults.append(f"params.{param}: {party}: data set {dataset} has no column {name}")
            elif not isinstance(column, CategoryColumn):
                faults.append(f"params.{param}: {party}: column {name} of {dataset} is a {column.kind}, not a category")
            else:
                sets[party] = set(column.values)
                faults += _moved(job, declarations, param, name, party)
        odd = [party for party, values in sets.items() if values != sets.get(first, values)]
        if odd:
            faults.append(f"params.{param}: column {name} has other values at {', '.join(odd)} than at {first}")
            faults[-1] += "".join(f"; {_differing(party, sets[party], first, sets[first])}" for party in odd)
    return faults


def _moved(job: Job, declarations: Mapping[str, Declaration], param: str, name: str, party: str) -> list[str]:
    """Codes that the editions of two owners' lists have in different groups of a level."""
    first = job.data_parties[0]
    here, there = declarations[party].columns.get(name), declarations[first].columns.get(name)
    if not (isinstance(here, CategoryColumn) and isinstance(there, CategoryColumn)):
        return []
    moved = [code for code in here.groups if code in there.groups and here.groups[code] != there.groups[code]]
    few = [f"{code} is in {here.groups[code]} at {party} and in {there.groups[code]} at {first}" for code in moved]
    more = f"; and {len(few) - MOST_NAMED:,} more" if len(few) > MOST_NAMED else ""
    what = "; ".join(few[:MOST_NAMED]) + more
    return [f"params.{param}: column {name}: {what} (both must declare one edition of the list)"] if few else []


def _differing(party: str, values: set[str], first: str, others: set[str]) -> str:
    """Which codes of two public lists are in only one of them, the first few by name."""
    parts = []
    for owner, only in ((party, values - others), (first, others - values)):
        few = sorted(only)[:MOST_NAMED]
        more = f" and {len(only) - len(few):,} more" if len(only) > len(few) else ""
        parts += [f"only at {owner}: {', '.join(few)}{more}"] if only else []
    return f"{', '.join(parts)} (an owner maps its own codes by recode)"


def _where_faults(job: Job, declaration: Declaration, party: str) -> list[str]:
    text = job.parties[party].where
    if text is None:
        return []
    return [f"parties.{party}.{fault}" for fault in _collect(_check_where, text, declaration)]


def _check_where(text: str, declaration: Declaration) -> None:
    where.check(where.parse(text), declaration)


def _collect(check: Callable[Args, None], *args: Args.args, **kwargs: Args.kwargs) -> list[str]:
    """The faults that a raising check finds, so that all checks are made before anything is said."""
    try:
        check(*args, **kwargs)
    except SpecError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return [fault + hint for fault in error.faults]
    return []
