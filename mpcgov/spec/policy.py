"""A node's policy: what its agency allows. Anything that isn't written here is denied."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mpcgov.spec.ids import ColumnName, DatasetName, PartyId, ProtocolRef
from mpcgov.spec.job import Line
from mpcgov.spec.link import Noise, SizeNoise
from mpcgov.spec.load import Frozen

Use = Literal["group", "filter", "measure", "key"]
"""What a column may serve for: spanning the cells, choosing rows, being summed, linking."""


class DatasetPolicy(Frozen):
    """Which columns of a data set may be used, for what, and the least cell that may be released from it."""

    columns: dict[ColumnName, Annotated[tuple[Use, ...], Field(strict=False)]] = Field(default_factory=dict)
    min_count: Annotated[int, Field(ge=3)] = 10


class Policy(Frozen):
    """What may be done with this agency's data, and with whom. Checked, never merged into a job.

    `link`: the join methods that this agency takes part in. `size_noise`: the least noise on the number of matches that
    a matcher sees; `off` if it may see the number.
    """

    approve: Literal["manual", "standing"] = "manual"
    protocols: Annotated[tuple[ProtocolRef | Literal["*"], ...], Field(strict=False)] = ()
    purposes: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    partners: Annotated[tuple[PartyId | Literal["*"], ...], Field(strict=False)] = ()
    receivers: Annotated[tuple[PartyId | Literal["*"], ...], Field(strict=False)] = ()
    size_noise: Noise = SizeNoise()
    link: Annotated[tuple[Literal["matcher", "oblivious"], ...], Field(strict=False)] = ()
    datasets: dict[DatasetName, DatasetPolicy] = Field(default_factory=dict)
