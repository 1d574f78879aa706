"""How far noise takes a released number from the exact one: said before a job, and with its result.

Floats are good enough here: all of it is computed from public facts and from what was released anyway.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov import kinds
from mpcgov.errors import InternalError
from mpcgov.jobs import noising
from mpcgov.kinds.kind import Numbers
from mpcgov.laws import Law
from mpcgov.linked import lengths
from mpcgov.linked.facts import Linked
from mpcgov.linked.stacked import facts
from mpcgov.rules import privacy
from mpcgov.spec.job import Job
from mpcgov.spec.manifest import Manifest
from mpcgov.spec.noise import LaplaceNoise
from mpcgov.spec.statement import ResultTable
from mpcgov.spec.table import Declaration

LEVEL = 0.95
"""How often an interval covers the number that would have been released without noise (not: what a sample is from)."""

CELLS_EXACTLY = 64
"""Totals of more cells have noise that is as good as normal."""

RARE = 1e-4
"""Empty cells that look full less often than this aren't worth a word."""


@cache
def deviation(law: Law, honest: int) -> float:
    """The standard deviation of all parties' noise together, in all cells of a total."""
    variance = _steps_deviation(law, honest) ** 2
    return math.sqrt(law.cells * (variance * law.step**2 + law.parties * (law.step**2 - 1) / 12))


def _steps_deviation(law: Law, honest: int) -> float:
    """Of one cell's noise, in steps, without the uniform rests."""
    if not law.pure:
        return math.sqrt(law.parties * law.share_variance(honest))
    alpha = math.exp(-law.rate)
    return math.sqrt(law.parties / honest * 2 * alpha) / (1 - alpha)


