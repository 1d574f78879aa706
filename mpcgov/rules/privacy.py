"""What a job's noise costs a privacy budget, and whether a policy is content with it: exact numbers, public facts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from mpcgov.spec.job import Job
from mpcgov.spec.noise import CellNoise, LaplaceNoise
from mpcgov.spec.policy import DatasetPolicy


@dataclass(frozen=True)
class Spend:
    """What one release takes from the budget of a unit in every data set that it uses; the whole release together.

    `measure`: `epsilon` of pure differential privacy, or `rho` of zero-concentrated. Both add up over releases.
    """

    unit: str
    measure: Literal["epsilon", "rho"]
    amount: Fraction

    @property
    def as_rho(self) -> Fraction:
        """In zCDP: what is epsilon-DP is epsilon²/2-zCDP (Bun and Steinke, TCC 2016, proposition 1.4)."""
        return self.amount**2 / 2 if self.measure == "epsilon" else self.amount


def spend(job: Job) -> Spend | None:
    """What the job costs, if it is run; None if it has no noise, which no budget can pay for."""
    noise = job.disclosure.noise
    if noise is None:
        return None
    if isinstance(noise, LaplaceNoise):
        return Spend(noise.unit, "epsilon", Fraction(noise.epsilon))
    return Spend(noise.unit, "rho", Fraction(noise.rho))


def number(amount: Fraction) -> str:
    """An amount as people write it: with decimals where they are exact and few."""
    text = f"{float(amount):.6g}"
    return text if Fraction(text) == amount else f"{amount} (about {text})"


def described(noise: CellNoise) -> str:
    """The noise in few words."""
    size = f"epsilon {noise.epsilon}" if isinstance(noise, LaplaceNoise) else f"rho {noise.rho}"
    rows = "1 row" if noise.bound == 1 else f"{noise.bound} rows"
    return f"{noise.mechanism} noise, {size} for one {noise.unit} with at most {rows} in each register"


def floor_faults(noise: CellNoise | None, allowed: DatasetPolicy, key: Collection[str] | None = None) -> Iterator[str]:
    """What an agency's policy for a data set needs that the job's noise doesn't give.

    Args:
        key: the columns by which the job links the data set's rows, or counts those of one unit; None without any.
    """
    epsilon, rho = allowed.max_epsilon, allowed.max_rho
    most = " or ".join(f"{name} at most {value}" for name, value in (("epsilon", epsilon), ("rho", rho)) if value)
    if noise is None:
        if most:
            yield f"noise with {most}; the job has none"
        return
    if isinstance(noise, LaplaceNoise):
        spent, limit = (noise.epsilon, epsilon) if epsilon or not rho else (str(Fraction(noise.epsilon) ** 2 / 2), rho)
    else:
        spent, limit = noise.rho, rho
    if most and (limit is None or Fraction(spent) > Fraction(limit)):
        yield f"noise with {most}; the job has {described(noise)}"
    unit = allowed.rows_per_unit.get(noise.unit)
    if allowed.rows_per_unit and unit is None:
        yield f"another unit than {noise.unit}: it knows {', '.join(allowed.rows_per_unit)}"
        return
    if unit is not None and noise.bound < unit.rows:
        yield f"noise.bound {unit.rows}: so many rows one {noise.unit} may have; the job says {noise.bound}"
    if key:
        yield from _key_faults(noise.unit, None if unit is None else unit.key, key)


def _key_faults(unit: str, known: Collection[str] | None, key: Collection[str]) -> Iterator[str]:
    """Under another key than the unit's, a row may be several units', and move from cell to cell when one is left out.

    More columns than the unit's are as good: each such key is one unit's, which has no more of them than rows.
    """
    named = ", ".join(key)
    if known is None:
        yield (
            f"rows_per_unit with a key in its policy, as in rows_per_unit: {{{unit}: {{rows: 1, key: [{unit}_id]}}}}, "
            f"to know by which columns a {unit} is told apart; the job takes {named}"
        )
    elif not set(known) <= set(key):
        yield f"key {', '.join(known)}: by that a {unit} is told apart; the job takes {named}"
