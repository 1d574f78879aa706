"""The manifest: what a protocol promises, needs, leaks and costs; read by people before a program is ever run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mpcgov.spec.ids import ProtocolName
from mpcgov.spec.load import Frozen


class Param(Frozen):
    """One parameter of a protocol.

    `categories`: a list of category columns that every data party declares with the same set of values.
    """

    kind: Literal["categories"]
    what: str
    min_items: Annotated[int, Field(ge=0)] = 1
    max_items: Annotated[int, Field(ge=1, le=16)] = 8


class Table(Frozen):
    """One table that the protocol releases.

    `by` names the parameter whose columns span the cells; `value` the last column. A `count` is a number of rows.
    """

    by: str
    value: str
    measure: Literal["count"]


class Leakage(Frozen):
    """Something that somebody learns besides the released tables.

    `to`: `network` everyone who sees the traffic, `parties` all that compute, `receivers` those who get the result,
    `receiving-owners` those among them who brought data themselves.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    to: Literal["network", "parties", "receivers", "receiving-owners", "coordinator"]
    what: str


class CostFormula(Frozen):
    """What a run of three parties costs, for planning: bytes are those that one party sends to one other party.

    `more_parties_factor`: by how much the bytes of each cell grow when there are more than three, roughly.
    """

    rounds: int
    rounds_rounding: int = 0
    bytes_fixed: int
    bytes_per_cell: int
    bytes_per_cell_rounding: int = 0
    more_parties_factor: Annotated[int, Field(ge=1)] = 1


class Manifest(Frozen):
    """What a protocol is, in its folder's `manifest.yaml`.

    `local` names what each owner computes in the clear on its own rows before anything is shared:
    `counts` is the number of its rows in each cell.
    """

    id: ProtocolName
    version: Annotated[int, Field(ge=1)]
    status: Literal["vetted", "experimental"]
    title: str
    summary: str
    local: Literal["counts"]
    params: dict[str, Param]
    tables: dict[str, Table]
    leakage: tuple[Leakage, ...] = Field(strict=False)
    cost: CostFormula
