"""Any two jobs that the ledgers let stand side by side: their cells hold the same persons, or have none in common.

If that is so of any two, sums and differences of however many tables are about cells that were shown by themselves. So
only pairs need be tried, and the grammar can be large: rows of either register or of both, added up or linked, in inner
and left joins from either side, in all cells of up to two columns, of filters that exclude each other, contain each
other, or choose the rows that have a value. Of what is asked of cells besides counts there are a mean, a t-test, a
model and a report of a column. A *kind* of person is what both registers say of it, that it lacks a value included.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from mpcgov import registry
from mpcgov.node import differencing, units
from mpcgov.node.differencing import Release, Side, release
from mpcgov.node.facts import Line
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Declaration
from tests import nightly
from tests.adversary import toyworld
from tests.adversary.toyworld import FOUND, LEAST, OWNERS, Counts

SEXES, PAYS, LACKING = ("F", "M"), ("0", "1"), ""
Row = tuple[str, str]
ROWS: tuple[Row | None, ...] = (None, *itertools.product(SEXES, (*PAYS, LACKING)))
KINDS = [both for both in itertools.product(ROWS, ROWS) if any(both)]
"""What tax says of a person, and what welfare says; None where one has no row of it."""

DECLARED = validate(
    {
        "max_rows": 6,
        "unique": ["person"],
        "missing": "drop",
        "columns": {
            "person": {"kind": "key"},
            "sex": {"kind": "category", "values": list(SEXES)},
            "pay": {"kind": "category", "values": list(PAYS)},
            "wage": {"kind": "integer", "min": 0, "max": 1},
        },
    },
    Declaration,
    "declaration",
)
PERSONS = units.known(DECLARED, None)
FILTERS: dict[str | None, Callable[[Row], bool]] = {
    None: lambda _: True,
    "sex = 'F'": lambda row: row[0] == "F",
    "not sex = 'F'": lambda row: row[0] != "F",
    "pay = '1'": lambda row: row[1] == "1",
    "pay is not null": lambda row: row[1] != LACKING,
    "sex = 'F' and pay = '0'": lambda row: row == ("F", "0"),
}
TESTED = {"pay = '1'", "sex = 'F' and pay = '0'"}
"""Those that need a value of pay."""
NO_MATCH = "(no match)"
VALUES = {"sex": SEXES, "pay": PAYS}


@dataclass(frozen=True)
class Asked:
    """A job, and a line of a ledger. `cells`: for each, a 1 for each kind of person of whom tax's row is counted, and
    then for each of whom welfare's is; both where rows are linked."""

    name: str
    cells: Counts
    line: Line

    @property
    def release(self) -> Release:
        """What it releases."""
        assert self.line.release is not None
        return self.line.release


def has(row: Row | None, condition: str | None, needed: Sequence[str]) -> bool:
    """Whether a job takes a row."""
    lacks = row is not None and row[1] == LACKING and ("pay" in needed or condition in TESTED)
    return row is not None and not lacks and FILTERS[condition](row)


def value(row: Row | None, column: str) -> str:
    """A row's value of a column; wages and pay are missing together."""
    return LACKING if row is None else row[0] if column == "sex" else row[1]


def added_up() -> Iterator[Asked]:
    """Jobs over one register's rows or both's."""
    for owners in (("tax",), ("welfare",), OWNERS):
        choices = itertools.product(*(list(FILTERS)[: 6 if one == "tax" else 4] for one in owners))
        for conditions, by in itertools.product(choices, (("sex",), ("pay",), ("sex", "pay"))):
            where = dict(zip(owners, conditions, strict=True))
            yield _asked("joint-count", {"by": list(by)}, where, list(_added(where, by)))
            if len(owners) == 1 and by == ("sex",):
                told = list(_added(where, by, lacking=("pay",)))
                yield _asked("joint-statistics", {"by": list(by), "measures": ["wage"]}, where, told)
                yield _asked("joint-t-test", {"by": list(by), "measures": ["wage"]}, where, told)