@cache
def half_width(law: Law, honest: int, level: float = LEVEL) -> int:
    """What the noise stays within with at least this probability; of a total, if nothing is raised to 0."""
    if law.pure and law.cells <= CELLS_EXACTLY:
        steps = _laplace_steps(law, honest, level)
    else:
        quantile = NormalDist().inv_cdf((1 + level) / 2)
        steps = math.ceil(quantile * math.sqrt(law.cells) * _steps_deviation(law, honest) + 0.5)
    return steps * law.step + law.cells * law.parties * (law.step // 2)


@cache
def too_high(law: Law, honest: int, level: float = LEVEL) -> int:
    """What a total exceeds the exact one by in at most half of what `level` leaves: most if all its cells are empty."""
    if not law.raised:
        return half_width(law, honest, level)
    one = replace(law, cells=1)
    if law.pure:
        masses = _laplace_masses(one, honest).copy()
    else:
        ends = np.arange(math.ceil(8 * deviation(one, honest)) + 1) + 0.5
        masses = np.diff([NormalDist(0, deviation(one, honest)).cdf(end) for end in ends], prepend=0.0)
    masses[0] = 1 - masses[1:].sum()
    points = 1 << math.ceil(math.log2(2 * len(masses) + law.cells * deviation(one, honest)))
    total = np.fft.irfft(np.fft.rfft(masses, points) ** law.cells, points)
    return int(np.searchsorted(np.cumsum(total), (1 + level) / 2))


def exceeds(law: Law, honest: int, least: int) -> float:
    """The probability that the noise on a count reaches `least`, which is positive."""
    if law.pure:
        return float(_laplace_masses(law, honest)[least:].sum())
    return 1 - NormalDist(0, deviation(law, honest)).cdf(least - 0.5)


def _laplace_steps(law: Law, honest: int, level: float) -> int:
    mass = _laplace_masses(law, honest)
    inside = mass[0] + 2 * np.cumsum(np.concatenate([[0.0], mass[1:]]))
    return int(np.searchsorted(inside, level))


@cache
def _laplace_masses(law: Law, honest: int) -> NDArray[np.float64]:
    """P(Z = 0), P(Z = 1), … of m shares, from their characteristic function |(1 − α)/(1 − α·exp(iθ))|^(2m/h)."""
    alpha, power = math.exp(-law.rate), law.cells * law.parties / honest
    points = 1 << math.ceil(math.log2(law.scale * (80 + 34 * math.sqrt(power)) + 16))
    theta = 2 * np.pi * np.arange(points // 2 + 1) / points
    transform = ((1 - alpha) ** 2 / (1 - 2 * alpha * np.cos(theta) + alpha**2)) ** power
    masses: NDArray[np.float64] = np.fft.irfft(transform, points)[: points // 2]
    return masses


@dataclass(frozen=True)
class Accuracy:
    """The noise of a job's numbers: their laws by `table.number`, and h = m − t, how many shares must suffice."""

    laws: Mapping[str, Law]
    honest: int
    round_to: int | None = None

    def described(self, name: str) -> dict[str, float]:
        """A number's noise, in its own unit: standard deviation, and half the width of its interval."""
        law = self.laws[name]
        most = max(half_width(law, self.honest), too_high(law, self.honest))
        return {"deviation": round(deviation(law, self.honest), 3), "half_width": most}

    def around(self, name: str, value: int, numbers: int = 1) -> tuple[int, int]:
        """A number's interval, if the statement is to hold for so many numbers at once."""
        law, level = self.laws[name], 1 - (1 - LEVEL) / numbers
        return value - too_high(law, self.honest, level), value + half_width(law, self.honest, level)


def sentences(
    job: Job, manifest: Manifest, declarations: Mapping[str, Declaration], tables: Sequence[ResultTable], threshold: int
) -> list[str]:
    """What the job's noise protects and what it costs in accuracy, in plain words; nothing without noise."""
    if (noise := job.disclosure.noise) is None:
        return []
    laws = noising.laws(job, manifest, declarations, noising.names(tables))
    honest = len(job.parties) - threshold
    linked = facts(job, manifest, declarations)
    cells = [table for table in tables if table.margin_of is None]
    counts = {f"{table.name}.{one.name}" for table in cells for one in table.opened if one.gate is None}
    lines = [
        (
            f"{privacy.described(noise)}: that is the most which the whole release tells of any {noise.unit}, whatever "
            f"its readers know besides, and even if {threshold} of the {len(job.parties)} parties help them"
        ),
        *(_of_number(name, law, honest) for name, law in laws.items() if name in counts),
        *(_of_total(name, law, honest) for name, law in noising.totals(job, laws, tables).items()),
    ]
    least = job.disclosure.min_count
    often = max(exceeds(laws[name], honest, least) for name in counts)
    if often > RARE:
        lines.append(f"of 1,000 empty cells {1000 * often:,.1f} get {least} or more by noise alone, and are shown so")
    lines += [line for column in linked.asked.measures for line in _of_mean(linked, str(column), laws, honest)]
    if manifest.linked:
        lines.append(_of_lengths(job, manifest))
        lines.append("that covers numbers and lists' lengths; a matcher's number of matches comes on top of it")
    return lines


def _of_lengths(job: Job, manifest: Manifest) -> str:
    noise, law = job.disclosure.noise, lengths.length_law(job, manifest)
    if noise is None or law is lengths.WHOLE:
        return "each owner's list is as long as its data set may be (max_rows), so its length tells nothing"
    measure = "epsilon" if isinstance(noise, LaplaceNoise) else "rho"
    return (
        f"each owner's list gets about {law.shift:,} rows more, at most {2 * law.shift:,}, by noise on its length, "
        f"which takes {float(lengths.part(noise, manifest)):.0%} of {measure} and fails with a chance of at most "
        f"2^-{lengths.DELTA_BITS}"
    )


def _of_number(name: str, law: Law, honest: int) -> str:
    return (
        f"{name}: in each cell off by {deviation(law, honest):,.1f} typically (standard deviation), and in "
        f"{LEVEL:.0%} of cells by at most {half_width(law, honest):,}"
    )


def _of_total(name: str, law: Law, honest: int) -> str:
    most = half_width(law, honest)
    above = f", but by up to {high:,} too high where most are empty" if (high := too_high(law, honest)) > most else ""
    return f"{name}: totals of {law.cells:,} cells, in {LEVEL:.0%} of them off by at most {most:,}{above}"


def _of_mean(linked: Linked, column: str, laws: Mapping[str, Law], honest: int) -> Iterator[str]:
    number = next(linked.number(one) for one in linked.asked.measures if str(one) == column)
    widths = {name.rpartition(".")[2]: half_width(law, honest) for name, law in laws.items() if f".{column}." in name}
    for rows in (100, 1000):
        mean = widths["x"] / rows / 10**number.places
        spread = math.sqrt(widths["xx"] / (rows - 1)) / 10**number.places
        yield (
            f"{column}: in a cell of {rows:,} rows its mean is off by at most {mean:,.4g} in {LEVEL:.0%} of cells, if "
            f"near the middle of its range; a standard deviation below {spread:,.4g} is lost in the noise"
        )


def intervals(accuracy: Accuracy, linked: Linked, table: ResultTable, opened: Numbers) -> list[list[Any]]:
    """For each cell, the intervals of its columns; None where nothing was released.

    Args:
        opened: by number, without the table's name.
    """
    one = kinds.table(linked, table.margin_of or table.name)
    if one.kind.intervals is None:
        raise InternalError(f"table {table.name}: no kind with noise")
    return [list(row) for row in one.kind.intervals(accuracy, one, table, opened)]
