"""A node's policy: what its agency allows. A protocol, party, data set or column that isn't written here is denied."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mpcgov.errors import SpecError
from mpcgov.spec import where
from mpcgov.spec.ids import ColumnName, DatasetName, PartyId, ProtocolRef
from mpcgov.spec.job import Line
from mpcgov.spec.levels import base, is_column
from mpcgov.spec.link import KeyColumns, Method, Noise, NumberText, SizeNoise
from mpcgov.spec.load import Frozen
from mpcgov.spec.noise import UnitName

Use = Literal["group", "filter", "measure", "key", "identify", "quality"]
"""What a column may serve for: spanning the cells, choosing rows, being summed, linking, naming linked records to
receivers, or having it told in how many rows it is missing."""


class UnitRows(Frozen):
    """How many rows, or keys, one unit can have in a data set, and which columns tell units apart there.

    Rows with equal values in `key` are one unit's. None, written as a number alone: nobody has said which columns do,
    and then jobs with noise may name no key there.
    """

    rows: Annotated[int, Field(ge=1)]
    key: KeyColumns | None = None


def _unit_rows(value: Any) -> Any:
    return {"rows": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _filter(text: str) -> str:
    try:
        return text if is_column(text) else where.canonical(where.parse(text))
    except SpecError as error:
        raise ValueError(
            f"expected a category column, or a condition such as year >= 2015: {error.faults[0]}"
        ) from None


FilterText = Annotated[str, AfterValidator(_filter)]
"""A condition on rows, in its canonical text; or a column alone, for any one of its categories."""
Filters = Annotated[tuple[FilterText, ...], Field(strict=False, max_length=1000)]


class DatasetPolicy(Frozen):
    """Which columns of a data set may be used, for what, and the least protection of what is released from it.

    `margins`: whether true totals may be released. `contributors`, `dominance`: a job whose protocol has that rule must
    ask for at least as much. `max_epsilon`, `max_rho`: the most that one job may tell of a unit; with either, a job
    without noise is denied.
    `rows_per_unit`: how many rows, or keys, one unit can have in this data set, and by which key it is known; a job
    with noise must assume as many, and link or count by that key.
    `total_epsilon`, `total_rho`: the most that all jobs with noise together may tell of a unit; the ledger's own totals
    (`mpcgov node budget`) hold too. `matcher_epsilon`: the most that each matcher may learn of a unit in all by the
    numbers of matches that it sees. `more_tables`: whether other tables of rows of which one was released before are
    refused, or need a person's yes whatever `approve` says, as a suppressed cell may follow from both together.
    `overlapping`: whether tables are refused whose rows may differ in few from an earlier one's, or (only under
    `approve: manual`) put to a person, who is shown in how many they differ; fewer than `min_count` are refused then,
    and all but counts of rows that aren't linked.
    `filters`, `partner_filters`: which rows jobs without noise may choose under `approve: standing`, of this data set
    and of each partner's beside it; a person is asked about any other choice (`mpcgov.node.named_filters`).
    `standing_jobs`, `standing_until`: how many jobs over this data set may release something, those that people allowed
    included, and until which day, before a person is asked about each whatever `approve` says.
    `listed`: whether the coordinator's catalogue shows the data set, with these columns and their uses.
    """

    columns: dict[ColumnName, Annotated[tuple[Use, ...], Field(strict=False)]] = Field(default_factory=dict)
    min_count: Annotated[int, Field(ge=3)] = 10
    margins: bool = True
    contributors: Annotated[int, Field(ge=3)] | None = None
    dominance: Annotated[int, Field(ge=1, le=100)] | None = None
    max_epsilon: NumberText | None = None
    max_rho: NumberText | None = None
    rows_per_unit: dict[UnitName, Annotated[UnitRows, BeforeValidator(_unit_rows)]] = Field(default_factory=dict)
    total_epsilon: NumberText | None = None
    total_rho: NumberText | None = None
    matcher_epsilon: NumberText = "10"
    more_tables: Literal["ask", "refuse"] = "ask"
    overlapping: Literal["refuse", "ask"] = "refuse"
    filters: Filters = ()
    partner_filters: dict[PartyId, Filters] = Field(default_factory=dict)
    standing_jobs: Annotated[int, Field(ge=0)] | None = None
    standing_until: Annotated[dt.date, Field(strict=False)] | None = None
    listed: bool = False

    def uses_of(self, column: str) -> frozenset[Use]:
        """What a column may serve for. What may be counted or filtered by its codes, may be by a level of them."""
        of_base = {*self.columns.get(base(column), ())} if base(column) != column else set[Use]()
        return frozenset((*self.columns.get(column, ()), *(of_base & {"group", "filter"})))

    @property
    def takes_filters(self) -> bool:
        """Whether jobs may choose rows at all."""
        return any("filter" in uses for uses in self.columns.values())

    @model_validator(mode="after")
    def _filters_are_allowed(self) -> DatasetPolicy:
        for text in self.filters:
            for column in sorted({text} if is_column(text) else where.columns(where.parse(text))):
                if "filter" not in self.uses_of(column):
                    raise ValueError(f"filters: {column} isn't allowed as filter; say so under columns")
        return self


class Policy(Frozen):
    """What may be done with this agency's data, and with whom. Checked, never merged into a job.

    `approvals`: how many different people must say yes where a person is asked. `passkeys`: whether only a yes that a
    passkey has signed counts; None: as soon as somebody who may approve has one. `partner_approvals`: how many
    different people of a partner (`*`: of any) must have signed its yes with passkeys.
    `link`: the join methods that this agency takes part in; `exact` if compared jobs may first find records that are
    equal, of which both owners learn which they are. `size_noise`: the least noise on the number of matches that
    a matcher sees; `off` if it may see the number.
    """

    approve: Literal["manual", "standing"] = "manual"
    approvals: Literal[1, 2] = 1
    passkeys: Literal["required", "optional"] | None = None
    partner_approvals: dict[PartyId | Literal["*"], Literal[1, 2]] = Field(default_factory=dict)
    protocols: Annotated[tuple[ProtocolRef | Literal["*"], ...], Field(strict=False)] = ()
    purposes: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    partners: Annotated[tuple[PartyId | Literal["*"], ...], Field(strict=False)] = ()
    receivers: Annotated[tuple[PartyId | Literal["*"], ...], Field(strict=False)] = ()
    size_noise: Noise = SizeNoise()
    link: Annotated[tuple[Method | Literal["exact"], ...], Field(strict=False)] = ()
    datasets: dict[DatasetName, DatasetPolicy] = Field(default_factory=dict)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text is the pattern, in which * stands for any text; never just its beginning."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        at = text.find(part, at, end) + len(part)
        if at < len(part):
            return False
    return True