def _added(where: dict[str, str | None], by: Sequence[str], lacking: Sequence[str] = ()) -> Iterator[list[int]]:
    """Each cell; wages are missing where pay is."""
    for names in itertools.product(*(VALUES[column] for column in by)):
        yield [
            int(
                one in where
                and has(kind[place], where[one], (*by, *lacking))
                and all(value(kind[place], column) == v for column, v in zip(by, names, strict=True))
            )
            for place, one in enumerate(OWNERS)
            for kind in KINDS
        ]


def report() -> Iterator[Asked]:
    """Of either register, how many rows there are, and how many of them have no pay."""
    for place, one in enumerate(OWNERS):
        rows = [
            [int(other == place and kind[place] is not None and value(kind[place], "pay") in pays)
             for other in (0, 1) for kind in KINDS]
            for pays in ((*PAYS, LACKING), (LACKING,))
        ]  # fmt: skip
        yield _asked("data-quality", {"columns": [f"{one}.pay"]}, {one: None}, rows)


def linked() -> Iterator[Asked]:
    """Jobs over linked rows: inner joins, and left ones from either register."""
    spans = ((), ("tax.sex",), ("tax.pay",), ("welfare.sex",), ("tax.sex", "welfare.sex"))
    for first, join, by in itertools.product(OWNERS, ("inner", "left"), spans):
        if (join == "inner" and first != "tax") or (join == "left" and not by):
            continue
        for own, other in itertools.product(FILTERS, list(FILTERS)[:4]):
            where = {"tax": own, "welfare": other}
            order = dict.fromkeys((first, *OWNERS))
            cells = [2 * list(_joined(where, by, names, order, join)) for names in _names(by, first, join)]
            params = {"by": list(by)} if by else {}
            chosen = {one: where[one] for one in order}
            yield _asked("linked-count" if by else "overlap", params, chosen, cells, join)
            if by == ("tax.sex",) and join == "inner":
                told = [
                    [n * (value(kind[1], "pay") != LACKING) for n, kind in zip(cell, 2 * KINDS, strict=True)]
                    for cell in cells
                ]
                means = params | {"measures": ["welfare.wage"]}
                yield _asked("linked-statistics", means, chosen, told)
                yield _asked("linked-t-test", means, chosen, told)
                model = {"outcome": "welfare.wage", "predictors": ["tax.sex"]}
                yield _asked("linked-regression", model, chosen, [np.sum(told, axis=0).tolist()])


def _names(by: Sequence[str], first: str, join: str) -> Iterator[tuple[str, ...]]:
    none = () if join == "inner" else (NO_MATCH,)
    spans = [(*VALUES[one.partition(".")[2]], *(() if one.startswith(first) else none)) for one in by]
    return itertools.product(*spans)


def _joined(
    where: dict[str, str | None],
    by: Sequence[str],
    names: Sequence[str],
    order: Sequence[str] | dict[str, Any],
    join: str,
) -> Iterator[int]:
    """By kind, 1 where it is in a cell."""
    for kind in KINDS:
        rows = dict(zip(OWNERS, kind, strict=True))
        there = {
            one: has(rows[one], where[one], [c.partition(".")[2] for c in by if c.startswith(one)]) for one in order
        }
        found = {
            column: value(rows[one], name) if there[one] else NO_MATCH
            for column in by for one, _, name in [column.partition(".")]
        }  # fmt: skip
        counted = there[next(iter(order))] if join == "left" else all(there.values())
        yield int(counted and all(found[column] == v for column, v in zip(by, names, strict=True)))


