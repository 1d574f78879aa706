"""Which filters a policy names: jobs with these may proceed under `approve: standing`, others wait for a person.

Whoever chooses filters freely unites persons who are known to be in a register with one who isn't, and reads the one
from the count, in jobs of which no two share a row. So what chooses rows is named beforehand: whole conditions, or a
category column for each of its values by itself. Filters put named conditions together by `and` alone, so that they
only leave persons out, and unite none but those whom the agency has united itself. Partners' filters count
likewise: they choose whom our rows are added to or linked with. Where rows without a value are dropped, a job that
takes a column's numbers has the filter that it isn't null. docs/security/differencing.md argues.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mpcgov.errors import SpecError
from mpcgov.jobs.check import used_columns
from mpcgov.linked.params import read
from mpcgov.node.facts import Facts
from mpcgov.spec import where
from mpcgov.spec.condition import And, Comparison, Expr, IsNull
from mpcgov.spec.levels import is_column
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import CategoryColumn, Column, Declaration


def unnamed(proposal: Proposal, facts: Facts) -> Iterator[str]:
    """Why a person must read a job's filters; nothing if our policy names them all, or the job has noise.

    Depends on what the job, the policy and declarations say, never on data.
    """
    job = proposal.job
    dataset = job.parties[facts.me].dataset
    if facts.policy.approve != "standing" or dataset is None or job.disclosure.noise:
        return
    allowed = facts.policy.datasets[dataset]
    for party in job.data_parties:
        own = party == facts.me
        named = allowed.filters if own else allowed.partner_filters.get(party, ())
        condition = job.parties[party].where
        field = f"{'filters' if own else f'partner_filters of {party}'} of {dataset}"
        if condition is not None and not _names(named, where.parse(condition), proposal.declarations[party].columns):
            yield (
                f"{facts.me}'s policy doesn't name the filter of {party}'s {job.parties[party].dataset} under {field}, "
                "so that a person must read it even under approve: standing"
            )
        dropped = [] if facts.protocol is None else dropped_by(proposal, facts.protocol.manifest, party)
        conditions = [IsNull(column, True) for column in dropped]
        if unsaid := [f"{one.column} is not null" for one in conditions if not _names(named, one, {})]:
            yield (
                f"rows of {party}'s {job.parties[party].dataset} that lack a value are left out (missing: drop), and "
                f"{facts.me}'s policy doesn't name {' and '.join(unsaid)} under {field}, so that a person must read it "
                "even under approve: standing"
            )


def dropped_by(proposal: Proposal, manifest: Manifest, party: str) -> list[str]:
    """The columns by which a job chooses a party's rows without saying so: those without a value are left out.

    Not those that span its tables, as these have a cell for each value, nor those whose values its filter needs.
    """
    declaration, text = proposal.declarations[party], proposal.job.parties[party].where
    if declaration.missing != "drop":
        return []
    said = set[str]()
    if text is not None:
        condition = where.parse(text)
        said |= where.columns(condition) - where.nullable(condition)
        said |= {part.column for part in _parts(condition) if isinstance(part, IsNull)}
    used = used_columns(proposal.job, manifest, party, declaration)
    if manifest.local == "counts":
        said |= {column for column, uses in used.items() if "group" in uses}
    else:
        own = party if manifest.qualified else ""
        said |= {column.column for column in read(proposal.job, manifest, []).groups if column.party == own}
    return sorted(
        column for column, uses in used.items() if uses & {"group", "measure", "identify"} and column not in said
    )


def faults(policy: Policy, declared: Mapping[str, Declaration]) -> Iterator[str]:
    """Which of our own filters that a policy names can never be met, by what we declare."""
    for name, allowed in policy.datasets.items():
        for text in allowed.filters if name in declared else ():
            columns = declared[name].columns
            if text not in columns:
                try:
                    where.check(where.parse(text), declared[name])
                except SpecError as error:
                    yield from (f"{name}: filters: {fault}" for fault in error.faults)
            elif not isinstance(columns[text], CategoryColumn):
                yield f"{name}: filters: {text} is no category column: name whole conditions on it"


def _names(named: Sequence[str], condition: Expr, columns: Mapping[str, Column]) -> bool:
    """Whether every part of a condition is named: by its column, or with all others of a condition that is named."""
    parts = _parts(condition)
    known = {part for part in parts if _one_category(part, columns) in named}
    for text in named:
        if not is_column(text) and (whole := _parts(where.parse(text))) <= parts:
            known |= whole
    return parts == known


def _parts(condition: Expr) -> set[Expr]:
    return set(condition.terms) if isinstance(condition, And) else {condition}


def _one_category(part: Expr, columns: Mapping[str, Column]) -> str | None:
    """The category column of which a condition takes one value; None for any other condition.

    Several values would unite cells: one whose persons are all known, and one of few.
    """
    if not isinstance(part, Comparison) or part.op != "=":
        return None
    return part.column if isinstance(columns.get(part.column), CategoryColumn) else None
