"""The manifest: what a protocol promises, needs, leaks and costs; read by people before a program is ever run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from mpcgov.spec.ids import ProtocolName
from mpcgov.spec.link import Method
from mpcgov.spec.load import Frozen

Join = Literal["inner", "left"]
Output = Literal["count", "statistics", "links"]
"""What a job that compares records may ask for."""
OUTPUTS: tuple[Output, ...] = get_args(Output)

Local = Literal["counts", "sums", "rows", "records", "quality"]
"""What each owner computes in the clear on its own rows before anything is shared."""

ParamKind = Literal[
    "categories", "groups", "measures", "pairs", "weight", "outcome", "predictors",
    "fields", "blocks", "exact", "threshold", "probability", "output", "identify", "report", "quality",
    "match",
]  # fmt: skip
"""What a parameter is for; see `Param`."""

Rule = Literal["margins", "contributors", "dominance"]
"""A rule of disclosure control that not every protocol has."""


class Param(Frozen):
    """One parameter of a protocol. Columns of linked data sets are written `party.column`, others just `column`.

    `categories`: category columns that every data party declares with the same set of values.
    `groups`: category columns of linked data sets. `measures`: numeric columns. `pairs`: pairs of measures, as lists of
    two. `weight` and `outcome`: one numeric column. `predictors`: numeric or category columns. `quality`: any columns
    of any owners, `party.column`, of which it is told how complete they are. Of compared records:
    `fields`, columns that divide them into `blocks`, those of fields that are equal in `exact` pairs, the `threshold`
    or `probability` of links, how many records `match` one, the `output`, columns that `identify` records, categories
    to `report` match rates of.
    """

    kind: ParamKind
    what: str
    min_items: Annotated[int, Field(ge=0)] = 1
    max_items: Annotated[int, Field(ge=1, le=64)] = 8


class Table(Frozen):
    """One table that the protocol releases.

    `measure` says what is in it: the name of a kind in `mpcgov/kinds`. `value`: what its column of numbers of rows is
    called. `by` names the parameter whose columns span the cells, if any do. `output`: with which outputs of a job it
    is released; empty means with all.
    """

    by: str | None = None
    value: str = "count"
    measure: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    output: tuple[Output, ...] = Field(default=(), strict=False)


class Leakage(Frozen):
    """Something that somebody learns besides the released tables.

    `to`: `network` whoever sees the traffic, `everyone` all parties and the coordinator, `parties` all that compute,
    `owners` those that bring data, `matchers` those that compare tags, `receivers` those who get the result,
    `receiving-owners` those among them who brought data themselves. `exact`: it isn't so where numbers are opened with
    noise; `noisy`: only there. `with_param`, `without_param`: only in jobs that have that parameter, or haven't.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    to: Literal["network", "everyone", "parties", "owners", "matchers", "receivers", "receiving-owners", "coordinator"]
    what: str
    exact: bool = False
    noisy: bool = False
    with_param: str | None = None
    without_param: str | None = None


class CostFormula(Frozen):
    """What a run of three parties costs, for planning: bytes are those that one party sends to one other party.

    `more_parties_factor`: by how much the bytes of each cell grow when there are more than three, roughly.
    For linked protocols: what linking rows, adding them up and solving a regression's equations sends is worked out
    from the job, see `linked/cost.py`; `bytes_per_row` of the padded lists together, and `bytes_per_pair` of two lists'
    pairs, come on top. So do `rounds_left` in left joins, `rounds_per_owner` for every owner but two, and
    `rounds_per_turn` for every turn but one in which blocks are compared.
    """

    rounds: int
    rounds_rounding: int = 0
    rounds_left: int = 0
    rounds_per_owner: int = 0
    rounds_per_turn: int = 0
    bytes_fixed: int
    bytes_per_cell: int
    bytes_per_cell_rounding: int = 0
    more_parties_factor: Annotated[int, Field(ge=1)] = 1
    bytes_per_row: int = 0
    bytes_per_pair: int = 0