def _asked(
    protocol: str, params: dict[str, Any], where: dict[str, str | None], cells: list[list[int]], join: str = ""
) -> Asked:
    parts = {
        one: {"dataset": "people"}
        | ({"where": text} if text else {})
        | ({"key": "person"} if join or protocol.startswith("linked") else {})
        for one, text in where.items()
    }
    asked = {
        "protocol": protocol, "purpose": "p", "legal_basis": "l", "receivers": ["coordinator"], "params": params,
        "parties": parts | {one: {} for one in toyworld.PARTIES if one not in parts},
        "disclosure": {"min_count": LEAST},
    }  # fmt: skip
    job = validate(asked | ({"link": {"join": "left"}} if join == "left" else {}), Job, "job")
    used = {one: toyworld.used(job, one) for one in job.data_parties}
    proposal = Proposal(
        job=job, protocol_digest=registry.find(protocol).digest, roster_digest=toyworld.ROSTER_DIGEST, threshold=1,
        declarations={one: DECLARED.only(names) for one, names in used.items()}, proposed_at=0, approve_before=1,
        nonce="0" * 32,
    )  # fmt: skip
    line = Line("", release(proposal, registry.find(protocol).manifest), None, "final", FOUND, 0.0)
    return Asked(f"{protocol} {params} {where} {join}", np.array(cells), line)


@cache
def grammar() -> tuple[Asked, ...]:
    """All jobs that there are."""
    return (*added_up(), *report(), *linked())


def stand(new: Asked, old: Asked) -> bool:
    """Whether no owner's node refuses a job after another, or asks people about it, because of what both release."""
    for me in OWNERS:
        if all(me in {part.party for part in one.release.parts} for one in (new, old)):
            apart = units.apart(me, new.line, old.line, PERSONS)
            side = differencing.compare(new.release, old.release, me, persons_apart=apart)
            if side not in (Side.APART, Side.SAME_CELLS):
                return False
    return True


def fit(new: Asked, old: Asked) -> bool:
    """Whether any two cells of theirs hold the same persons or none in common."""
    both = (new.cells[:, None, :] > 0) & (old.cells[None] > 0)
    same = (new.cells[:, None, :] == old.cells[None]).all(axis=2)
    return bool((same | ~both.any(axis=2)).all())


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """How two choices of rows relate is worked out once for each pair."""
    known: dict[tuple[int, int], Any] = {}
    relation = differencing._relation

    def once(a: Any, b: Any) -> Any:
        if (id(a), id(b)) not in known:
            known[id(a), id(b)] = relation(a, b)
        return known[id(a), id(b)]

    monkeypatch.setattr(differencing, "_relation", once)


def broken(jobs: Sequence[Asked]) -> tuple[Counts, list[tuple[str, str]]]:
    """Which jobs may stand after which; and those pairs of them whose cells differ in some persons."""
    after = np.zeros((len(jobs), len(jobs)), np.int64)
    found = []
    for (i, old), (j, new) in itertools.permutations(enumerate(jobs), 2):
        if stand(new, old):
            after[i, j] = 1
            if not fit(new, old):
                found.append((old.name, new.name))
    return after, found


def test_cells_of_tables_that_stand_side_by_side_are_equal_or_apart(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = grammar()[:: nightly.count(8, 1)]
    after, found = broken(jobs)
    with capsys.disabled():
        pairs, threes = int(after.sum()), int((after * (after @ after)).sum())
        print(f"{len(jobs)} jobs, {len(jobs) * (len(jobs) - 1):,} pairs, {pairs:,} and {threes:,} sequences of 2 and 3")
    assert after.any()
    assert not found


def of_any_owner(compare: Any) -> Any:
    """An owner that is apart excuses the other."""

    def excused(new: Release, old: Release, me: str, *, persons_apart: bool) -> Side:
        sides = [compare(new, old, party, persons_apart=True) for party in OWNERS]
        return Side.APART if Side.APART in sides else compare(new, old, me, persons_apart=persons_apart)

    return excused


@pytest.mark.parametrize(
    ("rule", "without"),
    nightly.first(
        2,
        [
            ("_put_together_alike", lambda _: lambda *_: True),
            ("_counts_own_rows", lambda _: lambda *_: True),
            ("compare", of_any_owner),
        ],
    ),
)
def test_without_a_rule_some_tables_differ_in_few(
    rule: str, without: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differencing, rule, without(getattr(differencing, rule)))
    assert broken(grammar()[::8])[1]
