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
from dataclasses import dataclass, replace
from fractions import Fraction

from mpcgov import kinds
from mpcgov.linked import lengths, wanted
from mpcgov.linked.facts import Linked
from mpcgov.linked.params import Asked, read
from mpcgov.linked.stacked import facts
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.noise import LaplaceNoise
from mpcgov.spec.statement import Opened, ResultTable
from mpcgov.spec.table import Declaration

SCALE = 1024
"""Steps are chosen so that the noise is about as many of them."""
MOST_SCALE = 1 << 14
LEAST_STEPS = 64
"""Into so many steps, at least, goes what one row can add: rounding that up then costs 3 % of accuracy at most."""
TAIL_BITS = 132
"""A share of the noise is cut off where it has 2^-132 of its law left: see docs/security/privacy.md for the sum."""
LN_2 = Fraction(694, 1001)
"""A little more than ln 2. All parties must come to the same bounds, so nothing is left to a machine's logarithm."""
LEAST_VARIANCE = 4
"""Of one party's discrete Gaussian share: from there on sums of shares are as good as discrete Gaussian themselves."""
MARGIN = 1 + Fraction(1, 1 << 20)
"""More variance than the sum needs were it discrete Gaussian; pays for the difference (docs/security/privacy.md)."""
LIMITS = (1 << 56, 1 << 62)
"""All parties' noise together stays below this, of numbers opened in one place, and in several."""


@dataclass(frozen=True)
class Law:
    """The noise of one number, in every cell of its table.

    `rows`: how many rows of one unit a number can run over, in all cells together. `largest`: the most that one of them
    adds to it. `budget`: this number's part of epsilon, if `pure`, or of rho. `cells`: of a total of noisy counts, how
    many it adds up; `raised`: negative ones as 0.
    """

    pure: bool
    rows: int
    largest: int
    budget: Fraction
    parties: int
    cells: int = 1
    raised: bool = False

    @property
    def step(self) -> int:
        """A power of two: noise comes in multiples of it, and a uniform rest."""
        most = max(LEAST_STEPS, math.floor(SCALE / self._scale_of(1)))
        return 1 << max(0, (-(-self.largest // most) - 1).bit_length())

    @property
    def sensitivity(self) -> int:
        """In steps: what one unit can change in all cells together, as a sum and as a Euclidean length alike."""
        return self.rows * -(-self.largest // self.step)

    @property
    def rate(self) -> Fraction:
        """Of pure noise: the probability falls by exp(−rate) from step to step."""
        return self.budget / self.sensitivity

    def share_variance(self, honest: int) -> Fraction:
        """Of Gaussian noise: each party's, in steps², if `honest` of them must suffice."""
        return max(Fraction(LEAST_VARIANCE), self.sensitivity**2 / (2 * self.budget) * MARGIN / honest)

    @property
    def scale(self) -> float:
        """How wide the noise of `honest` parties is at most, in steps."""
        return float(1 / self.rate) if self.pure else math.sqrt(self.share_variance(1))

    def most_steps(self, honest: int = 1) -> int:
        """What one party's Z stays within: P(|Z| > that) ≤ 2^-132."""
        if self.pure:
            return math.ceil(TAIL_BITS * LN_2 / self.rate) + 1
        return math.isqrt(math.ceil(2 * (TAIL_BITS + 1) * LN_2 * self.share_variance(honest))) + 1

    @property
    def bound(self) -> int:
        """What one party's share of the noise stays within, in units of the number."""
        return self.step * (self.most_steps() + 1)

    def _scale_of(self, steps: int) -> float:
        """The scale, if a row adds as many steps."""
        sensitivity = self.rows * steps
        return float(sensitivity / self.budget) if self.pure else sensitivity / math.sqrt(2 * self.budget)


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
