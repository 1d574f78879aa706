"""Noise on everything that a job releases: differential privacy of one unit, whichever registers it is in.

Neighbours are two worlds that differ in all rows of one unit, in all registers together: it is there, or it isn't. The
budget is that of the whole release, every number of every table, against any t parties that pool what they know.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from mpcgov.spec.link import NumberText, within
from mpcgov.spec.load import Frozen

UnitName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""What is protected: `person`, `household`, `enterprise`; a name that agencies agree on."""


class UnitNoise(Frozen):
    """What both mechanisms say. `bound`: at most so many rows, or keys, of one unit in each register."""

    unit: UnitName
    bound: Annotated[int, Field(ge=1, le=1000)]


class LaplaceNoise(UnitNoise):
    """Pure differential privacy: discrete Laplace noise; `epsilon` bounds what the whole release tells of a unit."""

    mechanism: Literal["discrete-laplace"]
    epsilon: NumberText

    @field_validator("epsilon")
    @classmethod
    def _epsilon_in_range(cls, value: str) -> str:
        return within(value, "0.001", "10")


class GaussianNoise(UnitNoise):
    """Zero-concentrated differential privacy: discrete Gaussian noise; `rho` as `epsilon` above."""

    mechanism: Literal["discrete-gaussian"]
    rho: NumberText

    @field_validator("rho")
    @classmethod
    def _rho_in_range(cls, value: str) -> str:
        return within(value, "0.000001", "10")


CellNoise = Annotated[LaplaceNoise | GaussianNoise, Field(discriminator="mechanism")]
