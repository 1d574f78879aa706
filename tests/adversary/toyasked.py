"""A world as small as `toyworld` whose people are asked, and say yes to overlapping tables wherever they can.

`tax` has one row for each person, of sex and pay; in the world of linked tables, of sex alone, and `welfare` has some
of the same persons. A *kind* of person is what the registers say of it, and a register the number of persons of each.
Any
kinds may be chosen by a filter. People at `tax` read no filter: they say no only to other cells of rows that a table
was about, which the ledger puts to them without a count, and yes wherever a yes is possible.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgov import registry
from mpcgov.node import beside, overlaps
from mpcgov.node.decide import decide
from mpcgov.node.differencing import Release, Side
from mpcgov.node.facts import Deny, Facts, Permit, View
from mpcgov.spec.difference import Question, Rows
from mpcgov.spec.load import validate
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal
from mpcgov.worker import following
from mpcgov.worker.following import Group
from tests.adversary import toyworld
from tests.adversary.toyworld import FOUND, LEAST, Asked, Counts

MOST_PERSONS = 7
"""Two groups of three and one of one that are told apart."""

Kind = tuple[str, str]
"""Sex, and pay; or sex, and whether welfare has it."""
KINDS: tuple[Kind, ...] = tuple(itertools.product(("F", "M"), ("0", "1")))
USES = {"sex": ["group", "filter"], "pay": ["group", "filter"], "all": ["group"], "person": ["key"]}
PEOPLE = {"columns": USES, "min_count": LEAST, "overlapping": "ask"}
POLICY = validate(
    toyworld.POLICY | {"approve": "manual", "datasets": {"people": PEOPLE}},
    Policy,
    "policy",
)
protocol = cache(registry.find)
RELEASES: dict[int, Release] = {}
"""Of every table there is, by its proposal."""
Shown = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """A job of the grammar. `asked.cells`: for each cell, a 1 for each kind in it; `rows`: for each that it chooses."""

    asked: Asked
    rows: Counts

    @cached_property
    def release(self) -> Release:
        """What it releases."""
        assert self.asked.line.release is not None
        return self.asked.line.release


def tables_added_up() -> Iterator[Table]:
    """Every choice of kinds, counted in all or by sex."""
    for chosen, by in itertools.product(_choices(), ("all", "sex")):
        part = {"dataset": "people", **_where(chosen)}
        job = {
            "protocol": "joint-count",
            "parties": {"tax": part, "welfare": {}, "statistics": {}},
            "params": {"by": [by]},
        }
        yield _table(f"{by} of {chosen}", job, chosen, by, chosen)


def tables_linked() -> Iterator[Table]:
    """Either sex or both, added up or linked with welfare's, counted in all or by sex."""
    for chosen, by, linked in itertools.product(_choices(of_sex=True), ("all", "sex"), (False, True)):
        counted = [kind for kind in chosen if kind[1] == "1" or not linked]
        part = {"dataset": "people", **_where(chosen, of_sex=True)}
        other = {"dataset": "people", "key": "person", "duplicates": {}} if linked else {}
        job = {
            "protocol": "linked-count" if linked else "joint-count",
            "parties": {"tax": part | ({"key": "person"} if linked else {}), "welfare": other, "statistics": {}},
            "params": {"by": [f"tax.{by}" if linked else by]},
        }
        yield _table(f"{by} of {chosen}{' linked' * linked}", job, chosen, by, counted)


def _choices(of_sex: bool = False) -> Iterator[tuple[Kind, ...]]:
    for chosen in itertools.product((False, True), repeat=len(KINDS)):
        kinds = tuple(kind for kind, taken in zip(KINDS, chosen, strict=True) if taken)
        if kinds and not (of_sex and len(kinds) != 2 * len({sex for sex, _ in kinds})):
            yield kinds


def _where(chosen: Sequence[Kind], of_sex: bool = False) -> dict[str, str]:
    if len(chosen) == len(KINDS):
        return {}
    if of_sex:
        return {"where": f"sex = '{chosen[0][0]}'"}
    return {"where": " or ".join(f"sex = '{sex}' and pay = '{pay}'" for sex, pay in chosen)}


def _table(name: str, job: dict[str, Any], chosen: Sequence[Kind], by: str, counted: Sequence[Kind]) -> Table:
    sexes = ("F", "M") if by == "sex" else (None,)
    cells = [[int(kind in counted and sex in (None, kind[0])) for kind in KINDS] for sex in sexes]
    rows = np.array([int(kind in chosen) for kind in KINDS])
    table = Table(Asked.of(name, job | {"disclosure": {"min_count": LEAST}}, cells), rows)
    RELEASES[id(table.asked.proposal)] = table.release
    return table


