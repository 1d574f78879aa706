"""Which noise each number of a job gets: worked out from the job and the declarations, the same at every party.

A unit's rows are in any registers and any cells, so what one unit can change is the consortium's sensitivity, not one
owner's. The job's budget, less what hides the lengths of linked jobs' lists (`linked/lengths.py`), is split evenly over
the numbers that are opened for each cell. Noise is step · Z + U: Z from
the mechanism's law for sensitivities counted in steps, rounded up, and U uniform on one step. The true value modulo the
step, shifted by U, is uniform; given it, Z alone protects the rest, so U costs no privacy and keeps tables short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mpcgov import kinds
from mpcgov.laws import Law
from mpcgov.linked import lengths, wanted
from mpcgov.linked.facts import Linked
from mpcgov.linked.params import Asked, read
from mpcgov.linked.stacked import facts
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.noise import LaplaceNoise
from mpcgov.spec.statement import Opened, ResultTable
from mpcgov.spec.table import Declaration

MOST_SCALE = 1 << 14
LIMITS = (1 << 56, 1 << 62)
"""All parties' noise together stays below this, of numbers opened in one place, and in several."""


def laws(job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], names: list[str]) -> dict[str, Law]:
    """By `table.number`, the noise of each number that the job opens; empty without noise.

    Args:
        names: of all these numbers.
    """
    noise = job.disclosure.noise
    if noise is None:
        return {}
    pure = isinstance(noise, LaplaceNoise)
    whole = Fraction(noise.epsilon if isinstance(noise, LaplaceNoise) else noise.rho)
    budget = whole * (1 - lengths.part(noise, manifest)) / len(names)
    linked = facts(job, manifest, declarations)
    rows = noise.bound if manifest.linked else noise.bound * len(job.data_parties)
    largest = _largest(linked)
    return {name: Law(pure, rows, largest[name], budget, len(job.parties)) for name in names}


def _largest(linked: Linked) -> dict[str, int]:
    """By name, the most that one linked row adds to a sum; 1 for a number of rows."""
    return {
        name: max(1, math.prod(linked.number(column).largest for column in one.columns))
        for name, one in wanted.by_name(linked).items()
    }


def noised(
    job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], tables: tuple[ResultTable, ...]
) -> tuple[ResultTable, ...]:
    """The layout of what is opened with the job's noise on it: everything can be that much lower or higher."""
    found = laws(job, manifest, declarations, names(tables))
    if not found:
        return tables
    found |= totals(job, found, tables)
    return tuple(
        table.model_copy(
            update={"opened": tuple(_wider(one, found[f"{table.name}.{one.name}"]) for one in table.opened)}
        )
        for table in tables
    )


def names(tables: Sequence[ResultTable]) -> list[str]:
    """The numbers that get noise, as `table.number`: those that are opened, but for totals of others."""
    return [f"{table.name}.{one.name}" for table in tables for one in table.opened if table.margin_of is None]


def totals(job: Job, laws: Mapping[str, Law], tables: Sequence[ResultTable]) -> dict[str, Law]:
    """By `table.number`, the noise of the totals that the job asks for: that of the counts which they add up."""
    cells = {table.name: table.rows for table in tables}
    raised = job.disclosure.noise is not None and job.disclosure.noise.consistent
    return {
        f"{table.name}.{one.name}": replace(
            laws[f"{table.margin_of}.{one.name}"], cells=cells[table.margin_of] // table.rows, raised=raised
        )
        for table in tables
        if table.margin_of is not None
        for one in table.opened
    }


def _wider(one: Opened, law: Law) -> Opened:
    most = law.cells * law.parties * law.bound
    # Digits can't be negative, so shares of noise in several places are dealt with their bound on top.
    offset = one.offset + (most if one.places > 1 else 0)
    return one.model_copy(update={"low": one.low - most, "high": one.high + most, "offset": offset})


def request_faults(job: Job, manifest: Manifest) -> Iterator[str]:
    """What is wrong with asking for noise at all, before any declaration is known."""
    noise = job.disclosure.noise
    if noise is None:
        return
    if not manifest.noise:
        yield f"disclosure.noise: {manifest.id} doesn't offer it"
        return
    asked = Asked() if manifest.local == "counts" else read(job, manifest, [])
    if asked.weight is not None or asked.pairs:
        yield "disclosure.noise: not offered together with weights or correlations"
    if noise.lengths != "0.1" and not manifest.linked:
        yield f"disclosure.noise.lengths: {manifest.id} links no lists; leave it out"
    for name in noise.clamp:
        if name not in map(str, asked.measures):
            yield f"disclosure.noise.clamp: {name} is none of the job's measures"


def faults(
    job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], tables: tuple[ResultTable, ...]
) -> Iterator[str]:
    """Tables that have no noisy form, and numbers whose noise would be too wide to draw, or to be of any use."""
    for table in tables if job.disclosure.noise is not None else ():
        kind = kinds.of(manifest.tables[table.margin_of or table.name])
        if kind.intervals is None:
            yield f"disclosure.noise: not offered for table {table.name} ({kind.name})"
    opened = [one for table in tables for one in table.opened if table.margin_of is None]
    for one, (name, law) in zip(opened, laws(job, manifest, declarations, names(tables)).items(), strict=False):
        if law.scale > MOST_SCALE:
            yield (
                f"disclosure.noise: {name} would get noise of about ±{law.scale * law.step:,.0f}: release fewer "
                "numbers, or allow a larger budget"
            )
        elif 2 * law.parties * law.bound > LIMITS[one.places > 1]:
            yield (
                f"disclosure.noise: {name} could reach 2^{(2 * law.parties * law.bound).bit_length()} by its noise "
                "alone: clamp its measure to a smaller range, or declare fewer places"
            )
