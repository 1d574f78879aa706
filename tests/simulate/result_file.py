"""The schema of a result file: nothing may be missing that a reader must know of how its numbers came about."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = int | float


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Intervals(Strict):
    level: float
    columns: list[str]
    rows: list[list[list[Number] | None]]


class Table(Strict):
    columns: list[str]
    rows: list[list[str | Number | None]]
    intervals: Intervals | None = None


class NumberNoise(Strict):
    deviation: float
    half_width: Number


class Noise(Strict):
    mechanism: Literal["discrete-laplace", "discrete-gaussian"]
    epsilon: str | None = None
    rho: str | None = None
    unit: str
    bound: int
    clamp: dict[str, list[str]] | None = None
    consistent: bool = False
    parties: int
    threshold: int
    numbers: dict[str, NumberNoise]


class Rules(Strict):
    min_count: int
    round_to: int | None
    contributors: int | None = None
    dominance: int | None = None
    margins: Literal["released", "suppressed"] | None = None
    suppressed: int
    total: int
    noise: Noise | None = None


class Item(Strict):
    what: str


class Cost(Strict):
    seconds: float
    rounds: int
    bytes_sent: dict[str, int]


class Protection(Strict):
    parties: int
    threshold: int
    null: Literal["suppressed"]
    numbers: str
    done: Annotated[list[str], Field(min_length=1)]
    caveats: Annotated[list[str], Field(min_length=3)]


class Request(Strict):
    purpose: str
    legal_basis: str
    parties: dict[str, dict[str, Any]]
    params: dict[str, Any]
    disclosure: dict[str, Any]
    receivers: list[str]
    proposed_at: int
    roster_digest: str
    job_digest: str


class ResultFile(Strict):
    job: str
    protocol: Annotated[str, Field(pattern="^[a-z-]+@sha256:[0-9a-f]{64}$")]
    parties: Annotated[list[str], Field(min_length=3)]
    tables: dict[str, Table]
    disclosure: Rules
    learned: dict[str, list[Item]]
    cost: Cost
    protection: Protection
    request: Request


def checked(result: dict[str, Any]) -> ResultFile:
    """The result, as it is read back from its file."""
    found = ResultFile.model_validate_json(json.dumps(result))
    assert found.protection.parties == len(found.parties)
    if found.disclosure.noise is not None:
        assert (found.disclosure.noise.epsilon is None) != (found.disclosure.noise.rho is None)
        assert all(table.intervals is not None for table in found.tables.values())
    return found