def registers() -> Counts:
    """Every register: how many persons of each kind; shape (registers, kinds)."""
    numbers = itertools.product(range(MOST_PERSONS + 1), repeat=len(KINDS))
    return np.array([one for one in numbers if sum(one) <= MOST_PERSONS])


class Here(Facts):
    """What tax's node knows; what a table releases was worked out before."""

    def release(self, proposal: Proposal) -> Release | None:
        return RELEASES[id(proposal)]


def facts(table: Table, earlier: Sequence[Table], asked: int = 0) -> Facts:
    """What tax's node knows when a table is asked for after others, and so many questions."""
    view = View(tuple(one.asked.line for one in earlier), found=FOUND, asked=asked)
    more = {"policy": POLICY, "protocol": protocol(table.asked.proposal.job.protocol_name), "ledger": view}
    return Here(**vars(toyworld.facts("tax")) | more)


def verdict(table: Table, earlier: Sequence[Table]) -> Permit | None:
    """What the node decides, as far as earlier tables go; None if it refuses. `decide` says the same, and is slower."""
    here, asked = facts(table, earlier), table.asked.proposal
    if any(beside.no_difference_tells(asked, here)):
        return None
    related, overlaps = ([job for job, _ in beside.beside(asked, here, side)] for side in (Side.RELATED, Side.UNCLEAR))
    near = [job for job, _ in beside.reached(asked, here)] if overlaps else []
    return Permit("manual", tuple(related), tuple(overlaps), tuple(near))


def decided(table: Table, earlier: Sequence[Table], asked: int = 0) -> Permit | Deny:
    """What it decides by all its rules."""
    return decide(table.asked.proposal, facts(table, earlier, asked))


def yes_is_possible(table: Table, earlier: Sequence[Table], said: Permit, registers: Counts) -> Shown:
    """In which registers people can say yes: what the node has counted, counted here as its reader counts it."""
    near = [one for one in earlier if one.asked.line.job in said.counted]
    over = [one.release for one in near if one.asked.line.job in said.overlaps]
    others = [one.release for one in near if one.asked.line.job not in said.overlaps]
    chosen = {one.release.parts[0].where: one.rows for one in (table, *earlier)}
    return least(overlaps.question_of("tax", "/", LEAST, table.release, over, others), chosen, registers) >= LEAST


def least(question: Question, chosen: Mapping[str | None, Counts], registers: Counts) -> Counts:
    """`Answer.least` of what the reader would find in each register.

    Args:
        chosen: by a table's filter, which kinds it takes.
    """
    new, found = chosen[question.new.where], np.full(len(registers), 1000)
    for old in question.earlier:
        in_one = (new != chosen[old.where]).astype(int)
        found = np.minimum(found, registers @ in_one)
        for cell in _cells(sorted({*question.new.by} & {*old.by})):
            found = _least_of_some(found, registers @ (cell * in_one))
    tables = (question.new, *question.earlier, *question.others)
    among = np.array([chosen[one.where] for one in tables])
    for pattern in {*map(tuple, among.T)}:
        if any(pattern) and not all(pattern):
            found = _least_of_some(found, registers @ (among == np.array(pattern)[:, None]).all(axis=0))
    shapes = tuple((one.by, tuple(map(bool, column)), one.company) for one, column in zip(tables, among, strict=True))
    enough = found >= LEAST
    clipped, places = np.unique(np.minimum(registers[enough], LEAST), axis=0, return_inverse=True)
    tells = np.array([_tells(shapes, question.distinct, tuple(map(int, one))) for one in clipped], bool)
    found[np.flatnonzero(enough)[tells[places.reshape(-1)]]] = 0
    return found


@cache
def _tells(
    shapes: tuple[tuple[tuple[str, ...], tuple[bool, ...], str | None], ...],
    distinct: tuple[int, ...],
    few: tuple[int, ...],
) -> bool:
    """Whether something follows from tables by some columns and of some kinds, of which there are so many or more."""
    groups = [
        Group(among, {"sex": kind[0], "all": "yes"}, persons)
        for kind, persons, *among_kind in zip(KINDS, few, *(chosen for _, chosen, _ in shapes), strict=True)
        for among in [tuple(among_kind)]
        if persons
    ]
    tables = [Rows(where=None, present=(), by=by, company=company) for by, _, company in shapes]
    told = [[one.among[i] for i in distinct] for one in groups]
    return following.follows(told) or following.few(groups, tables, LEAST)


def _least_of_some(found: Counts, persons: Counts) -> Counts:
    return np.where(persons > 0, np.minimum(found, persons), found)


def _cells(by: Sequence[str]) -> list[Counts]:
    if "sex" not in by:
        return [np.ones(len(KINDS), np.int64)]
    return [np.array([int(kind[0] == sex) for kind in KINDS]) for sex in ("F", "M")]


def forget() -> None:
    """Works out anew what follows from tables: a test has changed how."""
    _tells.cache_clear()