class Manifest(Frozen):
    """What a protocol is, in its folder's `manifest.yaml`.

    `local` names what each owner computes in the clear on its own rows before anything is shared: `counts` is the
    number of its rows in each cell; `sums` is that and sums of measures, their squares and products; `rows` is one row
    for each key, to be linked; `records` is each row with fields to be compared; `quality` is how many of all rows of
    its data set lack a value of each column, and what the others are like. `joins`, `methods`: how they may be
    linked. `rounding`: whether its counts may be rounded. `noise`: whether its numbers may be released with noise.
    `rules`: the other rules of disclosure control that it has.
    """

    id: ProtocolName
    version: Annotated[int, Field(ge=1)]
    status: Literal["vetted", "experimental"]
    title: str
    summary: str
    local: Local
    joins: tuple[Join, ...] = Field(default=(), strict=False)
    methods: tuple[Method, ...] = Field(default=("matcher",), strict=False)
    rounding: bool = True
    noise: bool = False
    rules: tuple[Rule, ...] = Field(default=(), strict=False)
    params: dict[str, Param]
    tables: dict[str, Table]
    leakage: tuple[Leakage, ...] = Field(strict=False)
    cost: CostFormula

    @property
    def linked(self) -> bool:
        """Whether it links the owners' rows."""
        return self.local in ("rows", "records")

    @property
    def qualified(self) -> bool:
        """Whether its parameters name columns with their party."""
        return self.linked or self.local == "quality"

    @property
    def adds_up(self) -> bool:
        """Whether a number is of several owners' rows, which aren't linked."""
        return self.local in ("counts", "sums")

    @property
    def compares(self) -> bool:
        """Whether it links rows by how alike they are, without a key."""
        return self.local == "records"

    def unknown(self, name: str) -> str:
        """That there is no parameter of that name, and which one may have been meant."""
        said = f"params.{name}: protocol {self.id} has no such parameter"
        if self.compares and name == "dedupe":
            return f"{said}: an owner finds duplicates in its own list, by mpcgov node dataset duplicates"
        near = get_close_matches(name, self.params, 1)
        return f"{said}; did you mean {near[0]}?" if near else f"{said}; it has {', '.join(self.params)}"

    @property
    def spanned_by(self) -> str:
        """The parameter whose columns span the tables of a protocol over counts."""
        return next(str(table.by) for table in self.tables.values())

    def leaks(self, noisy: bool, params: Collection[str]) -> tuple[Leakage, ...]:
        """What leaks of a job that has these parameters, whose numbers are opened with noise, or without."""
        return tuple(
            leak
            for leak in self.leakage
            if not (leak.exact if noisy else leak.noisy)
            and leak.with_param in (None, *params)
            and leak.without_param not in params
        )

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        faults = []
        if self.linked != bool(self.joins):
            faults.append("joins: protocols that link name the joins they have, others have none")
        kinds = [param.kind for param in self.params.values()]
        unlinked = {"counts": {"categories"}, "sums": {"categories", "measures", "pairs"}, "quality": {"quality"}}
        fitting = unlinked.get(self.local)
        if any(kind == "categories" if fitting is None else kind not in fitting for kind in kinds):
            faults.append(f"params: a kind that protocols over {self.local} don't have")
        if len(set(kinds)) != len(kinds) and self.local != "counts":
            faults.append("params: two of the same kind")
        unknown = [table.by for table in self.tables.values() if table.by is not None and table.by not in self.params]
        if unknown:
            faults.append(f"tables: by {', '.join(unknown)}: no such parameter")
        conditions = {name for leak in self.leakage for name in (leak.with_param, leak.without_param) if name}
        if conditions - set(self.params):
            faults.append(f"leakage: {', '.join(sorted(conditions - set(self.params)))}: no such parameter")
        if self.local in ("counts", "sums") and any(table.by is None for table in self.tables.values()):
            faults.append(f"tables: a protocol over {self.local} releases tables by some parameter")
        if self.local == "counts" and len({table.by for table in self.tables.values()}) != 1:
            faults.append("tables: a protocol over counts has tables, and one parameter spans them all")
        if "contributors" in self.rules and self.linked:
            faults.append("rules: contributors are counted where rows aren't linked")
        if faults:
            raise ValueError("; ".join(faults))
        return self


@dataclass(frozen=True)
class Protocol:
    """A protocol on somebody's disk: its folder, its digest at this moment, and its manifest."""

    folder: Path
    digest: str
    manifest: Manifest
