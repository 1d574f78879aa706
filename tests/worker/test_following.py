"""What follows from several tables: small examples, each with the sum or difference that tells."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mpcgov.spec.difference import Rows
from mpcgov.worker import following
from mpcgov.worker.following import Group, few, follows

LEAST = 10


def groups(*counts: tuple[str, int] | tuple[str, int, str], of: int = 3) -> list[Group]:
    """Of each which tables its rows are in, by number, how many persons, and of which sex."""
    return [
        Group(tuple(str(i) in among for i in range(of)), {"sex": sex[0] if sex else "F"}, persons)
        for among, persons, *sex in counts
    ]


def tables(*by: Sequence[str], margins: bool = False, joint: bool = False) -> list[Rows]:
    return [
        Rows(where=None, present=(), by=tuple(one), margins=margins, company="all" if joint else None) for one in by
    ]


def test_one_person_more_is_treated_as_nobody_more() -> None:
    """All, and two parts of it: no yes is possible, whether a filter takes one person more or nobody."""
    parts = [("01", 20), ("02", 20)]
    one, none = groups(*parts, ("0", 1)), groups(*parts)
    assert few(one, tables((), (), ()), LEAST)
    assert follows([group.among for group in none])
    many = groups(*parts, ("0", 10))
    assert not few(many, tables((), (), ()), LEAST)
    assert not follows([group.among for group in many])


@pytest.mark.parametrize("joint", [False, True])
def test_whoever_knows_a_partners_rows_can_take_them_off(joint: bool) -> None:
    """All women, less those of two regions, are the one in none, less the partner's rows: it knows these."""
    found = groups(*((among, persons, sex) for sex in "FM" for among, persons in (("01", 20), ("02", 20))))
    lone = groups(("0", 1, "F"), ("0", 12, "M"))
    by_sex = tables(("sex",), ("sex",), ("sex",), joint=joint)
    assert few([*found, *lone], by_sex, LEAST)
    assert not few([*found, *lone[1:]], by_sex, LEAST)


@pytest.mark.parametrize(
    ("found", "by", "told"),
    [
        ([("012", 3), ("02", 20), ("12", 20)], ((), (), ()), True),  # the first two, less the third
        ([("012", 3), ("01", 20), ("2", 20)], ((), (), ()), False),
        ([("01", 20, "F"), ("01", 3, "M"), ("0", 20, "F")], (("sex",), ("sex",)), False),
        ([("01", 20, "F"), ("0", 3, "F"), ("01", 20, "M")], (("sex",), ("sex",)), True),  # women of one, less of two
        ([("01", 20, "F"), ("01", 3, "M"), ("0", 20, "F")], ((), ("sex",)), False),
        ([("01", 20, "F"), ("01", 3, "M"), ("1", 20, "M")], ((), ("sex",)), True),  # all of one, less women of two
    ],
)
def test_cells_of_two_and_three_tables_tell_of_few_or_not(
    found: list[tuple[str, int, str]], by: Sequence[Sequence[str]], told: bool
) -> None:
    assert few(groups(*found, of=len(by)), tables(*by), LEAST) == told


def test_totals_are_cells_too() -> None:
    """One cell is hidden; the total, less the other one that the other table has, is what it holds."""
    found = groups(("01", 20, "F"), ("0", 3, "M"), of=2)
    assert few(found, tables(("sex",), ("sex",), margins=True), LEAST)
    assert not few(found, tables(("sex",), ("sex",)), LEAST)


@pytest.mark.parametrize("most", [3, 4])
def test_more_cells_than_can_be_looked_at_together_may_tell_of_few(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(following, "MOST_CELLS", most)
    found = groups(*(("01", 20, sex) for sex in "FMX"), of=2)
    assert few(found, tables(("sex",), ()), LEAST) == (most < 4)
