"""Noise on everything that a job releases: differential privacy of one unit, whichever registers it is in.

Neighbours are two worlds that differ in all rows of one unit, in all registers together: it is there, or it isn't. The
budget is that of the whole release, every number of every table, against any t parties that pool what they know.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from mpcgov.spec.link import NumberText, within
from mpcgov.spec.load import Frozen, as_text

UnitName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""What is protected: `person`, `household`, `enterprise`; a name that agencies agree on."""


def _share(value: str) -> str:
    return value if value == "max_rows" else within(value, "0.01", "0.5")


Lengths = Annotated[Literal["max_rows"] | NumberText, AfterValidator(_share)]
"""Of linked jobs: which part of the budget hides how long the owners' lists are, or that they are as long as may be."""

Limit = Annotated[str, BeforeValidator(as_text), Field(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$")]


class UnitNoise(Frozen):
    """What both mechanisms say.

    `bound`: at most so many rows, or keys, of one unit in each register. `clamp`: by measure, as `party.column`, the
    range that each of its values is moved into before anything is added up; by default the declared one, and the
    narrower the less noise. `consistent`: numbers that can't be are moved to the nearest that can, by the receiver.
    `lengths`: in linked jobs, the part of epsilon or rho that hides the lengths of the owners' lists, 0.1 if nothing is
    said; `max_rows` takes none, and makes each list as long as its data set may be.
    """

    unit: UnitName
    bound: Annotated[int, Field(ge=1, le=1000)]
    clamp: dict[str, Annotated[tuple[Limit, Limit], Field(strict=False)]] = Field(default_factory=dict)
    consistent: bool = False
    lengths: Lengths = "0.1"

    @field_validator("clamp")
    @classmethod
    def _ranges(cls, value: dict[str, Any]) -> dict[str, Any]:
        for measure, (low, high) in value.items():
            if Decimal(low) >= Decimal(high):
                raise ValueError(f"{measure}: expected the lower limit, then the higher one")
        return value


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
