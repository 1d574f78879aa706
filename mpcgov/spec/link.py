"""How rows of several owners are put together: by which key, what becomes of repeated keys, by which method."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from mpcgov.spec.ids import ColumnName, PartyId
from mpcgov.spec.load import Frozen

Rule = Literal["sum", "max", "min", "count", "first"]
"""What becomes of a column's values in the rows that have one key; none of them can fail, whatever the rows hold.

`sum`, `max` and `min` of numbers; of a category, `max` is its last value in declared order, `min` its first. `count` is
how many rows there are. `first` is the value of the row that comes first when all rows are put in order by the values
of all declared columns: an order of the data set's, which no filter changes.
"""


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


KeyColumns = Annotated[
    tuple[ColumnName, ...], BeforeValidator(_one_or_many), Field(strict=False, min_length=1, max_length=8)
]
"""The columns that together identify a person or thing: one name, or a list in the same order at every owner."""


def _duplicates(value: Any) -> Any:
    if value == "refuse":
        raise ValueError(
            "refuse is no rule any more; leave it out where the data set's owner declares the key unique, "
            "else give each used column sum, max, min, count or first"
        )
    return value


Duplicates = Annotated[dict[ColumnName, Rule] | None, BeforeValidator(_duplicates)]
"""What becomes of rows with the same key: a rule for each column that is used. None where the key is unique, or no
column is used, so that there is nothing to be put together but the key itself."""


def _number(value: Any) -> Any:
    text = getattr(value, "source", value)
    return str(text) if isinstance(text, int | float) and not isinstance(text, bool) else text


NumberText = Annotated[
    str, BeforeValidator(_number), Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,20})?([eE]-[0-9]{1,2})?$")
]  # fmt: skip


class SizeNoise(Frozen):
    """How well the number of matches is hidden from the matcher: differential privacy of one person."""

    epsilon: NumberText = "1"
    delta: NumberText = "1e-6"

    @field_validator("epsilon")
    @classmethod
    def _epsilon_in_range(cls, value: str) -> str:
        return within(value, "0.1", "10")

    @field_validator("delta")
    @classmethod
    def _delta_in_range(cls, value: str) -> str:
        return within(value, "1e-12", "1e-3")


def within(value: str, low: str, high: str) -> str:
    """The value, if it is in a range; a validator's part.

    Raises:
        ValueError: it isn't.
    """
    if not Decimal(low) <= Decimal(value) <= Decimal(high):
        raise ValueError(f"must be from {low} to {high}")
    return value


Noise = SizeNoise | Literal["off"]


def weaker(noise: Noise, least: Noise) -> bool:
    """Whether `noise` hides the number of matches less than `least` does."""
    if least == "off" or noise == "off":
        return least != "off"
    return Decimal(noise.epsilon) > Decimal(least.epsilon) or Decimal(noise.delta) > Decimal(least.delta)


def described(noise: Noise) -> str:
    """The noise in few words."""
    return "off" if noise == "off" else f"epsilon {noise.epsilon}, delta {noise.delta}"


Method = Literal["matcher", "oblivious"]
"""Who learns what: a third party, with noise, how many keys two owners have in common; or nobody anything of it."""


class Link(Frozen):
    """How the owners' rows are linked.

    Method `matcher`: a third party compares tags under a key of the owners' that it doesn't have. `oblivious`: a third
    party helps to compare every row in secret. `matcher`: that third party, of two owners. `inner` keeps the keys that
    all owners have, `left` all keys of the first owner. `size_noise`: `off` lets the matcher count the matches.
    """

    method: Method = "matcher"
    join: Literal["inner", "left"] = "inner"
    matcher: PartyId | None = None
    size_noise: Noise = SizeNoise()
